"""How numbers, sizes, times, lists and tables are written, in every report and message."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from pydantic import ValidationError

# As much of a name as is still told apart from others.
_NARROWEST = 12
_MANY = 20
"""Lines of a list that are shown; the rest is counted."""


def to_json(document: object) -> str:
    """Return a document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def to_csv(rows: Iterable[Mapping[str, object]], heads: Sequence[str] = ()) -> str:
    """Return rows as CSV below heads, else below the keys of the first; lists joined by ``;``."""
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, heads or (list(rows[0]) if rows else []), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {key: ";".join(value) if isinstance(value, list | tuple) else value
             for key, value in row.items()}
        )  # fmt: skip
    return text.getvalue().rstrip("\n")


def by_code(numbers: Mapping[str, int]) -> str:
    """Return numbers by code in one line."""
    return ", ".join(f"{code} {number:,}" for code, number in numbers.items())


def some(names: Sequence[str], separator: str = ", ", *, most: int = 5) -> str:
    """Return the first of some names in one line, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return separator.join(names[:most]) + more


def first_lines(lines: Sequence[str], more: str = "and {} more", *, most: int = _MANY) -> list[str]:
    """Return the first of many lines, and below them how many more there are."""
    rest = len(lines) - most
    return [*lines[:most], *([more.format(f"{rest:,}")] if rest > 0 else [])]


Cell: TypeAlias = str | int | float | None


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], *, width: int | None = None) -> str:
    """Return rows below heads, in columns.

    Parameters
    ----------
    heads, rows : sequence of str, sequence of sequence of str, int, float or None
        The cells; a float is a share and written in percent, None is empty. Columns without text
        are aligned to the right.
    width : int, optional
        Shorten the first column until the table fits into so many columns, if that is possible. In
        a row whose other cells are empty, the first takes their space.
    """
    texts = [[_cell_text(cell) for cell in row] for row in rows]
    full = [row for row in texts if any(row[1:])]
    widths = [max(map(len, column)) for column in zip(heads, *full, strict=True)]
    if width is not None:
        others = sum(widths[1:]) + 2 * len(widths[1:])
        widths[0] = min(widths[0], max(width - others, _NARROWEST))
    columns = zip(*rows, strict=True) if rows else [heads] * len(heads)
    right = [not any(isinstance(cell, str) for cell in column) for column in columns]
    return "\n".join(_row(row, widths, right, width) for row in (heads, *texts))


def _cell_text(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.0%}"
    return f"{cell:,}" if isinstance(cell, int) else cell or ""


def _row(
    row: Sequence[str], widths: Sequence[int], right: Sequence[bool], width: int | None
) -> str:
    if not any(row[1:]):
        return row[0] if width is None else shortened(row[0], width)
    return "  ".join(
        cell.rjust(room) if is_right else shortened(cell, room).ljust(room)
        for cell, room, is_right in zip(row, widths, right, strict=True)
    ).rstrip()


def shortened(text: str, width: int) -> str:
    """Return a text cut to a number of columns."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def listed(facts: Iterable[tuple[str, str]], width: int) -> str:
    """Return named facts, one below the other, each wrapped at a width beside its name."""
    facts = list(facts)
    indent = max(len(name) for name, _ in facts) + 2
    return "\n".join(
        textwrap.fill(
            fact,
            width,
            initial_indent=name.ljust(indent),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
        )
        for name, fact in facts
    )


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(num_bytes: float) -> str:
    """Return a number of bytes for people."""
    # Powers of 1000 (SI), as the sizes of disks are sold.
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.3g} TB"


def duration(seconds: float) -> str:
    """Return a length of time for people."""
    # A unit is used from two of it on: 90 min says more than 1.5 h.
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if days < 2 else f"{days:.1f} days"


def first_fault(error: ValidationError) -> str:
    """Return the first thing that is wrong with a JSON document, and where, on one line."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    return f"{place:.100}: {first['msg']:.100}"
