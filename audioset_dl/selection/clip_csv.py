"""CSVs that a config names, in which each row is a clip: lists of people, tables of other runs.

Owns how such a table is read, what names a clip in it, and what is said of rows that can't be used.
Must not know what the rows are for.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
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
_ID = YTID_PATTERN.pattern
_SUFFIX = r"(?:\.(?:wav|flac|mp3|m4a|ogg|opus|mp4|webm))?"
_CLIP_ID = re.compile(rf"Y?({_ID})_([0-9]{{1,10}}){_SUFFIX}")
CLIP_ID_WITH_ZEROS = re.compile(rf"^\s*Y?{_ID}_0[0-9]+{_SUFFIX}\s*$")
"""A clip_id as VGGSound writes it, ``<id>_000030``: the start in whole seconds, six digits."""
LONGEST_ADDRESS = 500
"""Characters of the longest address of a video that is read."""
# Addresses as https://github.com/yt-dlp/yt-dlp takes them, of the kinds that people copy.
_VIDEO = re.compile(
    rf"Y?(?P<id>{_ID}){_SUFFIX}"
    r"|(?:https?://)?(?:(?:www|m|music)\.)?"
    rf"(?:(?:youtu\.be/|youtube(?:-nocookie)?\.com/(?:embed|shorts|live|v)/)(?P<path_id>{_ID})(?:[?#&].*)?"
    rf"|youtube\.com/watch/?\?(?:[^#]*&)?v=(?P<query_id>{_ID})(?:[&#].*)?)"
)
_ADDRESS_START = re.compile(
    r"[?&#](?:t|start|time_continue)=(?:(?P<h>[0-9]{1,3})h)?(?:(?P<m>[0-9]{1,4})m)?"
    r"(?:(?P<s>[0-9]{1,7})s?)?(?=[&#]|\s*$)"
)
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
    first, rows = split_csv(path, key)
    header = [cell.strip().lower() for cell in first]
    _check_header(header, path, key, columns)
    return read_cells(header, rows, read_row, path=path, key=key)


def split_csv(path: Path, key: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the first row of a CSV, or of a table with tabs, and its other rows with their lines.

    Raises
    ------
    ConfigError
        The file can't be read, or is no such table.
    """
    text = _read_text(path, key)
    line = text.partition("\n")[0]
    delimiter = "\t" if "\t" in line and "," not in line else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        first = next(reader, [])
        return first, [(reader.line_num, row) for row in reader if any(row)]
    except csv.Error as error:
        raise _error(path, key, f"not a CSV row ({error})", line=reader.line_num) from error


def read_cells(
    header: Sequence[str],
    rows: Iterable[tuple[int, Sequence[str]]],
    read_row: Callable[[Cells], Value],
    *,
    path: Path,
    key: str,
) -> list[Value]:
    """Return what becomes of each row, as `read_clip_csv` does, which raises the same."""
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


def read_clip_id(cells: Cells, *, in_seconds: bool = False) -> tuple[str, int]:
    """Return the video of a row's clip and its start in ms.

    Parameters
    ----------
    cells : Cells
        The row by column.
    in_seconds : bool
        True if a clip_id names the start in whole seconds, as VGGSound's do.

    Raises
    ------
    BadRow
        Neither ``clip_id`` nor ``ytid`` and ``start_s`` name a clip, or they name two.
    """
    if "clip_id" not in cells:
        return _read_video(cells)
    text = cells["clip_id"].strip()
    match = _CLIP_ID.fullmatch(text)
    if match is None:
        raise BadRow(
            "clip_id: expected <YouTube id>_<start in ms>, such as b0RFKhbpFJA_30000, "
            f"found {text[:40]!r}",
            fix=_spreadsheet_fix(text),
        )
    ytid, start_ms = match[1], int(match[2]) * (1000 if in_seconds else 1)
    if start_ms > MAX_START_S * 1000:
        raise BadRow(f"clip_id: expected a start before {MAX_START_S:,} s, found {text[:40]!r}")
    if cells.get("ytid", "").strip() and _read_ytid(cells["ytid"]) != ytid:
        raise BadRow(f"clip_id is {text}, but ytid {cells['ytid'][:40]!r}")
    if cells.get("start_s", "").strip() and _to_ms(cells, "start_s") != start_ms:
        raise BadRow(f"clip_id is {text}, but start_s {cells['start_s'][:40]!r}")
    return ytid, start_ms


def is_id(text: str) -> bool:
    """Return True if a cell names a video: an id, ``Y<id>``, ``<id>.wav``, an address."""
    return len(text) <= LONGEST_ADDRESS and _VIDEO.fullmatch(text.strip()) is not None


def is_number(text: str) -> bool:
    """Return True if a cell is a number of seconds."""
    return re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text.strip()) is not None


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


def _read_video(cells: Cells) -> tuple[str, int]:
    """Return the video and the start of a row without a clip_id."""
    ytid = _read_ytid(cells["ytid"])
    of_address = _ADDRESS_START.search(cells["ytid"]) if "/" in cells["ytid"] else None
    start_ms = _seconds_of(of_address) * 1000 if of_address else None
    if cells.get("start_s", "").strip():
        given_ms = _to_ms(cells, "start_s")
        if start_ms not in {None, given_ms}:
            raise BadRow(f"start_s is {cells['start_s'].strip()}, but ytid {cells['ytid'][:80]!r}")
        return ytid, given_ms
    if start_ms is None:
        raise BadRow(f"start_s: expected seconds, found {cells.get('start_s', '')!r:.40}")
    return ytid, start_ms


def _seconds_of(match: re.Match[str]) -> int:
    hours, minutes, seconds = (int(match[name] or 0) for name in ("h", "m", "s"))
    if (total := 3600 * hours + 60 * minutes + seconds) > MAX_START_S:
        raise BadRow(f"expected a start before {MAX_START_S:,} s, found {match[0][:40]!r}")
    return total


def _read_ytid(text: str) -> str:
    ytid = text.strip()
    match = _VIDEO.fullmatch(ytid) if len(ytid) <= LONGEST_ADDRESS else None
    if match is None:
        raise BadRow(
            f"ytid: expected a YouTube id ({YTID_LENGTH} of A-Z a-z 0-9 _ -), found {ytid[:40]!r}",
            fix=_spreadsheet_fix(ytid),
        )
    return str(match["id"] or match["path_id"] or match["query_id"])


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
