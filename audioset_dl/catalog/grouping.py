"""Clips in columns, sorted by id and start, and grouped by label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RowNumbers = NDArray[np.integer]
"""Positions of clips in a `SegmentTable`."""


def sort_clips(
    ytids: NDArray[np.bytes_], start_ms: NDArray[np.int32]
) -> tuple[RowNumbers, RowNumbers]:
    """Return the first row of each clip_id, sorted by id and start, and as in the files."""
    order = np.argsort(ytids, kind="stable")  # quick, as Google's files are sorted
    in_order = ytids[order]
    is_same = in_order[1:] == in_order[:-1]
    if is_same.any():
        order = np.lexsort((start_ms, ytids))
        is_same = (ytids[order[1:]] == ytids[order[:-1]]) & (
            start_ms[order[1:]] == start_ms[order[:-1]]
        )
        order = order[np.concatenate([[True], ~is_same])]
    rows: RowNumbers = order.astype(np.int32)
    return rows, np.sort(rows)


def group_by_label(
    set_codes: NDArray[np.int32], label_sets: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], RowNumbers, RowNumbers]:
    """Return the labels, sorted; the rows of one after the other; the end of each label's rows."""
    by_set = np.argsort(set_codes, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(set_codes, minlength=len(label_sets)))
    parts = defaultdict(list)
    for labels, rows in zip(label_sets, np.split(by_set, ends), strict=False):
        for mid in labels:
            parts[mid].append(rows)
    mids = tuple(sorted(parts))
    of_mids = [np.sort(np.concatenate(parts[mid])) for mid in mids]
    label_ends = np.cumsum([len(rows) for rows in of_mids])
    return mids, np.concatenate([np.empty(0, np.int32), *of_mids]), label_ends.astype(np.int32)
