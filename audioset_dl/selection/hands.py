"""What each class drew at the start of a draw, by row numbers of a `SegmentTable`."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.grouping import RowNumbers

NO_ROWS: RowNumbers = np.empty(0, np.int32)


class Hands:
    """The rows that each class (by MID) holds in its hand.

    Parameters
    ----------
    num_rows : int
        Number of rows of the table.
    """

    def __init__(self, num_rows: int) -> None:
        self._num_rows = num_rows
        self._hands: dict[str, RowNumbers] = {}
        """Ascending."""

    def deal(self, mid: str, rows: RowNumbers) -> None:
        """Give a class its rows."""
        self._hands[mid] = np.sort(rows)

    def has(self, mid: str, row: int) -> bool:
        """Tell whether a class has a row."""
        hand = self._hands.get(mid, NO_ROWS)
        place = bisect_left(hand, row)  # numpy's own would copy the array, to 64 bits
        return place < len(hand) and int(hand[place]) == row

    def holders(self, rows: RowNumbers) -> list[tuple[str, ...]]:
        """Return for each of many rows the classes that have it, as they were dealt; -1 has none.

        >>> hands = Hands(3)
        >>> hands.deal("/m/a", np.array([2, 0]))
        >>> hands.deal("/m/b", np.array([0]))
        >>> hands.holders(np.array([0, 1, -1, 2]))
        [('/m/a', '/m/b'), (), (), ('/m/a',)]
        """
        places = np.full(self._num_rows, -1, np.int32)
        is_row = rows >= 0
        places[rows[is_row]] = np.flatnonzero(is_row)
        mids: list[list[str]] = [[] for _ in rows]
        for mid, hand in self._hands.items():
            found = places[hand]
            for place in found[found >= 0].tolist():
                mids[place].append(mid)
        return list(map(tuple, mids))

    def count(self, is_in: NDArray[np.bool_]) -> dict[str, int]:
        """Return how many of some rows each class has.

        Parameters
        ----------
        is_in : array of bool
            For each row of the table, True if it is one of them.
        """
        return {mid: int(np.count_nonzero(is_in[hand])) for mid, hand in self._hands.items()}

    def count_together(self, rows: RowNumbers) -> dict[tuple[str, ...], int]:
        """Return how many of some rows just these classes have, for all combinations that occur."""
        # A number for each set of classes: the exclusive or of random numbers of 64 bits, one for
        # each class. Two of 60,000 sets share one with a chance of 1 in 10^10.
        keys = np.zeros(self._num_rows, np.uint64)
        numbers = np.random.default_rng(0).integers(1 << 63, size=len(self._hands), dtype=np.uint64)
        for number, hand in zip(numbers, self._hands.values(), strict=True):
            keys[hand] ^= number
        _, examples, counts = np.unique(keys[rows], return_index=True, return_counts=True)
        return dict(zip(self.holders(rows[examples]), counts.tolist(), strict=True))
