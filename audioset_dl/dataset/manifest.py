"""manifest.csv and failures.csv: what the journal knows, as tables for pandas.

The one reader and the one writer of each. Both tables give and take `audioset_dl.dataset.rows.Row`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from sys import intern
from typing import Any

from audioset_dl.catalog.clips import Clip, split_clip_id
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import (
    FILE_COLUMNS,
    Row,
    SavedFile,
    check_clip,
    check_file_name,
    check_saved_file,
)
from audioset_dl.dataset.version_0_1 import separate_detail
from audioset_dl.errors import OutputError
from audioset_dl.storage.tables import (
    BadRow,
    Cells,
    check_table,
    read_table,
    safe_cell,
    write_table,
)

MANIFEST_COLUMNS = (
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples",
    "sample_rate", "channels", "classes", "labels", "label_names", "subset", "sha256",
    "source_format", "method", "bytes_fetched", "saved_at", "track",
)  # fmt: skip
_MANIFEST_NEEDED = MANIFEST_COLUMNS[:-1]
"""The columns that manifest.csv of version 0.1.0 has."""
FAILURES_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "classes", "state", "code", "detail", "attempts",
    "updated_at", "proof", "asked_as", "known_from",
)  # fmt: skip
_FAILURES_NEEDED = FAILURES_COLUMNS[:-3]
"""The columns that failures.csv of version 0.1.0 has."""

MANIFEST_NOTE = "manifest"
"""Key of the journal's note that says which manifest was written from it, by its SHA-256."""
_WRITTEN_ANEW = "`audioset-dl download` and `verify --repair` write it anew from the journal"


@dataclass(frozen=True)
class Manifest:
    """What a manifest.csv says."""

    path: Path
    rows: Sequence[Row]
    """In the order of the file; their files have no `num_bytes`, which it does not hold."""
    names: Mapping[str, str]
    """Display names by MID, of all labels in the table."""

    def by_clip_id(self) -> dict[str, Row]:
        """Return the rows by clip_id, in their order.

        Raises
        ------
        OutputError
            A clip stands in several rows.
        """
        by_clip_id = {row.clip_id: row for row in self.rows}
        if len(by_clip_id) < len(self.rows):
            counts = Counter(row.clip_id for row in self.rows)
            ((repeated, number),) = counts.most_common(1)
            raise OutputError(
                f"{self.path}: clip {repeated} stands in {number} rows",
                fix="`audioset-dl verify --repair` writes the manifest anew",
            )
        return by_clip_id

    def sha256(self) -> str:
        """Return the SHA-256 of the file as it is now."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


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
    write_table(
        path, MANIFEST_COLUMNS, (manifest_cells(row, names) for row in rows if row.file is not None)
    )


def write_failures(path: Path, rows: Iterable[Row], names: Mapping[str, str]) -> None:
    """Write one row for each clip whose last attempt failed, with why, sorted by clip_id.

    Parameters
    ----------
    path : Path
        failures.csv; replaced whole.
    rows : iterable of Row
        All clips, sorted by clip_id, with those of `audioset_dl.dataset.rows.add_known_gone`.
    names : mapping of str to str
        Display names by MID.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    cells = (
        (row.clip_id, row.clip.ytid, row.clip.start_s, row.clip.end_s,
         _join_names(row.classes, names), row.state, row.code, safe_cell(row.detail or ""),
         row.attempts,
         row.updated_at, row.proof, row.asked_as, row.known_from)
        for row in rows
        if row.code is not None
    )  # fmt: skip
    write_table(path, FAILURES_COLUMNS, cells)


def manifest_cells(row: Row, names: Mapping[str, str]) -> dict[str, object]:
    """Return the cells of a saved clip's row in manifest.csv, by column."""
    clip, file = row.clip, row.saved_file
    duration_s = round(file.num_samples / file.sample_rate, 6)
    classes = _join_names(row.classes, names) if row.wanted else ""
    cells = (
        file.file_name, clip.clip_id, clip.ytid, clip.start_s, clip.end_s, duration_s,
        file.num_samples, file.sample_rate, file.channels, classes,
        ";".join(clip.labels), _join_names(clip.labels, names), clip.subset, file.sha256,
        safe_cell(file.source_format), file.method, file.bytes_fetched, file.saved_at,
        safe_cell(file.track),
    )  # fmt: skip
    return dict(zip(MANIFEST_COLUMNS, cells, strict=True))


def read_manifest(
    path: Path,
    *,
    columns: Collection[str] = _MANIFEST_NEEDED,
    checked: bool = True,
    fix: str | None = None,
) -> Manifest:
    """Read a manifest.csv: that of a download, or of what was made of one.

    Parameters
    ----------
    path : Path
        The table.
    columns : collection of str
        Columns that must be there; what others say is 0 or empty where they are not. Unless these
        are all that a download writes, files may lie anywhere inside the folder of the table, and
        not only in its ``wav``.
    checked : bool
        Refuse rows that no run can have written, such as of a file outside the folder. False for
        `verify`, which names each of them.
    fix : str, optional
        What to do where there is none, or it is not such a table; what writes that of a download
        unless given.

    Raises
    ------
    OutputError
        There is none, or it is not such a table; with the line.
    """
    if not path.exists():
        raise OutputError(
            f"{path} does not exist",
            fix=fix
            or "run `audioset-dl download`, which writes it, or name the config whose output.dir "
            "you mean",
        )
    reader = _ManifestReader(checked=checked, is_download=set(columns) >= set(_MANIFEST_NEEDED))
    fix = fix or _WRITTEN_ANEW
    rows = list(read_table(path, reader.read, columns=columns, what="manifest", fix=fix))
    return Manifest(path, rows, reader.names)


def read_manifest_leniently(
    path: Path, on_bad_row: Callable[[str], object], *, checked: bool = True
) -> Iterator[Row]:
    """Yield the rows of a manifest.csv that can be used; nothing where there is none.

    Parameters
    ----------
    path : Path
        The table.
    on_bad_row : callable
        Told of each other row, with its line.
    checked : bool
        As in `read_manifest`.

    Raises
    ------
    OutputError
        It is no such table.
    """
    if hash_manifest(path):
        reader = _ManifestReader(checked=checked, is_download=True)
        yield from read_table(
            path, reader.read, columns=_MANIFEST_NEEDED, what="manifest", on_bad_row=on_bad_row
        )


def hash_manifest(path: Path) -> str | None:
    """Return the SHA-256 of a manifest.csv; None where there is none, or it is empty."""
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
            file.seek(0)
            return None if is_empty else hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def check_tables(folder: OutputFolder) -> None:
    """Refuse a folder in which other files stand in the places of our tables.

    Raises
    ------
    OutputError
        The first of them, and what to do.
    """
    check_table(folder.manifest, columns=_MANIFEST_NEEDED, what="manifest")
    check_table(folder.failures, columns=_FAILURES_NEEDED, what="failures.csv")


class _ManifestReader:
    """Reads the rows of one manifest."""

    def __init__(self, *, checked: bool, is_download: bool) -> None:
        self.names: dict[str, str] = {}
        # Thousands of clips carry the same labels: their tuples are made once.
        self._split = cache(_split)
        self._checked = checked
        self._is_download = is_download

    def read(self, cells: Cells) -> Row:
        """Return a row; note the names of its labels."""
        clip, file = self._read_clip(cells), _read_file(cells)
        if cells["clip_id"] != clip.clip_id:
            raise BadRow(f"clip_id {cells['clip_id']!r:.40} of ytid {clip.ytid!r:.40}")
        if self._checked:
            self._check(clip, file)
        names = self._split(cells["label_names"])
        mids = dict(zip(names, clip.labels, strict=self._checked))
        self.names.update(zip(clip.labels, names, strict=self._checked))
        classes = tuple(mids[name] for name in self._split(cells["classes"]) if name in mids)
        return Row(
            clip, file=file, classes=classes, wanted=bool(classes), state="saved",
            updated_at=file.saved_at, source_sha256=cells.get("source_sha256", ""),
        )  # fmt: skip

    def _read_clip(self, cells: Cells) -> Clip:
        if "start_s" in cells and "end_s" in cells:
            start_s, end_s = float(cells["start_s"]), float(cells["end_s"])
        else:
            try:
                start_s = end_s = split_clip_id(cells["clip_id"])[1] / 1000
            except ValueError as error:
                raise BadRow(str(error)) from error
        labels = self._split(cells["labels"])
        return Clip(cells["ytid"], start_s, end_s, labels, intern(cells.get("subset", "")))

    def _check(self, clip: Clip, file: SavedFile) -> None:
        if not clip.labels:
            raise BadRow(f"{clip.clip_id} has no labels")
        if self._is_download:
            check_clip(clip)
            check_saved_file(file)
        else:
            split_clip_id(clip.clip_id)
            check_file_name(file.file_name)


def read_failures(path: Path, names: Mapping[str, str] | None = None) -> list[Row]:
    """Read failures.csv, also that of version 0.1.0; nothing where there is none.

    The clips of these rows have neither labels nor a subset: the table does not hold them.

    Parameters
    ----------
    path : Path
        failures.csv.
    names : mapping of str to str, optional
        Display names by MID. The table has only the names of the classes: rows have no classes
        without it.

    Raises
    ------
    OutputError
        It is not such a table; with the line.
    """
    if not path.exists():
        return []
    read = partial(_read_failure, mids={name: mid for mid, name in (names or {}).items()})
    what = "failures.csv"
    return list(read_table(path, read, columns=_FAILURES_NEEDED, what=what, fix=_WRITTEN_ANEW))


def _read_file(cells: Cells) -> SavedFile:
    values: dict[str, Any] = {
        name: kind(cells.get(name, kind())) for name, kind in FILE_COLUMNS.items()
    }
    # The same words stand in thousands of rows: interned, they are in memory once.
    values |= {name: intern(values[name]) for name in ("source_format", "method", "track")}
    return SavedFile(**{**values, "num_bytes": 0})


def _read_failure(cells: Cells, mids: Mapping[str, str]) -> Row:
    if cells["state"] not in ("gone", "waiting") or not cells["code"]:
        raise ValueError(cells["state"])
    clip = Clip(cells["ytid"], float(cells["start_s"]), float(cells["end_s"]), (), "")
    check_clip(clip)
    classes = tuple(mids[name] for name in _split(cells["classes"]) if name in mids)
    row = Row(
        clip, classes=classes, state=cells["state"], code=cells["code"], detail=cells["detail"],
        attempts=int(cells["attempts"]), updated_at=cells["updated_at"],
        proof=cells.get("proof") or None, asked_as=cells.get("asked_as") or None,
        known_from=cells.get("known_from") or None,
    )  # fmt: skip
    return row if "proof" in cells else separate_detail(row)


def _join_names(mids: Iterable[str], names: Mapping[str, str]) -> str:
    return ";".join(names.get(mid, mid) for mid in mids)


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()
