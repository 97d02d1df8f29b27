"""Few-shot learning: splits by class, and episodes."""

from audioset_dl.fewshot.assign import SPLITS
from audioset_dl.fewshot.episodes import Episode, EpisodeSampler, TooFewClips
from audioset_dl.fewshot.members import SplitMembers
from audioset_dl.fewshot.split import Split, make_split
from audioset_dl.fewshot.split_files import SavedSplit, read_split
from audioset_dl.fewshot.table import LabelledClip, read_clip_table

__all__ = [
    "SPLITS",
    "Episode",
    "EpisodeSampler",
    "LabelledClip",
    "SavedSplit",
    "Split",
    "SplitMembers",
    "TooFewClips",
    "make_split",
    "read_clip_table",
    "read_split",
]
