"""The journal: the truth about every clip that was ever drawn.

A SQLite file in the output folder with one writer, the engine's thread; others may read while it
runs. This is the one place where SQL is written. It records what it is told and decides nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.checks import check_clip, check_file
from audioset_dl.dataset.journal_errors import BEGIN_ANEW, tell_unusable
from audioset_dl.dataset.rows import HEARSAY, Count, Record, SavedFile
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import told_as_output_error

__all__ = [
    "Count",
    "Journal",
    "Record",
    "SavedFile",
    "open_journal",
    "read_journal",
    "read_states",
]

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE clips (
    clip_id      TEXT PRIMARY KEY,
    ytid         TEXT NOT NULL,
    start_s      REAL NOT NULL,
    end_s        REAL NOT NULL,
    labels       TEXT NOT NULL,      -- MIDs, joined with ;
    subset       TEXT NOT NULL,
    classes      TEXT NOT NULL,      -- MIDs of the classes that want it, joined with ;
    wanted       INTEGER NOT NULL,   -- 1: by the config of the last run
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'saved', 'gone')),
    code         TEXT,               -- of the last failure
    detail       TEXT,
    attempts     INTEGER NOT NULL DEFAULT 0,
    updated_at   TEXT NOT NULL,
    file_name    TEXT, num_samples INTEGER, sample_rate INTEGER, channels INTEGER,
    num_bytes    INTEGER, sha256 TEXT, source_format TEXT, method TEXT, bytes_fetched INTEGER,
    saved_at TEXT
) WITHOUT ROWID;
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


_FILE_COLUMNS = tuple(field.name for field in fields(SavedFile))
_CLIP_COLUMNS = ("clip_id", "ytid", "start_s", "end_s", "labels", "subset")
_COLUMNS = (*_CLIP_COLUMNS, "classes", "wanted", "state", "code", "detail", "attempts",
            "updated_at", *_FILE_COLUMNS)  # fmt: skip


class Journal:
    """An open journal. Use `open_journal` or `read_journal`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    def want(self, drawn: Mapping[str, tuple[str, ...]], clips: Iterable[Clip], now: str) -> None:
        """Note clips that the config wants, with the classes (MIDs) that want each.

        What is known of a clip stays, but for labels that its segment CSV has otherwise now; a clip
        not seen before is ``waiting``.
        """
        rows = [
            (*_clip_values(clip), ";".join(drawn[clip.clip_id]), now) for clip in clips
        ]  # fmt: skip
        with self._writing():
            self._db.executemany(
                f"INSERT INTO clips"
                f" ({', '.join(_CLIP_COLUMNS)}, classes, updated_at, state, wanted)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 1)"
                " ON CONFLICT (clip_id) DO UPDATE SET classes = excluded.classes, wanted = 1,"
                " labels = excluded.labels, subset = excluded.subset",
                rows,
            )

    def want_nothing(self) -> None:
        """Forget what the config of an earlier run wanted; what is known of the clips stays."""
        with self._writing():
            self._db.execute("UPDATE clips SET wanted = 0")

    def record_saved(self, clip_id: str, file: SavedFile) -> None:
        """Note that a clip is on the disk."""
        columns = ", ".join(f"{name} = ?" for name in _FILE_COLUMNS)
        with self._writing():
            self._db.execute(
                f"UPDATE clips SET state = 'saved', code = NULL, detail = NULL, updated_at = ?,"
                f" {columns} WHERE clip_id = ?",
                (file.saved_at, *astuple(file), clip_id),
            )

    def adopt(self, clip: Clip, file: SavedFile) -> None:
        """Take up a clip that is on the disk, whether or not it was known; it is not wanted yet."""
        with self._writing():
            self._db.execute(
                f"INSERT OR IGNORE INTO clips ({', '.join(_CLIP_COLUMNS)}, classes, updated_at,"
                " state, wanted) VALUES (?, ?, ?, ?, ?, ?, '', ?, 'waiting', 0)",
                (*_clip_values(clip), file.saved_at),
            )
        self.record_saved(clip.clip_id, file)

    def record_failed(
        self, clip_id: str, *, state: str, code: str, detail: str, charged: bool, now: str
    ) -> None:
        """Note a failed attempt: the clip is ``gone``, or ``waiting`` for another.

        Nothing that is saved is ever gone.
        """
        with self._writing():
            self._db.execute(
                "UPDATE clips SET state = ?, code = ?, detail = ?, updated_at = ?,"
                " attempts = attempts + ? WHERE clip_id = ? AND state != 'saved'",
                (state, code, detail, now, int(charged), clip_id),
            )

    def record_hearsay(self, codes: Mapping[str, str], source: str, now: str) -> None:
        """Take waiting clips as gone without asking.

        Parameters
        ----------
        codes : mapping of str to str
            The code of the reason by clip_id.
        source : str
            Where that is known from.
        now : str
            The time of day, ISO 8601.
        """
        with self._writing():
            self._db.executemany(
                "UPDATE clips SET state = 'gone', code = ?, detail = ?, updated_at = ?"
                " WHERE clip_id = ? AND state = 'waiting'",
                [(code, HEARSAY + source, now, clip_id) for clip_id, code in codes.items()],
            )

    def forget_hearsay(self) -> None:
        """Let clips wait again that were taken as gone without asking."""
        with self._writing():
            self._db.execute(
                "UPDATE clips SET state = 'waiting', code = NULL, detail = NULL"
                " WHERE state = 'gone' AND detail LIKE ?",
                (f"{HEARSAY}%",),
            )

    def put(self, records: Iterable[Record]) -> None:
        """Write rows as they are told, in the place of those of the same clips."""
        marks = ", ".join("?" * len(_COLUMNS))
        with self._writing():
            self._db.executemany(
                f"INSERT OR REPLACE INTO clips ({', '.join(_COLUMNS)}) VALUES ({marks})",
                map(_record_values, records),
            )

    def retry_gone(self, codes: Collection[str]) -> None:
        """Let clips that are gone by some codes wait again."""
        marks = ", ".join("?" * len(codes))
        with self._writing():
            self._db.execute(
                f"UPDATE clips SET state = 'waiting' WHERE state = 'gone' AND code IN ({marks})",
                tuple(codes),
            )

    def refund(self, clip_id: str) -> None:
        """Take back one attempt that a clip was charged."""
        with self._writing():
            self._db.execute(
                "UPDATE clips SET attempts = MAX(0, attempts - 1) WHERE clip_id = ?", (clip_id,)
            )

    def record_moved(self, clip_id: str, file_name: str) -> None:
        """Note that a saved clip's file lies elsewhere now."""
        with self._writing():
            self._db.execute(
                "UPDATE clips SET file_name = ? WHERE clip_id = ?", (file_name, clip_id)
            )

    def record_lost(self, clip_id: str, now: str) -> None:
        """Note that the file of a saved clip is no longer there: it is to be got again."""
        columns = ", ".join(f"{name} = NULL" for name in _FILE_COLUMNS)
        with self._writing():
            self._db.execute(
                f"UPDATE clips SET state = 'waiting', updated_at = ?, {columns} WHERE clip_id = ?",
                (now, clip_id),
            )

    def note(self, key: str, value: str) -> None:
        """Leave a word for those who read the journal while a run writes it."""
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))

    def read_note(self, key: str) -> str | None:
        """Return what was noted under a key."""
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Return state and code of the last failure of every clip, by clip_id."""
        rows = self._db.execute("SELECT clip_id, state, code FROM clips")
        return {clip_id: (state, code) for clip_id, state, code in rows}

    def counts(self) -> list[Count]:
        """Return how many clips there are of each state, wanted or not, and failure code."""
        rows = self._db.execute(
            "SELECT state, wanted, code, COUNT(*), MAX(detail) FROM clips"
            " GROUP BY state, wanted, code"
        )
        return [Count(state, bool(wanted), code, *rest) for state, wanted, code, *rest in rows]

    def find(self, clip_id: str) -> Record | None:
        """Return what is known of a clip."""
        rows = self._db.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM clips WHERE clip_id = ?", (clip_id,)
        )
        return next(map(self._read_record, rows), None)

    def records(self, state: str | None = None) -> Iterator[Record]:
        """Yield what is known of every clip, or of those in one state, sorted by clip_id."""
        where = "WHERE state = ?" if state else ""
        rows = self._db.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM clips {where} ORDER BY clip_id",
            (state,) if state else (),
        )
        return map(self._read_record, rows)

    def _read_record(self, row: tuple[Any, ...]) -> Record:
        try:
            return _read_record(row)
        except (TypeError, ValueError, AttributeError) as error:
            raise OutputError(
                f"the journal {self._path} holds a row that audioset-dl did not write "
                f"({row[0]!r:.40}: {error}); {BEGIN_ANEW}"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with told_as_output_error(self._path):
            try:
                with self._db:
                    yield
            except sqlite3.OperationalError as error:
                raise tell_unusable(self._path, error) from error


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Open the journal for its one writer, making it if need be.

    Each change is on the disk when its method returns.

    Raises
    ------
    OutputError
        It can't be written, is damaged, or comes from another version of the program.
    """
    with told_as_output_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with _connected(f"{path.absolute().as_uri()}?mode=rwc", path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        else:
            _check_version(version, path)
            _check_whole(connection, path)
        yield Journal(connection, path)


@contextmanager
def read_journal(path: Path) -> Iterator[Journal]:
    """Open a journal for reading, also while a run writes it.

    Raises
    ------
    OutputError
        There is none, or it is damaged, or comes from another version of the program.
    """
    if not path.is_file():
        raise OutputError(
            f"{path.parent} holds no journal: nothing was downloaded there yet, or it was lost; "
            "run `audioset-dl download`, which begins one, or makes it again from manifest.csv; or "
            "name the config whose output.dir you mean"
        )
    # Where no run is under way nothing is written, not even SQLite's own files beside it: the
    # folder may be read-only.
    is_at_rest = not path.with_name(f"{path.name}-wal").exists()
    options = "mode=ro&immutable=1" if is_at_rest else "mode=ro"
    with _connected(f"{path.absolute().as_uri()}?{options}", path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        _check_version(version, path)
        yield Journal(connection, path)


def read_states(path: Path) -> dict[str, tuple[str, str | None]]:
    """Return `Journal.states` of a journal, but for hearsay; nothing where there is none yet."""
    if not path.is_file():
        return {}
    with read_journal(path) as journal:
        hearsay = {record.clip.clip_id for record in journal.records("gone") if record.is_hearsay}
        states = journal.states().items()
        return {clip_id: state for clip_id, state in states if clip_id not in hearsay}


@contextmanager
def _connected(uri: str, path: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=30)
    except sqlite3.Error as error:
        raise tell_unusable(path, error) from error
    try:
        yield connection
    except sqlite3.DatabaseError as error:
        raise tell_unusable(path, error) from error
    finally:
        connection.close()


def _check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Notice damage before anything is written on top of it."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise OutputError(f"the journal {path} is damaged ({found!r:.80}); {BEGIN_ANEW}")


def _check_version(version: int, path: Path) -> None:
    if version == 0:
        raise OutputError(f"the journal {path} is empty; run `audioset-dl download` again")
    if version != SCHEMA_VERSION:
        raise OutputError(
            f"the journal {path} has format {version}, expected {SCHEMA_VERSION}: "
            "it was written by another version of audioset-dl; use that one, or another output.dir"
        )


def _read_record(row: tuple[Any, ...]) -> Record:
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    clip = Clip(
        ytid=values["ytid"],
        start_s=values["start_s"],
        end_s=values["end_s"],
        labels=_split(values["labels"]),
        subset=values["subset"],
    )
    check_clip(clip)
    if clip.clip_id != values["clip_id"]:
        raise ValueError(f"clip_id of {clip.clip_id}")
    file = SavedFile(*(values[column] for column in _FILE_COLUMNS))
    if values["state"] == "saved":
        check_file(file)
    return Record(
        clip=clip,
        classes=_split(values["classes"]),
        wanted=bool(values["wanted"]),
        state=values["state"],
        code=values["code"],
        detail=values["detail"],
        attempts=values["attempts"],
        updated_at=values["updated_at"],
        file=file if values["state"] == "saved" else None,
    )


def _clip_values(clip: Clip) -> tuple[object, ...]:
    """Return the values of `_CLIP_COLUMNS`."""
    return (clip.clip_id, clip.ytid, clip.start_s, clip.end_s, ";".join(clip.labels), clip.subset)


def _record_values(record: Record) -> tuple[object, ...]:
    """Return the values of `_COLUMNS`."""
    file = astuple(record.file) if record.file is not None else (None,) * len(_FILE_COLUMNS)
    return (
        *_clip_values(record.clip), ";".join(record.classes), int(record.wanted), record.state,
        record.code, record.detail, record.attempts, record.updated_at, *file,
    )  # fmt: skip


def _split(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(";")) if joined else ()
