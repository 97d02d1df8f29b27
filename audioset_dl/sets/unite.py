"""What becomes of a clip when datasets are merged: decided from what each of them knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from audioset_dl.dataset.rows import Row, SavedFile


def unite_saved(rows: Sequence[Row], file: SavedFile, order: Mapping[str, int]) -> Row:
    """Return the row of a clip whose file is in the merged dataset.

    Parameters
    ----------
    rows : sequence of Row
        What each dataset knows of the clip; not empty.
    file : SavedFile
        The file in the merged dataset.
    order : mapping of str to int
        The place of each class (MID) among the chosen ones.
    """
    return _unite(rows, order).as_saved(file)


def unite_unsaved(rows: Sequence[Row], order: Mapping[str, int]) -> Row:
    """Return the row of a clip of which no file could be merged.

    Gone in one dataset, it is gone; what was asked of YouTube weighs more than what a list says,
    a failure more than none, and a later one more than an earlier. The parameters are those of
    `unite_saved`.
    """
    united = replace(_unite(rows, order), file=None)
    failed = [row for row in rows if row.file is None]
    if not failed:  # all files are damaged
        return replace(united, state="waiting", code=None, detail=None)
    best = max(failed, key=_weight)
    return replace(
        united, state=best.state, code=best.code, detail=best.detail, updated_at=best.updated_at,
        proof=best.proof, asked_as=best.asked_as, known_from=best.known_from,
    )  # fmt: skip


def _unite(rows: Sequence[Row], order: Mapping[str, int]) -> Row:
    """Return what all together know of a clip, but for what became of it."""
    wanting = [row for row in rows if row.wanted]
    mids = {mid for row in wanting or rows for mid in row.classes}
    return replace(
        # A row of failures.csv has no labels.
        max(rows, key=lambda row: len(row.clip.labels)),
        classes=tuple(sorted(mids, key=lambda mid: (order.get(mid, len(order)), mid))),
        wanted=bool(wanting),
        attempts=max(row.attempts for row in rows),
    )


def _weight(row: Row) -> tuple[bool, bool, bool, str]:
    return row.state == "gone", row.known_from is None, row.code is not None, row.updated_at
