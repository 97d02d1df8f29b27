"""The journal for readers: how it is opened, how its rows lie in its table, how errors are told."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.journal_schema import VERSION, check_version, migrated_copy, version_of
from audioset_dl.dataset.rows import (
    FILE_COLUMNS,
    Row,
    SavedFile,
    check_clip,
    check_saved_file,
    check_types,
    split_joined,
)
from audioset_dl.errors import (
    AudiosetDlError,
    OutputError,
    ResourceError,
    find_resource_error,
)
from audioset_dl.storage.disk import find_advice
from audioset_dl.storage.files import KEPT

CLIP_COLUMNS = ("clip_id", "ytid", "start_s", "end_s", "labels", "subset", "google_labels")
_ROW_COLUMNS = (
    "classes", "wanted", "state", "code", "detail", "attempts", "updated_at", "proof", "asked_as",
    "reopened",
)  # fmt: skip
"""Columns that are fields of a `Row`."""
COLUMNS = (*CLIP_COLUMNS, *_ROW_COLUMNS, *FILE_COLUMNS)
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM clips"
BEGIN_ANEW = (
    "move it away and run `audioset-dl download` again: it then begins anew, with the files that "
    "manifest.csv names"
)
_ERRORS = (
    ("SQLITE_FULL", errno.ENOSPC),
    ("SQLITE_READONLY", errno.EACCES),
    ("SQLITE_CANTOPEN", errno.ENOENT),
    ("SQLITE_PERM", errno.EACCES),
    ("SQLITE_IOERR", errno.EIO),
)
"""SQLite's result codes (https://www.sqlite.org/rescode.html) that are about the disk and not about
the journal, and the error of the file system that means the same."""


@dataclass(frozen=True)
class Pause:
    """A time in which a way out to YouTube was paused."""

    way: str
    """The address, without a login."""
    began_at: str
    """ISO 8601, UTC."""
    until: str
    """When it was tried again."""
    code: str
    """Failure code of the reason."""
    words: str


class Choice(NamedTuple):
    """What the config of the last run makes of a clip that the journal knows."""

    clip_id: str
    labels: tuple[str, ...]
    """As its segment CSV has them now."""
    subset: str
    classes: tuple[str, ...]
    """MIDs of the classes that want it, or did last."""
    wanted: bool
    google_labels: tuple[str, ...] = ()
    """Google's own labels, where others have corrected them."""


class JournalReader:
    """A journal that is open for reading. Use `read_journal`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    def read_note(self, key: str) -> str | None:
        """Return what was noted under a key."""
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def states(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield clip_id, state and code of the last failure of every clip, sorted by clip_id."""
        return iter(self._db.execute("SELECT clip_id, state, code FROM clips ORDER BY clip_id"))

    def choices(self, *, after: str, number: int) -> list[Choice]:
        """Return what the config of the last run wanted of the next clips after one, by clip_id."""
        rows = self._db.execute(
            "SELECT clip_id, labels, subset, classes, wanted, google_labels FROM clips"
            " WHERE clip_id > ?"
            " ORDER BY clip_id LIMIT ?",
            (after, number),
        )
        return [
            Choice(
                clip_id,
                split_joined(labels),
                subset,
                split_joined(classes),
                bool(wanted),
                split_joined(google_labels),
            )
            for clip_id, labels, subset, classes, wanted, google_labels in rows
        ]

    def num_wanted(self) -> dict[str, int]:
        """Return how many clips each class (by MID) has or waits for; under '' all, each once.

        Empty before the first run.
        """
        return dict(self._db.execute("SELECT mid, number FROM wanted"))

    def counts(self) -> Iterator[tuple[str, int, str | None, int, str | None]]:
        """Yield state, wanted (1 or 0), failure code, number of such clips, detail of one of them.

        With those that the last run took as gone without asking.
        """
        # MAX only picks one of the details, always the same.
        rows = self._db.execute(
            "SELECT state, wanted, code, COUNT(*), MAX(detail) FROM clips"
            " GROUP BY state, wanted, code"
            " UNION ALL SELECT 'gone', 1, code, number, NULL FROM known_gone"
        )
        return iter(rows)

    def find(self, clip_id: str) -> Row | None:
        """Return what is known of a clip."""
        rows = self._db.execute(f"{_SELECT} WHERE clip_id = ?", (clip_id,))
        return next(map(self._read_row, rows), None)

    def count_reopened(self) -> int:
        """Count the clips that version 0.1.0 took as gone by vague words, and that wait again."""
        (number,) = self._db.execute(
            "SELECT COUNT(*) FROM clips WHERE state = 'waiting' AND reopened IS NOT NULL"
        ).fetchone()
        return int(number)

    def pauses(self) -> list[Pause]:
        """Return the pauses of all runs, in their order."""
        rows = self._db.execute('SELECT way, "from", until, code, words FROM pauses ORDER BY rowid')
        return [Pause(*row) for row in rows]

    def saved_last(self, number: int) -> list[Clip]:
        """Return the clips that were saved last, the newest first."""
        rows = self._db.execute(
            f"{_SELECT} WHERE state = 'saved' ORDER BY saved_at DESC, clip_id LIMIT ?", (number,)
        )
        return [row.clip for row in map(self._read_row, rows)]

    def saved_values(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield some columns of every saved clip as they stand there, sorted by clip_id."""
        return iter(
            self._db.execute(
                f"SELECT {', '.join(columns)} FROM clips WHERE state = 'saved' ORDER BY clip_id"
            )
        )

    def count_saved(self) -> int:
        """Count the saved clips."""
        (number,) = self._db.execute("SELECT COUNT(*) FROM clips WHERE state = 'saved'").fetchone()
        return int(number)

    def failed_rows(self) -> Iterator[Row]:
        """Yield what is known of every clip whose last attempt failed, sorted by clip_id."""
        rows = self._db.execute(f"{_SELECT} WHERE code IS NOT NULL ORDER BY clip_id")
        return map(self._read_row, rows)

    def interrupt(self) -> None:
        """End what another thread reads just now, with an error there."""
        with suppress(sqlite3.ProgrammingError):  # it is closed
            self._db.interrupt()

    def rows(self, state: str | None = None) -> Iterator[Row]:
        """Yield what is known of every clip, or of those in one state, sorted by clip_id."""
        rows = self._db.execute(
            f"{_SELECT} WHERE ?1 IS NULL OR state = ?1 ORDER BY clip_id", (state,)
        )
        return map(self._read_row, rows)

    def _read_row(self, values: tuple[Any, ...]) -> Row:
        try:
            return _read_row(values)
        except (TypeError, ValueError, AttributeError) as error:
            raise OutputError(
                f"the journal {self._path} holds a row that audioset-dl did not write "
                f"({values[0]!r:.40}: {error})",
                fix=BEGIN_ANEW,
            ) from error


@contextmanager
def read_journal(path: Path) -> Iterator[JournalReader]:
    """Open a journal for reading, also while a run writes it; nothing is written.

    Raises
    ------
    OutputError
        There is none, or it is damaged, or comes from a later version of the program.
    """
    if not path.is_file():
        raise OutputError(
            f"{path.parent} holds no journal: nothing was downloaded there yet, or it was lost",
            fix="run `audioset-dl download`, which begins one, or makes it again from manifest.csv;"
            " or name the config whose output.dir you mean",
        )
    with _opened(path) as connection:
        version = version_of(connection)
        if version == 0:
            raise OutputError(
                f"the journal {path} is empty", fix="run `audioset-dl download` again"
            )
        check_version(version, path)
        if version == VERSION:
            yield JournalReader(connection, path)
        else:
            with closing(migrated_copy(connection)) as copy:
                yield JournalReader(copy, path)


def read_note_of(path: Path, key: str) -> str | None:
    """Return a note of a journal of any version; None where it can't be read."""
    with suppress(OutputError, sqlite3.Error):
        if path.is_file():
            with _opened(path) as connection:
                row = connection.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
                return row[0] if row else None
    return None


def read_states(path: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield `JournalReader.states` of a journal; nothing where there is none yet."""
    if path.is_file():
        with read_journal(path) as journal:
            yield from journal.states()


def count_reopened(path: Path) -> int:
    """Return `JournalReader.count_reopened` of a journal; 0 where there is none yet."""
    if not path.is_file():
        return 0
    with read_journal(path) as journal:
        return journal.count_reopened()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    # Where no run is under way nothing is written, not even SQLite's own files beside the journal,
    # as the folder may be read-only: https://www.sqlite.org/uri.html#uriimmutable
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    options = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
    with connected(f"{path.absolute().as_uri()}?{options}", path) as connection:
        yield connection


@contextmanager
def connected(uri: str, path: Path) -> Iterator[sqlite3.Connection]:
    """Open a journal, and tell what SQLite says of it as an `OutputError`."""
    try:
        # timeout: seconds to wait for another connection that has the file locked.
        connection = sqlite3.connect(uri, uri=True, timeout=30)
    except sqlite3.Error as error:
        raise unusable_error(path, error) from error
    try:
        yield connection
    except sqlite3.DatabaseError as error:
        raise unusable_error(path, error) from error
    finally:
        connection.close()


def clip_values(clip: Clip) -> tuple[object, ...]:
    """Return the values of `CLIP_COLUMNS`."""
    return (
        clip.clip_id, clip.ytid, clip.start_s, clip.end_s, ";".join(clip.labels), clip.subset,
        ";".join(clip.google_labels),
    )  # fmt: skip


def row_values(row: Row) -> tuple[object, ...]:
    """Return the values of `COLUMNS`."""
    fields = {name: getattr(row, name) for name in _ROW_COLUMNS}
    fields["classes"] = ";".join(row.classes)
    file = astuple(row.file) if row.file is not None else (None,) * len(FILE_COLUMNS)
    return (*clip_values(row.clip), *fields.values(), *file)


def _read_row(row: tuple[Any, ...]) -> Row:
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    labels = split_joined(values["labels"])
    clip = Clip(
        values["ytid"], values["start_s"], values["end_s"], labels, values["subset"],
        split_joined(values["google_labels"]),
    )  # fmt: skip
    check_clip(clip)
    if clip.clip_id != values["clip_id"]:
        raise ValueError(f"clip_id of {clip.clip_id}")
    file = None
    if values["state"] == "saved":
        file = SavedFile(**{name: values[name] for name in FILE_COLUMNS})
        check_types(file)
        check_saved_file(file)
    fields = {name: values[name] for name in _ROW_COLUMNS}
    fields |= {"classes": split_joined(values["classes"]), "wanted": bool(values["wanted"])}
    return Row(clip, file=file, **fields)


def _find_used_up_files() -> ResourceError | None:
    """Return why no file can be opened at all, which SQLite does not tell; None if one can."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return find_resource_error(error)
    return None


def unusable_error(path: Path, error: Exception) -> AudiosetDlError:
    """Return the error for a journal that SQLite could not read or write.

    Parameters
    ----------
    path : Path
        The journal.
    error : sqlite3.Error
        Its ``sqlite_errorname`` says if the disk is full or read-only, or the journal damaged.
    """
    name = getattr(error, "sqlite_errorname", None) or ""
    words = next(
        (find_advice(number, path) for start, number in _ERRORS if name.startswith(start)), ""
    )
    if words:
        return OutputError(f"the journal {path} can't be written: {error}{words}", fix=KEPT)
    if name == "SQLITE_CANTOPEN" and (limit := _find_used_up_files()):
        return limit
    if name == "SQLITE_BUSY":
        return OutputError(
            f"the journal {path} can't be used: {error}; another program has it open",
            fix="end that one",
        )
    return OutputError(
        f"the journal {path} can't be used: {error}", fix=f"if it is damaged, {BEGIN_ANEW}"
    )
