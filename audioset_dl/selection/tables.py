"""CSVs that a config names, in which each row is a clip: lists of people, tables of other runs.

Owns how such a table is read, what names a clip in it, and what is said of rows that can't be used.
Must not know what the rows are for.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from audioset_dl.catalog.clips import YTID_LENGTH
from audioset_dl.errors import ConfigError, Problem

MAX_ROWS_TOLD = 5
"""Bad rows that are told one by one; of the others only the number is."""
MAX_BYTES = 1 << 30
"""Largest table that is read; a manifest of all two million clips has 0.7 GB."""

_YTID = re.compile(rf"[A-Za-z0-9_-]{{{YTID_LENGTH}}}")
_CLIP_ID = re.compile(rf"([A-Za-z0-9_-]{{{YTID_LENGTH}}})_([0-9]{{1,10}})")
_SPREADSHEET = re.compile(r"=|#NAME|#REF|[0-9.,]+E\+", re.IGNORECASE)
"""What a spreadsheet makes of ids that begin with - or = (a formula), or look like 1E23 (a
number)."""
_BY_SPREADSHEET = (
    "; a spreadsheet takes ids that begin with - for formulas, and some for numbers: use the "
    "table as it was before it was saved there, or import its columns as text"
)

Row = Mapping[str, str]
Value = TypeVar("Value")


class BadRow(ValueError):
    """A row can't be used; the message says why, and what was expected."""


@dataclass(frozen=True)
class ClipTable:
    """A table of clips, its cells as they were written."""

    path: Path
    key: str
    """The key of the config that names it."""
    columns: Sequence[str]
    """In lower case."""
    _rows: Sequence[tuple[int, Sequence[str]]]
    """Each with its line."""

    def convert(self, read_row: Callable[[Row], Value]) -> list[Value]:
        """Read each row.

        Parameters
        ----------
        read_row : callable
            Given the cells by column; raises `BadRow`.

        Raises
        ------
        ConfigError
            Rows can't be used: the first few by their lines, and how many more.
        """
        values, problems = [], []
        for line, cells in self._rows:
            try:
                if len(cells) != len(self.columns):
                    raise BadRow(f"expected {len(self.columns)} cells, found {len(cells)}")
                values.append(read_row(dict(zip(self.columns, cells, strict=True))))
            except BadRow as error:
                problems.append(Problem(self.key, f"{self.path}:{line}: {error}"))
        if rest := len(problems) - MAX_ROWS_TOLD:
            words = f"{self.path}: and {rest:,} more rows that can't be used"
            problems[MAX_ROWS_TOLD:] = [Problem(self.key, words)] if rest > 0 else []
        if problems:
            raise ConfigError(*problems)
        return values

    def require(self, *columns: str) -> None:
        """Refuse a table that lacks some columns.

        Raises
        ------
        ConfigError
            Which are missing, and which there are.
        """
        if missing := [column for column in columns if column not in self.columns]:
            raise _error(
                self.path,
                self.key,
                f"expected a column {' and a column '.join(missing)}, "
                f"found {', '.join(self.columns)[:100]!r}",
                line=1,
            )


def read_clip_table(path: Path, key: str) -> ClipTable:
    """Read a CSV with a row of column names, in UTF-8 with or without a byte order mark.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        The key of the config that names it, for messages.

    Raises
    ------
    ConfigError
        It can't be read, or is no such table.
    """
    reader = csv.reader(io.StringIO(_read_text(path, key), newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header, path, key)
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise _error(path, key, f"not a CSV row ({error})", line=reader.line_num) from error
    return ClipTable(path, key, header, rows)


def read_clip_id(row: Row) -> tuple[str, int]:
    """Return the video of a row's clip and its start in ms.

    Raises
    ------
    BadRow
        Neither ``clip_id`` nor ``ytid`` and ``start_s`` name a clip, or they name two.
    """
    if "clip_id" not in row:
        return _read_ytid(row["ytid"]), _to_ms(row, "start_s")
    text = row["clip_id"].strip()
    match = _CLIP_ID.fullmatch(text)
    if match is None:
        raise BadRow(
            f"clip_id: expected <YouTube id>_<start in ms>, such as b0RFKhbpFJA_30000, "
            f"found {text[:40]!r}{_by_spreadsheet(text)}"
        )
    ytid, start_ms = match[1], int(match[2])
    if row.get("ytid", "").strip() not in ("", ytid):
        raise BadRow(f"clip_id is {text}, but ytid {row['ytid'][:40]!r}")
    if row.get("start_s", "").strip() and _to_ms(row, "start_s") != start_ms:
        raise BadRow(f"clip_id is {text}, but start_s {row['start_s'][:40]!r}")
    return ytid, start_ms


def read_end_ms(row: Row) -> int | None:
    """Return where a row's clip ends, in ms; None where the row does not say.

    Raises
    ------
    BadRow
        It is no number of seconds.
    """
    return _to_ms(row, "end_s") if row.get("end_s", "").strip() else None


def _read_text(path: Path, key: str) -> str:
    try:
        if not path.is_file():
            found = "is not a file" if path.exists() else "does not exist"
            raise _error(path, key, f"{found}; expected a CSV")
        if path.stat().st_size > MAX_BYTES:
            raise _error(path, key, f"larger than {MAX_BYTES >> 20:,} MiB: no table of clips")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise _error(path, key, f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _error(path, key, "not a text in UTF-8; save it as CSV in UTF-8") from error


def _check_header(header: Sequence[str], path: Path, key: str) -> None:
    first = ",".join(header)
    if not first:
        raise _error(path, key, "the file is empty; expected a row of column names", line=1)
    if "clip_id" in header or {"ytid", "start_s"} <= set(header):
        return
    words = (
        f"expected a row of column names with clip_id, or ytid and start_s, found {first[:60]!r}"
    )
    if any(separator in first for separator in ";\t"):
        words += "; the columns must be separated by commas: a spreadsheet saved it otherwise"
    elif first.startswith("#"):
        words += "; a segment CSV belongs into metadata.segments"
    raise _error(path, key, words, line=1)


def _read_ytid(text: str) -> str:
    ytid = text.strip()
    if not _YTID.fullmatch(ytid):
        raise BadRow(
            f"ytid: expected a YouTube id ({YTID_LENGTH} of A-Z a-z 0-9 _ -), "
            f"found {ytid[:40]!r}{_by_spreadsheet(ytid)}"
        )
    return ytid


def _to_ms(row: Row, column: str) -> int:
    text = row[column].strip()
    try:
        seconds = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 2_000_000:
        hint = "; write a point, not a comma" if re.fullmatch(r"\d+,\d+", text) else ""
        raise BadRow(f"{column}: expected seconds, found {text[:40]!r}{hint}")
    return round(seconds * 1000)


def _by_spreadsheet(text: str) -> str:
    return _BY_SPREADSHEET if _SPREADSHEET.match(text) else ""


def _error(path: Path, key: str, words: str, line: int | None = None) -> ConfigError:
    return ConfigError(Problem(key, f"{path}{f':{line}' if line else ''}: {words}"))
