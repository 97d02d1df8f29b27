"""YAML text as plain values that remember where they were written.

Owns which YAML is understood: mappings, lists and scalars of YAML 1.2's core schema
(https://yaml.org/spec/1.2.2/#103-core-schema), decimal numbers only, so that ``no``, ``1:30`` and
``2020-01-01`` stay the text that was written; no aliases, anchors, tags, merge keys, duplicate keys
or second documents. Must not know which keys a configuration has.
"""

from __future__ import annotations

import math
import re
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

_TAG = "tag:yaml.org,2002:"
_REFUSED = "refused"
# YAML 1.2's core schema also has 0x1F, 0o17, .inf and .nan. No key here wants such a number, and a
# number with a zero before it is octal in YAML 1.1: these stay text, and the models refuse them.
_SCALARS = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(0|[1-9][0-9]*)",
    "float": r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
}
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
        document.value = _Loader(text, document).read()
    except yaml.reader.ReaderError as error:
        found = f"a control character (U+{ord(text[error.position]):04X})"
        place = _place(document, text.count("\n", 0, error.position))
        document.refuse(path, found, "remove it", place=place)
    return document


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


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, with the scalars of YAML 1.2 and the place of each value.

    Checks everything while nodes are composed: only there aliases are still seen as aliases,
    nesting can be bounded before PyYAML recurses or slows down over it, and faults that stand
    before an error of syntax are found too.
    """

    def __init__(self, text: str, document: Document) -> None:
        super().__init__(text)
        self._document = document
        # One for each node that is being composed: its key or index, or None for the root, for a
        # key, and for the value of a key that was refused.
        self._parts: list[str | int | None] = []
        # One for each mapping that is being composed: the line of each key.
        self._keys: list[dict[str, int]] = []

    def read(self) -> Any:
        """Return the value of the text, or `UNREAD`."""
        try:
            node = self.get_node() if self.check_node() else None
            if self.check_node():
                fix = 'remove the "---" and what follows it'
                self._refuse(self._peek().start_mark, "a second document", fix)
            return self.construct_document(node) if node else None
        except yaml.MarkedYAMLError as error:
            mark, *words = _describe_syntax(error)
        except (ValueError, OverflowError):
            # PyYAML's own slips: chr() of "\UFFFFFFFF", int() of "%YAML 1.999...".
            mark = None
            words = ["not valid YAML: a number that stands for no character or version"]
        self._parts.clear()
        self._refuse(mark, *words)
        return UNREAD

    def compose_node(self, parent: yaml.Node | None, index: Any) -> Any:
        # The key first: to look at the next event may raise an error of syntax.
        key = index if isinstance(index, yaml.Node) else None
        part = self._key_text(key) if key else index
        self._parts.append(part)
        event = self._peek()
        if part is not None or parent is None:
            mark = key.start_mark if key else event.start_mark
            self._document.places[self._path()] = _place(self._document, mark.line)
        node = self._compose(parent, index, event)
        self._parts.pop()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        self._keys.append({})
        node = super().compose_mapping_node(anchor)
        self._keys.pop()
        node.value = [(key, value) for key, value in node.value if key.tag != _REFUSED]
        return node

    def _peek(self) -> Any:
        return self.peek_event()  # type: ignore[no-untyped-call]

    def _compose(self, parent: yaml.Node | None, index: Any, event: Any) -> Any:
        """Return the node that begins with an event, tagged as refused where it can't be used."""
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            self._refuse(mark, "aliases (*name) are not used here", "write the value")
            return yaml.ScalarNode(_REFUSED, "", mark, mark)
        if event.anchor is not None:
            self._refuse(mark, "anchors (&name) are not used here", "remove it")
            event.anchor = None
        if event.tag is not None:
            self._refuse(mark, "tags (!name) are not used here", "remove it, or quote the text")
            # Read on as if the tag were not there, to find the faults behind it too.
            event.tag = None
            event.implicit = (getattr(event, "style", None) is None, True)
        if isinstance(event, yaml.CollectionStartEvent) and len(self._parts) > MAX_DEPTH:
            found = f"nested deeper than {MAX_DEPTH} levels"
            raise _TooDeepError(problem=found, problem_mark=mark)
        node: Any = super().compose_node(parent, index)
        if isinstance(node, yaml.ScalarNode) and self._is_unusable(node):
            node.tag = _REFUSED
        return node

    def _is_unusable(self, node: yaml.ScalarNode) -> bool:
        """Note a key with nothing behind the colon; refuse text and numbers without a use."""
        if node.value == "" and node.style is None and isinstance(self._parts[-1], str):
            self._document.blanks.add(self._path())
        if _NOT_TEXT.search(node.value):
            words = "a character that text can't hold (\\0, or half of a surrogate pair)"
        elif _is_too_large(node):
            words = "a number too large to work with"
        else:
            return False
        self._refuse(node.start_mark, words)
        return True

    def _key_text(self, key: yaml.Node) -> str | None:
        """Return the text of a key; refuse a key that is none, and one that is given twice."""
        if key.tag == _REFUSED:
            return None
        is_plain = isinstance(key, yaml.ScalarNode) and key.style is None
        if not isinstance(key, yaml.ScalarNode):
            words = "a list or mapping in the place of a key", "keys must be text"
        elif is_plain and key.value == "":
            words = 'a ":" with no key before it', ""
        elif is_plain and key.value == "<<":
            words = "merge keys (<<) are not used here", "write the keys out"
        elif key.tag != self.DEFAULT_SCALAR_TAG:
            words = f"the key {key.value[:40]} is not text", "put it in quotes"
        else:
            self._note_key(key.value, key.start_mark)
            return str(key.value)
        key.tag = _REFUSED
        self._refuse(key.start_mark, *words)
        return None

    def _note_key(self, key: str, mark: yaml.Mark) -> None:
        lines = self._keys[-1]
        if key in lines:
            first = "" if self._document.path else f", first on line {lines[key] + 1}"
            self._refuse(mark, f"given twice{first}", "keep one", key=key)
        lines[key] = mark.line

    def _refuse(
        self, mark: yaml.Mark | None, found: str, fix: str = "", *, key: str | None = None
    ) -> None:
        place = _place(self._document, self.line if mark is None else mark.line)
        self._document.refuse(self._path(key), found, fix, place=place)

    def _path(self, key: str | None = None) -> KeyPath:
        parts = (*self._document.path, *self._parts, key)
        return tuple(part for part in parts if part is not None)


# A table of its own: add_implicit_resolver would add to a copy of YAML 1.1's.
_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), None)
_Loader.add_constructor(_REFUSED, lambda *_: UNREAD)


def _is_too_large(node: yaml.ScalarNode) -> bool:
    if node.tag == _TAG + "int":
        return len(node.value) > _MAX_DIGITS
    return node.tag == _TAG + "float" and not math.isfinite(float(node.value))


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
