"""The clips: all rows of the chosen segment CSVs, in columns.

Owns what a clip is and which clips carry a label. Labels are matched whole, never as substrings:
``/t/dd00013`` is a prefix of ``/t/dd000138``.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.cache import Arrays, Cache, make_key
from audioset_dl.catalog.clips import CLIP_ID_PATTERN, YTID_LENGTH, Clip
from audioset_dl.catalog.events import Events
from audioset_dl.catalog.grouping import RowNumbers, group_by_label, sort_clips
from audioset_dl.catalog.relabel import Corrections
from audioset_dl.catalog.sources import SegmentSource

# Raise it when the same files give another table than before: caches of older versions of the
# program are then not used.
PARSER_VERSION = 2


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
    num_named: int = 0
    """Number of clips whose labels the files of ``metadata.relabel`` name."""
    num_changed: int = 0
    """Number of these that got other labels than Google's."""
    own_mids: frozenset[str] = frozenset()
    """MIDs of the labels that strong or corrected files give."""

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
            google_labels=self.google_labels_of(row),
        )

    def labels_of(self, row: int) -> tuple[str, ...]:
        """Return the MIDs of all labels of a clip, in the file's order."""
        return self._label_sets[int(self._columns["set_codes"][row])]

    @property
    def is_corrected(self) -> bool:
        """True if others' labels took the place of Google's."""
        return "google_codes" in self._columns

    def google_labels_of(self, row: int) -> tuple[str, ...]:
        """Return Google's own labels of a clip where they were corrected, else none."""
        if not self.is_corrected:
            return ()
        code = int(self._columns["google_codes"][row])
        return self._label_sets[code] if code >= 0 else ()

    @cached_property
    def events(self) -> Events | None:
        """The events of strong labels; None if no file of such was read."""
        return _find_events(self._columns, self.mids)

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


def _find_events(columns: Arrays, mids: tuple[str, ...]) -> Events | None:
    if "event_rows" not in columns:
        return None
    return Events(
        columns["event_rows"], columns["event_onset_ms"], columns["event_offset_ms"],
        columns["event_codes"], mids,
    )  # fmt: skip


def read_segments(
    sources: Sequence[SegmentSource],
    cache: Cache | None = None,
    *,
    corrections: Corrections | None = None,
) -> SegmentTable:
    """Read segment CSVs and files of strong labels into one table.

    A clip_id that occurs again, in the same file or in a later one, is left out. The order of rows
    decides nothing but row numbers, and which of two rows with the same clip_id is kept. A clip of
    a file of strong labels that stands in a segment CSV too has the labels of both, and the times
    and the subset of the CSV.

    Parameters
    ----------
    sources : sequence of SegmentSource
        The files, in order.
    cache : Cache, optional
        Where the table is saved when it was read; a table of just these files that is there is
        used instead of reading them again.
    corrections : Corrections, optional
        Labels that take the place of those of the segment CSVs.

    Raises
    ------
    MetadataError
        A file can't be read, a row is malformed (named by its line), or one of Google's files is
        short.
    """
    sources = sorted(sources, key=lambda source: source.is_strong)
    if cache is None:
        return _parse(sources, corrections)
    hashes = [cache.hash_content(source.path) for source in sources]
    key = _make_key(sources, hashes, corrections)
    arrays = cache.load("segments", key)
    if arrays is not None:
        return _unpack(key, sources, arrays)
    table = _parse(sources, corrections)
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
    mids, label_rows, label_ends = group_by_label(set_codes, label_sets)
    columns = {
        "ytids": ytids,
        "start_ms": start_ms,
        "end_ms": np.array([round(clip.end_s * 1000) for clip in clips], np.int32),
        "set_codes": set_codes,
        "subset_codes": np.array([subsets.index(clip.subset) for clip in clips], np.int16),
        "order": sort_clips(ytids, start_ms)[0],
        "label_rows": label_rows,
        "label_ends": label_ends,
    }
    return SegmentTable("", subsets, mids, 0, columns, label_sets)


def _make_key(
    sources: Sequence[SegmentSource], hashes: Sequence[str], corrections: Corrections | None
) -> str:
    files = [
        [digest, source.subset, source.is_google, source.is_strong]
        for digest, source in zip(hashes, sources, strict=True)
    ]
    corrected = [*corrections.hashes, corrections.keep_rest] if corrections else []
    return make_key(PARSER_VERSION, files, corrected)


def _parse(sources: Sequence[SegmentSource], corrections: Corrections | None) -> SegmentTable:
    # It imports pandas, which takes as long as all else in a run that finds its table in the cache.
    from audioset_dl.catalog.parsing import parse_files

    parsed = parse_files(sources, corrections)
    key = _make_key(sources, parsed.hashes, corrections)
    return SegmentTable(
        key, _subsets(sources), parsed.mids, parsed.num_duplicates, parsed.columns,
        parsed.label_sets, parsed.num_named, parsed.num_changed, parsed.own_mids,
    )  # fmt: skip


def _subsets(sources: Sequence[SegmentSource]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source.subset for source in sources))


def _pack(table: SegmentTable) -> Arrays:
    names = {
        "num_duplicates": table.num_duplicates,
        "mids": table.mids,
        "label_sets": table._label_sets,
        "num_named": table.num_named,
        "num_changed": table.num_changed,
        "own_mids": sorted(table.own_mids),
    }
    return {**table._columns, "names": np.frombuffer(json.dumps(names).encode(), np.uint8)}


def _unpack(key: str, sources: Sequence[SegmentSource], arrays: Arrays) -> SegmentTable:
    names = json.loads(arrays["names"].tobytes())
    return SegmentTable(
        key, _subsets(sources), tuple(names["mids"]), names["num_duplicates"], arrays,
        list(map(tuple, names["label_sets"])), names["num_named"], names["num_changed"],
        frozenset(names["own_mids"]),
    )  # fmt: skip
