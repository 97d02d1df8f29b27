"""What episodes draw from: sources, that is all clips of a split that must not be parted.

Clips of one video, or with the same sound, are one source. An episode takes at most one clip of
each, so that its support and query sets never share a recording; and a source counts as carrying
all classes that any of its clips carries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

from audioset_dl.fewshot.table import LabelledClip
from audioset_dl.fewshot.ties import group_tied


class Members(Protocol):
    """Clips with classes, as a `ClipDataset` has them."""

    @property
    def split(self) -> str | None:
        """Name of the split."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def clips(self) -> Sequence[LabelledClip]:
        """The clips, in the order of their indices."""

    @property
    def labels(self) -> Sequence[Sequence[int]]:
        """For each clip the numbers of the classes that it carries."""


@dataclass(frozen=True)
class Source:
    """Clips that an episode may take one of."""

    clips: tuple[int, ...]
    """Their indices."""
    carried: tuple[frozenset[int], ...]
    """For each of them the numbers of its classes."""

    @cached_property
    def classes(self) -> frozenset[int]:
        """Numbers of the classes that any of its clips carries."""
        return frozenset().union(*self.carried)

    def clips_of(self, number: int) -> list[int]:
        """Return the indices of its clips that carry a class."""
        return [
            clip
            for clip, carried in zip(self.clips, self.carried, strict=True)
            if number in carried
        ]


def find_sources(members: Members) -> list[Source]:
    """Return the sources of some clips, in the order of their first clips."""
    keys = [f"{index}" for index in range(len(members.clips))]
    alike: dict[str, list[str]] = {}
    for key, clip in zip(keys, members.clips, strict=True):
        alike.setdefault(f"video {clip.ytid}", []).append(key)
        if clip.audio_hash:
            alike.setdefault(f"sound {clip.audio_hash}", []).append(key)
    ties = [tie for group in alike.values() for tie in pairwise(group)]
    return [
        Source(
            tuple(int(key) for key in group),
            tuple(frozenset(members.labels[int(key)]) for key in group),
        )
        for group in group_tied(keys, ties)
    ]


@dataclass(frozen=True)
class Supply:
    """How many clips of a class an episode can count on."""

    num_clips: int
    num_sources: int
    taken: Mapping[int, int]
    """By number of another class, most sources that it takes away if it is drawn as well."""
    alone: int
    """Sources that carry no other class, and so are never taken away."""

    def rivals(self, need: int, n_way: int) -> frozenset[int]:
        """Return the classes that must not be drawn with this one, so that enough is left of it.

        Whichever n_way - 1 others are drawn of those that remain, they take no more together than
        the class can spare.
        """
        most = sorted(self.taken.values(), reverse=True)[: n_way - 1]
        if max(self.alone, self.num_sources - sum(most)) >= need:
            return frozenset()
        spare = self.num_sources - need
        return frozenset(
            other for other, taken in self.taken.items() if taken * (n_way - 1) > spare
        )


def measure_supply(sources: Sequence[Source], number: int, *, most_taken: int | None) -> Supply:
    """Return what an episode can count on of a class.

    Parameters
    ----------
    sources : sequence of Source
        Those that carry the class.
    number : int
        The class.
    most_taken : int, optional
        Most sources that another class can take away; None: all that it shares.
    """
    shared: Counter[int] = Counter(
        other for source in sources for other in source.classes if other != number
    )
    return Supply(
        num_clips=sum(len(source.clips_of(number)) for source in sources),
        num_sources=len(sources),
        taken={
            other: count if most_taken is None else min(count, most_taken)
            for other, count in shared.items()
        },
        alone=sum(len(source.classes) == 1 for source in sources),
    )


def find_rivals(supplies: Mapping[int, Supply], need: int, n_way: int) -> dict[int, frozenset[int]]:
    """Return for each class those that are not drawn with it, by its own need or by theirs."""
    rivals: dict[int, set[int]] = {number: set() for number in supplies}
    for number, supply in supplies.items():
        for other in supply.rivals(need, n_way):
            rivals[number].add(other)
            rivals[other].add(number)
    return {number: frozenset(others) for number, others in rivals.items()}


def by_class(sources: Sequence[Source], num_classes: int) -> Mapping[int, list[Source]]:
    """Return the sources of each class, by its number."""
    found: dict[int, list[Source]] = {number: [] for number in range(num_classes)}
    for source in sources:
        for number in sorted(source.classes):
            found[number].append(source)
    return found
