"""The ontology: the classes, how they lie below each other, and how to find one.

A directed acyclic graph, not a tree: 38 of Google's 632 nodes have several parents. Owns the form
of ``ontology.json``; knows nothing of clips.
"""

from __future__ import annotations

import difflib
import json
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from audioset_dl.catalog.reading import DOWNLOAD_AGAIN, is_mid, read_small
from audioset_dl.errors import MetadataError, join_fix
from audioset_dl.storage.tables import BadRow

MISSPELT_MIDS: Mapping[str, str] = {"/t/dd00138": "/t/dd000138"}
"""How the files of strong labels write some MIDs of the ontology, and how it does itself."""
MAX_DEPTH = 100
"""Most levels of an ontology; Google's has 6."""

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')


@dataclass(frozen=True)
class Node:
    """A node of the ontology."""

    mid: str
    """Id, e.g. ``/m/0bt9lr``."""
    name: str
    """Display name, e.g. ``Dog``; unique, may hold commas."""
    child_ids: tuple[str, ...] = ()
    """MIDs of the nodes right below, in the file's order."""
    restrictions: frozenset[str] = frozenset()
    """``abstract`` (only groups others), ``blacklist`` (hard to label), both, or none."""

    @property
    def is_leaf(self) -> bool:
        """True if no other node lies below."""
        return not self.child_ids

    @property
    def is_restricted(self) -> bool:
        """True if it is abstract or blacklisted, and so never chosen itself."""
        return not self.restrictions.isdisjoint({"abstract", "blacklist"})


class UnknownClass(LookupError):
    """No class has this name or MID, or several have the name."""

    def __init__(
        self, text: str, suggestions: tuple[str, ...] = (), *, mids: Sequence[str] = ()
    ) -> None:
        self.found = f"no class is called {text[:100]!r}"
        """What was found."""
        self.fix = "audioset-dl classes lists the names when include is empty"
        """What to do about it."""
        if mids:
            self.found = f"{len(mids)} classes are called {text[:100]!r}: {' and '.join(mids)}"
            self.fix = "write the MID instead"
        elif suggestions:
            self.fix = f"did you mean {' or '.join(map(repr, suggestions))}?"
        super().__init__(join_fix(self.found, self.fix))
        self.suggestions = suggestions
        """Display names (or MIDs) that may be meant, the likeliest first."""


@dataclass(frozen=True)
class Ontology:
    """AudioSet's classes and how they lie below each other.

    Parameters
    ----------
    nodes : tuple of Node
        In the order of the file, which in Google's is depth-first: the *ontology order*.
    other_names : mapping of str to str
        MIDs by names that some other file has for them.

    Notes
    -----
    Where a method takes a MID that the ontology does not hold, it raises `KeyError`.
    """

    nodes: tuple[Node, ...]
    other_names: Mapping[str, str] = field(default_factory=dict)

    def with_leaves(self, names: Mapping[str, str]) -> Ontology:
        """Return this ontology with the classes of another file that it lacks.

        They are leaves below no root, after the nodes of the ontology, by MID.

        Parameters
        ----------
        names : mapping of str to str
            Display names by MID. Where the ontology has the MID its own name leads, and the class
            is found by both.
        """
        lacking = sorted(mid for mid in names if mid not in self)
        others = {name: mid for mid, name in names.items() if mid in self}
        nodes = (*self.nodes, *(Node(mid, names[mid]) for mid in lacking))
        return replace(self, nodes=nodes, other_names={**self.other_names, **others})

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __contains__(self, mid: object) -> bool:
        return mid in self._order

    def __getitem__(self, mid: str) -> Node:
        return self.nodes[self._order[mid]]

    def order(self, mid: str) -> int:
        """Return the position of a node in the ontology order, from 0."""
        return self._order[mid]

    def roots(self) -> list[Node]:
        """Return the nodes that lie below no other, in ontology order."""
        return [node for node in self.nodes if not self.parents(node.mid)]

    def parents(self, mid: str) -> tuple[str, ...]:
        """Return the MIDs of the nodes right above, in ontology order."""
        return self._parents[mid]

    def descendants(self, mid: str) -> frozenset[str]:
        """Return the MIDs of a node and of all nodes below it."""
        return _reach(mid, lambda node: self[node].child_ids)

    def ancestors(self, mid: str) -> frozenset[str]:
        """Return the MIDs of all nodes above, without the node itself."""
        return _reach(mid, self.parents) - {mid}

    def find(self, text: str) -> Node:
        """Return the node with a MID or display name.

        The name is looked up as it is written, then without regard to case and white space.

        Raises
        ------
        UnknownClass
            There is no such node, and the error carries suggestions; or several have the name.
        """
        mid = MISSPELT_MIDS.get(text, text)
        if mid in self:
            return self[mid]
        named = self._by_name.get(text, []) or self._by_other_name.get(text, [])
        alike = self._by_folded_name.get(_fold(text), [])
        found = named or alike or self._by_other_name.get(_fold(text), [])
        if len(found) == 1:
            return found[0]
        if named:
            raise UnknownClass(text, mids=[node.mid for node in named])
        raise UnknownClass(text, tuple(node.name for node in alike) or self.suggest(text))

    def suggest(self, text: str, limit: int = 3) -> tuple[str, ...]:
        """Return display names that a text may mean, the likeliest first.

        First names of which the text is a part between commas, then names that hold it as words or
        within a word; if there are none, names with a similar spelling. A text that begins with
        ``/`` is compared with MIDs.
        """
        if text.startswith("/"):
            return tuple(difflib.get_close_matches(text, self._order, limit, 0.8))
        folded = _fold(text)
        if not folded:
            return ()
        pieces = _pieces_holding(folded, self._by_piece) or difflib.get_close_matches(
            folded[:100], self._by_piece, limit
        )
        names = (node.name for piece in pieces for node in self._by_piece[piece])
        return tuple(dict.fromkeys(names))[:limit]

    @cached_property
    def _by_name(self) -> dict[str, list[Node]]:
        return _group((node.name, node) for node in self.nodes)

    @cached_property
    def _by_other_name(self) -> dict[str, list[Node]]:
        """Nodes by the names of other files, as they are written and folded."""
        pairs = [(name, self[mid]) for name, mid in self.other_names.items()]
        folded = [(_fold(name), node) for name, node in pairs]
        return _group(dict.fromkeys([*pairs, *folded]))

    @cached_property
    def _order(self) -> dict[str, int]:
        return {node.mid: position for position, node in enumerate(self.nodes)}

    @cached_property
    def _parents(self) -> dict[str, tuple[str, ...]]:
        parents: dict[str, list[str]] = {node.mid: [] for node in self.nodes}
        for node in self.nodes:
            for child_id in node.child_ids:
                parents[child_id].append(node.mid)
        return {mid: tuple(above) for mid, above in parents.items()}

    @cached_property
    def _by_folded_name(self) -> dict[str, list[Node]]:
        return _group((_fold(node.name), node) for node in self.nodes)

    @cached_property
    def _by_piece(self) -> dict[str, list[Node]]:
        """Nodes by folded name, and by each part of it between commas."""
        names = [(_fold(node.name), node) for node in self.nodes]
        parts = [(part.strip(" ."), node) for name, node in names for part in name.split(",")]
        return _group(pair for pair in dict.fromkeys([*names, *parts]) if pair[0])


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _pieces_holding(folded: str, pieces: Iterable[str]) -> list[str]:
    """Return the pieces that a text is, then those that hold it as words, then within a word."""
    words = re.compile(rf"(?<!\w){re.escape(folded)}(?!\w)")
    holding = [piece for piece in pieces if folded in piece]
    whole = [piece for piece in holding if piece == folded]
    as_words = [piece for piece in holding if words.search(piece)]
    if len(folded) < 3:  # most names hold any one or two letters
        return [*whole, *as_words]
    return [*whole, *as_words, *holding]


def _group(pairs: Iterable[tuple[str, Node]]) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for key, node in pairs:
        groups.setdefault(key, []).append(node)
    return groups


def _reach(mid: str, neighbours: Callable[[str], Iterable[str]]) -> frozenset[str]:
    reached = {mid}
    waiting = [mid]
    while waiting:
        new = set(neighbours(waiting.pop())) - reached
        reached |= new
        waiting.extend(new)
    return frozenset(reached)


def read_ontology(path: Path) -> Ontology:
    """Read ``ontology.json``.

    A list of objects with ``id``, ``name``, ``child_ids`` and ``restrictions``
    (https://github.com/audioset/ontology); other keys are ignored.

    Raises
    ------
    MetadataError
        No JSON or no such list; an entry without id, name or child_ids; an id or a name twice; a
        child that does not exist; a circle; more than `MAX_DEPTH` levels.
    """
    text = read_small(path)
    entries = _parse_json(text, path)
    try:
        nodes = [_read_node(entry, number) for number, entry in enumerate(entries, 1)]
        _check_unique([node.mid for node in nodes], "id")
        _check_unique([node.name for node in nodes], "name")
        _check_children(nodes)
        _check_depth(nodes)
    except BadRow as error:
        raise MetadataError(error.found, path, _find_entry(error.number, text)) from error
    return Ontology(tuple(nodes))


def _parse_json(text: str, path: Path) -> list[object]:
    try:
        # Nothing in it is a number, and int() raises an error for one of thousands of digits:
        # https://docs.python.org/3/library/stdtypes.html#int-max-str-digits
        entries = json.loads(text, parse_int=float)
    except json.JSONDecodeError as error:
        raise MetadataError(
            f"not JSON: {error.msg}", path, error.lineno, fix=DOWNLOAD_AGAIN
        ) from error
    except RecursionError as error:
        words = "not the ontology: nested too deep"
        raise MetadataError(words, path, _find_deep(text), fix=DOWNLOAD_AGAIN) from error
    if not isinstance(entries, list) or not entries:
        raise MetadataError("expected a list of classes", path, 1)
    return entries


def _read_node(entry: object, number: int) -> Node:
    if not isinstance(entry, Mapping):
        raise BadRow(f"entry {number}: expected an object with id and name", number=number)
    mid, name = entry.get("id"), entry.get("name")
    if not isinstance(mid, str) or not is_mid(mid):
        found = f"entry {number}: expected an id like /m/0bt9lr, found {reprlib.repr(mid)}"
        raise BadRow(found, number=number)
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        found = f"entry {number} ({mid}): expected a name, found {reprlib.repr(name)}"
        raise BadRow(found, number=number)
    lists = {"child_ids": entry.get("child_ids"), "restrictions": entry.get("restrictions", [])}
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            found = f"{mid}: expected {key} to be a list of texts, found {reprlib.repr(value)}"
            raise BadRow(found, number=number)
    child_ids = tuple(dict.fromkeys(lists["child_ids"]))
    return Node(mid, name, child_ids, frozenset(lists["restrictions"]))


def _check_unique(values: Sequence[str], key: str) -> None:
    seen: set[str] = set()
    for number, value in enumerate(values, 1):
        if value in seen:
            raise BadRow(f"the {key} {value!r} stands in the file twice", number=number)
        seen.add(value)


def _check_children(nodes: Sequence[Node]) -> None:
    mids = {node.mid for node in nodes}
    for number, node in enumerate(nodes, 1):
        for child_id in node.child_ids:
            if child_id not in mids:
                found = f"{node.name}: its child {child_id[:40]!r} is not in the file"
                raise BadRow(found, number=number)


def _check_depth(nodes: Sequence[Node]) -> None:
    numbers = {node.mid: number for number, node in enumerate(nodes, 1)}
    sorter = TopologicalSorter({node.mid: node.child_ids for node in nodes})
    try:
        sorter.prepare()
    except CycleError as error:
        number = min(numbers[mid] for mid in error.args[1])
        found = f"classes lie below themselves: {nodes[number - 1].name} is in a circle"
        raise BadRow(found, number=number) from error
    depth = 0
    level: Sequence[str] = ()
    while sorter.is_active():
        level = sorter.get_ready()
        sorter.done(*level)
        depth += 1
    if depth > MAX_DEPTH:
        found = f"{depth} levels deep; at most {MAX_DEPTH} are accepted"
        raise BadRow(found, number=numbers[level[0]])


def _find_entry(number: int, text: str) -> int:
    """Return the line where an entry of the list begins, both counted from 1."""
    decoder = json.JSONDecoder(parse_int=float)
    start, end = 0, text.index("[")
    for _ in range(number):
        start = _skip_space(text, end + 1)
        end = _skip_space(text, decoder.raw_decode(text, start)[1])
    return _line(start, text)


def _find_deep(text: str) -> int | None:
    """Return the line where lists and objects are nested deeper than `MAX_DEPTH`."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            return _line(token.start(), text)
    return None


def _skip_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    return found.end() if found else start


def _line(position: int, text: str) -> int:
    return text.count("\n", 0, position) + 1
