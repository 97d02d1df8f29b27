"""The clips: all rows of the chosen segment CSVs, in columns.

Owns what a clip is and which clips carry a label. Labels are matched whole, never as substrings:
``/t/dd00013`` is a prefix of ``/t/dd000138``.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.cache import Arrays, Cache, make_key
from audioset_dl.catalog.clips import CLIP_ID_PATTERN, YTID_LENGTH, Clip

RowNumbers = NDArray[np.integer]
"""Positions of clips in a `SegmentTable`."""


# Raise it when the same files give another table than before: caches of older versions of the
# program are then not used.
PARSER_VERSION = 1


@dataclass(frozen=True)
class SegmentSource:
    """A segment CSV to read."""

    path: Path
    subset: str
    """Name of the subset that its clips are a part of, e.g. ``eval``."""
    is_google: bool = False
    """True for Google's own files, whose header says how many rows there must be."""


@dataclass(frozen=True, eq=False)
class SegmentTable:
    """All clips of some segment CSVs; see `read_segments`.

    A clip is named by its row number, from 0. Arrays of row numbers are ascending where they are
    returned, and may be in any order where they are taken.
    """

    key: str
    """Name of the content: the same for the same files, and for no others."""
    subsets: tuple[str, ...]
    """Names of the files."""
    mids: tuple[str, ...]
    """MIDs of all labels that occur, sorted."""
    num_duplicates: int
    """Number of rows that were left out because an earlier one had the same clip_id."""
    _columns: Arrays
    """Of each clip ``ytids``, ``start_ms``, ``end_ms``, ``set_codes``, ``subset_codes``; ``order``,
    all row numbers sorted by id and start; ``label_rows``, the row numbers of one label after the
    other, as in `mids`; ``label_ends``, where each label's end in it."""
    _label_sets: Sequence[tuple[str, ...]]
    """Labels by set code."""

    def __len__(self) -> int:
        return len(self._columns["ytids"])

    def num_clips(self, mid: str, subset: str | None = None) -> int:
        """Return how many clips carry a label, in all files or in one of them."""
        rows = self.rows_of(mid)
        if subset is None:
            return len(rows)
        if subset not in self.subsets:
            return 0
        is_in = self._columns["subset_codes"][rows] == self.subsets.index(subset)
        return int(np.count_nonzero(is_in))

    def rows_of(self, mid: str) -> RowNumbers:
        """Return the clips that carry a label, ascending; empty if it never occurs.

        The array is read-only.
        """
        start, stop = self._label_bounds.get(mid, (0, 0))
        rows: RowNumbers = self._columns["label_rows"][start:stop]
        rows.flags.writeable = False
        return rows

    def count_label_sets(self) -> dict[tuple[str, ...], int]:
        """Return how many clips carry just these labels, for all combinations that occur."""
        numbers = np.bincount(self._columns["set_codes"], minlength=len(self._label_sets))
        return dict(zip(self._label_sets, numbers.tolist(), strict=True))

    def clip(self, row: int) -> Clip:
        """Return one clip."""
        columns = self._columns
        return Clip(
            ytid=columns["ytids"][row].decode(),
            start_s=int(columns["start_ms"][row]) / 1000,
            end_s=int(columns["end_ms"][row]) / 1000,
            labels=self.labels_of(row),
            subset=self.subset_of(row),
        )

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Return the MIDs of all labels of a clip, in the file's order."""
        return self._label_sets[int(self._columns["set_codes"][row])]

    def subset_of(self, row: int) -> str:
        """Return the name of the file that a clip is from."""
        return self.subsets[int(self._columns["subset_codes"][row])]

    def clip_ids(self, rows: RowNumbers | None = None) -> list[str]:
        """Return the clip_ids of some clips, or of all, in the order given."""
        which = slice(None) if rows is None else rows
        ytids = self._columns["ytids"][which].astype(str).tolist()
        starts_ms = self._columns["start_ms"][which].tolist()
        return [f"{ytid}_{start_ms}" for ytid, start_ms in zip(ytids, starts_ms, strict=True)]

    def durations_s(self, rows: RowNumbers | None = None) -> NDArray[np.float64]:
        """Return the lengths of some clips, or of all, in seconds."""
        which = slice(None) if rows is None else rows
        durations_s: NDArray[np.float64] = (
            self._columns["end_ms"][which] - self._columns["start_ms"][which]
        ) / 1000
        return durations_s

    def find(self, clip_id: str) -> int | None:
        """Return the row number of a clip, None where there is no such clip."""
        if not CLIP_ID_PATTERN.fullmatch(clip_id):
            return None
        ytid, start_ms = clip_id[:YTID_LENGTH], int(clip_id[YTID_LENGTH + 1 :])
        ytids, starts_ms = self._columns["ytids"], self._columns["start_ms"]
        # numpy's searchsorted would copy the order each time, to 64 bits.
        order = self._columns["order"]
        key = (ytid.encode(), start_ms)
        position = bisect_left(order, key, key=lambda row: (ytids[row], starts_ms[row]))
        row = int(order[position]) if position < len(order) else None
        return row if row is not None and key == (ytids[row], starts_ms[row]) else None

    def find_all(self, clip_ids: Sequence[str]) -> RowNumbers:
        """Return the row number of each of many clips, -1 where there is no such clip."""
        known = [CLIP_ID_PATTERN.fullmatch(clip_id) is not None for clip_id in clip_ids]
        ytids = np.array([clip_id[:YTID_LENGTH].encode() for clip_id in clip_ids], "S11")
        starts_ms = np.array(
            [int(clip_id[YTID_LENGTH + 1 :]) if is_id else -1
             for clip_id, is_id in zip(clip_ids, known, strict=True)],
            np.int64,
        )  # fmt: skip
        order = self._columns["order"]
        in_order = self._columns["ytids"][order]
        positions = np.searchsorted(in_order, ytids)
        rows = np.full(len(ytids), -1, np.int64)
        left = np.flatnonzero(known)
        while len(left):  # a video may have several clips, one after the other
            left = left[positions[left] < len(order)]
            left = left[in_order[positions[left]] == ytids[left]]
            found = order[positions[left]]
            is_it = self._columns["start_ms"][found] == starts_ms[left]
            rows[left[is_it]] = found[is_it]
            left = left[~is_it]
            positions[left] += 1
        return rows

    @cached_property
    def _label_bounds(self) -> dict[str, tuple[int, int]]:
        ends = self._columns["label_ends"].tolist()
        return dict(zip(self.mids, zip([0, *ends], ends, strict=False), strict=True))


def read_segments(sources: Sequence[SegmentSource], cache: Cache | None = None) -> SegmentTable:
    """Read segment CSVs into one table.

    A clip_id that occurs again, in the same file or in a later one, is left out. The order of rows
    decides nothing but row numbers, and which of two rows with the same clip_id is kept.

    Parameters
    ----------
    sources : sequence of SegmentSource
        The files, in order.
    cache : Cache, optional
        Where the table is saved when it was read; a table of just these files that is there is
        used instead of reading them again.

    Raises
    ------
    MetadataError
        A file can't be read, a row is malformed (named by its line), or one of Google's files is
        short.
    """
    if cache is None:
        return _parse(sources)
    key = _make_key(sources, [cache.hash_content(source.path) for source in sources])
    arrays = cache.load("segments", key)
    if arrays is not None:
        return _unpack(key, sources, arrays)
    table = _parse(sources)
    cache.save("segments", table.key, _pack(table))
    return table


def make_table(clips: Sequence[Clip]) -> SegmentTable:
    """Return a table of some clips, each once, that are in no file."""
    label_sets = list(dict.fromkeys(clip.labels for clip in clips))
    set_code_of = {labels: code for code, labels in enumerate(label_sets)}
    subsets = tuple(dict.fromkeys(clip.subset for clip in clips))
    ytids = np.array([clip.ytid.encode() for clip in clips], f"S{YTID_LENGTH}")
    start_ms = np.array([round(clip.start_s * 1000) for clip in clips], np.int32)
    set_codes = np.array([set_code_of[clip.labels] for clip in clips], np.int32)
    mids, label_rows, label_ends = _group_by_label(set_codes, label_sets)
    columns = {
        "ytids": ytids,
        "start_ms": start_ms,
        "end_ms": np.array([round(clip.end_s * 1000) for clip in clips], np.int32),
        "set_codes": set_codes,
        "subset_codes": np.array([subsets.index(clip.subset) for clip in clips], np.int16),
        "order": _sort(ytids, start_ms)[0],
        "label_rows": label_rows,
        "label_ends": label_ends,
    }
    return SegmentTable("", subsets, mids, 0, columns, label_sets)


def _make_key(sources: Sequence[SegmentSource], hashes: Sequence[str]) -> str:
    files = [
        [digest, source.subset, source.is_google]
        for digest, source in zip(hashes, sources, strict=True)
    ]
    return make_key(PARSER_VERSION, files)


def _subsets(sources: Sequence[SegmentSource]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source.subset for source in sources))


def _parse(sources: Sequence[SegmentSource]) -> SegmentTable:
    # It imports pandas, which takes as long as all else in a run that finds its table in the cache.
    from audioset_dl.catalog.segment_csv import LabelSets, Rows, join_rows, read_rows

    label_sets = LabelSets()
    subsets = _subsets(sources)
    read = [read_rows(one.path, label_sets, is_google=one.is_google) for one in sources]
    rows = join_rows(table for table, _ in read)
    subset_codes = np.repeat(
        np.array([subsets.index(source.subset) for source in sources], np.int16),
        [len(table.ytids) for table, _ in read],
    )
    order, kept = _sort(rows.ytids, rows.start_ms)
    num_duplicates = len(rows.ytids) - len(order)
    if num_duplicates:
        rows, subset_codes = Rows(*(column[kept] for column in rows)), subset_codes[kept]
        order, _ = _sort(rows.ytids, rows.start_ms)
    mids, label_rows, label_ends = _group_by_label(rows.set_codes, label_sets.sets)
    columns = {**rows._asdict(), "subset_codes": subset_codes, "order": order,
               "label_rows": label_rows, "label_ends": label_ends}  # fmt: skip
    key = _make_key(sources, [digest for _, digest in read])
    return SegmentTable(key, subsets, mids, num_duplicates, columns, label_sets.sets)


def _sort(ytids: NDArray[np.bytes_], start_ms: NDArray[np.int32]) -> tuple[RowNumbers, RowNumbers]:
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


def _group_by_label(
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


def _pack(table: SegmentTable) -> Arrays:
    names = [table.num_duplicates, table.mids, table._label_sets]
    return {**table._columns, "names": np.frombuffer(json.dumps(names).encode(), np.uint8)}


def _unpack(key: str, sources: Sequence[SegmentSource], arrays: Arrays) -> SegmentTable:
    num_duplicates, mids, label_sets = json.loads(arrays["names"].tobytes())
    sets = list(map(tuple, label_sets))
    return SegmentTable(key, _subsets(sources), tuple(mids), num_duplicates, arrays, sets)
