"""The clips: all rows of the chosen segment CSVs, in columns.

Owns what a clip is and which clips carry a label. Labels are matched whole, never as substrings:
``/t/dd00013`` is a prefix of ``/t/dd000138``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.segment_csv import MAX_TIME_MS, YTID_LENGTH, Memory, Rows, read_rows

RowNumbers = NDArray[np.integer]
"""Positions of clips in a `SegmentTable`."""

_CLIP_ID = re.compile(rf"([A-Za-z0-9_-]{{{YTID_LENGTH}}})_(0|[1-9][0-9]{{0,9}})")
_MASK = 2**64 - 1
_HASH_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)  # odd, bits well mixed; any such would do


@dataclass(frozen=True)
class Clip:
    """One row of a segment CSV: some seconds of a YouTube video."""

    ytid: str
    """Id of the video: 11 of ``A-Za-z0-9_-``; may begin with ``-``."""
    start_s: float
    """Where the clip starts in the video, in seconds, to the millisecond."""
    end_s: float
    """Where it ends."""
    labels: tuple[str, ...]
    """MIDs of all classes that it is labelled with, in the file's order."""
    subset: str
    """The file it was read from, e.g. ``eval``."""

    @property
    def clip_id(self) -> str:
        """``<ytid>_<start in ms>``, which is Google's own segment_id."""
        return f"{self.ytid}_{round(self.start_s * 1000)}"

    @property
    def duration_s(self) -> float:
        """Length in seconds, to the millisecond; 10.0 for most."""
        return round(self.end_s - self.start_s, 3)


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
    _ytids: NDArray[np.bytes_]
    _start_ms: NDArray[np.int32]
    _end_ms: NDArray[np.int32]
    _set_codes: NDArray[np.int32]
    _subset_codes: NDArray[np.int16]
    _label_sets: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self._ytids)

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
        code = self.subsets.index(subset)
        return int(np.count_nonzero(self._subset_codes[rows] == code))

    def rows_of(self, mid: str) -> RowNumbers:
        """Return the clips that carry a label, ascending; empty if it never occurs.

        The array is a read-only view.
        """
        code = self._mid_codes.get(mid)
        if code is None:
            return np.empty(0, np.int32)
        rows, offsets = self._rows_by_mid
        return rows[offsets[code] : offsets[code + 1]]

    def clip(self, row: int) -> Clip:
        """Return one clip."""
        return Clip(
            ytid=self._ytids[row].decode(),
            start_s=int(self._start_ms[row]) / 1000,
            end_s=int(self._end_ms[row]) / 1000,
            labels=self.labels_of(row),
            subset=self.subsets[self._subset_codes[row]],
        )

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Return the MIDs of all labels of a clip, in the file's order."""
        return self._label_sets[self._set_codes[row]]

    def clip_ids(self, rows: RowNumbers | None = None) -> list[str]:
        """Return the clip_ids of some clips, or of all, in the order given."""
        which = slice(None) if rows is None else rows
        starts_ms, codes = np.unique(self._start_ms[which], return_inverse=True)
        suffixes = [f"_{start_ms}" for start_ms in starts_ms.tolist()]
        ytids = self._ytids[which].astype(str).tolist()
        return [ytid + suffixes[code] for ytid, code in zip(ytids, codes.tolist(), strict=True)]

    def durations_s(self, rows: RowNumbers | None = None) -> NDArray[np.float64]:
        """Return the lengths of some clips, or of all, in seconds."""
        which = slice(None) if rows is None else rows
        return (self._end_ms[which] - self._start_ms[which]) / 1000

    def find(self, clip_id: str) -> int | None:
        """Return the row number of a clip, None where there is no such clip."""
        match = _CLIP_ID.fullmatch(clip_id)
        if match is None or int(match[2]) > MAX_TIME_MS:
            return None
        ytid, start_ms = match[1].encode(), int(match[2])
        wanted = np.uint64(_hash_one(ytid, start_ms))
        hashes, rows = self._rows_by_hash
        position = int(hashes.searchsorted(wanted))
        while position < len(hashes) and hashes[position] == wanted:
            row = int(rows[position])
            if self._ytids[row] == ytid and self._start_ms[row] == start_ms:
                return row
            position += 1
        return None

    @cached_property
    def _mid_codes(self) -> dict[str, int]:
        return {mid: code for code, mid in enumerate(self.mids)}

    @cached_property
    def _rows_by_mid(self) -> tuple[RowNumbers, NDArray[np.int64]]:
        """Row numbers grouped by label, and where the group of each begins."""
        lengths = np.array([len(labels) for labels in self._label_sets], np.int32)
        codes = [self._mid_codes[mid] for labels in self._label_sets for mid in labels]
        flat_codes = np.array(codes, np.int32 if len(self.mids) > 2**15 else np.int16)
        num_labels = lengths[self._set_codes]
        rows = np.repeat(np.arange(len(self), dtype=np.int32), num_labels)
        shifts = (np.cumsum(lengths) - lengths)[self._set_codes] - (
            np.cumsum(num_labels) - num_labels
        )
        positions = np.arange(len(rows)) + np.repeat(shifts, num_labels)
        label_codes = flat_codes[positions]
        grouped = rows[np.argsort(label_codes, kind="stable")]
        grouped.flags.writeable = False
        counts = np.bincount(label_codes, minlength=len(self.mids))
        return grouped, np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def _rows_by_hash(self) -> tuple[NDArray[np.uint64], RowNumbers]:
        hashes = _hash(*_id_words(self._ytids, self._start_ms))
        rows = np.argsort(hashes).astype(np.int32)
        return hashes[rows], rows


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
    memory = Memory()
    files = [read_rows(source.path, memory, is_google=source.is_google) for source in sources]
    subsets = tuple(dict.fromkeys(source.subset for source in sources))
    subset_codes = [subsets.index(source.subset) for source in sources]
    return _make_table(files, subset_codes, subsets, tuple(memory.label_sets.sets))


def _make_table(
    files: Sequence[Rows],
    subset_codes: Sequence[int],
    subsets: tuple[str, ...],
    label_sets: tuple[tuple[str, ...], ...],
) -> SegmentTable:
    ytids = np.concatenate([np.empty(0, f"S{YTID_LENGTH}"), *(rows.ytids for rows in files)])
    times_ms = np.concatenate([np.empty(0, np.int64), *(rows.times_ms for rows in files)])
    set_codes = np.concatenate([np.empty(0, np.int32), *(rows.set_codes for rows in files)])
    of_rows = np.repeat(np.array(subset_codes, np.int16), [len(rows) for rows in files])
    start_ms = (times_ms >> 32).astype(np.int32)
    end_ms = (times_ms & 0xFFFFFFFF).astype(np.int32)
    keep = _first_occurrences(ytids, start_ms)
    return SegmentTable(
        subsets=subsets,
        num_duplicates=len(ytids) - len(ytids[keep]),
        _ytids=ytids[keep],
        _start_ms=start_ms[keep],
        _end_ms=end_ms[keep],
        _set_codes=set_codes[keep],
        _subset_codes=of_rows[keep],
        _label_sets=label_sets,
    )


def _first_occurrences(
    ytids: NDArray[np.bytes_], start_ms: NDArray[np.int32]
) -> NDArray[np.bool_] | slice:
    """Select the first row of each clip_id.

    Different hashes mean different clips, so that the exact and slower sort is seldom needed.
    """
    words = _id_words(ytids, start_ms)
    hashes = np.sort(_hash(*words))
    if not (hashes[1:] == hashes[:-1]).any():
        return slice(None)
    order = np.lexsort(words)
    first, second = (word[order] for word in words)
    is_new = np.ones(len(ytids), dtype=bool)
    is_new[order[1:]] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return is_new


def _id_words(
    ytids: NDArray[np.bytes_], start_ms: NDArray[np.int32]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return each clip_id as two words: 8 characters, and 3 characters with the start above."""
    characters = ytids.astype("S16").view("<u8").reshape(-1, 2)
    return characters[:, 0], characters[:, 1] | start_ms.astype(np.uint64) << np.uint64(24)


def _hash(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return first * np.uint64(_HASH_FACTORS[0]) + second * np.uint64(_HASH_FACTORS[1])


def _hash_one(ytid: bytes, start_ms: int) -> int:
    first = int.from_bytes(ytid[:8], "little")
    second = int.from_bytes(ytid[8:], "little") | start_ms << 24
    return (first * _HASH_FACTORS[0] + second * _HASH_FACTORS[1]) & _MASK
