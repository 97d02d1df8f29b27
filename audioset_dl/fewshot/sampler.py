"""Episodes as a batch sampler: drawn from the clips of one split, by number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from audioset_dl.fewshot.episode import Episode, Kind, Pool, Shape, draw_episode
from audioset_dl.fewshot.sources import Members, by_class, find_sources
from audioset_dl.fewshot.supply import check_supplies, find_rivals, measure_supply


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
        self._first = 0
        self._stream = f"{seed}:episodes:{data.split or ''}"
        sources = by_class(find_sources(data), len(data.classes))
        supplies = {
            number: measure_supply(those, number, self._shape) for number, those in sources.items()
        }
        rivals = find_rivals(supplies, self._shape)
        check_supplies(supplies, rivals, self._shape, split=data.split, classes=data.classes)
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

    @property
    def first(self) -> int:
        """Number, for `episode`, of the first episode of this pass."""
        return self._first

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[list[int]]:
        return (self[place] for place in range(self._length))

    def __getitem__(self, place: int) -> list[int]:
        """Return the support and query clips of the episode at a place of this pass."""
        if not -self._length <= place < self._length:
            raise IndexError(f"episode {place} of {self._length}")
        episode = self.episode(self._first + place % self._length)
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
        self._first = epoch * self._length

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
