"""manifest.csv, read: a download's, or that of what was made of one."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from sys import intern
from typing import TypeVar

from audioset_dl.catalog.clips import UNLABELLED, Clip, split_clip_id
from audioset_dl.dataset.failures import FAILURES_NEEDED, WRITTEN_ANEW
from audioset_dl.dataset.journal_reader import read_journal, read_note_of
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest_writing import MANIFEST_COLUMNS, manifest_cells
from audioset_dl.dataset.rows import (
    Row,
    SavedFile,
    check_clip,
    check_file_name,
    check_saved_file,
    split_joined,
)
from audioset_dl.errors import OutputError
from audioset_dl.storage.tables import (
    BadRow,
    Cells,
    check_table,
    read_table,
)

MANIFEST_NEEDED = tuple(name for name in MANIFEST_COLUMNS if name not in {"track", "google_labels"})
"""The columns that manifest.csv of version 0.1.0 has."""
MANIFEST_NOTE = "manifest"
"""Key of the journal's note that says which manifest was written from it, by its SHA-256."""


UNLISTED_NOTE = "unlisted"
"""Key of the journal's note that the manifest lacks clips that it has: the display names by MID."""

Value = TypeVar("Value")


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
            ((repeated, _),) = counts.most_common(1)
            raise repeated_error(self.path, repeated)
        return by_clip_id

    def sha256(self) -> str:
        """Return the SHA-256 of the file as it is now."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def repeated_error(path: Path, clip_id: str) -> OutputError:
    """Return the error for a clip that stands in several rows."""
    return OutputError(
        f"{path}: clip {clip_id} stands in several rows",
        fix="`audioset-dl verify --repair` writes the manifest anew",
    )


def read_manifest(
    path: Path,
    *,
    columns: Collection[str] = MANIFEST_NEEDED,
    carrying: Collection[str] | None = None,
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
    carrying : collection of str, optional
        Leave out clips that carry none of these labels (MIDs); all clips unless given.
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
    names: dict[str, str] = {}
    is_download = set(columns) >= set(MANIFEST_NEEDED)
    reader = _ManifestReader(names, checked=checked, is_download=is_download)
    wanted = None if carrying is None else frozenset(carrying)

    @cache
    def is_wanted(labels: str) -> bool:
        return wanted is None or not wanted.isdisjoint(split_joined(labels))

    def read_row(cells: Cells) -> Row | None:
        return reader.read(cells) if is_wanted(cells["labels"]) else None

    found = read_manifest_cells(path, read_row, columns=columns, fix=fix)
    return Manifest(path, [row for row in found if row is not None], names)


def read_manifest_cells(
    path: Path,
    read_row: Callable[[Cells], Value],
    *,
    columns: Collection[str] = MANIFEST_NEEDED,
    fix: str | None = None,
) -> Iterator[Value]:
    """Yield what becomes of each row of a manifest, for who needs some of its columns only.

    Where a run was ended before it could write all (see `UNLISTED_NOTE`), the journal has the rest.

    Parameters
    ----------
    read_row : callable
        As for `audioset_dl.storage.tables.read_table`.
    path, columns, fix
        As for `read_manifest`, which raises the same.
    """
    if not path.exists():
        raise OutputError(
            f"{path} does not exist",
            fix=fix
            or "run `audioset-dl download`, which writes it, or name the config whose output.dir "
            "you mean",
        )
    fix = fix or WRITTEN_ANEW
    note = path.name == "manifest.csv" and read_note_of(_journal_beside(path), UNLISTED_NOTE)
    if not note:
        yield from read_table(path, read_row, columns=columns, what="manifest", fix=fix)
        return
    listed: set[str] = set()

    def read_listed(cells: Cells) -> Value:
        listed.add(cells["clip_id"])
        return read_row(cells)

    yield from read_table(path, read_listed, columns=columns, what="manifest", fix=fix)
    yield from map(read_row, _read_unlisted(_journal_beside(path), listed, json.loads(note)))


def _journal_beside(path: Path) -> Path:
    return OutputFolder(path.parent).journal


def _read_unlisted(
    path: Path, listed: Collection[str], names: Mapping[str, str]
) -> Iterator[Cells]:
    """Yield what the manifest would have of saved clips that only the journal has."""
    with read_journal(path) as journal:
        for row in journal.rows("saved"):
            if row.clip_id not in listed:
                yield {column: str(cell) for column, cell in manifest_cells(row, names).items()}


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
        reader = _ManifestReader({}, checked=checked, is_download=True)
        yield from read_table(
            path, reader.read, columns=MANIFEST_NEEDED, what="manifest", on_bad_row=on_bad_row
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
    check_table(folder.manifest, columns=MANIFEST_NEEDED, what="manifest")
    check_table(folder.failures, columns=FAILURES_NEEDED, what="failures.csv")


class _ManifestReader:
    """Reads the rows of one manifest."""

    def __init__(self, names: dict[str, str], *, checked: bool, is_download: bool) -> None:
        self._names = names
        # Thousands of clips carry the same labels: their tuples are made once.
        self._read_labels = cache(self._find_labels)
        self._checked = checked
        self._is_download = is_download

    def read(self, cells: Cells) -> Row:
        """Return a row; note the names of its labels."""
        labels, classes = self._read_labels(cells["labels"], cells["label_names"], cells["classes"])
        clip, file = self._read_clip(cells, labels), _read_file(cells)
        if cells["clip_id"] != clip.clip_id:
            raise BadRow(f"clip_id {cells['clip_id']!r:.40} of ytid {clip.ytid!r:.40}")
        if self._checked:
            self._check(clip, file)
        return Row(
            clip, file=file, classes=classes, wanted=bool(classes), state="saved",
            updated_at=file.saved_at, source_sha256=cells.get("source_sha256", ""),
        )  # fmt: skip

    def _find_labels(
        self, joined_mids: str, joined_names: str, joined_classes: str
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return labels and classes as MIDs; note the names of the labels."""
        labels, names = split_joined(joined_mids), split_joined(joined_names)
        mids = dict(zip(names, labels, strict=self._checked))
        self._names.update(zip(labels, names, strict=self._checked))
        mids[UNLABELLED] = UNLABELLED
        classes = tuple(mids[name] for name in split_joined(joined_classes) if name in mids)
        return labels, classes

    def _read_clip(self, cells: Cells, labels: tuple[str, ...]) -> Clip:
        if "start_s" in cells and "end_s" in cells:
            start_s, end_s = float(cells["start_s"]), float(cells["end_s"])
        else:
            try:
                start_s = end_s = split_clip_id(cells["clip_id"])[1] / 1000
            except ValueError as error:
                raise BadRow(str(error)) from error
        google_labels = split_joined(intern(cells.get("google_labels", "")))
        subset = intern(cells.get("subset", ""))
        return Clip(cells["ytid"], start_s, end_s, labels, subset, google_labels)

    def _check(self, clip: Clip, file: SavedFile) -> None:
        if self._is_download:
            check_clip(clip)
            check_saved_file(file)
        else:
            split_clip_id(clip.clip_id)
            check_file_name(file.file_name)


def _read_file(cells: Cells) -> SavedFile:
    get = cells.get
    return SavedFile(
        file_name=get("file_name", ""),
        num_samples=int(get("num_samples", 0)),
        sample_rate=int(get("sample_rate", 0)),
        channels=int(get("channels", 0)),
        num_bytes=0,
        sha256=get("sha256", ""),
        # The same words stand in thousands of rows: interned, they are in memory once.
        source_format=intern(get("source_format", "")),
        method=intern(get("method", "")),
        bytes_fetched=int(get("bytes_fetched", 0)),
        saved_at=get("saved_at", ""),
        track=intern(get("track", "")),
    )
