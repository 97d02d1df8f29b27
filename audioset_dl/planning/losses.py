"""How many of the videos are expected to be gone, in all and of each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from audioset_dl.selection.known_gone import Availability, Loss

USUAL_LOSS = 0.2
"""Share of AudioSet's videos that are no longer on YouTube: others counted 15-16 % in March 2023
and 17 % in February 2025; 15-25 % is to be expected in 2026."""
_WEIGHT = 10
"""So many imagined clips of the usual loss stand beside those that were tried, so that two of two
gone do not mean that all are."""


@dataclass(frozen=True)
class Losses:
    """Expected shares of gone videos, 0..1."""

    share: float = USUAL_LOSS
    """Of any class that `by_class` does not name."""
    by_class: Mapping[str, float] = field(default_factory=dict)
    """Of single classes, by MID."""
    source: str = "--expect-gone"
    """Where they come from, for people."""

    def of(self, mid: str) -> float:
        """Return the expected share of gone videos of a class."""
        return self.by_class.get(mid, self.share)


def losses_after(availability: Availability, source: str = "") -> Losses:
    """Return the losses to expect after what others, or an earlier run, found.

    `source` is where that is told, for people.
    """
    share = _expected_share(availability.overall, USUAL_LOSS)
    by_class = {mid: _expected_share(found, share) for mid, found in availability.by_class.items()}
    return Losses(share, by_class, source)


def _expected_share(found: Loss, prior: float) -> float:
    return (found.gone + _WEIGHT * prior) / (found.saved + found.gone + _WEIGHT)
