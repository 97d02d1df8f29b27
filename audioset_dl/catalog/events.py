"""The sound events of the clips that have strong labels, in columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Event(NamedTuple):
    """One sound in a clip."""

    onset_s: float
    """Where it starts, in seconds from the start of the clip, to the millisecond."""
    offset_s: float
    """Where it ends."""
    mid: str
    """MID of its class."""


@dataclass(frozen=True, eq=False)
class Events:
    """All events, sorted by the row number of their clip, then by onset, offset and class."""

    rows: NDArray[Any]
    """Row number of each event's clip in the `SegmentTable`."""
    onset_ms: NDArray[Any]
    offset_ms: NDArray[Any]
    codes: NDArray[Any]
    """Position of each event's class in `mids`."""
    mids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, row: int) -> list[Event]:
        """Return the events of one clip by onset; empty for a clip without strong labels."""
        start, stop = np.searchsorted(self.rows, [row, row + 1])
        return [
            Event(onset_ms / 1000, offset_ms / 1000, self.mids[code])
            for onset_ms, offset_ms, code in zip(
                self.onset_ms[start:stop].tolist(),
                self.offset_ms[start:stop].tolist(),
                self.codes[start:stop].tolist(),
                strict=True,
            )
        ]

    def count(self, rows: NDArray[Any] | None = None) -> dict[str, tuple[int, float]]:
        """Return how many events each class (MID) has, in all clips or in some, and how long.

        Returns
        -------
        dict of str to tuple
            Number, and the sum of the lengths in seconds: where events overlap both count.
        """
        among = slice(None) if rows is None else np.isin(self.rows, rows)
        codes = self.codes[among]
        lengths_ms = (self.offset_ms - self.onset_ms)[among]
        numbers = np.bincount(codes, minlength=len(self.mids))
        totals_ms = np.bincount(codes, lengths_ms, minlength=len(self.mids))
        return {
            mid: (number, total_ms / 1000)
            for mid, number, total_ms in zip(
                self.mids, numbers.tolist(), totals_ms.tolist(), strict=True
            )
        }
