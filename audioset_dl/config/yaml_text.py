"""YAML text as plain values that remember where they were written.

Owns which YAML is understood: mappings, lists and scalars of YAML 1.2's core schema, decimal
numbers only, so that ``no``, ``1:30`` and ``2020-01-01`` stay the text that was written; no
aliases, anchors, tags, merge keys, duplicate keys or second documents. Must not know which keys a
configuration has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from audioset_dl.config.document import Document, Fault, KeyPath, Place, Plain
from audioset_dl.errors import ConfigError, Problem

MAX_BYTES = 256 * 1024
"""Longest text that is read: over ten times a list of all classes, and about 3 s of PyYAML."""
MAX_DEPTH = 20
"""How deep lists and mappings may be nested."""
_MAX_DIGITS = 40

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_SYNTAX = (
    (r"'\t' that cannot start", "a tab where YAML wants spaces; indent with spaces"),
    ("that cannot start any token", "text can't begin with this character; put it in quotes"),
    (
        "mapping values are not allowed",
        'a ": " that can\'t stand here; quote text that holds one, and see that keys line up',
    ),
    ("sequence entries are not allowed", 'a "- " after other text; begin the list on its own line'),
    ("could not find expected ':'", 'a key without its ":"; write "key: value"'),
    ("found unexpected end of stream", "a quote is opened and never closed"),
    ("expected ',' or ']'", "a list that is opened with [ needs commas and a closing ]"),
    ("expected ',' or '}'", "a mapping that is opened with { needs commas and a closing }"),
    ("expected <block end>, but found '<scalar>'", "text after a value that had already ended"),
    ("expected <block end>", "the indentation fits none of the lines above"),
    ("unknown escape", "a backslash in \"...\" begins a special character; use '...' instead"),
    ("expected the node content", "a value is missing, or a bracket is in the wrong place"),
    ("expected '<document start>'", "text after a value that had already ended"),
    ("chomping or indentation", "text can't begin with | or >; put it in quotes"),
    ("expected alphabetic", "text can't begin with this character; put it in quotes"),
)
"""PyYAML's words for a fault of syntax, and what a human is told."""


def read_yaml_file(path: Path) -> Document:
    """Read a YAML file in UTF-8, with or without a byte order mark.

    Raises
    ------
    ConfigError
        The file is missing, not readable, not text, too large, or no YAML.
    """
    return read_yaml(_read_text(path), str(path))


def read_yaml(text: str, source: str, *, numbered: bool = True) -> Document:
    """Read a YAML text.

    Parameters
    ----------
    text : str
        At most `MAX_BYTES` are read.
    source : str
        What the text is called in messages.
    numbered : bool
        Whether messages name lines.

    Returns
    -------
    Document
        Carries the faults that did not keep the rest from being read.

    Raises
    ------
    ConfigError
        The text is no YAML, or nested too deep.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(Problem("", _too_large(), source=source))
    return _Reader(text, source, numbered=numbered).read()


def _too_large() -> str:
    return f"larger than {MAX_BYTES // 1024} KiB, so it can't be a configuration"


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(Problem("", _why_unreadable(path, error), source=str(path))) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(Problem("", _too_large(), source=str(path)))
    return _decode(data, str(path))


def _why_unreadable(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no such file; write a commented one with: audioset-dl init {path}"
    if isinstance(error, IsADirectoryError):
        return f"a folder; name the YAML file in it, such as {path / 'config.yaml'}"
    if isinstance(error, PermissionError):
        return "permission denied; make the file readable for this user"
    return f"can't be read: {getattr(error, 'strerror', None) or error}"


def _decode(data: bytes, source: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        words = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8 text"
        raise ConfigError(Problem("", words, source=f"{source}:{line}")) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        words = "a NUL character; this is no text file, or it was damaged"
        raise ConfigError(Problem("", words, source=f"{source}:{line}"))
    return text


class _Reader:
    """Reads one text from PyYAML's events.

    Events rather than composed nodes: they still show aliases as aliases, and nesting can be
    bounded while it is read, before PyYAML recurses or slows down over it.
    """

    def __init__(self, text: str, source: str, *, numbered: bool) -> None:
        self._text = text
        self._numbered = numbered
        self._line = 1
        self._document = Document(source)
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)

    def read(self) -> Document:
        try:
            self._read_stream()
        except yaml.MarkedYAMLError as error:
            # "from None": the cause quotes the line, which may hold a password.
            raise self._stopped(*_syntax_words(error)) from None
        except yaml.reader.ReaderError as error:
            line = self._text.count("\n", 0, error.position) + 1
            words = f"a control character (U+{ord(self._text[error.position]):04X}); remove it"
            raise self._stopped(words, line) from None
        return self._document

    def _read_stream(self) -> None:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return
        event = self._next()
        self._document.places[()] = self._place(event)
        self._document.value = self._read_node((), event)
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._fault((), event, 'a second document; remove the "---" and what follows it')

    def _next(self) -> yaml.Event:
        try:
            event = next(self._events)
        except (ValueError, OverflowError):
            # PyYAML's own slips: chr() of "\UFFFFFFFF", int() of "%YAML 1.999...".
            words = "not valid YAML: a number that stands for no character or version"
            raise self._stopped(words, self._line) from None
        self._line = _line(event)
        return event

    def _read_node(self, path: KeyPath, event: yaml.Event) -> Plain:
        self._refuse_decoration(path, event)
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(path, event)
        if isinstance(event, yaml.AliasEvent):
            self._leave_unread(path, event, "aliases (*name) are not used here; write the value")
            return None
        if len(path) >= MAX_DEPTH:
            raise self._stopped(f"nested deeper than {MAX_DEPTH} levels", self._line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._read_list(path)
        return self._read_mapping(path)

    def _refuse_decoration(self, path: KeyPath, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            return
        if getattr(event, "anchor", None) is not None:
            self._fault(path, event, "anchors (&name) are not used here; remove it")
        if getattr(event, "tag", None) is not None:
            self._fault(path, event, "tags (!name) are not used here; remove it, or quote the text")

    def _read_scalar(self, path: KeyPath, event: yaml.ScalarEvent) -> Plain:
        text = event.value
        if _holds_unspeakable(text):
            words = "a character that text can't hold (\\0, or half of a surrogate pair)"
            self._leave_unread(path, event, words)
            return None
        if event.style:  # quoted, or a block
            return text
        value = _typed(text)
        if isinstance(value, float) and not math.isfinite(value):
            self._leave_unread(path, event, "a number too large to work with")
            return None
        return value

    def _read_list(self, path: KeyPath) -> list[Plain]:
        values: list[Plain] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            entry = (*path, len(values))
            self._document.places[entry] = self._place(event)
            values.append(self._read_node(entry, event))
        return values

    def _read_mapping(self, path: KeyPath) -> dict[str, Plain]:
        values: dict[str, Plain] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._read_key(path, event)
            if key is None:
                self._read_node((*path, "?"), self._next())
                continue
            line = _line(event)
            if key in lines:
                self._fault((*path, key), event, self._twice(lines[key]))
            lines[key] = line
            values[key] = self._read_value((*path, key), event)
        return values

    def _read_value(self, path: KeyPath, key: yaml.Event) -> Plain:
        self._document.places[path] = self._place(key)
        event = self._next()
        value = self._read_node(path, event)
        if value is None and isinstance(event, yaml.ScalarEvent) and event.value == "":
            self._document.blanks.add(path)
        return value

    def _read_key(self, path: KeyPath, event: yaml.Event) -> str | None:
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style:
            self._fault(path, event, "merge keys (<<) are not used here; write the keys out")
            return None
        num_faults = len(self._document.faults)
        key = self._read_node((*path, "?"), event)
        if isinstance(key, str):
            return key
        if len(self._document.faults) == num_faults:
            self._fault(path, event, _why_no_key(event))
        return None

    def _twice(self, first: int) -> str:
        return f"given twice, first on line {first}; keep one" if self._numbered else "given twice"

    def _place(self, event: yaml.Event) -> Place:
        line = _line(event) if self._numbered else 0
        return Place(self._document.source, line)

    def _fault(self, path: KeyPath, event: yaml.Event, message: str) -> None:
        path = tuple(part for part in path if part != "?")
        self._document.faults.append(Fault(path, message, self._place(event)))

    def _leave_unread(self, path: KeyPath, event: yaml.Event, message: str) -> None:
        self._fault(path, event, message)
        self._document.unread.add(path)

    def _stopped(self, message: str, line: int) -> ConfigError:
        """Return the error for a text that can't be read on, with the faults met so far."""
        place = Place(self._document.source, line if self._numbered else 0)
        faults = [*self._document.faults, Fault((), message, place)]
        return ConfigError(*(fault.problem for fault in faults))


def _why_no_key(event: yaml.Event) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        return "a list or mapping in the place of a key; keys must be text"
    if not event.value:
        return 'a ":" with no key before it'
    return f"the key {event.value[:40]} is not text; put it in quotes"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _typed(text: str) -> Plain:
    """Return what an unquoted scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= _MAX_DIGITS else math.inf
    return float(text) if _FLOAT.fullmatch(text) else text


def _holds_unspeakable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _syntax_words(error: yaml.MarkedYAMLError) -> tuple[str, int]:
    """Return what to tell about a fault of syntax, and its line."""
    problem = error.problem or "it can't be read"
    words = next((plain for fragment, plain in _SYNTAX if fragment in problem), problem)
    mark, opened = error.problem_mark, error.context_mark
    if opened is not None and "find expected ':'" in problem:
        mark = opened  # PyYAML marks the line after the one that lacks its colon
    if mark is None:
        return f"not valid YAML: {words}", 0
    opens = "opened" in words and opened is not None and opened.line < mark.line
    since = f" (opened on line {opened.line + 1})" if opens and opened else ""
    return f"not valid YAML at column {mark.column + 1}: {words}{since}", mark.line + 1
