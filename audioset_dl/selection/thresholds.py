"""How many classes remain at each quality threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audioset_dl.catalog.catalog import Catalog
from audioset_dl.catalog.ontology import Node
from audioset_dl.config import ClassesConfig
from audioset_dl.selection.classes import select_classes


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
