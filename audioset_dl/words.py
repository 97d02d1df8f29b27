"""The words that all reports are made of: tables, numbers, sizes, lengths of time."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence

_NARROWEST = 12


def to_json(document: object) -> str:
    """Return a document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def by_code(by_code: Mapping[str, int]) -> str:
    """Return numbers by code in one line."""
    return ", ".join(f"{code} {number:,}" for code, number in by_code.items())


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: tuple[int, ...] = (),
    width: int | None = None,
) -> str:
    """Return rows below heads, in columns.

    Parameters
    ----------
    heads, rows : sequence of str, sequence of sequence of str
        The cells.
    right : tuple of int
        Columns that are aligned to the right.
    width : int, optional
        To which the first column is shortened, as far as it can be. In a row whose other cells are
        empty it takes their room.
    """
    full = [row for row in rows if any(row[1:])]
    widths = [max(map(len, column)) for column in zip(heads, *full, strict=True)]
    if width is not None:
        others = sum(widths[1:]) + 2 * len(widths[1:])
        widths[0] = min(widths[0], max(width - others, _NARROWEST))
    return "\n".join(_row(row, widths, right, width) for row in (heads, *rows))


def _row(
    row: Sequence[str], widths: Sequence[int], right: tuple[int, ...], width: int | None
) -> str:
    if not any(row[1:]):
        return row[0] if width is None else shortened(row[0], width)
    return "  ".join(
        cell.rjust(room) if column in right else shortened(cell, room).ljust(room)
        for column, (cell, room) in enumerate(zip(row, widths, strict=True))
    ).rstrip()


def shortened(text: str, width: int) -> str:
    """Return a text that takes no more than some columns."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def listed(facts: Iterable[tuple[str, str]], width: int) -> str:
    """Return named facts below one another, each broken at a width beside its name."""
    told = list(facts)
    indent = max(len(name) for name, _ in told) + 2
    return "\n".join(
        textwrap.fill(
            words,
            width,
            initial_indent=name.ljust(indent),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
        )
        for name, words in told
    )


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(num_bytes: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:,.3g} TB"


def duration(seconds: float) -> str:
    """Return a length of time for people."""
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if days < 2 else f"{days:.1f} days"
