"""Which class goes where: by its hash, with exact numbers, and with groups kept together.

A class has a place on a line from 0 to 1, SHA-256 of ``"<seed>:split:<mid>"``. The line is cut into
validation, train and test, in this order, so that each gets its number of classes. Therefore a
class that comes or goes can only move those next to a cut: as long as no group is concerned, at
most one at each of the two, into train or out of it, and never one between validation and test.
None at all would need numbers that are right only on average.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.fewshot.quotas import share_out, share_out_strata

SPLITS = ("train", "validation", "test")
_LINE = (1, 0, 2)
"""The splits in their order along the line. The largest stands between the others: so a class comes
to another place least often."""


@dataclass(frozen=True)
class Unit:
    """Classes that stay together, or a single one."""

    mids: tuple[str, ...]
    stratum: str = ""
    fixed: int | None = None
    """Number of the split (in `SPLITS`) that it must go to; None: any."""


def place_of(seed: int, mid: str) -> bytes:
    """Return the place of a class on the line: 32 bytes, compared as they are."""
    return hashlib.sha256(f"{seed}:split:{mid}".encode()).digest()


def assign(units: Sequence[Unit], ratios: Sequence[float], seed: int) -> dict[str, str]:
    """Divide classes among the splits.

    Units that are fixed go where they must. Then groups, the largest first, go where their place
    lies, or else to the split nearest on the line that has room for them; where none has, to the
    one that has most. Then the single classes fill the splits up to their numbers: by largest
    remainder on the ratios, as long as no group is larger than the room that is left.

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
    """Return a unit's place: that of one of its classes, chosen by another hash.

    The lowest of their places would draw groups to the line's beginning.
    """
    leader = min(
        unit.mids, key=lambda mid: hashlib.sha256(f"{seed}:leader:{mid}".encode()).digest()
    )
    return place_of(seed, leader)


def _choose(unit: Unit, rooms: Sequence[int], ratios: Sequence[float], seed: int) -> int:
    """Return the split for a group: where it lies, if there is room."""
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
    """Return the classes of both divisions that are not in the same split."""
    return {mid for mid in before.keys() & after.keys() if before[mid] != after[mid]}
