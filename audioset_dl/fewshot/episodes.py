"""Episodes: small tasks of a support and a query set, drawn from the clips of one split.

Knows clips by their index and classes by their number; nothing of files or audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from audioset_dl.errors import AudiosetDlError
from audioset_dl.fewshot.counter_draws import Draws
from audioset_dl.fewshot.sources import (
    Members,
    Source,
    Supply,
    by_class,
    find_rivals,
    find_sources,
    measure_supply,
)

Kind = Literal["single", "one_vs_rest", "multi_hot"]
Labels = tuple[int, ...] | tuple[tuple[int, ...], ...]


class TooFewClips(AudiosetDlError):
    """A split has too few classes, or a class too few clips, for the episodes asked for."""


@dataclass(frozen=True)
class Episode:
    """One task. Clips are indices into the dataset, or the split, that it was drawn from."""

    index: int
    kind: Kind
    classes: tuple[int, ...]
    """Numbers of its classes, in the order of its labels; of ``one_vs_rest`` the first is asked
    for."""
    support: tuple[int, ...]
    """``n_way * k_shot`` clips, class by class."""
    query: tuple[int, ...]
    """``n_way * q_query`` clips, class by class."""
    support_labels: Labels
    """For each support clip. ``single``: position in `classes`. ``one_vs_rest``: 1 or 0.
    ``multi_hot``: for each of `classes` 1 or 0."""
    query_labels: Labels
    """Likewise for each query clip."""


class EpisodeSampler:
    """Draws episodes; usable as the ``batch_sampler`` of a PyTorch ``DataLoader``.

    As such it yields for each episode the indices of its support clips and then of its query clips.
    Episode i is a function of the seed, the split, i and the numbers below: whatever was drawn
    before, by however many workers, with any version of NumPy.

    Kinds:

    - ``single``: which of its n classes is a clip of? All its clips carry just one of them, as in
      Vinyals et al., "Matching Networks", 2016. They may carry other classes of the split.
    - ``one_vs_rest``: does a clip carry the first of its classes? After the One-vs.-Rest episodes
      of Cheng, Chou and Yang, "Multi-label few-shot learning for sound event recognition", MMSP
      2019. The k and q clips of the first class may carry anything else; those of each of the n - 1
      other classes do not carry the first, but may carry several others.
    - ``multi_hot``: which of its classes does a clip carry? For each class in turn k and q clips
      are taken that carry it, whatever else they carry, so that each class has at least k positive
      examples, and label vectors as in Alfassy et al., "LaSO", CVPR 2019.

    In every kind an episode has at most one clip of a video and of a sound (by hash), so that
    support and query never share a recording. Classes that share so many clips that too few would
    be left of one of them are not drawn together; `apart` names them.

    Parameters
    ----------
    data : ClipDataset or SplitMembers
        What to draw from: has ``split``, ``classes``, ``clips`` and ``labels``.
    n_way, k_shot, q_query : int
        Classes of an episode, and support and query clips of each class.
    seed : int
        Any whole number.
    kind : str
        ``single``, ``one_vs_rest`` or ``multi_hot``.
    episodes : int
        Length: how many one pass yields. `episode` gives any other.

    Raises
    ------
    TooFewClips
        A class has too few clips, or some episode would find too few classes that may be drawn
        together: which classes, how many there are, and how many are needed.
    ValueError
        A number is below 1 (n_way: 2), or there is no such kind.
    """

    def __init__(
        self,
        data: Members,
        n_way: int = 5,
        k_shot: int = 5,
        q_query: int = 15,
        *,
        seed: int = 0,
        kind: Kind = "single",
        episodes: int = 1000,
    ) -> None:
        _check_numbers(n_way, k_shot, q_query, episodes=episodes, kind=kind)
        self.n_way, self.k_shot, self.q_query = n_way, k_shot, q_query
        self.kind: Kind = kind
        self._length = episodes
        self._first = 0
        self._stream = f"{seed}:episodes:{data.split or ''}"
        self._labels = [frozenset(labels) for labels in data.labels]
        self._sources = by_class(find_sources(data), len(data.classes))
        supplies = {
            number: measure_supply(sources, number, most_taken=self._most_taken)
            for number, sources in self._sources.items()
        }
        self._rivals = find_rivals(supplies, k_shot + q_query, n_way)
        self._check(data, supplies)

    @property
    def apart(self) -> tuple[tuple[int, int], ...]:
        """Pairs of classes, by number, that are not drawn together, as they share too much."""
        return tuple(
            (number, other)
            for number, others in self._rivals.items()
            for other in sorted(others)
            if number < other
        )

    @property
    def first(self) -> int:
        """Number, for `episode`, of the first episode of this pass."""
        return self._first

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[list[int]]:
        return (self[place] for place in range(self._length))

    def __getitem__(self, place: int) -> list[int]:
        """Return the indices of an episode's support and query clips; of this pass the place-th."""
        if not -self._length <= place < self._length:
            raise IndexError(f"episode {place} of {self._length}")
        episode = self.episode(self._first + place % self._length)
        return [*episode.support, *episode.query]

    def set_epoch(self, epoch: int) -> None:
        """Begin the next pass where pass `epoch`, from 0, begins: with other episodes than before.

        Pass e yields the episodes from ``e * len(self)`` on: see `first`.

        Raises
        ------
        ValueError
            It is below 0.
        """
        if epoch < 0:
            raise ValueError(f"epoch {epoch}; expected 0 or more")
        self._first = epoch * self._length

    def episode(self, index: int) -> Episode:
        """Return any episode, from 0, with its classes and labels."""
        if index < 0:
            raise IndexError(f"episode {index}; expected 0 or more")
        draws = Draws(self._stream, index)
        classes = self._draw_classes(draws)
        used: set[tuple[int, ...]] = set()
        support: list[int] = []
        query: list[int] = []
        for number in classes:
            usable = [
                source
                for source in self._sources[number]
                if source.clips not in used and self._fits(source, number, classes)
            ]
            picked = draws.pick(usable, self.k_shot + self.q_query)
            used.update(source.clips for source in picked)
            clips = [draws.pick(source.clips_of(number), 1)[0] for source in picked]
            support += clips[: self.k_shot]
            query += clips[self.k_shot :]
        return Episode(
            index,
            self.kind,
            tuple(classes),
            tuple(support),
            tuple(query),
            self._labels_of(classes, support),
            self._labels_of(classes, query),
        )

    def _draw_classes(self, draws: Draws) -> list[int]:
        pool = list(self._sources)
        classes: list[int] = []
        while len(classes) < self.n_way:
            number = pool[draws.below(len(pool))]
            classes.append(number)
            rivals = self._rivals[number]
            pool = [other for other in pool if other != number and other not in rivals]
        return classes

    def _fits(self, source: Source, number: int, classes: list[int]) -> bool:
        if self.kind == "single":
            return len(source.classes.intersection(classes)) == 1
        if self.kind == "one_vs_rest":
            return number == classes[0] or classes[0] not in source.classes
        return True

    def _labels_of(self, classes: list[int], clips: list[int]) -> Labels:
        if self.kind == "multi_hot":
            return tuple(
                tuple(int(number in self._labels[clip]) for number in classes) for clip in clips
            )
        each = len(clips) // self.n_way
        if self.kind == "single":
            return tuple(position for position in range(self.n_way) for _ in range(each))
        return tuple(int(place < each) for place in range(len(clips)))

    @property
    def _most_taken(self) -> int | None:
        return self.k_shot + self.q_query if self.kind == "multi_hot" else None

    def _check(self, data: Members, supplies: Mapping[int, Supply]) -> None:
        name = f"split {data.split}" if data.split else "dataset"
        if len(data.classes) < self.n_way:
            raise TooFewClips(
                f"the {name} has {len(data.classes)} classes, and an episode of {self.n_way} "
                f"classes needs as many; lower n_way, or give the {name} more classes"
            )
        need = self.k_shot + self.q_query
        needed = f"{need} are needed ({self.k_shot} support + {self.q_query} query)"
        short = [
            _told(data.classes[number], supply)
            for number, supply in supplies.items()
            if supply.num_sources < need
        ]
        if short:
            raise TooFewClips(
                f"{len(short)} of the {len(supplies)} classes of the {name} have too few clips: "
                f"{needed}, of as many videos\n{_listed(short)}\n"
                "lower k_shot or q_query, raise min_clips, or download more"
            )
        # However they are drawn, n_way - 1 classes rule out no more than those with most rivals.
        ruled_out = sorted((len(others) + 1 for others in self._rivals.values()), reverse=True)
        if sum(ruled_out[: self.n_way - 1]) >= len(data.classes):
            told = [
                f"{_told(data.classes[number], supply)}, too few beside "
                + " or ".join(data.classes[other] for other in sorted(self._rivals[number]))
                for number, supply in supplies.items()
                if self._rivals[number]
            ]
            raise TooFewClips(
                f"{len(told)} of the {len(supplies)} classes of the {name} share so many clips "
                f"that some episode would not find {self.n_way} classes with enough: {needed} of "
                f"each\n{_listed(told)}\nlower n_way, k_shot or q_query, or download more"
            )


_MOST_TOLD = 10


def _listed(lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - _MOST_TOLD} more"] if len(lines) > _MOST_TOLD else []
    return "\n".join(f"  {line}" for line in [*lines[:_MOST_TOLD], *more])


def _told(name: str, supply: Supply) -> str:
    videos = f" of {supply.num_sources} videos" if supply.num_sources < supply.num_clips else ""
    return f"{name}: {supply.num_clips} clips{videos}"


def _check_numbers(n_way: int, k_shot: int, q_query: int, *, episodes: int, kind: str) -> None:
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r}; expected one of {', '.join(get_args(Kind))}")
    if n_way < 2 or min(k_shot, q_query, episodes) < 1:
        raise ValueError(
            f"n_way {n_way}, k_shot {k_shot}, q_query {q_query}, episodes {episodes}; expected "
            "n_way of 2 or more and the others of 1 or more"
        )
