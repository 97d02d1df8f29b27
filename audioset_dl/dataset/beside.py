"""The tables beside the manifest that say more of its clips: events.csv and list.csv.

Derived like the manifest: what the config's metadata and list know of the saved clips, and of other
saved clips what an earlier run wrote.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.dataset.journal_reader import JournalReader
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.storage.files import remove_file
from audioset_dl.storage.tables import read_table, write_table

EVENT_COLUMNS = ("file_name", "clip_id", "onset_s", "offset_s", "label", "label_name")
"""Columns of events.csv: times in seconds from the start of the clip, a MID, its display name."""

_Cells = Mapping[str, object]
FindRows = Callable[[str], Sequence[_Cells]]
"""Returns the rows of a clip, by clip_id; without its file_name and clip_id, which are added."""


@dataclass(frozen=True)
class Beside:
    """What a run knows for the tables beside the manifest."""

    find_events: FindRows | None = None
    """None if the run knows of no strong labels."""
    find_listed: FindRows | None = None
    """None if the run has no list with further columns."""
    list_columns: tuple[str, ...] = ()
    """These columns."""

    def write(self, journal: JournalReader, folder: OutputFolder) -> None:
        """Write the tables from what the journal has as saved; remove one that would be empty.

        Raises
        ------
        OutputError
            A table can't be read or written.
        """
        _write(folder.events, EVENT_COLUMNS, self.find_events, journal)
        columns = ("clip_id", *self.list_columns)
        earlier = [name for name in _read_header(folder.list) if name not in columns]
        _write(folder.list, (*columns, *earlier), self.find_listed, journal)


def read_beside(folders: Sequence[OutputFolder]) -> Beside:
    """Return what the tables of some datasets say, each clip as the first of them has it.

    Raises
    ------
    OutputError
        A table can't be read.
    """
    events = [_group(folder.events) for folder in folders if folder.events.exists()]
    lists = [_group(folder.list) for folder in folders if folder.list.exists()]
    columns = [name for folder in folders for name in _read_header(folder.list)]
    return Beside(
        _find_in(events) if events else None,
        _find_in(lists) if lists else None,
        tuple(name for name in dict.fromkeys(columns) if name != "clip_id"),
    )


def _group(path: Path) -> Mapping[str, Sequence[_Cells]]:
    """Return the rows of a table by clip_id."""
    groups: dict[str, list[_Cells]] = {}
    for row in _read(path):
        groups.setdefault(row["clip_id"], []).append(row)
    return groups


def _find_in(tables: Sequence[Mapping[str, Sequence[_Cells]]]) -> FindRows:
    return lambda clip_id: next((table[clip_id] for table in tables if clip_id in table), ())


def _write(
    path: Path, columns: Sequence[str], find: FindRows | None, journal: JournalReader
) -> None:
    if find is None and not path.exists():
        return
    saved = dict(journal.saved_values(("clip_id", "file_name")))
    rows = _find_rows(path, saved, find)
    first = next(rows, None)
    if first is None:
        remove_file(path)
        return
    write_table(path, columns, _chain(first, rows))


def _find_rows(
    path: Path, saved: Mapping[str, str], find: FindRows | None
) -> Iterator[Mapping[str, object]]:
    """Yield the rows of the saved clips, sorted by clip_id as these are."""
    earlier = _group(path)
    for clip_id, file_name in saved.items():
        found = find(clip_id) if find else ()
        for cells in found or earlier.get(clip_id, ()):
            yield {**cells, "file_name": file_name, "clip_id": clip_id}


def _read(path: Path) -> Iterable[Mapping[str, str]]:
    if not path.exists():
        return ()
    return read_table(path, dict, columns={"clip_id"}, what=path.name)


def _read_header(path: Path) -> Sequence[str]:
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file), [])


def _chain(first: _Cells, rest: Iterable[_Cells]) -> Iterator[_Cells]:
    yield first
    yield from rest
