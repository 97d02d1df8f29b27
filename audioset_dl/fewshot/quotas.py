"""Whole numbers by ratios: how many classes go to each split, in total and in each stratum."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise


def share_out(number: int, ratios: Sequence[float | Fraction]) -> list[int]:
    """Divide a number by ratios into whole parts, by the method of the largest remainder.

    Each part gets its share rounded down; what is left goes, one each, to those with the largest
    remainders; of equal ones, to the first. Computed in fractions, so that 0.7 is seven tenths.

    >>> share_out(142, [0.7, 0.1, 0.2])
    [100, 14, 28]
    """
    # By way of text: Fraction(0.7) is 0.6999…, and a rounding error could move a class.
    weights = [Fraction(str(ratio)) for ratio in ratios]
    total = sum(weights)
    if not total:
        return [0 for _ in weights]
    shares = [number * weight / total for weight in weights]
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
    number = sum(sizes)
    if not number:
        return [[0 for _ in totals] for _ in sizes]
    cells = [[size * total // number for total in totals] for size in sizes]
    rests = [[size * total % number for total in totals] for size in sizes]
    open_rows = [size - sum(row) for size, row in zip(sizes, cells, strict=True)]
    open_columns = [total - sum(row[part] for row in cells) for part, total in enumerate(totals)]
    places = [
        (-rests[row][column], row, column)
        for row in range(len(sizes))
        for column in range(len(totals))
        if rests[row][column]
    ]
    raised: set[tuple[int, int]] = set()
    for _, row, column in sorted(places):
        if open_rows[row] and open_columns[column]:
            raised.add((row, column))
            open_rows[row] -= 1
            open_columns[column] -= 1
    allowed = {(row, column) for _, row, column in places}
    for row, missing in enumerate(open_rows):
        for _ in range(missing):
            _augment(row, allowed, raised, open_columns)
    for row, column in raised:
        cells[row][column] += 1
    return cells


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
