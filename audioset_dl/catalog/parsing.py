"""AudioSet's files of clips, read and joined into the columns of a `SegmentTable`.

Segment CSVs come first: where others have corrected their labels, those take their place; then the
clips of files of strong labels are joined with them, and their events find their clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.clips import split_clip_id
from audioset_dl.catalog.grouping import group_by_label, sort_clips
from audioset_dl.catalog.relabel import Corrections
from audioset_dl.catalog.segment_csv import LabelSets, Rows, join_rows, read_rows
from audioset_dl.catalog.sources import SegmentSource
from audioset_dl.catalog.strong_tsv import SEGMENT_MS, StrongRows, read_strong
from audioset_dl.errors import MetadataError

_LEAST_OVERHANG_MS = 100
"""An event that goes this far beyond the end of its segment is an error, less is rounding."""


class Parsed(NamedTuple):
    """What becomes a `SegmentTable`; see there."""

    mids: tuple[str, ...]
    num_duplicates: int
    columns: Mapping[str, NDArray[Any]]
    label_sets: Sequence[tuple[str, ...]]
    num_named: int
    num_changed: int
    own_mids: frozenset[str]
    hashes: Sequence[str]
    """SHA-256 of each source, of just the bytes that were parsed."""


def parse_files(sources: Sequence[SegmentSource], corrections: Corrections | None) -> Parsed:
    """Read files of clips, those of strong labels after all others.

    Raises
    ------
    MetadataError
        A file can't be read, is short, or has a malformed row.
    """
    label_sets = LabelSets()
    weak = [one for one in sources if not one.is_strong]
    strong = [one for one in sources if one.is_strong]
    read = [read_rows(one.path, label_sets, is_google=one.is_google) for one in weak]
    corrected = [_correct(rows, corrections, label_sets) for rows, _ in read]
    events = [read_strong(one.path, is_google=one.is_google) for one in strong]
    tables = [one.rows for one in corrected]
    tables += [_make_rows(one, label_sets) for one in events]
    rows = join_rows(tables)
    lengths = [len(table.ytids) for table in tables]
    is_strong = np.repeat([one.is_strong for one in sources], lengths)
    google_codes = np.full(len(rows.ytids), -1, np.int32)
    if corrected:
        given = np.concatenate([one.google_codes for one in corrected])
        google_codes[: len(given)] = given
    columns = {
        "google_codes": google_codes,
        "subset_codes": np.repeat(_subset_codes(sources), lengths),
        **rows._asdict(),
    }
    columns, num_duplicates = _keep_each_once(columns, is_strong, label_sets)
    mids, label_rows, label_ends = group_by_label(columns["set_codes"], label_sets.sets)
    columns |= {"label_rows": label_rows, "label_ends": label_ends}
    for one, source in zip(events, strong, strict=True):
        _add_events(columns, one, source, mids)
    _sort_events(columns)
    own_mids = {mid for one in events for mid in one.mids}
    own_mids.update(*(one.mids for one in corrected))
    num_named, num_changed = _count_changes(corrected, label_sets)
    if corrections is None:
        del columns["google_codes"]
    return Parsed(
        mids, num_duplicates, columns, label_sets.sets, num_named, num_changed,
        frozenset(own_mids), [*(digest for _, digest in read), *(one.sha256 for one in events)],
    )  # fmt: skip


def _subset_codes(sources: Sequence[SegmentSource]) -> NDArray[np.int16]:
    subsets = list(dict.fromkeys(source.subset for source in sources))
    return np.array([subsets.index(source.subset) for source in sources], np.int16)


class _Corrected(NamedTuple):
    rows: Rows
    google_codes: NDArray[np.int32]
    """Codes of the label sets that the file has."""
    num_named: int
    mids: frozenset[str]
    """MIDs that the corrections give."""


def _correct(rows: Rows, corrections: Corrections | None, label_sets: LabelSets) -> _Corrected:
    if corrections is None:
        return _Corrected(rows, rows.set_codes, 0, frozenset())
    found = [
        corrections.find(ytid, start_ms)
        for ytid, start_ms in zip(
            rows.ytids.astype(str).tolist(), rows.start_ms.tolist(), strict=True
        )
    ]
    is_named = np.array([labels is not None for labels in found], bool)
    codes = rows.set_codes.copy()
    codes[is_named] = [label_sets.code_of(labels) for labels in found if labels is not None]
    kept = slice(None) if corrections.keep_rest else is_named
    mids = frozenset(mid for labels in set(found) if labels for mid in labels)
    new = Rows(*(column[kept] for column in rows._replace(set_codes=codes)))
    return _Corrected(new, rows.set_codes[kept], int(np.count_nonzero(is_named)), mids)


def _count_changes(corrected: Sequence[_Corrected], label_sets: LabelSets) -> tuple[int, int]:
    """Return how many clips the corrections name, and how many of these have other labels now."""
    num_named = sum(one.num_named for one in corrected)
    if not num_named:
        return 0, 0
    number = 0
    for one in corrected:
        pairs = np.stack([one.google_codes, one.rows.set_codes])
        changed, counts = np.unique(pairs, axis=1, return_counts=True)
        for (before, after), count in zip(changed.T.tolist(), counts.tolist(), strict=True):
            if set(label_sets.sets[before]) != set(label_sets.sets[after]):
                number += count
    return num_named, number


def _make_rows(strong: StrongRows, label_sets: LabelSets) -> Rows:
    """Return the segments of a file of strong labels, each with the labels of its events."""
    labels: list[dict[str, None]] = [{} for _ in strong.segment_ids]
    for segment, code in zip(strong.segments.tolist(), strong.codes.tolist(), strict=True):
        labels[segment][strong.mids[code]] = None
    ids = [split_clip_id(segment_id) for segment_id in strong.segment_ids]
    start_ms = np.array([start_ms for _, start_ms in ids], np.int32)
    return Rows(
        np.array([ytid.encode() for ytid, _ in ids], "S11"),
        start_ms,
        start_ms + np.int32(SEGMENT_MS),
        np.array([label_sets.code_of(list(mids)) for mids in labels], np.int32),
    )


def _keep_each_once(
    columns: Mapping[str, NDArray[Any]], is_strong: NDArray[np.bool_], label_sets: LabelSets
) -> tuple[dict[str, NDArray[Any]], int]:
    """Return the columns with each clip_id once, with their order; and how many were left out.

    A row of strong labels gives its labels to the row of the same clip that is kept.
    """
    order, kept = sort_clips(columns["ytids"], columns["start_ms"])
    num_rows = len(columns["ytids"])
    if len(order) == num_rows:
        return {**columns, "order": order}, 0
    num_joined = 0
    if is_strong.any():
        columns = dict(columns)
        columns["set_codes"], num_joined = _join_labels(columns, kept, is_strong, label_sets)
    left = {name: column[kept] for name, column in columns.items()}
    left["order"] = sort_clips(left["ytids"], left["start_ms"])[0]
    return left, num_rows - len(order) - num_joined


def _join_labels(
    columns: Mapping[str, NDArray[Any]],
    kept: NDArray[Any],
    is_strong: NDArray[np.bool_],
    label_sets: LabelSets,
) -> tuple[NDArray[np.int32], int]:
    keys = list(zip(columns["ytids"].tolist(), columns["start_ms"].tolist(), strict=True))
    is_kept = np.zeros(len(keys), bool)
    is_kept[kept] = True
    left_out = np.flatnonzero(is_strong & ~is_kept).tolist()
    wanted = {keys[row] for row in left_out}
    row_of = {keys[row]: row for row in kept.tolist() if keys[row] in wanted}
    codes: NDArray[np.int32] = columns["set_codes"].copy()
    for row in left_out:
        first = row_of[keys[row]]
        joined = dict.fromkeys([*label_sets.sets[codes[first]], *label_sets.sets[codes[row]]])
        codes[first] = label_sets.code_of(list(joined))
    return codes, len(left_out)


def _add_events(
    columns: dict[str, NDArray[Any]],
    strong: StrongRows,
    source: SegmentSource,
    mids: Sequence[str],
) -> None:
    rows = _find_rows(columns, strong.segment_ids)[strong.segments]
    lengths_ms = (columns["end_ms"] - columns["start_ms"])[rows]
    overhang_ms = strong.offset_ms - lengths_ms
    wrong = np.flatnonzero((overhang_ms >= _LEAST_OVERHANG_MS) | (strong.onset_ms >= lengths_ms))
    if len(wrong):
        first = wrong[0]
        raise MetadataError(
            f"an event must end within its segment, which has {lengths_ms[first] / 1000:g} s; "
            f"found {strong.onset_ms[first] / 1000:g} to {strong.offset_ms[first] / 1000:g}",
            source.path,
            int(strong.lines[first]),
        )
    code_of = {mid: code for code, mid in enumerate(mids)}
    codes = np.array([code_of[mid] for mid in strong.mids], np.int32)[strong.codes]
    new = {
        "event_rows": rows,
        "event_onset_ms": strong.onset_ms,
        "event_offset_ms": np.minimum(strong.offset_ms, lengths_ms),
        "event_codes": codes,
    }
    for name, column in new.items():
        columns[name] = np.concatenate([columns.get(name, np.empty(0, np.int32)), column])


def _find_rows(columns: Mapping[str, NDArray[Any]], clip_ids: Sequence[str]) -> NDArray[np.int32]:
    wanted = dict.fromkeys(clip_ids, 0)
    keys = zip(columns["ytids"].astype(str).tolist(), columns["start_ms"].tolist(), strict=True)
    for row, (ytid, start_ms) in enumerate(keys):
        clip_id = f"{ytid}_{start_ms}"
        if clip_id in wanted:
            wanted[clip_id] = row
    return np.array(list(wanted.values()), np.int32)


def _sort_events(columns: dict[str, NDArray[Any]]) -> None:
    if "event_rows" not in columns:
        return
    names = ("event_rows", "event_onset_ms", "event_offset_ms", "event_codes")
    order = np.lexsort([columns[name] for name in reversed(names)])
    for name in names:
        columns[name] = columns[name][order]
