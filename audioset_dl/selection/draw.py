"""The draw: the clips that each class wants, given which are still available.

Pure bookkeeping over row numbers of a `SegmentTable`. It takes what became of a clip and returns
what is wanted now; it fetches nothing and remembers nothing between runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.selection.hands import NO_ROWS, Hands


@dataclass(frozen=True)
class Share:
    """How one class stands."""

    mid: str
    wanted: int
    """Number of clips that it has or waits for: ``per_class``, or all of fewer."""
    available: int
    """Number of candidates in the metadata that are not known to be gone."""
    gone: int
    """Number of candidates that were drawn and are gone."""


class Draw:
    """The first ``per_class`` clips of each class's ranking that are available.

    A clip that is gone gives its place to the next of the ranking. A clip that merely failed keeps
    its place. So the finished set depends on the rankings and on which clips are gone, but neither
    on the order of events nor on interruptions.

    Parameters
    ----------
    rankings : mapping of str to array of int
        For each chosen class (by MID) the rows of all its candidates, in ranked order.
    per_class : int or None
        Number of clips wanted of each class; None for all.
    num_rows : int
        Number of rows of the table; of each a few bytes are kept.
    labels_of : callable
        Returns the labels (MIDs) of a row, among which are the classes that may draw it.
    """

    def __init__(
        self,
        rankings: Mapping[str, RowNumbers],
        per_class: int | None,
        *,
        num_rows: int,
        labels_of: Callable[[int], Iterable[str]],
    ) -> None:
        self._rankings = rankings
        self._per_class = per_class
        self._labels_of = labels_of
        self._order = {mid: number for number, mid in enumerate(rankings)}
        self._is_gone = np.zeros(num_rows, np.bool_)
        self._is_drawn = np.zeros(num_rows, np.bool_)
        self._num_all = 0
        """Rows that some class drew."""
        self._num_gone = 0
        """Those of them that are gone."""
        self._seats = dict.fromkeys(rankings, 0)
        """For each class, how far down its ranking it has drawn."""
        self.hands = Hands(num_rows)
        """What the classes drew at the start."""
        self._drawn_later: dict[int, set[str]] = defaultdict(set)
        """For each row that was drawn in the place of one that is gone, the classes that did so."""
        self._num_gone_by = dict.fromkeys(rankings, 0)
        """For each class, how many of the rows that it drew are gone."""

    def start(self, known_gone: RowNumbers = NO_ROWS) -> RowNumbers:
        """Draw for every class and return the wanted rows, one rank of all classes after another.

        Parameters
        ----------
        known_gone : array of int
            Rows known to be gone, from earlier runs.
        """
        self._is_gone[known_gone] = True
        hands = [self._draw_first(mid) for mid in self._rankings]
        ranks = [np.arange(len(hand)) for hand in hands]
        by_turns = np.argsort(np.concatenate([NO_ROWS, *ranks]), kind="stable")
        self._num_all = int(np.count_nonzero(self._is_drawn))
        self._num_gone = int(np.count_nonzero(self._is_drawn & self._is_gone))
        wanted: RowNumbers = np.concatenate([NO_ROWS, *hands])[by_turns]
        return wanted

    def replace(self, row: int, stopped: Collection[str] = ()) -> list[int]:
        """Take a drawn row as gone; return the rows that are now wanted in its place.

        Classes that are stopped draw none.
        """
        self._is_gone[row] = True
        self._num_gone += 1
        mids = self.drawn_by(row)
        for mid in mids:
            self._num_gone_by[mid] += 1
        drawing = sorted(set(mids).difference(stopped))
        return [refill for mid in drawing for refill in self._draw_next(mid)]

    def restore(self, row: int) -> None:
        """Want a drawn row again that was taken as gone; what replaced it stays drawn."""
        self._is_gone[row] = False
        self._num_gone -= 1
        for mid in self.drawn_by(row):
            self._num_gone_by[mid] -= 1

    @property
    def num_wanted(self) -> int:
        """Number of rows that are wanted now."""
        return self._num_all - self._num_gone

    @property
    def num_gone(self) -> int:
        """Number of rows that would be wanted, were they not gone."""
        return self._num_gone

    def drawn(self) -> RowNumbers:
        """Return all drawn rows, gone or not, ascending."""
        return np.flatnonzero(self._is_drawn)

    def are_drawn(self, rows: RowNumbers) -> NDArray[np.bool_]:
        """Tell of each row whether some class drew it, gone or not."""
        drawn: NDArray[np.bool_] = self._is_drawn[rows]
        return drawn

    def drawn_by(self, row: int) -> tuple[str, ...]:
        """Return the classes (MIDs) that drew a row, in the order of the rankings."""
        later = self._drawn_later.get(row, ())
        mids = [mid for mid in self._labels_of(row) if mid in later or self.hands.has(mid, row)]
        return tuple(sorted(mids, key=self._order.__getitem__))

    def shares(self) -> list[Share]:
        """Return the share of each class."""
        wanted, gone = self.num_wanted_by(), self._num_gone_by
        return [
            Share(mid, wanted[mid], int((~self._is_gone[ranking]).sum()), gone[mid])
            for mid, ranking in self._rankings.items()
        ]

    def num_wanted_by(self) -> dict[str, int]:
        """Return how many rows each class (by MID) has or waits for."""
        return {mid: seats - self._num_gone_by[mid] for mid, seats in self._seats.items()}

    def _draw_first(self, mid: str) -> RowNumbers:
        """Draw for a class; return what is not gone of it and no class had drawn before."""
        ranking = self._rankings[mid]
        is_gone = self._is_gone[ranking]
        num_drawn = len(ranking)
        if self._per_class is not None:
            num_available = np.cumsum(~is_gone)
            num_drawn = min(num_drawn, 1 + int(np.searchsorted(num_available, self._per_class)))
        drawn = ranking[:num_drawn]
        new = drawn[~(self._is_drawn[drawn] | is_gone[:num_drawn])]
        self._seats[mid] = num_drawn
        self._num_gone_by[mid] = int(np.count_nonzero(is_gone[:num_drawn]))
        self._is_drawn[drawn] = True
        self.hands.deal(mid, drawn)
        return new

    def _draw_next(self, mid: str) -> Iterator[int]:
        """Draw one more row for a class that is not gone; yield it if no class had drawn it."""
        ranking, is_filled = self._rankings[mid], False
        while not is_filled and self._seats[mid] < len(ranking):
            row = int(ranking[self._seats[mid]])
            self._seats[mid] += 1
            self._drawn_later[row].add(mid)
            is_new, is_filled = not self._is_drawn[row], not self._is_gone[row]
            self._is_drawn[row] = True
            self._num_all += is_new
            self._num_gone += is_new and not is_filled
            self._num_gone_by[mid] += not is_filled
            if is_new and is_filled:
                yield row
