"""manifest.csv, written: the saved clips that the journal knows, as a table for pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audioset_dl.dataset.rows import Row, join_names, split_joined
from audioset_dl.storage.tables import safe_cell, write_table

MANIFEST_COLUMNS = (
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples",
    "sample_rate", "channels", "classes", "labels", "label_names", "subset", "sha256",
    "source_format", "method", "bytes_fetched", "saved_at", "track", "google_labels",
)  # fmt: skip
SAVED_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "labels", "subset", "classes", "wanted",
    "file_name", "num_samples", "sample_rate", "channels", "sha256",
    "source_format", "method", "bytes_fetched", "saved_at", "track", "google_labels",
)  # fmt: skip
"""Columns of the journal that a row of manifest.csv is made of."""


def write_manifest(path: Path, rows: Iterable[Row], names: Mapping[str, str]) -> None:
    """Write one row for each saved clip, sorted by clip_id.

    The column ``classes`` is empty where only an earlier config wanted the clip.

    Parameters
    ----------
    path : Path
        manifest.csv; replaced whole.
    rows : iterable of Row
        Saved clips, sorted by clip_id; others are left out.
    names : mapping of str to str
        Display names by MID.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    write_saved(path, (_values_of(row) for row in rows if row.file is not None), names)


def write_saved(path: Path, values: Iterable[Sequence[Any]], names: Mapping[str, str]) -> None:
    """Write one row for each saved clip, as `write_manifest` does, from what a journal holds.

    Parameters
    ----------
    path : Path
        manifest.csv; replaced whole.
    values : iterable of sequence
        Of each clip the values of `SAVED_COLUMNS`, sorted by clip_id.
    names : mapping of str to str
        Display names by MID.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    named = _Names(names)
    write_table(path, MANIFEST_COLUMNS, (_manifest_row(one, named) for one in values))


def manifest_cells(row: Row, names: Mapping[str, str]) -> dict[str, object]:
    """Return the cells of a saved clip's row in manifest.csv, by column."""
    cells = _manifest_row(_values_of(row), _Names(names))
    return dict(zip(MANIFEST_COLUMNS, cells, strict=True))


class _Names(dict[str, str]):
    """Display names of MIDs, both joined with ``;``: thousands of clips have the same labels."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, mids: str) -> str:
        self[mids] = joined = join_names(split_joined(mids), self._names)
        return joined


def _values_of(row: Row) -> Sequence[Any]:
    """Return the values of `SAVED_COLUMNS`."""
    clip, file = row.clip, row.saved_file
    return (
        clip.clip_id, clip.ytid, clip.start_s, clip.end_s, ";".join(clip.labels), clip.subset,
        ";".join(row.classes), row.wanted,
        file.file_name, file.num_samples, file.sample_rate, file.channels, file.sha256,
        file.source_format, file.method, file.bytes_fetched, file.saved_at, file.track,
        ";".join(clip.google_labels),
    )  # fmt: skip


def _manifest_row(values: Sequence[Any], names: _Names) -> Sequence[Any]:
    (
        clip_id, ytid, start_s, end_s, labels, subset, classes, wanted,
        file_name, num_samples, sample_rate, channels, sha256,
        source_format, method, bytes_fetched, saved_at, track, google_labels,
    ) = values  # fmt: skip
    return (
        file_name, clip_id, ytid, start_s, end_s, round(num_samples / sample_rate, 6),
        num_samples, sample_rate, channels, names[classes] if wanted else "",
        labels, names[labels], subset, sha256,
        safe_cell(source_format), method, bytes_fetched, saved_at, safe_cell(track), google_labels,
    )  # fmt: skip
