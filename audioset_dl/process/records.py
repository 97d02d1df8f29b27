"""What is known of each clip, kept while a run goes on, so that a stopped one can be resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from audioset_dl.process.clip import Record
from audioset_dl.process.folder import file_name_of
from audioset_dl.storage.files import as_output_error, write_file


def read_records(path: Path) -> dict[str, Record]:
    """Read what was noted, by clip_id; lines that are not whole, as after a crash, are passed over.

    Names of files that are not ours are not believed.
    """
    records: dict[str, Record] = {}
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return records
    for line in lines:
        try:
            record = Record.from_json(json.loads(line))
        except (ValueError, TypeError, KeyError):
            continue
        made = record.made
        names = {file_name_of(record.clip_id, suffix) for suffix in (".wav", ".npy")}
        if made is None or made.file_name in names:
            records[record.clip_id] = record
    return records


def write_records(path: Path, records: Mapping[str, Record]) -> None:
    """Write records whole, sorted by clip_id."""
    write_file(path, _lines(records[clip_id] for clip_id in sorted(records)).encode())


@contextmanager
def noting(path: Path) -> Iterator[Callable[[Record], None]]:
    """Give a function that appends a record to a file; the last one of a clip is what counts.

    Raises
    ------
    OutputError
        It can't be written.
    """
    with as_output_error(path), path.open("a", encoding="utf-8") as file:

        def note(record: Record) -> None:
            file.write(_lines([record]))
            file.flush()

        yield note


def _lines(records: Iterable[Record]) -> str:
    return "".join(json.dumps(record.to_json()) + "\n" for record in records)
