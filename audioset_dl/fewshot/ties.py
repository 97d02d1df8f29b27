"""Ties: which classes, or clips, must stay together, directly or through others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import TypeVar

Key = TypeVar("Key", bound=str)


def group_tied(keys: Iterable[Key], ties: Iterable[tuple[Key, Key]]) -> list[tuple[Key, ...]]:
    """Return the groups that ties make, by union-find; each key is in exactly one.

    >>> group_tied("abcd", [("a", "c")])
    [('a', 'c'), ('b',), ('d',)]
    """
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


def measure_jaccard(label_sets: Iterable[Iterable[str]]) -> dict[tuple[str, str], float]:
    """Return the Jaccard index of each pair of classes that share a clip.

    It is the share, above 0 to 1, of the clips with either class that carry both.

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
    label_sets: Iterable[Iterable[str]], threshold: float | None
) -> dict[tuple[str, str], float]:
    """Return the pairs of classes whose Jaccard index reaches a threshold; none if that is None."""
    if threshold is None:
        return {}
    indices = measure_jaccard(label_sets)
    return {pair: index for pair, index in indices.items() if index >= threshold}
