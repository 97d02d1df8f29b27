"""What must not be parted: things that are tied to each other, directly or by others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TypeVar

Key = TypeVar("Key", bound=str)


def group_tied(keys: Iterable[Key], ties: Iterable[tuple[Key, Key]]) -> list[tuple[Key, ...]]:
    """Return the groups that ties make (union-find); each key is in one, at its first place."""
    above = {key: key for key in keys}

    def top(key: Key) -> Key:
        while above[key] != key:
            above[key] = key = above[above[key]]
        return key

    for first, second in ties:
        above[top(first)] = top(second)
    groups: dict[Key, list[Key]] = {}
    for key in above:
        groups.setdefault(top(key), []).append(key)
    return [tuple(group) for group in groups.values()]


def measure_overlap(label_sets: Iterable[Iterable[str]]) -> dict[tuple[str, str], float]:
    """Return the Jaccard index, above 0 to 1, of all pairs of classes that share a clip.

    Of the clips that carry either class, the share that carries both.

    Parameters
    ----------
    label_sets : iterable of iterable of str
        For each clip the MIDs of the classes that it carries.
    """
    single: Counter[str] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    for labels in label_sets:
        mids = sorted(set(labels))
        single.update(mids)
        both.update(combinations(mids, 2))
    return {
        (first, second): shared / (single[first] + single[second] - shared)
        for (first, second), shared in both.items()
    }


def find_ties(
    overlap: Mapping[tuple[str, str], float], threshold: float | None
) -> dict[tuple[str, str], float]:
    """Return the pairs of classes that overlap by a threshold or more; none where it is None."""
    if threshold is None:
        return {}
    return {pair: index for pair, index in overlap.items() if index >= threshold}
