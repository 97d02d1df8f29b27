"""The rows of the journal: how they lie in its table, and all that reads them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.checks import check_clip, check_file
from audioset_dl.dataset.journal_errors import BEGIN_ANEW
from audioset_dl.dataset.rows import Count, Row, SavedFile
from audioset_dl.errors import OutputError

CLIP_COLUMNS = ("clip_id", "ytid", "start_s", "end_s", "labels", "subset")
FILE_COLUMNS = tuple(field.name for field in fields(SavedFile))
COLUMNS = (
    *CLIP_COLUMNS, "classes", "wanted", "state", "code", "detail", "attempts", "updated_at",
    "proof", "asked_as", *FILE_COLUMNS,
)  # fmt: skip
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM clips"


class JournalReader:
    """A journal that is open for reading. Use `audioset_dl.dataset.journal.read_journal`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self._path = path

    def read_note(self, key: str) -> str | None:
        """Return what was noted under a key."""
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Return state and code of the last failure of every clip, by clip_id."""
        rows = self._db.execute("SELECT clip_id, state, code FROM clips")
        return {clip_id: (state, code) for clip_id, state, code in rows}

    def counts(self) -> list[Count]:
        """Return how many clips there are of each state, wanted or not, and failure code.

        With those that the last run took as gone without asking.
        """
        # MAX only picks one of the details, always the same.
        rows = self._db.execute(
            "SELECT state, wanted, code, COUNT(*), MAX(detail) FROM clips"
            " GROUP BY state, wanted, code"
            " UNION ALL SELECT 'gone', 1, code, number, NULL FROM known_gone"
        )
        return [Count(state, bool(wanted), code, *rest) for state, wanted, code, *rest in rows]

    def find(self, clip_id: str) -> Row | None:
        """Return what is known of a clip."""
        rows = self._db.execute(f"{_SELECT} WHERE clip_id = ?", (clip_id,))
        return next(map(self._read_row, rows), None)

    def rows(self, state: str | None = None) -> Iterator[Row]:
        """Yield what is known of every clip, or of those in one state, sorted by clip_id."""
        where = "WHERE state = ?" if state else ""
        rows = self._db.execute(
            f"{_SELECT} {where} ORDER BY clip_id",
            (state,) if state else (),
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


def clip_values(clip: Clip) -> tuple[object, ...]:
    """Return the values of `CLIP_COLUMNS`."""
    return (clip.clip_id, clip.ytid, clip.start_s, clip.end_s, ";".join(clip.labels), clip.subset)


def row_values(row: Row) -> tuple[object, ...]:
    """Return the values of `COLUMNS`."""
    file = astuple(row.file) if row.file is not None else (None,) * len(FILE_COLUMNS)
    return (
        *clip_values(row.clip), ";".join(row.classes), int(row.wanted), row.state, row.code,
        row.detail, row.attempts, row.updated_at, row.proof, row.asked_as, *file,
    )  # fmt: skip


def _read_row(row: tuple[Any, ...]) -> Row:
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    labels = _split(values["labels"])
    clip = Clip(values["ytid"], values["start_s"], values["end_s"], labels, values["subset"])
    check_clip(clip)
    if clip.clip_id != values["clip_id"]:
        raise ValueError(f"clip_id of {clip.clip_id}")
    file = None
    if values["state"] == "saved":
        file = SavedFile(*(values[column] for column in FILE_COLUMNS))
        check_file(file)
    return Row(
        clip,
        file=file,
        classes=_split(values["classes"]),
        wanted=bool(values["wanted"]),
        state=values["state"],
        code=values["code"],
        detail=values["detail"],
        attempts=values["attempts"],
        updated_at=values["updated_at"],
        proof=values["proof"],
        asked_as=values["asked_as"],
    )


def _split(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(";")) if joined else ()
