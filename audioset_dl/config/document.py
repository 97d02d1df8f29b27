"""Plain values that remember where they were written, and how a message names them.

Owns :class:`Document`, key paths and the quoting of users' text. Must not know how text is read,
nor which keys a configuration has.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from audioset_dl.errors import Problem

HIDDEN = "***"
"""What stands where a secret was."""
_MAX_QUOTED = 60
_PLAIN_KEY = re.compile(r"[\w-]{1,60}")

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"
"""What YAML text is read as."""
KeyPath: TypeAlias = "tuple[str | int, ...]"
"""The keys and list indexes that lead to a value."""


@dataclass(frozen=True)
class Place:
    """Where a value was written."""

    source: str
    """The file, as the user named it, or ``--set``."""
    line: int = 0
    """Counted from 1; 0 where there are no lines to speak of."""

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a value."""

    path: KeyPath
    message: str
    place: Place

    @property
    def problem(self) -> Problem:
        """The fault as an error carries it."""
        return Problem(dotted(self.path), self.message, source=str(self.place))


@dataclass
class Document:
    """A YAML text that was read."""

    source: str
    value: Plain = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    """Of a key the line of the key, of a list's entry the line of the entry."""
    blanks: set[KeyPath] = field(default_factory=set)
    """Keys with nothing at all behind the colon (an explicit null is none of these)."""
    unread: set[KeyPath] = field(default_factory=set)
    """Where a fault left null in the value's stead."""
    faults: list[Fault] = field(default_factory=list)

    def place_of(self, path: KeyPath) -> Place:
        """Return where `path`, or else the nearest thing around it, was written."""
        for length in range(len(path), -1, -1):
            if place := self.places.get(path[:length]):
                return place
        return Place(self.source)

    def put(self, path: KeyPath, given: Document, place: Place) -> list[Fault]:
        """Set the value at `path`, making the mappings on the way to it; return what prevents it.

        Parameters
        ----------
        path : tuple of str
            Keys; at least one.
        given : Document
            Holds the value.
        place : Place
            Where the value, and whatever is made for it, counts as written.
        """
        self.value = {} if self.value is None else self.value
        holder: Plain = self.value
        for length, part in enumerate(path):
            if not isinstance(holder, dict):
                return [Fault(path, f"{dotted(path[:length]) or 'the file'} holds no keys", place)]
            if length == len(path) - 1:
                holder[str(part)] = given.value
            elif holder.get(str(part)) is None:
                holder[str(part)] = {}
                self.places[path[: length + 1]] = place
            holder = holder[str(part)]
        self._forget(path)
        self.places[path] = place
        self.unread |= {(*path, *rest) for rest in given.unread}
        return []

    def _forget(self, path: KeyPath) -> None:
        """Drop what is known of the former value at `path`."""
        length = len(path)
        self.places = {key: one for key, one in self.places.items() if key[:length] != path}
        self.unread = {key for key in self.unread if key[:length] != path}


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
    harmless = re.sub("://.*@", f"://{HIDDEN}@", text, flags=re.DOTALL)  # however misspelled
    short = harmless if len(harmless) <= _MAX_QUOTED else harmless[:_MAX_QUOTED] + "..."
    return json.dumps(short, ensure_ascii=False)


def hide_logins(text: str) -> str:
    """Return a text without the logins of the addresses in it (``http://ann:pw@host``)."""
    return re.sub(r"(?<=://)[^/\s]*@", f"{HIDDEN}@", text)
