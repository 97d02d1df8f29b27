"""What earlier runs know of the clips, by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.segments import SegmentTable

_AT_A_TIME = 50_000


@dataclass(frozen=True, eq=False)
class KnownClips:
    """What is known of the clips of a `SegmentTable`, by their row numbers."""

    is_saved: NDArray[np.bool_]
    is_gone: NDArray[np.bool_]
    codes: Mapping[int, str]
    """Code of the last failure of each clip that waits after one."""


State = tuple[str, str, str | None]
"""clip_id, state and failure code of a clip, as a journal knows it."""


def find_known(table: SegmentTable, states: Iterable[State]) -> KnownClips:
    """Return what is known of the clips of a table.

    Parameters
    ----------
    table : SegmentTable
        The clips.
    states : iterable of (clip_id, state, code)
        What a journal knows, of these clips and others.
    """
    is_saved, is_gone = (np.zeros(len(table), np.bool_) for _ in range(2))
    codes: dict[int, str] = {}
    left = iter(states)
    while some := list(islice(left, _AT_A_TIME)):
        rows = table.find_all([clip_id for clip_id, _, _ in some])
        for row, (_, state, code) in zip(rows.tolist(), some, strict=True):
            if row >= 0:
                is_saved[row] = state == "saved"
                is_gone[row] = state == "gone"
                if state == "waiting" and code is not None:
                    codes[row] = code
    return KnownClips(is_saved, is_gone, codes)
