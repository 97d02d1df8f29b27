"""The overlap of classes: clips that several want, and classes that seldom occur alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from audioset_dl.catalog.ontology import Ontology
from audioset_dl.catalog.segments import SegmentTable


@dataclass(frozen=True)
class Overlap:
    """Clips that count for several classes."""

    clips: int
    """Each once."""
    pairs: Mapping[tuple[str, str], int]
    """Clips that two classes (MIDs) share, most first."""
    by_class: Mapping[str, int]
    """Clips that a class shares with any other."""


def find_overlap(drawn: Mapping[str, frozenset[str]]) -> Overlap:
    """Count the clips that several classes share.

    Parameters
    ----------
    drawn : mapping of str to frozenset of str
        For each clip (by clip_id) the classes (MIDs) that want it.
    """
    groups = Counter(mids for mids in drawn.values() if len(mids) > 1)
    pairs: Counter[tuple[str, str]] = Counter()
    by_class: Counter[str] = Counter()
    for mids, number in groups.items():
        by_class.update(dict.fromkeys(mids, number))
        pairs.update(dict.fromkeys(combinations(sorted(mids), 2), number))
    return Overlap(sum(groups.values()), dict(pairs.most_common()), by_class)


def shares_alone(
    chosen: Sequence[str], table: SegmentTable, ontology: Ontology
) -> dict[str, float]:
    """Return, for each chosen class, the share of its clips that carry no unrelated chosen class.

    A class's ancestors and descendants are its relatives: that a bark is a dog too says nothing.
    A class without clips is left out.
    """
    relatives = {mid: ontology.ancestors(mid) | ontology.descendants(mid) for mid in chosen}
    total: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for labels, number in table.count_label_sets().items():
        carried = [mid for mid in labels if mid in relatives]
        for mid in carried:
            total[mid] += number
            if relatives[mid].issuperset(carried):
                alone[mid] += number
    return {mid: round(alone[mid] / total[mid], 4) for mid in chosen if total[mid]}
