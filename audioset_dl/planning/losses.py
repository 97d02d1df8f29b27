"""How many of the videos are expected to be gone, in all and of each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audioset_dl.selection.clip_csv import Cells, read_clip_csv, read_clip_id

USUAL_LOSS = 0.2
"""Share of AudioSet's videos that are no longer on YouTube."""
# Others counted 15 to 16 % in March 2023 and 17 % in February 2025, so that 15 to 25 % are to be
# expected in 2026.
_PRIOR_CLIPS = 10
"""Imagined clips of the usual loss that are added to those that were tried."""
# With them, two of two gone do not mean that all are.


@dataclass(frozen=True)
class Loss:
    """How many of the clips that were tried are saved, and how many are gone."""

    saved: int
    gone: int


@dataclass(frozen=True)
class LossTable:
    """The losses that a table of tried clips shows."""

    overall: Loss
    by_class: Mapping[str, Loss]
    """By MID, of the clips that carry this label."""


@dataclass(frozen=True)
class Losses:
    """Expected shares of gone videos, 0..1."""

    share: float = USUAL_LOSS
    """Of any class that `by_class` does not name."""
    by_class: Mapping[str, float] = field(default_factory=dict)
    """Of single classes, by MID."""
    source: str = "--expect-gone"
    """The file or option that they come from, for people."""

    def of(self, mid: str) -> float:
        """Return the expected share of gone videos of a class."""
        return self.by_class.get(mid, self.share)


def read_loss_table(path: Path, key: str) -> LossTable:
    """Return how many clips a table lists as saved and as gone, for each label and in all.

    Parameters
    ----------
    path : Path
        The CSV of ``audioset-dl status --availability --csv``: columns ``clip_id``, ``state``,
        ``labels``. A failures.csv does not serve, as it does not list what was saved.
    key : str
        The key or option that names it, for messages.

    Raises
    ------
    ConfigError
        The file can't be read, or is no such table; with the line.
    """
    table = read_clip_csv(path, key)
    table.require("state", "labels")
    saved, gone = Counter[str](), Counter[str]()
    for state, labels in table.convert(_read_labels):
        for mid in {"", *labels} if state in ("saved", "gone") else ():
            (saved if state == "saved" else gone)[mid] += 1
    by_class = {mid: Loss(saved[mid], gone[mid]) for mid in sorted(saved.keys() | gone.keys())}
    overall = by_class.pop("", Loss(0, 0))
    return LossTable(overall, by_class)


def expect_losses(table: LossTable, source: str = "") -> Losses:
    """Return the losses to expect after what others, or an earlier run, found.

    `source` names the table, for people.
    """
    share = _expected_share(table.overall, USUAL_LOSS)
    by_class = {mid: _expected_share(found, share) for mid, found in table.by_class.items()}
    return Losses(share, by_class, source)


def _read_labels(cells: Cells) -> tuple[str, tuple[str, ...]]:
    read_clip_id(cells)
    return cells["state"].strip(), tuple(filter(None, cells["labels"].split(";")))


def _expected_share(found: Loss, prior: float) -> float:
    return (found.gone + _PRIOR_CLIPS * prior) / (found.saved + found.gone + _PRIOR_CLIPS)
