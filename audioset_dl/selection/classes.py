"""The classes that the config chooses, and what `audioset-dl classes` shows to help with that.

Owns the meaning of the config's ``classes`` section, the curves of how many classes remain at each
quality threshold, and the tree below a class; knows nothing of clips.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.catalog import Catalog
from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass
from audioset_dl.config import ClassesConfig
from audioset_dl.errors import ConfigError, Problem

MAX_PROBLEMS = 50
"""Most unknown names that are reported, each with its suggestions."""


def select_classes(catalog: Catalog, config: ClassesConfig) -> tuple[Node, ...]:
    """Return the chosen classes in ontology order.

    A chosen class occurs as a label, is neither abstract nor blacklisted (unless strong or
    corrected labels use it), is among the classes of ``include`` (all, where it is empty) and not
    among those of ``exclude``, and passes ``leaf_only`` and ``min_quality``; ``slice`` is applied
    last.

    Raises
    ------
    ConfigError
        The ontology lacks a name (all such names at once, with suggestions), or no class is left.
    """
    named = _find_named(catalog.ontology, config)
    chosen = [
        node
        for node in catalog.labelled
        if (not config.include or node.mid in named["include"])
        and node.mid not in named["exclude"]
        and catalog.can_be_chosen(node)
        and (node.is_leaf or not config.leaf_only)
        and _is_good_enough(catalog.quality(node.mid), config)
    ]
    if config.slice is not None:
        start, stop = config.slice
        chosen = chosen[start:stop]
    if not chosen:
        raise ConfigError(_nothing_chosen(config))
    return tuple(chosen)


def find_idle_names(
    catalog: Catalog, config: ClassesConfig, chosen: Sequence[Node]
) -> tuple[str, ...]:
    """Return the names in ``include`` that add no chosen class, such as one of too low quality."""
    mids = {node.mid for node in chosen}
    return tuple(
        name
        for name in config.include
        if not mids & _subtree(catalog.ontology, catalog.ontology.find(name).mid, config)
    )


def _subtree(ontology: Ontology, mid: str, config: ClassesConfig) -> frozenset[str]:
    return ontology.descendants(mid) if config.descendants else frozenset({mid})


def _is_good_enough(quality: float | None, config: ClassesConfig) -> bool:
    if config.min_quality is None:
        return True
    if quality is None:
        return config.unrated == "include"
    return quality >= config.min_quality


def _find_named(ontology: Ontology, config: ClassesConfig) -> dict[str, set[str]]:
    """Return the MIDs that ``include`` and ``exclude`` stand for."""
    problems: list[Problem] = []
    mids: dict[str, set[str]] = {"include": set(), "exclude": set()}
    for key, names in (("include", config.include), ("exclude", config.exclude)):
        for position, name in enumerate(names):
            if len(problems) >= MAX_PROBLEMS:  # each search for suggestions takes a millisecond
                rest = f"and {len(names) - position:,} more names that were not looked up"
                problems.append(Problem(f"classes.{key}", rest))
                break
            try:
                mids[key] |= _subtree(ontology, ontology.find(name).mid, config)
            except UnknownClass as error:
                problems.append(Problem(f"classes.{key}[{position}]", error.found, error.fix))
    if problems:
        raise ConfigError(*problems)
    return mids


def _nothing_chosen(config: ClassesConfig) -> Problem:
    hints = ["classes that are abstract, blacklisted or never used as a label are not chosen"]
    if config.exclude:
        hints.append("exclude wins over include")
    if config.include and not config.descendants:
        hints.append("descendants is false, so the classes below a name are left out")
    if config.leaf_only:
        hints.append("leaf_only leaves out every class that has others below it")
    if config.min_quality is not None:
        hints.append(f"min_quality is {config.min_quality:g} and unrated is {config.unrated}")
    if config.slice is not None:
        hints.append(f"slice takes classes {config.slice[0]} to {config.slice[1] - 1}")
    return Problem("classes", "no class is left", fix="; ".join(hints))


@dataclass(frozen=True)
class Curve:
    """How many classes have at least some quality."""

    qualities: Sequence[float]
    """Of each class, 0..1, ascending."""

    def at_least(self, threshold: float) -> int:
        """Return how many classes have this quality or a better one."""
        return sum(quality >= threshold for quality in self.qualities)


@dataclass(frozen=True)
class Thresholds:
    """The curves of all classes and of the leaves alone."""

    all_classes: Curve
    leaves: Curve
    configured: float | None
    """``classes.min_quality``."""


def count_at_thresholds(catalog: Catalog, config: ClassesConfig) -> Thresholds:
    """Return the curves of the rated classes that ``include`` and ``exclude`` leave.

    ``min_quality``, ``leaf_only`` and ``slice`` are what the curves are to help with, and are not
    applied. Blacklisted and abstract classes are never chosen and do not count.
    """
    free = config.model_copy(update={"min_quality": None, "leaf_only": False, "slice": None})
    chosen = select_classes(catalog, free)
    return Thresholds(
        all_classes=_curve(catalog, chosen),
        leaves=_curve(catalog, [node for node in chosen if node.is_leaf]),
        configured=config.min_quality,
    )


def _curve(catalog: Catalog, nodes: Sequence[Node]) -> Curve:
    qualities = (catalog.quality(node.mid) for node in nodes)
    return Curve(sorted(quality for quality in qualities if quality is not None))


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

    def lines(node: Node, parent: Node | None, is_last: tuple[bool, ...]) -> Iterator[Line]:
        parents = [ontology[mid] for mid in ontology.parents(node.mid)]
        if node.mid in first_places:
            above = first_places[node.mid] or node
            yield Line(node, len(is_last), is_last, above, parents)
            return
        first_places[node.mid] = parent
        yield Line(node, len(is_last), is_last, None, parents)
        for number, mid in enumerate(node.child_ids, start=1):
            last = number == len(node.child_ids)
            yield from lines(ontology[mid], node, (*is_last, last))

    return [line for root in roots for line in lines(root, None, ())]
