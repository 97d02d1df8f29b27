"""Which clips each split may use, and what finished splits still share.

Each rule that keeps splits apart removes clips and adds none, so what one rule has parted stays
parted. What splits share is counted from the finished splits and the clips alone, by none of the
code that makes splits, so that a mistake there shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

from audioset_dl.catalog.ontology import Ontology
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS

RULES = ("mixed", "video", "duplicate")
"""Why a clip is dropped: its labels fall into several splits; another clip of its video, or one
with the same sound, is in another split."""
# The smaller a split, the more it loses with a clip.
_DEAREST_FIRST = ("test", "validation", "train")


@dataclass(frozen=True)
class ClipSplits:
    """Clips by split, and why the others were dropped."""

    clips: Mapping[str, Mapping[str, tuple[str, ...]]]
    """For each split, by clip_id, the MIDs of the split's classes that the clip carries."""
    dropped: Mapping[str, str]
    """The rule (of `RULES`) by clip_id."""
    kept_out_of_train: frozenset[str]
    """Clips of validation or test that carry a class of train as well."""

    def num_dropped(self, rule: str) -> int:
        """Return the number of clips that a rule dropped."""
        return sum(one == rule for one in self.dropped.values())


def divide_clips(clips: Iterable[Row], split_of: Mapping[str, str], mixed_clips: str) -> ClipSplits:
    """Give each clip to the split of its classes, by the rules.

    - *mixed*: a clip whose labels fall into several splits is dropped; with ``keep_out_of_train``
      it stays in validation or test, unless it falls into both.
    - *video*: of the clips of a video that lie in several splits, only those of test stay, or else
      those of validation.
    - *duplicate*: likewise for clips with the same sound.

    Parameters
    ----------
    clips : iterable of Row
    split_of : mapping of str to str
        The split of each class, by MID.
    mixed_clips : str
        ``drop`` or ``keep_out_of_train``.
    """
    by_id = {clip.clip_id: clip for clip in clips}
    home: dict[str, str] = {}
    dropped: dict[str, str] = {}
    shared: set[str] = set()
    for clip_id, clip in by_id.items():
        splits = {split_of[mid] for mid in clip.labels if mid in split_of}
        # A clip of test may carry a class of train: as train does not have the clip, nothing leaks.
        if len(splits) > 1 and mixed_clips == "keep_out_of_train":
            if "train" in splits:
                shared.add(clip_id)
            splits -= {"train"}
        if len(splits) == 1:
            home[clip_id] = splits.pop()
        elif splits:
            dropped[clip_id] = "mixed"
    _part(home, dropped, "video", lambda clip_id: by_id[clip_id].ytid)
    _part(home, dropped, "duplicate", lambda clip_id: by_id[clip_id].audio_hash)
    divided: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in SPLITS}
    for clip_id, name in sorted(home.items()):
        carried = {mid for mid in by_id[clip_id].labels if split_of.get(mid) == name}
        divided[name][clip_id] = tuple(sorted(carried))
    return ClipSplits(divided, dict(sorted(dropped.items())), frozenset(shared & home.keys()))


def _part(
    home: dict[str, str], dropped: dict[str, str], rule: str, key: Callable[[str], str]
) -> None:
    """Keep clips with the same key in one split only."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for clip_id in home:
        if key(clip_id):
            alike[key(clip_id)].append(clip_id)
    for clip_ids in alike.values():
        splits = {home[clip_id] for clip_id in clip_ids}
        stays = next(name for name in _DEAREST_FIRST if name in splits)
        for clip_id in clip_ids:
            if home[clip_id] != stays:
                del home[clip_id]
                dropped[clip_id] = rule


@dataclass(frozen=True)
class Overlap:
    """Number of things that lie in more than one split; all zero where splits are disjoint."""

    classes: int
    """Classes that are in several splits."""
    related_classes: int
    """Pairs of a class and one above it that are in different splits."""
    clips: int
    """Clips that are in several splits."""
    mixed_clips: int
    """Clips in a split that carry a class of another."""
    train_clips: int
    """Clips of train that carry a class of another split."""
    videos: int
    """Videos with clips in several splits."""
    sounds: int
    """Sounds (by hash) with clips in several splits."""

    @property
    def is_none(self) -> bool:
        """True if nothing overlaps except what ``mixed_clips: keep_out_of_train`` allows."""
        return not (self.classes or self.clips or self.train_clips or self.videos or self.sounds)


def measure_split_overlap(
    classes: Mapping[str, Iterable[str]],
    members: Mapping[str, Iterable[str]],
    clips: Mapping[str, Row],
    ontology: Ontology,
) -> Overlap:
    """Count what splits share.

    Parameters
    ----------
    classes : mapping of str to iterable of str
        MIDs by split.
    members : mapping of str to iterable of str
        The clip_ids by split.
    clips : mapping of str to Row
        By clip_id.
    ontology : Ontology
        Says which class lies above which.
    """
    mids = {name: set(those) for name, those in classes.items()}
    pairs = list(combinations(mids, 2))

    def common(sets: Mapping[str, set[str]]) -> int:
        # "" is the sound of clips whose sound is not known.
        return len({one for first, second in pairs for one in sets[first] & sets[second]} - {""})

    every = set().union(*mids.values())
    mixed = {
        name: sum(bool((every - mids[name]) & set(clips[one].labels)) for one in members[name])
        for name in mids
    }
    related = {
        (mid, above)
        for one, other in permutations(mids, 2)
        for mid in mids[one]
        for above in ontology.ancestors(mid) & mids[other]
    }
    return Overlap(
        classes=common(mids),
        related_classes=len(related),
        clips=common({name: set(members[name]) for name in mids}),
        mixed_clips=sum(mixed.values()),
        train_clips=mixed["train"],
        videos=common({name: {clips[one].ytid for one in members[name]} for name in mids}),
        sounds=common({name: {clips[one].audio_hash for one in members[name]} for name in mids}),
    )
