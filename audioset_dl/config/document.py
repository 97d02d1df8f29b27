"""Values as a user wrote them, with the place of each, and all that is wrong with them.

Owns :class:`Document`, key paths, and how a message quotes a value. Must not know how text is read,
nor which keys a configuration has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from audioset_dl.errors import ConfigError, Problem

KeyPath: TypeAlias = "tuple[str | int, ...]"
"""The keys and list indexes that lead to a value."""

UNREAD = object()
"""Stands for a value that the reader refused, so that nothing else is said about it."""

# A list of 500 wrong classes has one cause: the first faults tell it, the rest scrolls them away.
_MAX_PROBLEMS = 50
HIDDEN = "***"
"""Text in the place of a secret."""
# A message is one line of a terminal: key, place and advice need the rest of it.
_MAX_QUOTED = 60
_PLAIN_KEY = re.compile(r"[\w-]{1,60}")


@dataclass(frozen=True)
class Place:
    """Where a value was written."""

    source: str
    """The file, as the user named it, or ``--set``."""
    line: int = 0
    """Counted from 1; 0 in a source without lines."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass
class Document:
    """What a user wrote: a file's text, an override's, or a dict."""

    source: str
    """Its name in messages."""
    path: KeyPath = ()
    """Where the value stands in the configuration: the key of an override."""
    value: Any = None
    """Mappings, lists and scalars, or `UNREAD`."""
    places: dict[KeyPath, Place] = field(default_factory=dict)
    """The line of each key, and of each entry of a list."""
    blanks: dict[KeyPath, dict[str, Any]] = field(default_factory=dict)
    """Keys with nothing behind the colon, not those with an explicit null; and their mappings."""
    faults: list[tuple[Place, Problem]] = field(default_factory=list)

    def place_of(self, path: KeyPath) -> Place:
        """Return where `path`, or else the nearest thing around it, was written."""
        around = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[one] for one in around if one in self.places), Place(self.source))

    def refuse(
        self, path: KeyPath, found: str, fix: str = "", *, place: Place | None = None
    ) -> None:
        """Note a fault of the value at `path`, by default at the place of its key."""
        place = place or self.place_of(path)
        self.faults.append((place, Problem(dotted(path), found, fix, source=str(place))))

    def put(self, override: Document) -> None:
        """Set a value to that of an override, and take over its places and faults."""
        self.faults += override.faults
        self.places |= override.places
        self.value = {} if self.value is None else self.value
        holder = self.value
        for length, key in enumerate(override.path, 1):
            if not isinstance(holder, dict):
                if holder is not UNREAD:
                    around = dotted(override.path[: length - 1]) or "the file"
                    self.refuse(override.path, f"{around} holds no keys")
                return
            if length == len(override.path):
                holder[key] = override.value
            elif holder.get(key) is None:
                holder[key] = {}
                self.places[override.path[:length]] = override.place_of(override.path)
            holder = holder[key]

    def error(self) -> ConfigError:
        """Return the error that tells all faults, those of the file first, line by line."""
        ordered = sorted(self.faults, key=lambda fault: (fault[0].line == 0, fault[0].line))
        problems = list(dict.fromkeys(problem for _, problem in ordered))
        if rest := problems[_MAX_PROBLEMS:]:
            more = Problem("", f"and {len(rest)} more faults", source=rest[-1].source)
            problems = [*problems[:_MAX_PROBLEMS], more]
        return ConfigError(*problems)


def dotted(path: KeyPath) -> str:
    """Return a key path in the form ``classes.include[2]``; odd keys are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PLAIN_KEY.fullmatch(part) else quoted(part))
    return text


def quoted(text: str) -> str:
    """Return text as a message quotes it: on one line, short, and without a proxy's password."""
    # Greedy and across lines, so that a login is hidden however its address is misspelled.
    harmless = re.sub("://.*@", f"://{HIDDEN}@", text, flags=re.DOTALL)
    short = harmless if len(harmless) <= _MAX_QUOTED else harmless[:_MAX_QUOTED] + "..."
    return json.dumps(short, ensure_ascii=False)


def shown(value: object) -> str:
    """Return a value of any kind as a message names it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping (key: value)"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    # Only from a dict that Python code gave. Its text is not shown: it may be a secret.
    return f"an object of type {type(value).__name__}"
