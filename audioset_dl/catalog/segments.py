"""The clips: all rows of the chosen segment CSVs, in columns.

Owns what a clip is and which clips carry a label. Labels are matched whole, never as substrings:
``/t/dd00013`` is a prefix of ``/t/dd000138``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audioset_dl.catalog.clips import YTID_LENGTH, Clip
from audioset_dl.catalog.segment_csv import LabelSets, parse_block, read_rows

RowNumbers = NDArray[np.integer]
"""Positions of clips in a `SegmentTable`."""


@dataclass(frozen=True)
class SegmentSource:
    """A segment CSV to read."""

    path: Path
    subset: str
    """What its clips are said to be a part of, e.g. ``eval``."""
    is_google: bool = False
    """Whether it is one of Google's own files, whose header says how many rows there must be."""


@dataclass(frozen=True, eq=False)
class SegmentTable:
    """All clips of some segment CSVs; see `read_segments`.

    A clip is named by its row number, from 0. Arrays of row numbers are ascending where they are
    returned, and may be in any order where they are taken.
    """

    subsets: tuple[str, ...]
    """Names of the files."""
    num_duplicates: int
    """Rows that were left out because an earlier one had the same clip_id."""
    _clip_ids: NDArray[np.object_]
    _start_ms: NDArray[np.int32]
    _end_ms: NDArray[np.int32]
    _set_codes: NDArray[np.int32]
    _subset_codes: NDArray[np.int16]
    _label_sets: Sequence[tuple[str, ...]]
    _rows_by_clip_id: pd.Series[int]

    def __len__(self) -> int:
        return len(self._clip_ids)

    @cached_property
    def mids(self) -> tuple[str, ...]:
        """MIDs of all labels that occur, sorted."""
        return tuple(sorted({mid for labels in self._label_sets for mid in labels}))

    def num_clips(self, mid: str, subset: str | None = None) -> int:
        """Return how many clips carry a label, in all files or in one of them."""
        rows = self.rows_of(mid)
        if subset is None:
            return len(rows)
        if subset not in self.subsets:
            return 0
        return int(np.count_nonzero(self._subset_codes[rows] == self.subsets.index(subset)))

    def rows_of(self, mid: str) -> RowNumbers:
        """Return the clips that carry a label, ascending; empty if it never occurs.

        The array is read-only.
        """
        rows = self._rows_by_mid.get(mid, np.empty(0, np.int32))
        rows.flags.writeable = False
        return rows

    def count_label_sets(self, mid: str) -> dict[tuple[str, ...], int]:
        """Return how many of the clips that carry a label carry just these labels."""
        codes, numbers = np.unique(self._set_codes[self.rows_of(mid)], return_counts=True)
        return {
            self._label_sets[int(code)]: int(number)
            for code, number in zip(codes, numbers, strict=True)
        }

    def clip(self, row: int) -> Clip:
        """Return one clip."""
        return Clip(
            ytid=self._clip_ids[row][:YTID_LENGTH],
            start_s=int(self._start_ms[row]) / 1000,
            end_s=int(self._end_ms[row]) / 1000,
            labels=self.labels_of(row),
            subset=self.subsets[self._subset_codes[row]],
        )

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Return the MIDs of all labels of a clip, in the file's order."""
        return self._label_sets[int(self._set_codes[row])]

    def clip_ids(self, rows: RowNumbers | None = None) -> list[str]:
        """Return the clip_ids of some clips, or of all, in the order given."""
        clip_ids: list[str] = self._clip_ids[slice(None) if rows is None else rows].tolist()
        return clip_ids

    def durations_s(self, rows: RowNumbers | None = None) -> NDArray[np.float64]:
        """Return the lengths of some clips, or of all, in seconds."""
        which = slice(None) if rows is None else rows
        return (self._end_ms[which] - self._start_ms[which]) / 1000

    def find(self, clip_id: str) -> int | None:
        """Return the row number of a clip, None where there is no such clip."""
        row = self._rows_by_clip_id.get(clip_id)
        return None if row is None else int(row)

    @cached_property
    def _rows_by_mid(self) -> Mapping[str, RowNumbers]:
        by_set = np.argsort(self._set_codes, kind="stable").astype(np.int32)
        ends = np.cumsum(np.bincount(self._set_codes, minlength=len(self._label_sets)))
        parts = defaultdict(list)
        for labels, rows in zip(self._label_sets, np.split(by_set, ends), strict=False):
            for mid in labels:
                parts[mid].append(rows)
        return {mid: np.sort(np.concatenate(of_mid)) for mid, of_mid in parts.items()}


def read_segments(sources: Sequence[SegmentSource]) -> SegmentTable:
    """Read segment CSVs into one table.

    A clip_id that occurs again, in the same file or in a later one, is left out. The order of rows
    decides nothing but row numbers, and which of two rows with the same clip_id is kept.

    Raises
    ------
    MetadataError
        A file can't be read, a row is malformed (named by its line), or one of Google's files is
        short.
    """
    label_sets = LabelSets()
    subsets = tuple(dict.fromkeys(source.subset for source in sources))
    tables = [parse_block(b"", label_sets).assign(subset_code=np.int16(0))]
    for source in sources:
        table = read_rows(source.path, label_sets, is_google=source.is_google)
        tables.append(table.assign(subset_code=np.int16(subsets.index(source.subset))))
    rows = pd.concat(tables)
    rows_by_clip_id = _number_rows(rows.index)
    is_repeated = rows_by_clip_id.index.duplicated()
    if is_repeated.any():
        rows = rows.iloc[np.sort(rows_by_clip_id[~is_repeated])]
        rows_by_clip_id = _number_rows(rows.index)
    return SegmentTable(
        subsets=subsets,
        num_duplicates=int(np.count_nonzero(is_repeated)),
        _clip_ids=rows.index.to_numpy(),
        _start_ms=rows["start_ms"].to_numpy(),
        _end_ms=rows["end_ms"].to_numpy(),
        _set_codes=rows["set_code"].to_numpy(),
        _subset_codes=rows["subset_code"].to_numpy(),
        _label_sets=label_sets.sets,
        _rows_by_clip_id=rows_by_clip_id,
    )


def _number_rows(clip_ids: pd.Index[str]) -> pd.Series[int]:
    """Return the row number of each clip_id; sorted, which is quick, as Google's files are."""
    order = np.argsort(clip_ids.to_numpy(), kind="stable")
    return pd.Series(order, clip_ids[order])
