"""The journal: the truth about every clip that was ever drawn.

A SQLite file in the output folder with one writer, the engine's thread; others may read while it
runs. SQL is written here and in the modules beside it (``journal_*``) only. The journal records
what it is told and decides nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path

from audioset_dl.dataset.journal_reader import (
    BEGIN_ANEW,
    CLIP_COLUMNS,
    COLUMNS,
    Choice,
    JournalReader,
    Pause,
    clip_values,
    connected,
    row_values,
    unusable_error,
)
from audioset_dl.dataset.journal_schema import check_version, migrate_file, version_of
from audioset_dl.dataset.rows import FILE_COLUMNS, Row
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import as_output_error

_PROBE_DAYS = 5 / 24 / 60
"""Five minutes, in days: a pause that begins so soon after another one goes on from it, as what
came between was a probe."""
_REOPEN = "UPDATE clips SET state = 'waiting', proof = NULL WHERE state = 'gone'"

_RECORD_SAVED = (
    "UPDATE clips SET state = 'saved', code = NULL, detail = NULL, proof = NULL, asked_as = NULL,"
    f" updated_at = ?, {', '.join(f'{name} = ?' for name in FILE_COLUMNS)} WHERE clip_id = ?"
)
_RECORD_FAILED = (
    "UPDATE clips SET state = ?, code = ?, detail = ?, proof = ?, asked_as = ?,"
    " updated_at = ?, attempts = attempts + ? WHERE clip_id = ? AND state != 'saved'"
)
_BEGIN_ROW = (
    f"INSERT OR IGNORE INTO clips ({', '.join(CLIP_COLUMNS)}, classes, wanted, updated_at, state)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting')"
)
_NOTE_CHOICE = (
    "UPDATE clips SET labels = ?2, subset = ?3, classes = ?4, wanted = ?5, google_labels = ?6"
    " WHERE clip_id = ?1"
)
_MAKE_LONGER = (
    "UPDATE pauses SET until = ?2 WHERE code = ?3 AND julianday(until) >= julianday(?1) - ?5"
    " AND rowid = (SELECT MAX(rowid) FROM pauses WHERE way = ?4)"
)


class Journal(JournalReader):
    """A journal that is open for its one writer. Use `open_journal`."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, check: Callable[[], object]
    ) -> None:
        super().__init__(connection, path)
        self._check = check

    def note_choices(self, choices: Iterable[Choice]) -> None:
        """Note what the config wants of the clips that the journal knows.

        What became of them stays.
        """
        rows = [
            (
                one.clip_id,
                ";".join(one.labels),
                one.subset,
                ";".join(one.classes),
                one.wanted,
                ";".join(one.google_labels),
            )
            for one in choices
        ]
        if rows:
            with self._writing():
                self._db.executemany(_NOTE_CHOICE, rows)

    def note_num_wanted(self, numbers: Mapping[str, int]) -> None:
        """Note how many clips some classes (by MID) have or wait for; under '' all, each once."""
        with self._writing():
            self._db.executemany("INSERT OR REPLACE INTO wanted VALUES (?, ?)", numbers.items())

    def forget_num_wanted(self) -> None:
        """Forget how many clips the config of an earlier run wanted."""
        with self._writing():
            self._db.execute("DELETE FROM wanted")
            self._db.execute("DELETE FROM known_gone")

    def note_known_gone(self, codes: Iterable[str]) -> None:
        """Note how many clips the run takes as gone without asking.

        Parameters
        ----------
        codes : iterable of str
            The failure code of each of them.
        """
        with self._writing():
            self._db.execute("DELETE FROM known_gone")
            self._db.executemany(
                "INSERT INTO known_gone VALUES (?, 1)"
                " ON CONFLICT (code) DO UPDATE SET number = number + 1",
                [(code,) for code in codes],
            )

    def record_saved(self, *rows: Row) -> None:
        """Note that clips are on the disk, known or not."""
        files = [(row.saved_file.saved_at, *astuple(row.saved_file), row.clip_id) for row in rows]
        with self._writing():
            self._begin_rows([replace(row, updated_at=row.saved_file.saved_at) for row in rows])
            self._db.executemany(_RECORD_SAVED, files)

    def record_failed(self, row: Row, *, charged: bool) -> None:
        """Note a failed attempt: the clip is ``gone``, or ``waiting`` for another.

        A clip that is saved stays saved; the number of attempts rises where it is `charged`.
        """
        with self._writing():
            self._begin_rows([row])
            self._db.execute(
                _RECORD_FAILED,
                (row.state, row.code, row.detail, row.proof, row.asked_as, row.updated_at,
                 int(charged), row.clip_id),
            )  # fmt: skip

    def put(self, rows: Iterable[Row]) -> None:
        """Write rows as they are, in the place of those of the same clips."""
        marks = ", ".join("?" * len(COLUMNS))
        with self._writing():
            self._db.executemany(
                f"INSERT OR REPLACE INTO clips ({', '.join(COLUMNS)}) VALUES ({marks})",
                map(row_values, rows),
            )

    def retry_gone(self, codes: Collection[str]) -> None:
        """Let clips that are gone by some codes wait again."""
        marks = ", ".join("?" * len(codes))
        self._write(f"{_REOPEN} AND code IN ({marks})", tuple(codes))

    def reopen(self, clip_ids: Iterable[str]) -> None:
        """Let clips wait again that were taken as gone."""
        for clip_id in clip_ids:
            self._write(f"{_REOPEN} AND clip_id = ?", (clip_id,))

    def record_pause(self, pause: Pause) -> None:
        """Note a pause; one that goes on from the last of the same way makes that one longer."""
        with self._writing():
            changed = self._db.execute(
                _MAKE_LONGER, (pause.began_at, pause.until, pause.code, pause.way, _PROBE_DAYS)
            )
            if not changed.rowcount:
                self._db.execute("INSERT INTO pauses VALUES (?, ?, ?, ?, ?)", astuple(pause))

    def refund(self, clip_id: str) -> None:
        """Take back one attempt that a clip was charged."""
        self._write(
            "UPDATE clips SET attempts = MAX(0, attempts - 1) WHERE clip_id = ?", (clip_id,)
        )

    def record_moved(self, clip_id: str, file_name: str) -> None:
        """Note that the file of a saved clip has another place now."""
        self._write("UPDATE clips SET file_name = ? WHERE clip_id = ?", (file_name, clip_id))

    def record_lost(self, clip_id: str, now: str) -> None:
        """Note that the file of a saved clip is no longer there, so that it is fetched again."""
        columns = ", ".join(f"{name} = NULL" for name in FILE_COLUMNS)
        self._write(
            f"UPDATE clips SET state = 'waiting', updated_at = ?, {columns} WHERE clip_id = ?",
            (now, clip_id),
        )

    def forget(self, clip_id: str) -> None:
        """Forget a clip, whose file was deleted because no config wants it."""
        self._write("DELETE FROM clips WHERE clip_id = ?", (clip_id,))

    def note(self, key: str, value: str) -> None:
        """Leave a note for those who read the journal while a run writes it."""
        self._write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))

    def _begin_rows(self, rows: Iterable[Row]) -> None:
        self._db.executemany(
            _BEGIN_ROW,
            [(*clip_values(row.clip), ";".join(row.classes), row.wanted, row.updated_at)
             for row in rows],
        )  # fmt: skip

    def _write(self, statement: str, values: Sequence[object]) -> None:
        with self._writing():
            self._db.execute(statement, values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._check()
        with as_output_error(self._path):
            try:
                with self._db:
                    yield
            except sqlite3.OperationalError as error:
                raise unusable_error(self._path, error) from error


@contextmanager
def open_journal(path: Path, *, check: Callable[[], object] = lambda: None) -> Iterator[Journal]:
    """Open the journal for its one writer, making it if need be.

    Each change is on the disk when its method returns. A journal of an older version is brought to
    this one.

    Parameters
    ----------
    path : Path
        The file.
    check : callable
        Called before each change; raises if the folder is no longer ours to write.

    Raises
    ------
    OutputError
        It can't be written, is damaged, or comes from a later version of the program.
    """
    with as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with connected(f"{path.absolute().as_uri()}?mode=rwc", path) as connection:
        # Others can read while the one writer writes, and a change is on the disk at once:
        # https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        check_version(version_of(connection), path)
        # Damage is noticed before anything is written on top of it.
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise OutputError(f"the journal {path} is damaged ({found!r:.80})", fix=BEGIN_ANEW)
        migrate_file(connection, path)
        yield Journal(connection, path, check)
