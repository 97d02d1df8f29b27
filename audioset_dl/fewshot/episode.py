"""One episode: a small task of a support and a query set, and how it is drawn.

Pure: knows clips by their index and classes by their number, and nothing of files or audio. Draws
are made by counting: those of item i of a stream need no item before it. Philox is a counter-based
generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): its output is a
function of a key and a counter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from audioset_dl.fewshot.members import Source

Kind = Literal["single", "one_vs_rest", "multi_hot"]
Labels = tuple[int, ...] | tuple[tuple[int, ...], ...]
Item = TypeVar("Item")
# NumPy promises that the raw output of a bit generator never changes, but not what the methods of
# Generator return (NEP 19, https://numpy.org/neps/nep-0019-rng-policy.html). So the draws are made
# here from the raw output, whole numbers below this limit.
_LIMIT = 1 << 64


class Draws:
    """The draws of one item of a stream.

    Parameters
    ----------
    stream : str
        Its SHA-256 is the key.
    index : int
        Number of the item, from 0 to 2**64 - 1.
    """

    def __init__(self, stream: str, index: int) -> None:
        digest = hashlib.sha256(stream.encode()).digest()
        key = np.frombuffer(digest[:16], "<u8").astype(np.uint64)
        # Of the 256 bits the upper half: each item has 2**128 counters of its own.
        counter = np.array([0, 0, index, 0], np.uint64)
        self._bits = np.random.Philox(key=key, counter=counter)

    def below(self, stop: int) -> int:
        """Return a whole number from 0 to `stop - 1`, each equally likely."""
        beyond = _LIMIT - _LIMIT % stop  # with these, small results would be more likely
        while (number := int(self._bits.random_raw())) >= beyond:
            pass
        return number % stop

    def pick(self, items: Sequence[Item], number: int) -> list[Item]:
        """Return some of the items, no place twice, in random order (Fisher and Yates)."""
        pool = list(items)
        for place in range(number):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:number]


@dataclass(frozen=True)
class Shape:
    """The numbers of an episode."""

    kind: Kind
    n_way: int
    """Classes of an episode."""
    k_shot: int
    """Support clips of each class."""
    q_query: int
    """Query clips of each class."""

    @property
    def clips_each(self) -> int:
        """Clips of each class."""
        return self.k_shot + self.q_query


@dataclass(frozen=True)
class Pool:
    """Everything that episodes are drawn from."""

    sources: Mapping[int, Sequence[Source]]
    """Sources of each class, by its number."""
    rivals: Mapping[int, frozenset[int]]
    """For each class those that are not drawn with it, as they share too many clips."""
    labels: Sequence[frozenset[int]]
    """For each clip the numbers of its classes."""


@dataclass(frozen=True)
class Episode:
    """One task. Clips are indices into the dataset, or the split, that it was drawn from."""

    index: int
    kind: Kind
    classes: tuple[int, ...]
    """Numbers of its classes, in the order of its labels; ``one_vs_rest`` asks for the first."""
    support: tuple[int, ...]
    """``n_way * k_shot`` clips, class by class."""
    query: tuple[int, ...]
    """``n_way * q_query`` clips, class by class."""
    support_labels: Labels
    """For each support clip. ``single``: position in `classes`. ``one_vs_rest``: 1 or 0.
    ``multi_hot``: for each of `classes` 1 or 0."""
    query_labels: Labels
    """Likewise for each query clip."""


def draw_episode(pool: Pool, shape: Shape, stream: str, index: int) -> Episode:
    """Draw an episode; the same pool, shape, stream and index always give the same one.

    Parameters
    ----------
    pool : Pool
        What to draw from. Each class must have enough sources beside any others that are drawn
        with it; see `audioset_dl.fewshot.sampler`.
    shape : Shape
        Kind and numbers of the episode.
    stream : str
        Name of the stream of random numbers.
    index : int
        Number of the episode in the stream, from 0.
    """
    # The order of the draws is part of the format: another one would give other episodes.
    draws = Draws(stream, index)
    classes = _draw_classes(pool, shape.n_way, draws)
    used: set[tuple[int, ...]] = set()
    support: list[int] = []
    query: list[int] = []
    for number in classes:
        usable = [
            source
            for source in pool.sources[number]
            if source.clips not in used and _fits(source, number, classes, shape.kind)
        ]
        picked = draws.pick(usable, shape.clips_each)
        used.update(source.clips for source in picked)
        # Support first, then query: both are in random order already.
        clips = [draws.pick(source.clips_of(number), 1)[0] for source in picked]
        support += clips[: shape.k_shot]
        query += clips[shape.k_shot :]
    labels = [_labels_of(clips, classes, shape.kind, pool.labels) for clips in (support, query)]
    return Episode(index, shape.kind, tuple(classes), tuple(support), tuple(query), *labels)


def _draw_classes(pool: Pool, n_way: int, draws: Draws) -> list[int]:
    left = list(pool.sources)
    classes: list[int] = []
    while len(classes) < n_way:
        number = left[draws.below(len(left))]
        classes.append(number)
        rivals = pool.rivals[number]
        left = [other for other in left if other != number and other not in rivals]
    return classes


def _fits(source: Source, number: int, classes: Sequence[int], kind: Kind) -> bool:
    """Return True if a source may stand for a class of an episode."""
    if kind == "single":
        return len(source.classes.intersection(classes)) == 1
    if kind == "one_vs_rest":
        return number == classes[0] or classes[0] not in source.classes
    return True


def _labels_of(
    clips: Sequence[int], classes: Sequence[int], kind: Kind, carried: Sequence[frozenset[int]]
) -> Labels:
    if kind == "multi_hot":
        return tuple(tuple(int(number in carried[clip]) for number in classes) for clip in clips)
    each = len(clips) // len(classes)
    if kind == "single":
        return tuple(position for position in range(len(classes)) for _ in range(each))
    return tuple(int(place < each) for place in range(len(clips)))
