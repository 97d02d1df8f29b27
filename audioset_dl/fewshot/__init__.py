"""Few-shot learning: splits by class, and episodes.

The commands are in `audioset_dl.fewshot.split` and `audioset_dl.fewshot.episodes`. They are not
imported here: a worker of a training loop needs neither Google's files nor the network.
"""

from audioset_dl.dataset.splits import SPLITS, SavedSplit, read_split
from audioset_dl.fewshot.class_split import Split, make_split
from audioset_dl.fewshot.episode import Episode
from audioset_dl.fewshot.members import SplitMembers
from audioset_dl.fewshot.sampler import EpisodeSampler, TooFewClips

__all__ = [
    "SPLITS",
    "Episode",
    "EpisodeSampler",
    "SavedSplit",
    "Split",
    "SplitMembers",
    "TooFewClips",
    "make_split",
    "read_split",
]
