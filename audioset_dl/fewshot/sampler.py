"""Episodes as a batch sampler: drawn from the clips of one split, by number.

Whether the split has enough clips for every episode that may be drawn is checked once, before the
first episode, so that no training loop ends after days for lack of a clip.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from audioset_dl.errors import AudiosetDlError
from audioset_dl.fewshot.episode import Episode, Kind, Pool, Shape, draw_episode
from audioset_dl.fewshot.members import Members, Source, find_sources
from audioset_dl.words import count, first_lines


class TooFewClips(AudiosetDlError):
    """A split has too few classes, or a class too few clips, for the episodes asked for."""


def find_rivals(sources: Mapping[int, Sequence[Source]], shape: Shape) -> dict[int, frozenset[int]]:
    """Return for each class those that are not drawn with it, by its own need or by theirs.

    Whichever n_way - 1 of the remaining classes are drawn with a class, together they take no more
    than it can spare.

    Parameters
    ----------
    sources : mapping
        The sources of each class, by its number.
    shape : Shape
        Kind and numbers of the episodes.
    """
    rivals: dict[int, set[int]] = {number: set() for number in sources}
    for number, own in sources.items():
        for other in _find_takers(number, own, shape):
            rivals[number].add(other)
            rivals[other].add(number)
    return {number: frozenset(others) for number, others in rivals.items()}


def _find_takers(number: int, own: Sequence[Source], shape: Shape) -> list[int]:
    """Return the classes that take too many of a class's sources if they are drawn with it."""
    # In multi_hot another class takes only the clips that it needs itself. In the other kinds every
    # clip that also carries the other class is ruled out.
    limit = shape.clips_each if shape.kind == "multi_hot" else len(own)
    shared = Counter(other for source in own for other in source.classes if other != number)
    taken = {other: min(number, limit) for other, number in shared.items()}
    # The worst case: the other classes are those that take most, and take different sources. No
    # other class can take a source that carries this class alone.
    most = sorted(taken.values(), reverse=True)[: shape.n_way - 1]
    alone = sum(len(source.classes) == 1 for source in own)
    if max(alone, len(own) - sum(most)) >= shape.clips_each:
        return []
    # Each of the others may take its equal share of what can be spared.
    spare = len(own) - shape.clips_each
    return [other for other, number in taken.items() if number * (shape.n_way - 1) > spare]


def check_supply(
    data: Members,
    sources: Mapping[int, Sequence[Source]],
    rivals: Mapping[int, frozenset[int]],
    shape: Shape,
) -> None:
    """Refuse a split in which some episode would lack a class or a clip.

    Parameters
    ----------
    data : Members
        Their split and classes are named in messages.
    sources, rivals : mapping
        The sources of each class, and `find_rivals`, by number of the class.
    shape : Shape
        Kind and numbers of the episodes.

    Raises
    ------
    TooFewClips
        Which classes, how many there are, and how many are needed.
    """
    name, classes = f"split {data.split}" if data.split else "dataset", data.classes
    if len(classes) < shape.n_way:
        raise TooFewClips(
            f"the {name} has {count(len(classes), 'class', 'classes')}, and an episode of "
            f"{shape.n_way} classes needs as many",
            fix=f"lower n_way, or give the {name} more classes",
        )
    need = shape.clips_each
    needed = f"{need} are needed ({shape.k_shot} support + {shape.q_query} query)"
    described = [
        f"{name}: {_count(number, sources[number])}" for number, name in enumerate(classes)
    ]
    short = [described[number] for number, own in sources.items() if len(own) < need]
    if short:
        raise TooFewClips(
            f"{len(short)} of the {len(classes)} classes of the {name} have too few clips: "
            f"{needed}, of as many videos\n{_listed(short)}\n"
            "lower k_shot or q_query, raise min_clips, or download more"
        )
    # However they are drawn, n_way - 1 classes rule out no more than those with most rivals.
    ruled_out = sorted((len(others) + 1 for others in rivals.values()), reverse=True)
    if sum(ruled_out[: shape.n_way - 1]) >= len(classes):
        tied = [
            f"{described[number]}, too few beside "
            + " or ".join(classes[other] for other in sorted(others))
            for number, others in rivals.items()
            if others
        ]
        raise TooFewClips(
            f"{len(tied)} of the {len(classes)} classes of the {name} share so many clips that "
            f"some episode would not find {shape.n_way} classes with enough: {needed} of each\n"
            f"{_listed(tied)}\nlower n_way, k_shot or q_query, or download more"
        )


def _listed(lines: Sequence[str]) -> str:
    return textwrap.indent("\n".join(first_lines(lines, most=10)), "  ")


def _count(number: int, own: Sequence[Source]) -> str:
    num_clips = sum(len(source.clips_of(number)) for source in own)
    return f"{num_clips} clips" + (f" of {len(own)} videos" if len(own) < num_clips else "")


class EpisodeSampler:
    """Draws episodes; usable as the ``batch_sampler`` of a PyTorch ``DataLoader``.

    As such it yields for each episode the indices of its support clips and then of its query clips.
    Episode i is a function of the seed, the split, i and the numbers below. It does not depend on
    what was drawn before, on the number of workers, or on the version of NumPy.

    Kinds:

    - ``single``: which of the n classes does a clip carry? Each clip carries exactly one of them,
      as in Vinyals et al., "Matching Networks", 2016 (https://arxiv.org/abs/1606.04080). It may
      carry other classes of the split.
    - ``one_vs_rest``: does a clip carry the first class? After the One-vs.-Rest episodes of Cheng,
      Chou and Yang, "Multi-label few-shot learning for sound event recognition", MMSP 2019. The
      k and q clips of the first class may carry anything else; those of the n - 1 other classes do
      not carry the first, but may carry several others.
    - ``multi_hot``: which of the classes does a clip carry? For each class in turn k and q clips
      are drawn that carry it, whatever else they carry. So each class has at least k positive
      examples, and labels are vectors as in Alfassy et al., "LaSO", CVPR 2019
      (https://arxiv.org/abs/1902.09811).

    In every kind an episode has at most one clip of a video and of a sound (by hash), so that
    support and query never share a recording. Two classes that share so many clips that too few
    would be left of one of them are not drawn together; `apart` lists them.

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
        Length of a pass. `episode` returns any other as well.

    Raises
    ------
    TooFewClips
        A class has too few clips, or some episode would find too few classes that may be drawn
        together: which classes, how many there are, and how many are needed.
    ValueError
        A number is below 1 (n_way: 2), or there is no such kind.

    Examples
    --------
    >>> from audioset_dl import ClipDataset
    >>> from audioset_dl.fewshot import EpisodeSampler
    >>> train = ClipDataset("audioset", "train")
    >>> sampler = EpisodeSampler(train, n_way=2, k_shot=1, q_query=2)
    >>> episode = sampler.episode(0)
    >>> [train.classes[number] for number in episode.classes]
    ['Bee, wasp, etc.', 'Purr']
    >>> len(episode.support), episode.query_labels
    (2, (0, 0, 1, 1))
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
        self._shape = Shape(kind, n_way, k_shot, q_query)
        self._length = episodes
        self.first = 0
        """Number, for `episode`, of the first episode of this pass."""
        self._stream = f"{seed}:episodes:{data.split or ''}"
        sources = find_sources(data)
        rivals = find_rivals(sources, self._shape)
        check_supply(data, sources, rivals, self._shape)
        self._pool = Pool(sources, rivals, [frozenset(labels) for labels in data.labels])

    @property
    def apart(self) -> tuple[tuple[int, int], ...]:
        """Pairs of classes, by number, that share too many clips to be drawn together."""
        return tuple(
            (number, other)
            for number, others in self._pool.rivals.items()
            for other in sorted(others)
            if number < other
        )

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[list[int]]:
        return (self[place] for place in range(self._length))

    def __getitem__(self, place: int) -> list[int]:
        """Return the support and query clips of the episode at a place of this pass."""
        if not -self._length <= place < self._length:
            raise IndexError(f"episode {place} of {self._length}")
        episode = self.episode(self.first + place % self._length)
        return [*episode.support, *episode.query]

    def set_epoch(self, epoch: int) -> None:
        """Begin the next pass where pass `epoch`, from 0, begins, with other episodes than before.

        Pass e yields the episodes from ``e * len(self)`` on: see `first`.

        Raises
        ------
        ValueError
            It is below 0.
        """
        if epoch < 0:
            raise ValueError(f"epoch {epoch}; expected 0 or more")
        self.first = epoch * self._length

    def episode(self, index: int) -> Episode:
        """Return any episode, from 0, with its classes and labels."""
        if index < 0:
            raise IndexError(f"episode {index}; expected 0 or more")
        return draw_episode(self._pool, self._shape, self._stream, index)


def _check_numbers(n_way: int, k_shot: int, q_query: int, *, episodes: int, kind: str) -> None:
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r}; expected one of {', '.join(get_args(Kind))}")
    if n_way < 2 or min(k_shot, q_query, episodes) < 1:
        raise ValueError(
            f"n_way {n_way}, k_shot {k_shot}, q_query {q_query}, episodes {episodes}; expected "
            "n_way of 2 or more and the others of 1 or more"
        )
