"""Sources: the clips of a split, grouped by recording, that episodes draw from.

Clips of one video, or with the same sound, are one source. An episode takes at most one clip of
each, so that its support and query sets never share a recording. A source carries every class that
any of its clips carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Protocol

from audioset_dl.dataset.rows import Row
from audioset_dl.fewshot.ties import group_tied


class Members(Protocol):
    """Clips with classes, such as a `ClipDataset`."""

    @property
    def split(self) -> str | None:
        """Name of the split."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def clips(self) -> Sequence[Row]:
        """The clips, in the order of their indices."""

    @property
    def labels(self) -> Sequence[Sequence[int]]:
        """For each clip the numbers of the classes that it carries."""


@dataclass(frozen=True)
class Source:
    """Clips of which an episode may take one."""

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
    # Tied by video and by sound in turn: of three clips the first two may share the video, the last
    # two the sound, and all three are then one source.
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


def by_class(sources: Sequence[Source], num_classes: int) -> Mapping[int, list[Source]]:
    """Return the sources of each class, by its number."""
    found: dict[int, list[Source]] = {number: [] for number in range(num_classes)}
    for source in sources:
        for number in sorted(source.classes):
            found[number].append(source)
    return found
