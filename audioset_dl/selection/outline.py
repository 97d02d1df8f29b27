"""The ontology below a class, as lines of a tree, though a node may lie below several others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.ontology import Node, Ontology


@dataclass(frozen=True)
class Line:
    """A node in one of its places."""

    node: Node
    depth: int
    is_last: tuple[bool, ...]
    """For each node above it but the root, and for itself: True if it is the last child."""
    above: Node | None
    """The node under which an earlier line has it with all that is below it; None in the first
    line of a node."""
    parents: Sequence[Node]
    """All its parents."""


def outline(ontology: Ontology, roots: Sequence[Node]) -> list[Line]:
    """Return roots and all nodes below them, depth-first in the ontology's order.

    A node that lies below several of them has a line in each place; the nodes below it follow the
    first line only.
    """
    first_places: dict[str, Node | None] = {}
    return [line for root in roots for line in _lines(ontology, root, None, (), first_places)]


def _lines(
    ontology: Ontology,
    node: Node,
    parent: Node | None,
    is_last: tuple[bool, ...],
    first_places: dict[str, Node | None],
) -> Iterator[Line]:
    parents = [ontology[mid] for mid in ontology.parents(node.mid)]
    is_repeated = node.mid in first_places
    above = first_places.setdefault(node.mid, parent) if is_repeated else None
    if not is_repeated:
        first_places[node.mid] = parent
    yield Line(node, len(is_last), is_last, (above or node) if is_repeated else None, parents)
    if is_repeated:
        return
    for number, mid in enumerate(node.child_ids, start=1):
        last = number == len(node.child_ids)
        yield from _lines(ontology, ontology[mid], node, (*is_last, last), first_places)
