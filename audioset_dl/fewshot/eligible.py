"""Which classes take part in a split, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.ontology import Node, Ontology
from audioset_dl.fewshot.table import ClipTable


@dataclass(frozen=True)
class LeftOut:
    """A chosen class that does not take part."""

    node: Node
    num_clips: int
    below: tuple[str, ...] = ()
    """MIDs of the classes below it that take part in its place; empty: it has too few clips."""


@dataclass(frozen=True)
class Universe:
    """The classes that are split."""

    classes: tuple[Node, ...]
    """In ontology order."""
    num_clips: Mapping[str, int]
    """Clips of each, by MID."""
    left_out: tuple[LeftOut, ...]

    @property
    def mids(self) -> frozenset[str]:
        """The classes by MID."""
        return frozenset(self.num_clips)

    @property
    def names(self) -> dict[str, str]:
        """Display names by MID."""
        return {node.mid: node.name for node in self.classes}


def find_universe(
    chosen: Sequence[Node], ontology: Ontology, table: ClipTable, min_clips: int
) -> Universe:
    """Return the chosen classes that have clips enough, the lowest of each branch.

    A clip is of each class that it carries the label of, whichever it was drawn for. Of a class
    and one below it, both with clips enough, the lower takes part: a clip of Bark is one of Dog as
    well, so that both can't be told apart, and the lower says more.
    """
    num_clips = {node.mid: 0 for node in chosen}
    for clip in table.clips.values():
        for mid in set(clip.labels) & num_clips.keys():
            num_clips[mid] += 1
    rich = {mid for mid, number in num_clips.items() if number >= min_clips}
    classes, left_out = [], []
    for node in chosen:
        below = (ontology.descendants(node.mid) - {node.mid}) & rich if node.mid in rich else set()
        if node.mid in rich and not below:
            classes.append(node)
        else:
            mids = tuple(sorted(below, key=ontology.order))
            left_out.append(LeftOut(node, num_clips[node.mid], mids))
    kept = {node.mid: num_clips[node.mid] for node in classes}
    return Universe(tuple(classes), kept, tuple(left_out))


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
