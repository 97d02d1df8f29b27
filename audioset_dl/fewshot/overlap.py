"""What two splits share: counted from the finished split and the clips alone.

Written without the code that makes splits, so that a mistake there shows here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

from audioset_dl.catalog.ontology import Ontology
from audioset_dl.fewshot.table import LabelledClip


@dataclass(frozen=True)
class Overlap:
    """What lies in more than one split; all zero where splits are disjoint."""

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
        """Whether nothing overlaps but what `keep_out_of_train` lets."""
        allowed = {"mixed_clips", "related_classes"}
        return not any(
            getattr(self, field.name) for field in fields(self) if field.name not in allowed
        )


def measure_split_overlap(
    classes: Mapping[str, Sequence[str]],
    members: Mapping[str, Sequence[str]],
    clips: Mapping[str, LabelledClip],
    ontology: Ontology,
) -> Overlap:
    """Count what splits share.

    Parameters
    ----------
    classes : mapping of str to sequence of str
        MIDs by split.
    members : mapping of str to sequence of str
        The clip_ids by split.
    clips : mapping of str to LabelledClip
        By clip_id.
    ontology : Ontology
        For what lies above what.
    """
    pairs = list(combinations(classes, 2))

    def common(sets: Mapping[str, set[str]]) -> int:
        return len({one for first, second in pairs for one in sets[first] & sets[second]} - {""})

    mixed = dict.fromkeys(classes, 0)
    for name, mids in classes.items():
        others = {mid for one in classes.values() for mid in one} - set(mids)
        mixed[name] = sum(bool(others & set(clips[one].labels)) for one in members[name])
    related = {
        (mid, above)
        for name in classes
        for mid in classes[name]
        for other in classes
        for above in ontology.ancestors(mid) & set(classes[other])
        if other != name
    }
    return Overlap(
        classes=common({name: set(mids) for name, mids in classes.items()}),
        related_classes=len(related),
        clips=common({name: set(members[name]) for name in classes}),
        mixed_clips=sum(mixed.values()),
        train_clips=mixed["train"],
        videos=common({name: {clips[one].ytid for one in members[name]} for name in classes}),
        sounds=common({name: {clips[one].audio_hash for one in members[name]} for name in classes}),
    )
