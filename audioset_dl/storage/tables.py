"""CSV tables: one reader and one writer.

A table is UTF-8, with a row of column names. It is read row by row, so that a table of millions of
rows never lies in memory as text, and written whole or not at all.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from audioset_dl.errors import OutputError
from audioset_dl.storage.files import writing_file

Cells = Mapping[str, str]
"""The cells of a row, as they were written, by column."""
Value = TypeVar("Value")
_MAX_HEADER_BYTES = 1 << 16


class BadRow(ValueError):
    """A row of a table, or an entry of another file, can't be used.

    Who reads a row raises it; who reads the file knows the file's name and the line, and says so.

    Parameters
    ----------
    found : str
        What was found, and what was expected, in words for people.
    fix : str, optional
        What to do about it.
    number : int, optional
        Number of the row or entry, where who reads the file can't know it.
    """

    def __init__(self, found: str, *, fix: str = "", number: int = 0) -> None:
        super().__init__(found)
        self.found = found
        self.fix = fix
        self.number = number


def read_table(
    path: Path,
    read_row: Callable[[Cells], Value],
    *,
    columns: Collection[str] = (),
    what: str = "table",
    fix: str = "",
    on_bad_row: Callable[[str], object] | None = None,
) -> Iterator[Value]:
    """Yield what becomes of each row of a table.

    Parameters
    ----------
    path : Path
        The file; a byte order mark, as spreadsheets write it, is skipped.
    read_row : callable
        Takes the cells of a row by column. Raises `BadRow`, or another `ValueError`,
        `TypeError`, `KeyError` or `OverflowError`, where they can't be used.
    columns : collection of str
        Columns that must be there; others may be.
    what : str
        What the table is called in messages.
    fix : str
        What to do where it is not such a table.
    on_bad_row : callable, optional
        Told of each row that can't be used, with its line; the other rows are read. Each line is
        then a row: one that was cut off in a quoted cell takes no others with it.

    Raises
    ------
    OutputError
        The file can't be read, lacks a column, or holds a row that can't be used; with the line.
    """
    try:
        # newline="" lets the csv module see line breaks inside of quoted cells:
        # https://docs.python.org/3/library/csv.html#csv.reader
        # In a table that is read line by line, only the line with such bytes is bad.
        errors = "surrogateescape" if on_bad_row else "strict"
        with path.open(encoding="utf-8-sig", newline="", errors=errors) as file:
            header = next(csv.reader([file.readline()]), [])
            _check_header(path, header, columns, what=what, fix=fix)
            if on_bad_row:
                yield from _read_lines(path, header, read_row, on_bad_row, what)
                return
            reader = csv.reader(file)
            try:
                for row in filter(None, reader):  # without empty lines
                    yield read_row(_name_cells(header, row))
            except UnicodeDecodeError:  # a ValueError as well, but of the file and not of a row
                raise
            except (csv.Error, ValueError, TypeError, KeyError, OverflowError) as error:
                reason = _describe_error(error, what)
                raise OutputError(f"{path}:{1 + reader.line_num}: {reason}", fix=fix) from error
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path} can't be read: {error}", fix=fix) from error


def check_table(path: Path, *, columns: Collection[str], what: str) -> None:
    """Refuse to take a file for a table of ours, before it is replaced.

    Raises
    ------
    OutputError
        It is there, is not empty, and lacks columns; or it can't be read.
    """
    fix = "move it away, or name another folder"
    try:
        with path.open("rb") as file:
            line = file.readline(_MAX_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise OutputError(f"{path} can't be read: {error.strerror}", fix=fix) from error
    if not line.strip():
        return
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in line:
        raise OutputError(f"{path} is no {what} in UTF-8", fix=f"save it as UTF-8, or {fix}")
    text = line.decode("utf-8-sig", "replace")
    header = next(csv.reader([text.rstrip("\r\n")]), [])
    if len(header) < 2 and any(separator in text for separator in ";\t"):
        fix = f"separate its columns by commas, as before a spreadsheet saved it, or {fix}"
    _check_header(path, header, columns, what=what, fix=fix)


def _check_header(
    path: Path, header: Sequence[str], columns: Collection[str], *, what: str, fix: str
) -> None:
    if missing := sorted(set(columns) - set(header)):
        names = ", ".join(missing[:3]) + (" ..." if missing[3:] else "")
        reason = f"expected the columns of a {what}, not found: {names}"
        raise OutputError(f"{path}:1: {reason}", fix=fix)


def _read_lines(
    path: Path,
    header: Sequence[str],
    read_row: Callable[[Cells], Value],
    on_bad_row: Callable[[str], object],
    what: str,
) -> Iterator[Value]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 or not line.strip():
                continue
            try:
                cells = next(csv.reader([line.decode()], strict=True))
                value = read_row(_name_cells(header, cells))
            except (csv.Error, ValueError, TypeError, KeyError, OverflowError) as error:
                on_bad_row(f"{path}:{number}: {_describe_error(error, what)}")
            else:
                yield value


def _name_cells(header: Sequence[str], row: Sequence[str]) -> Cells:
    if len(row) != len(header):
        raise BadRow(f"expected {len(header)} cells, found {len(row)}")
    return dict(zip(header, row, strict=True))


def _describe_error(error: Exception, what: str) -> str:
    if isinstance(error, csv.Error):
        return f"not a CSV row ({error})"
    words = f"not a row of a {what}, or not whole"
    # What other errors say is not for people.
    return f"{words} ({error})" if isinstance(error, BadRow) else words


def safe_cell(words: str) -> str:
    """Return words of others as a cell that a spreadsheet takes for text, and not for a formula.

    By an apostrophe in front, as https://owasp.org/www-community/attacks/CSV_Injection advises.
    """
    return f"'{words}" if words.startswith(("=", "+", "-", "@")) else words


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object] | Mapping[str, object]]
) -> None:
    """Write a table, whole or not at all, each line ended by a line feed alone.

    Parameters
    ----------
    path : Path
        The file, which is replaced.
    columns : sequence of str
        Names of the columns.
    rows : iterable of sequence or mapping
        The cells of each row: in the order of the columns, or by column, where others are left out
        and missing ones are empty. None is an empty cell.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    with writing_file(path) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [row.get(column) for column in columns] if isinstance(row, Mapping) else row
            for row in rows
        )
        text.detach()
