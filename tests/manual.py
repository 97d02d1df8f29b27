"""Read the README, the manual and its hooks, for the tests that hold them to the program."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def load_hooks() -> ModuleType:
    """Import scripts/docs_hooks.py, which MkDocs runs."""
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "scripts/docs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of all tables of a page, without heads and rulers."""
    lines = text.splitlines()
    is_ruler = [re.fullmatch(r"[|: -]*-[|: -]*", line) is not None for line in [*lines, ""]]
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for number, line in enumerate(lines)
        if line.startswith("|") and not is_ruler[number] and not is_ruler[number + 1]
    ]


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above."""
    level = heading.split(maxsplit=1)[0]
    _, _, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert rest, f"no heading {heading!r}"
    return re.split(rf"\n#{{1,{len(level)}}} ", rest)[0]


def find_links(text: str) -> list[str]:
    """Return the targets of the links of a page, without those to other hosts."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def find_anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as MkDocs and the forges make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).lower().replace(" ", "-") for heading in headings}
