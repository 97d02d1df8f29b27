"""YAML text as plain values that remember where they were written.

Owns which YAML is understood: mappings, lists and scalars of YAML 1.2's core schema
(https://yaml.org/spec/1.2.2/#103-core-schema), decimal numbers only, so that ``no``, ``1:30`` and
``2020-01-01`` stay the text that was written; no aliases, anchors, tags, merge keys, duplicate keys
or second documents. Must not know which keys a configuration has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from audioset_dl.config.document import UNREAD, Document, KeyPath, Place
from audioset_dl.errors import ConfigError, Problem

MAX_BYTES = 256 * 1024
"""Longest text that is read: over ten times a list of all classes, and about 3 s of PyYAML."""
MAX_DEPTH = 20
"""Most lists and mappings inside one another."""
_TOO_LARGE = f"larger than {MAX_BYTES // 1024} KiB, so it can't be a configuration"
# A seed may be any whole number, but Python refuses to read or write one of over 4,300 digits
# (https://docs.python.org/3/library/stdtypes.html#int-max-str-digits).
_MAX_DIGITS = 40

# YAML 1.2's core schema also has 0x1F, 0o17, .inf and .nan. No key here wants such a number, and a
# number with a zero before it is octal in YAML 1.1: these stay text, and the models refuse them.
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), int),
    (re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")

_SYNTAX = (
    (r"'\t' that cannot start", "a tab where YAML wants spaces", "indent with spaces"),
    ("that cannot start any", "text can't begin with this character", "put it in quotes"),
    (
        "mapping values are not allowed",
        'a ": " that can\'t stand here',
        "quote text that holds one, and see that keys line up",
    ),
    ("sequence entries are not", 'a "- " after other text', "begin the list on its own line"),
    ("could not find expected ':'", 'a key without its ":"', 'write "key: value"'),
    ("found unexpected end of stream", "a quote is opened and never closed", ""),
    ("expected ',' or ']'", "a list that is opened with [ needs commas and a closing ]", ""),
    ("expected ',' or '}'", "a mapping that is opened with { needs commas and a closing }", ""),
    ("but found '<scalar>'", "text after a value that had already ended", ""),
    ("expected <block end>", "the indentation fits none of the lines above", ""),
    ("unknown escape", 'a backslash in "..." begins a special character', "use '...' instead"),
    ("expected the node", "a value is missing, or a bracket is in the wrong place", ""),
    ("expected '<document start>'", "text after a value that had already ended", ""),
    ("chomping or indentation", "text can't begin with | or >", "put it in quotes"),
    ("expected alphabetic", "text can't begin with this character", "put it in quotes"),
)
"""A part of PyYAML's words for a fault of syntax, what was found, and what to do."""
# An argument of a command that is no UTF-8 comes with a lone surrogate for each such byte
# (https://peps.python.org/pep-0383/); meanwhile each is a character of private use.
_TO_PRIVATE = {0xDC00 + byte: 0xF0000 + byte for byte in range(0x80, 0x100)}
_FROM_PRIVATE = {private: surrogate for surrogate, private in _TO_PRIVATE.items()}


def read_yaml_file(path: Path) -> Document:
    """Read a YAML file in UTF-8, with or without a byte order mark.

    Raises
    ------
    ConfigError
        The file is missing, not readable, not text, or too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(Problem("", *_why_unreadable(path, error), source=str(path))) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(Problem("", _TOO_LARGE, source=str(path)))
    return read_yaml(_decode(data, str(path)), str(path))


def read_yaml(text: str, source: str, path: KeyPath = ()) -> Document:
    """Read a YAML text.

    Parameters
    ----------
    text : str
        YAML.
    source : str
        What messages call the text.
    path : tuple
        The key of an override, of which the text is the value; messages then name no lines.

    Returns
    -------
    Document
        With all that is wrong; its value is `UNREAD` if the text is too large, no YAML, or nested
        too deep.
    """
    document = Document(source, path, UNREAD, {path: Place(source)})
    if len(text) > MAX_BYTES:
        document.refuse(path, _TOO_LARGE)
        return document
    try:
        private = text.translate(_TO_PRIVATE)
        document.value = _Reader(private, document).read()
        if private != text:
            document.value = _from_private(document.value)
    except yaml.reader.ReaderError as error:
        found = f"a control character (U+{ord(text[error.position]):04X})"
        place = _place(document, text.count("\n", 0, error.position))
        document.refuse(path, found, "remove it", place=place)
    return document


def _from_private(value: object) -> object:
    """Put back what of a path was no UTF-8, and PyYAML takes for control characters."""
    if isinstance(value, str):
        return value.translate(_FROM_PRIVATE)
    if isinstance(value, list):
        return [_from_private(entry) for entry in value]
    if isinstance(value, dict):
        return {_from_private(key): _from_private(entry) for key, entry in value.items()}
    return value


def _place(document: Document, line: int) -> Place:
    """Return the place of a line, counted from 0 as PyYAML does."""
    return Place(document.source, 0 if document.path else line + 1)


def _why_unreadable(path: Path, error: OSError | ValueError) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError):
        return "no such file", f"write a commented one with: audioset-dl init {path}"
    if isinstance(error, IsADirectoryError):
        return "a folder", f"name the YAML file in it, such as {path / 'config.yaml'}"
    if isinstance(error, PermissionError):
        return "permission denied", "make the file readable for this user"
    return f"can't be read: {getattr(error, 'strerror', None) or error}", ""


def _decode(data: bytes, source: str) -> str:
    try:
        text = data.decode("utf-8-sig")
        at = data.find(b"\0")
        found, fix = "a NUL character", "this is no text file, or it was damaged"
    except UnicodeDecodeError as error:
        at = error.start
        found, fix = f"byte 0x{data[at]:02x} is not UTF-8", "save the file as UTF-8 text"
    if at < 0:
        return text
    line = data.count(b"\n", 0, at) + 1
    # Outside of the except: the cause would quote the bytes, which may hold a password.
    raise ConfigError(Problem("", found, fix, source=f"{source}:{line}"))


class _TooDeepError(yaml.MarkedYAMLError):
    """Lists and mappings stand in one another beyond `MAX_DEPTH`."""


class _Reader:
    """Turns PyYAML's events into values, and notes the place of each.

    Events, because only there aliases are still seen as aliases, nesting can be bounded before
    PyYAML recurses or slows down over it, and faults that stand before an error of syntax are found
    too.
    """

    def __init__(self, text: str, document: Document) -> None:
        self._loader = yaml.SafeLoader(text)
        self._document = document

    def read(self) -> Any:
        """Return the value of the text, or `UNREAD`."""
        try:
            return self._read_document(self._document.path)
        except yaml.MarkedYAMLError as error:
            mark, *words = _describe_syntax(error)
        except (ValueError, OverflowError):
            # PyYAML's own slips: chr() of "\UFFFFFFFF", int() of "%YAML 1.999...".
            mark = None
            words = ["not valid YAML: a number that stands for no character or version"]
        place = _place(self._document, self._loader.line if mark is None else mark.line)
        self._document.refuse(self._document.path, *words, place=place)
        return UNREAD

    def _read_document(self, path: KeyPath) -> Any:
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._read_placed(self._next(), path, 1)
        self._next()  # the end of the document
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse(path, event, "a second document", 'remove the "---" and what follows it')
        return value

    def _next(self) -> Any:
        return self._loader.get_event()  # type: ignore[no-untyped-call]

    def _read_placed(self, event: Any, path: KeyPath, depth: int) -> Any:
        """Return the value that begins with an event, and note its place."""
        self._document.places[path] = self._place(event)
        return self._read(event, path, depth)

    def _read(self, event: Any, path: KeyPath, depth: int) -> Any:
        """Return the value that begins with an event, or `UNREAD` where it can't be used."""
        if isinstance(event, yaml.AliasEvent):
            self._refuse(path, event, "aliases (*name) are not used here", "write the value")
            return UNREAD
        if event.anchor is not None:
            self._refuse(path, event, "anchors (&name) are not used here", "remove it")
        if event.tag is not None:
            # Read on as if the tag were not there, to find the faults behind it too.
            fix = "remove it, or quote the text"
            self._refuse(path, event, "tags (!name) are not used here", fix)
        if isinstance(event, yaml.ScalarEvent):
            return self._read_scalar(event, path)
        if depth > MAX_DEPTH:
            found = f"nested deeper than {MAX_DEPTH} levels"
            raise _TooDeepError(problem=found, problem_mark=event.start_mark)
        if isinstance(event, yaml.MappingStartEvent):
            return self._read_mapping(path, depth)
        entries: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            entries.append(self._read_placed(event, (*path, len(entries)), depth + 1))
        return entries

    def _read_scalar(self, event: Any, path: KeyPath) -> Any:
        text = event.value
        kinds = _SCALARS if event.style is None else ()
        make = next((make for pattern, make in kinds if pattern.fullmatch(text)), str)
        is_infinite = make is float and math.isinf(float(text))
        if _NOT_TEXT.search(text):
            found = "a character that text can't hold (\\0, or half of a surrogate pair)"
        elif is_infinite or (make is int and len(text) > _MAX_DIGITS):
            found = "a number too large to work with"
        else:
            return make(text)
        self._refuse(path, event, found)
        return UNREAD

    def _read_mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        document = self._document
        mapping: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._read_key(event, path, depth)
            if key is None:
                self._read(self._next(), path, depth + 1)  # for the faults in it
                continue
            inner = (*path, key)
            if key in mapping:
                line = document.places[inner].line
                first = f", first on line {line}" if line else ""
                self._refuse(inner, event, f"given twice{first}", "keep one")
            document.places[inner] = self._place(event)
            event = self._next()
            if _is_blank(event):
                document.blanks[inner] = mapping
            mapping[key] = self._read(event, inner, depth + 1)
        return mapping

    def _read_key(self, event: Any, path: KeyPath, depth: int) -> str | None:
        """Return the key that begins with an event; refuse one that is no text."""
        key = self._read(event, path, depth + 1)
        if key is UNREAD:
            return None
        if isinstance(key, list | dict):
            words = "a list or mapping in the place of a key", "keys must be text"
        elif _is_blank(event):
            words = 'a ":" with no key before it', ""
        elif event.style is None and key == "<<":
            words = "merge keys (<<) are not used here", "write the keys out"
        elif not isinstance(key, str):
            words = f"the key {event.value[:40]} is not text", "put it in quotes"
        else:
            return key
        self._refuse(path, event, *words)
        return None

    def _refuse(self, path: KeyPath, event: Any, found: str, fix: str = "") -> None:
        self._document.refuse(path, found, fix, place=self._place(event))

    def _place(self, event: Any) -> Place:
        return _place(self._document, event.start_mark.line)


def _is_blank(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.style is None and event.value == ""


def _describe_syntax(error: yaml.MarkedYAMLError) -> tuple[yaml.Mark | None, str, str]:
    """Return where an error of syntax is, what was found and what to do about it."""
    problem = error.problem or "it can't be read"
    plain = (words for part, *words in _SYNTAX if part in problem)
    found, fix = next(plain, (problem, ""))
    mark, opened = error.problem_mark, error.context_mark
    if opened is not None and "find expected ':'" in problem:
        mark = opened  # PyYAML marks the line after the one that lacks its colon
    if isinstance(error, _TooDeepError):
        return mark, found, fix
    if mark is None:
        return None, f"not valid YAML: {found}", fix
    if "opened" in found and opened is not None and opened.line < mark.line:
        found += f" (opened on line {opened.line + 1})"
    return mark, f"not valid YAML at column {mark.column + 1}: {found}", fix
