"""The tables of the journal, version by version, and the way from one to the next.

The version is SQLite's ``user_version`` (https://www.sqlite.org/pragma.html#pragma_user_version),
which is a part of the file and changes with a transaction like all else in it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from audioset_dl.dataset.version_0_1 import ASKED_WITH_COOKIES, FOUND, HEARD_TWICE, KNOWN_FROM
from audioset_dl.errors import OutputError
from audioset_dl.storage.disk import find_free_space

_VERSION_1 = """
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
"""As version 0.1.0 wrote it."""


def _texts(*values: str) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _begins_with(prefix: str) -> str:
    # Not LIKE, which takes capital and small letters for the same.
    return f"substr(detail, 1, {len(prefix)}) = '{prefix}'"


_IS_KNOWN_GONE = f"state = 'gone' AND {_begins_with(KNOWN_FROM)}"
_VERSION_2 = f"""
ALTER TABLE clips ADD COLUMN proof TEXT;     -- of a clip that is gone: said, found, twice
ALTER TABLE clips ADD COLUMN asked_as TEXT;  -- of the last failure: guest, account
-- How many clips the last run took as gone without asking (clips.known_gone): only their numbers,
-- as another run may have another list.
CREATE TABLE known_gone (code TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO known_gone
    SELECT code, COUNT(*) FROM clips WHERE {_IS_KNOWN_GONE} AND wanted GROUP BY code;
UPDATE clips SET state = 'waiting', code = NULL, detail = NULL, wanted = 0 WHERE {_IS_KNOWN_GONE};
UPDATE clips SET asked_as = 'account', detail = substr(detail, {len(ASKED_WITH_COOKIES) + 1})
    WHERE {_begins_with(ASKED_WITH_COOKIES)};
UPDATE clips SET proof = CASE WHEN code IN ({_texts(*HEARD_TWICE)}) THEN 'twice'
                              WHEN code IN ({_texts(*FOUND)}) THEN 'found' ELSE 'said' END
    WHERE state = 'gone';
"""
"""Columns for what version 0.1.0 put before the words in ``detail``."""

_VERSION_3 = f"""
-- The code by which version 0.1.0 took a clip as gone that waits again: its words prove nothing.
ALTER TABLE clips ADD COLUMN reopened TEXT;
UPDATE clips SET reopened = code, state = 'waiting', proof = NULL
    WHERE state = 'gone' AND code IN ({_texts(*HEARD_TWICE)});
-- When which way out to YouTube was paused, and why; times in ISO 8601, UTC.
CREATE TABLE pauses (
    way     TEXT NOT NULL,
    "from"  TEXT NOT NULL,
    until   TEXT NOT NULL,
    code    TEXT NOT NULL,
    words   TEXT NOT NULL
);
-- What is known of the audio track, such as original; empty: 0.1.0 did not look.
ALTER TABLE clips ADD COLUMN track TEXT;
UPDATE clips SET track = '' WHERE state = 'saved';
"""
"""Clips that are gone by vague words wait again, as 0.1.0 believed these without a witness."""

_VERSION_4 = """
-- How many clips each class (by MID; '' for all together) has or waits for, by the config of the
-- last run. A clip of which no more is known than that it is wanted has no row any more.
CREATE TABLE wanted (mid TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO wanted
    SELECT '', COUNT(*) FROM clips WHERE wanted AND state != 'gone' GROUP BY wanted;
WITH RECURSIVE split (mid, rest, number) AS (
    SELECT '', classes || ';', COUNT(*) FROM clips WHERE wanted AND state != 'gone' GROUP BY classes
    UNION ALL
    SELECT substr(rest, 1, instr(rest, ';') - 1), substr(rest, instr(rest, ';') + 1), number
    FROM split WHERE rest != ''
)
INSERT INTO wanted SELECT mid, SUM(number) FROM split WHERE mid != '' GROUP BY mid;
-- To copy what stays takes less room than to delete what goes.
CREATE TABLE kept (
    clip_id      TEXT PRIMARY KEY,
    ytid         TEXT NOT NULL,
    start_s      REAL NOT NULL,
    end_s        REAL NOT NULL,
    labels       TEXT NOT NULL,
    subset       TEXT NOT NULL,
    classes      TEXT NOT NULL,
    wanted       INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'saved', 'gone')),
    code         TEXT,
    detail       TEXT,
    attempts     INTEGER NOT NULL DEFAULT 0,
    updated_at   TEXT NOT NULL,
    file_name    TEXT, num_samples INTEGER, sample_rate INTEGER, channels INTEGER,
    num_bytes    INTEGER, sha256 TEXT, source_format TEXT, method TEXT, bytes_fetched INTEGER,
    saved_at TEXT, proof TEXT, asked_as TEXT, reopened TEXT, track TEXT
) WITHOUT ROWID;
INSERT INTO kept SELECT * FROM clips
    WHERE state != 'waiting' OR code IS NOT NULL OR reopened IS NOT NULL OR attempts > 0;
DROP TABLE clips;
ALTER TABLE kept RENAME TO clips;
"""
"""Only what happened: for all of AudioSet, rows of what is wanted took 340 MB."""

_VERSION_5 = """
-- Google's own labels of a clip, MIDs joined with ;, where others have corrected them.
ALTER TABLE clips ADD COLUMN google_labels TEXT NOT NULL DEFAULT '';
"""

MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5)
"""What leads to each version from the one before; the first, to version 1 from an empty file.

A new one is added at the end; none is ever changed, as there are journals that it has made.
"""
VERSION = len(MIGRATIONS)


_LEAST_ROOM = 1 << 16


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of a journal; 0 for an empty file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(connection: sqlite3.Connection, *, to: int = VERSION) -> None:
    """Bring a journal to a version, each step in one transaction.

    Killed anywhere, it leaves the journal at one version or the next, whole.
    """
    for number in range(version_of(connection) + 1, to + 1):
        script = MIGRATIONS[number - 1]
        connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def migrate_file(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a journal on the disk to this version, and make the file as small as it can be.

    Raises
    ------
    OutputError
        There is too little room on the disk; the journal is as it was.
    """
    if not 0 < version_of(connection) < VERSION:
        migrate(connection)
        return
    (num_rows, num_kept) = connection.execute(
        "SELECT COUNT(*), COALESCE(SUM(state != 'waiting' OR code IS NOT NULL), 0) FROM clips"
    ).fetchone()
    # What stays is written to SQLite's log, to the file, and once more to make that smaller.
    needed = round(3 * path.stat().st_size * num_kept / max(1, num_rows)) + _LEAST_ROOM
    room = find_free_space(path)
    if room is not None and room.num_bytes < needed:
        raise OutputError(
            f"{path}: to bring the journal to the form of this version takes {needed:,} bytes, "
            f"{room}",
            fix="make room, and run again: nothing was changed",
        )
    migrate(connection)
    connection.execute("VACUUM")


def migrated_copy(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy of a journal of an older version, brought to this one, in memory.

    For readers: the folder may be read-only, and is not theirs to change.
    """
    copy = sqlite3.connect(":memory:")
    connection.backup(copy)
    migrate(copy)
    return copy


def check_version(version: int, path: Path) -> None:
    """Refuse a journal that a later version of the program wrote.

    Raises
    ------
    OutputError
        What was found, and what to do.
    """
    if not 0 <= version <= VERSION:
        raise OutputError(
            f"the journal {path} has format {version}, expected {VERSION} or less: "
            "it was written by another version of audioset-dl",
            fix="use that one, or another output.dir",
        )
