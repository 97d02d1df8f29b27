"""Which class goes to which split: by its hash, with exact numbers, groups kept together.

A class has a place on a line from 0 to 1: SHA-256 of ``"<seed>:split:<mid>"``. The line is cut into
validation, train and test, in this order, so that each gets its number of classes. So a class that
is added or removed moves at most one other class at each of the two cuts, into train or out of it,
and none between validation and test, as long as no group is concerned. To move none at all, the
numbers would have to be right only on average.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise
from typing import TypeVar

import numpy as np

from audioset_dl.dataset.splits import SPLITS

Key = TypeVar("Key", bound=Hashable)
# The splits in their order along the line. The largest is between the others, so that the fewest
# classes move.
_LINE = (1, 0, 2)


@dataclass(frozen=True)
class Unit:
    """A single class, or classes that stay together."""

    mids: tuple[str, ...]
    stratum: str = ""
    fixed: int | None = None
    """Index (in `SPLITS`) of the split that it must go to; None: any."""


def assign(units: Sequence[Unit], ratios: Sequence[float], seed: int) -> dict[str, str]:
    """Divide classes among the splits.

    Fixed units go where they must. Then each group, the largest first, goes to the split where its
    place lies, or else to the nearest on the line that has room for it; if none has, to the one
    with the most room. Then single classes fill the splits up to their numbers, which are those of
    `share_out` unless a group was larger than the room that was left.

    Parameters
    ----------
    units : sequence of Unit
        Their order does not matter.
    ratios : sequence of float
        Shares of train, validation and test.
    seed : int
        The same seed gives the same division.

    Returns
    -------
    dict of str to str
        Name of the split (of `SPLITS`) by MID, sorted by MID.
    """
    rooms = share_out(sum(len(unit.mids) for unit in units), ratios)
    found: dict[str, int] = {}
    singles: list[Unit] = []
    ordered = sorted(units, key=lambda unit: (-len(unit.mids), _place(unit, seed)))
    for unit in sorted(ordered, key=lambda unit: unit.fixed is None):
        if unit.fixed is None and len(unit.mids) == 1:
            singles.append(unit)
            continue
        split = _choose(unit, rooms, ratios, seed) if unit.fixed is None else unit.fixed
        found.update(dict.fromkeys(unit.mids, split))
        rooms[split] -= len(unit.mids)
    left = [max(room, 0) for room in rooms]
    numbers = share_out(len(singles), left if sum(left) else ratios)
    found.update(_cut(singles, numbers))
    return {mid: SPLITS[found[mid]] for mid in sorted(found)}


def _place(unit: Unit, seed: int) -> bytes:
    """Return a unit's place on the line: that of one of its classes, chosen by another hash.

    It is 32 bytes that compare like the number.
    """
    # The lowest of their places would draw groups to the beginning of the line.
    leader = min(unit.mids, key=lambda mid: _hash(f"{seed}:leader:{mid}"))
    return _hash(f"{seed}:split:{leader}")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _choose(unit: Unit, rooms: Sequence[int], ratios: Sequence[float], seed: int) -> int:
    """Return the split for a group: the nearest with room for it."""
    size = len(unit.mids)
    fitting = [split for split in range(len(SPLITS)) if rooms[split] >= size]
    if not fitting:
        return max(range(len(SPLITS)), key=lambda split: rooms[split])
    place = int.from_bytes(_place(unit, seed)) / 2**256
    start = 0.0
    distances: dict[int, float] = {}
    for split in _LINE:
        stop = start + ratios[split]
        distances[split] = max(start - place, place - stop, 0.0)
        start = stop
    return min(fitting, key=lambda split: (distances[split], split))


def _cut(singles: Sequence[Unit], numbers: Sequence[int]) -> dict[str, int]:
    """Cut the line of single classes, in each stratum, into the splits."""
    strata: dict[str, list[Unit]] = {}
    for unit in singles:
        strata.setdefault(unit.stratum, []).append(unit)
    names = sorted(strata)
    cells = share_out_strata([len(strata[name]) for name in names], numbers)
    found: dict[str, int] = {}
    for name, row in zip(names, cells, strict=True):
        line = [split for split in _LINE for _ in range(row[split])]
        found.update({unit.mids[0]: split for unit, split in zip(strata[name], line, strict=True)})
    return found


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


def share_out(number: int, ratios: Sequence[float | Fraction]) -> list[int]:
    """Divide a number by ratios into whole parts, by the method of the largest remainder.

    Each part gets its share rounded down; what is left goes, one each, to those with the largest
    remainders; of equal ones, to the first. Computed in fractions, so that 0.7 is seven tenths.

    >>> share_out(142, [0.7, 0.1, 0.2])
    [100, 14, 28]
    """
    # By way of text: Fraction(0.7) is 0.6999…, and a rounding error could move a class.
    weights = [Fraction(str(ratio)) for ratio in ratios]
    shares = [number * weight / sum(weights) for weight in weights]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda one: parts[one] - shares[one])
    for one in by_remainder[: number - sum(parts)]:
        parts[one] += 1
    return parts


def share_out_strata(sizes: Sequence[int], totals: Sequence[int]) -> list[list[int]]:
    """Divide each stratum so that every cell is its share rounded up or down, and all sums hold.

    This is controlled rounding, which is always possible (Cox, "A constructive procedure for
    unbiased controlled rounding", JASA 82, 1987): what the shares leave over is placed by largest
    remainder, and moved along augmenting paths where that gets stuck.

    Parameters
    ----------
    sizes : sequence of int
        Classes of each stratum.
    totals : sequence of int
        Classes of each part; they sum to the same.

    Returns
    -------
    list of list of int
        For each stratum the number in each part.
    """
    products = np.outer(sizes, totals).astype(np.int64)
    cells, rests = np.divmod(products, max(sum(sizes), 1))
    open_rows = (sizes - cells.sum(axis=1)).tolist()
    open_columns = (totals - cells.sum(axis=0)).tolist()
    places = [(int(row), int(column)) for row, column in np.argwhere(rests)]
    raised: set[tuple[int, int]] = set()
    for row, column in sorted(places, key=lambda place: (-rests[place], place)):
        if open_rows[row] and open_columns[column]:
            raised.add((row, column))
            open_rows[row] -= 1
            open_columns[column] -= 1
    for row, missing in enumerate(open_rows):
        for _ in range(missing):
            _augment(row, set(places), raised, open_columns)
    for place in raised:
        cells[place] += 1
    numbers: list[list[int]] = cells.tolist()
    return numbers


def _augment(
    start: int,
    allowed: set[tuple[int, int]],
    raised: set[tuple[int, int]],
    open_columns: list[int],
) -> None:
    """Raise one more cell of a row, and move raised cells of other rows out of the way."""
    paths: list[tuple[tuple[int, int], ...]] = [((start, -1),)]
    seen = {start}
    for path in paths:  # a queue: it grows while it is walked, breadth first
        row = path[-1][0]
        for column in sorted(one for at, one in allowed - raised if at == row):
            if open_columns[column]:
                _shift([*path, (-1, column)], raised)
                open_columns[column] -= 1
                return
            for other in sorted(at for at, one in raised if one == column and at not in seen):
                seen.add(other)
                paths.append((*path, (other, column)))


def _shift(path: Sequence[tuple[int, int]], raised: set[tuple[int, int]]) -> None:
    for (row, _), (other, column) in pairwise(path):
        raised.add((row, column))
        raised.discard((other, column))
