"""Which clips each split may use: the rules that keep splits apart by clip.

Each rule removes clips and adds none, so what one rule has parted stays parted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

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
    return ClipSplits(
        {name: _clips_of(name, home, by_id, split_of) for name in SPLITS},
        dict(sorted(dropped.items())),
        frozenset(shared & home.keys()),
    )


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


def _clips_of(
    name: str,
    home: Mapping[str, str],
    by_id: Mapping[str, Row],
    split_of: Mapping[str, str],
) -> dict[str, tuple[str, ...]]:
    return {
        clip_id: tuple(sorted({m for m in by_id[clip_id].labels if split_of.get(m) == name}))
        for clip_id in sorted(home)
        if home[clip_id] == name
    }
