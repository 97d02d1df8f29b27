"""The classes that the config chooses.

Owns the meaning of the config's ``classes`` section; knows nothing of clips.
"""

from __future__ import annotations

from collections.abc import Sequence

from audioset_dl.catalog.catalog import Catalog
from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass
from audioset_dl.config import ClassesConfig
from audioset_dl.errors import ConfigError, Problem

MAX_PROBLEMS = 50
"""Most unknown names that are reported, each with its suggestions."""


def select_classes(catalog: Catalog, config: ClassesConfig) -> tuple[Node, ...]:
    """Return the chosen classes in ontology order.

    A chosen class occurs as a label, is neither abstract nor blacklisted, is among the classes of
    ``include`` (all, where it is empty) and not among those of ``exclude``, and passes
    ``leaf_only`` and ``min_quality``; ``slice`` is applied last.

    Raises
    ------
    ConfigError
        The ontology lacks a name (all such names at once, with suggestions), or no class is left.
    """
    included, excluded = _named_mids(catalog.ontology, config)
    chosen = [
        node
        for node in catalog.labelled
        if (not config.include or node.mid in included)
        and node.mid not in excluded
        and not node.is_restricted
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


def _named_mids(ontology: Ontology, config: ClassesConfig) -> tuple[set[str], set[str]]:
    problems: list[Problem] = []
    included = _expand(ontology, "include", config.include, config, problems)
    excluded = _expand(ontology, "exclude", config.exclude, config, problems)
    if problems:
        raise ConfigError(*problems)
    return included, excluded


def _expand(
    ontology: Ontology,
    key: str,
    names: Sequence[str],
    config: ClassesConfig,
    problems: list[Problem],
) -> set[str]:
    mids: set[str] = set()
    for position, name in enumerate(names):
        if len(problems) >= MAX_PROBLEMS:  # each search for suggestions takes a millisecond
            rest = f"and {len(names) - position:,} more names that were not looked up"
            problems.append(Problem(f"classes.{key}", rest))
            break
        try:
            mid = ontology.find(name).mid
        except UnknownClass as error:
            problems.append(Problem(f"classes.{key}[{position}]", error.found, error.fix))
            continue
        mids |= _subtree(ontology, mid, config)
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
