"""The lines at which parts of a JSON text stand, which `json` does not report.

Needed only for the message of an error.
"""

from __future__ import annotations

import json
import re

_HUGE_NUMBER = re.compile(r"[0-9]{1000}")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')
_SPACE = re.compile(r"[ \t\r\n]*")


def find_value(value: str, key: str, text: str, occurrence: int = 1) -> int | None:
    """Return the line of ``"key": "value"`` where the file writes it plainly, else None."""
    pattern = re.compile(rf'"{key}"\s*:\s*{re.escape(json.dumps(value))}')
    hits = [hit.start() for _, hit in zip(range(occurrence), pattern.finditer(text), strict=False)]
    return _line(hits[-1], text) if len(hits) == occurrence else None


def find_entry(number: int, text: str) -> int:
    """Return the line where an entry of a list begins, both counted from 1.

    The text is a list that was read without a fault and has so many entries.
    """
    decoder = json.JSONDecoder()
    start, end = 0, text.index("[")
    for _ in range(number):
        start = _skip_space(text, end + 1)
        end = _skip_space(text, decoder.raw_decode(text, start)[1])
    return _line(start, text)


def find_huge_number(text: str) -> int | None:
    """Return the line of a number of a thousand digits or more, None if there is none."""
    found = _HUGE_NUMBER.search(text)
    return _line(found.start(), text) if found else None


def find_deep(text: str, max_depth: int) -> int | None:
    """Return the line where lists and objects are nested deeper than so many levels."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > max_depth:
            return _line(token.start(), text)
    return None


def _skip_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _line(position: int, text: str) -> int:
    return text.count("\n", 0, position) + 1
