"""Which class goes to which split: by its hash, with exact numbers, groups kept together.

A class has a place on a line from 0 to 1: SHA-256 of ``"<seed>:split:<mid>"``. The line is cut into
validation, train and test, in this order, so that each gets its number of classes. So a class that
is added or removed moves at most one other class at each of the two cuts, into train or out of it,
and none between validation and test, as long as no group is concerned. To move none at all, the
numbers would have to be right only on average.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.dataset.splits import SPLITS
from audioset_dl.fewshot.quotas import share_out, share_out_strata

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


def place_of(seed: int, mid: str) -> bytes:
    """Return the place of a class on the line: 32 bytes that compare like the number."""
    return hashlib.sha256(f"{seed}:split:{mid}".encode()).digest()


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
    ordered = sorted(units, key=lambda unit: (-len(unit.mids), _place(unit, seed)))
    rooms = share_out(sum(len(unit.mids) for unit in units), ratios)
    found: dict[str, int] = {}

    def put(unit: Unit, split: int) -> None:
        found.update(dict.fromkeys(unit.mids, split))
        rooms[split] -= len(unit.mids)

    for unit in ordered:
        if unit.fixed is not None:
            put(unit, unit.fixed)
    singles = [unit for unit in ordered if unit.fixed is None and len(unit.mids) == 1]
    for unit in ordered:
        if unit.fixed is None and len(unit.mids) > 1:
            put(unit, _choose(unit, rooms, ratios, seed))
    left = [max(room, 0) for room in rooms]
    numbers = share_out(len(singles), left if sum(left) else ratios)
    found.update(_cut(singles, numbers))
    return {mid: SPLITS[found[mid]] for mid in sorted(found)}


def _place(unit: Unit, seed: int) -> bytes:
    """Return a unit's place: that of one of its classes, chosen by another hash."""
    # The lowest of their places would draw groups to the beginning of the line.
    leader = min(
        unit.mids, key=lambda mid: hashlib.sha256(f"{seed}:leader:{mid}".encode()).digest()
    )
    return place_of(seed, leader)


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


def moved(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Return the classes that are in both divisions, but not in the same split."""
    return {mid for mid in before.keys() & after.keys() if before[mid] != after[mid]}
