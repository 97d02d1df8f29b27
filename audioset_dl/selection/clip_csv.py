"""CSVs that a config names, in which each row is a clip: lists of people, tables of other runs.

Owns how such a table is read, what names a clip in it, and what is said of rows that can't be used.
Must not know what the rows are for.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from audioset_dl.catalog.clips import YTID_LENGTH, YTID_PATTERN
from audioset_dl.catalog.reading import BY_SPREADSHEET
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.storage.tables import BadRow, Cells

MAX_ROWS_NAMED = 5
"""Bad rows that are reported one by one; the others are only counted."""
MAX_BYTES = 1 << 30
"""Largest table that is read; a manifest of all two million clips has 0.7 GB."""
MAX_START_S = 2_000_000
"""Latest time in a table: 23 days, within the 32 bits that the catalog has for milliseconds."""

# Unlike Google's own ids, those of people may have leading zeros in the time.
_CLIP_ID = re.compile(rf"({YTID_PATTERN.pattern})_([0-9]{{1,10}})")
# What a spreadsheet makes of ids that begin with - or = (a formula), or look like 1E23 (a number).
_SPREADSHEET = re.compile(r"=|#NAME|#REF|[0-9.,]+E\+", re.IGNORECASE)

Value = TypeVar("Value")


def read_clip_csv(
    path: Path, key: str, read_row: Callable[[Cells], Value], *, columns: Collection[str] = ()
) -> list[Value]:
    """Return what becomes of each row of a CSV, in UTF-8 with or without a byte order mark.

    Parameters
    ----------
    path : Path
        The file. Its first row names the columns, in any case.
    key : str
        Key of the config that names it, for messages.
    read_row : callable
        Takes the cells of a row by column, in lower case. Raises `BadRow`.
    columns : collection of str
        Columns that must be there besides those that name a clip.

    Raises
    ------
    ConfigError
        The file can't be read, or is no such table; or rows can't be used: the first few by their
        lines, and how many more.
    """
    reader = csv.reader(io.StringIO(_read_text(path, key), newline=""), strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise _error(path, key, f"not a CSV row ({error})", line=reader.line_num) from error
    _check_header(header, path, key, columns)
    values, problems = [], []
    for line, row in rows:
        try:
            if len(row) != len(header):
                raise BadRow(f"expected {len(header)} cells, found {len(row)}")
            values.append(read_row(dict(zip(header, row, strict=True))))
        except BadRow as error:
            problems.append(Problem(key, f"{path}:{line}: {error.found}", error.fix))
    if rest := problems[MAX_ROWS_NAMED:]:
        words = f"{path}: and {len(rest):,} more rows that can't be used"
        problems[MAX_ROWS_NAMED:] = [Problem(key, words)]
    if problems:
        raise ConfigError(*problems)
    return values


def read_clip_id(cells: Cells) -> tuple[str, int]:
    """Return the video of a row's clip and its start in ms.

    Raises
    ------
    BadRow
        Neither ``clip_id`` nor ``ytid`` and ``start_s`` name a clip, or they name two.
    """
    if "clip_id" not in cells:
        return _read_ytid(cells["ytid"]), _to_ms(cells, "start_s")
    text = cells["clip_id"].strip()
    match = _CLIP_ID.fullmatch(text)
    if match is None:
        raise BadRow(
            "clip_id: expected <YouTube id>_<start in ms>, such as b0RFKhbpFJA_30000, "
            f"found {text[:40]!r}",
            fix=_spreadsheet_fix(text),
        )
    ytid, start_ms = match[1], int(match[2])
    if cells.get("ytid", "").strip() not in ("", ytid):
        raise BadRow(f"clip_id is {text}, but ytid {cells['ytid'][:40]!r}")
    if cells.get("start_s", "").strip() and _to_ms(cells, "start_s") != start_ms:
        raise BadRow(f"clip_id is {text}, but start_s {cells['start_s'][:40]!r}")
    return ytid, start_ms


def read_end_ms(cells: Cells) -> int | None:
    """Return where a row's clip ends, in ms; None where the row does not say.

    Raises
    ------
    BadRow
        It is no number of seconds.
    """
    return _to_ms(cells, "end_s") if cells.get("end_s", "").strip() else None


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
        raise _error(path, key, "not a text in UTF-8", fix="save it as CSV in UTF-8") from error


def _check_header(header: Sequence[str], path: Path, key: str, columns: Collection[str]) -> None:
    first = ",".join(header)
    found, fix = "", ""
    if not first:
        found = "the file is empty; expected a row of column names"
    elif "clip_id" not in header and not {"ytid", "start_s"} <= set(header):
        expected = "expected a row of column names with clip_id, or ytid and start_s"
        found = f"{expected}, found {first[:60]!r}"
        if any(separator in first for separator in ";\t"):
            fix = "the columns must be separated by commas: a spreadsheet saved it otherwise"
        elif first.startswith("#"):
            fix = "a segment CSV belongs into metadata.segments"
    elif missing := [column for column in columns if column not in header]:
        there = ", ".join(header)[:100]
        found = f"expected a column {' and a column '.join(missing)}, found {there!r}"
    if found:
        raise _error(path, key, found, line=1, fix=fix)


def _read_ytid(text: str) -> str:
    ytid = text.strip()
    if not YTID_PATTERN.fullmatch(ytid):
        raise BadRow(
            f"ytid: expected a YouTube id ({YTID_LENGTH} of A-Z a-z 0-9 _ -), found {ytid[:40]!r}",
            fix=_spreadsheet_fix(ytid),
        )
    return ytid


def _to_ms(cells: Cells, column: str) -> int:
    text = cells[column].strip()
    try:  # a bare float() takes 1_0 and other scripts' digits as well
        seconds = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MAX_START_S:
        fix = "write a point, not a comma" if re.fullmatch(r"\d+,\d+", text) else ""
        raise BadRow(f"{column}: expected seconds, found {text[:40]!r}", fix=fix)
    return round(seconds * 1000)


def _spreadsheet_fix(text: str) -> str:
    return BY_SPREADSHEET if _SPREADSHEET.match(text) else ""


def _error(
    path: Path, key: str, found: str, *, line: int | None = None, fix: str = ""
) -> ConfigError:
    return ConfigError(Problem(key, f"{path}{f':{line}' if line else ''}: {found}", fix))
