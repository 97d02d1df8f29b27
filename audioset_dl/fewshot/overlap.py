"""What splits share, counted from the finished splits and the clips alone.

Uses none of the code that makes splits, so that a mistake there shows here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import combinations, permutations

from audioset_dl.catalog.ontology import Ontology
from audioset_dl.dataset.rows import Row


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
        allowed = {"mixed_clips", "related_classes"}
        return not any(
            getattr(self, field.name) for field in fields(self) if field.name not in allowed
        )


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
