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
    """How many sources of a class an episode can count on."""

    num_clips: int
    num_sources: int
    least: int
    """Sources that are left beside any other classes of an episode."""


def measure_supply(
    sources: Sequence[Source], number: int, *, n_way: int, most_taken: int | None
) -> Supply:
    """Return what an episode can count on of a class, whichever others are drawn with it.

    The least is bounded from below: sources that carry only this class are never lost; and other
    classes take at most those that they share with it.

    Parameters
    ----------
    sources : sequence of Source
        Those that carry the class.
    number : int
        The class.
    n_way : int
        Classes of an episode.
    most_taken : int, optional
        Most sources that another class can take away; None: all that it shares.
    """
    shared: Counter[int] = Counter(
        other for source in sources for other in source.classes if other != number
    )
    taken = sorted(
        (count if most_taken is None else min(count, most_taken) for count in shared.values()),
        reverse=True,
    )
    alone = sum(len(source.classes) == 1 for source in sources)
    clips = sum(len(source.clips_of(number)) for source in sources)
    least = max(alone, len(sources) - sum(taken[: n_way - 1]))
    return Supply(clips, len(sources), least)


def by_class(sources: Sequence[Source], num_classes: int) -> Mapping[int, list[Source]]:
    """Return the sources of each class, by its number."""
    found: dict[int, list[Source]] = {number: [] for number in range(num_classes)}
    for source in sources:
        for number in sorted(source.classes):
            found[number].append(source)
    return found
