"""Tables in Markdown, and the marks between which they are written into a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def make_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, align: str = "") -> str:
    """Return a table; ``align`` has a letter, l or r, for each column (default: the first l)."""
    align = align or "l" + "r" * (len(head) - 1)
    ruler = ["---:" if letter == "r" else "---" for letter in align]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ruler, *rows))


def add_write_option(parser: argparse.ArgumentParser, name: str) -> None:
    opening, closing = make_marks(name)
    parser.add_argument(
        "--write", type=Path, metavar="FILE",
        help=f"write the table between {opening} and {closing} of this file",
    )  # fmt: skip


def check_marks(path: Path | None, name: str) -> None:
    """End the program at once if the file has no place for the table."""
    opening, closing = make_marks(name)
    if path is None:
        return
    text = path.read_text("utf-8")
    if not 0 <= text.find(opening) < text.find(closing):
        sys.exit(f"{path} has no {opening} and {closing} to write between")


def write_between_marks(path: Path, name: str, table: str) -> None:
    opening, closing = make_marks(name)
    before, _, rest = path.read_text("utf-8").partition(opening)
    _, _, after = rest.partition(closing)
    path.write_text(f"{before}{opening}\n{table}\n{closing}{after}", "utf-8")


def make_marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->", f"<!-- /{name} -->"
