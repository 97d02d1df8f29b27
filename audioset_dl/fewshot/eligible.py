"""Which classes take part in a split, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.ontology import Node, Ontology
from audioset_dl.dataset.rows import Row


@dataclass(frozen=True)
class LeftOut:
    """A chosen class that does not take part."""

    node: Node
    num_clips: int
    below: tuple[str, ...] = ()
    """MIDs of the classes below it that take part instead; empty if it has too few clips."""


@dataclass(frozen=True)
class EligibleClasses:
    """The classes that take part in a split."""

    classes: tuple[Node, ...]
    """In ontology order."""
    left_out: tuple[LeftOut, ...]

    @property
    def mids(self) -> frozenset[str]:
        """MIDs of the classes."""
        return frozenset(node.mid for node in self.classes)

    @property
    def names(self) -> dict[str, str]:
        """Display names by MID."""
        return {node.mid: node.name for node in self.classes}


def find_eligible(
    chosen: Sequence[Node],
    ontology: Ontology,
    clips: Iterable[Row],
    min_clips: int,
    *,
    lowest: bool = True,
) -> EligibleClasses:
    """Return the classes that have enough clips.

    A clip counts for each class whose label it carries, whichever class it was drawn for.

    Parameters
    ----------
    chosen : sequence of Node
        In ontology order.
    ontology : Ontology
        Says which class lies below which.
    clips : iterable of Row
    min_clips : int
        Clips that a class must have.
    lowest : bool
        Leave out a class if one below it has enough clips as well.
    """
    num_clips = Counter(mid for clip in clips for mid in set(clip.labels))
    rich = {node.mid for node in chosen if num_clips[node.mid] >= min_clips}
    classes, left_out = [], []
    for node in chosen:
        # A clip of Bark is also one of Dog, so the two can't be told apart; the lower says more.
        below = (ontology.descendants(node.mid) - {node.mid}) & rich if lowest else set()
        if node.mid in rich and not below:
            classes.append(node)
        else:
            mids = sorted(below if node.mid in rich else (), key=ontology.order)
            left_out.append(LeftOut(node, num_clips[node.mid], tuple(mids)))
    return EligibleClasses(tuple(classes), tuple(left_out))


def find_stratum(mid: str, ontology: Ontology, stratify: str | None) -> str:
    """Return the class that a class counts for: its root, its parent, or none ("").

    Of several the first in ontology order; 38 of AudioSet's classes have several parents.
    """
    above = ontology.ancestors(mid)
    if stratify == "root":
        above = frozenset(one for one in above if not ontology.parents(one))
    elif stratify == "parent":
        above = frozenset(ontology.parents(mid))
    else:
        return ""
    return min(above, key=ontology.order, default=mid)
