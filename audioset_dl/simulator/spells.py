"""What the whole site does for a while: the states in which YouTube answers for every video alike.

They are those that recordings and reports of the live site show. Pure: says which behaviour an
answer gets, given who asks for what, and when.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from audioset_dl.simulator.behaviours import BEHAVIOURS


@dataclass(frozen=True)
class Spell:
    """A state of the site, for every video that plays otherwise.

    Raises
    ------
    ValueError
        There is no such behaviour.
    """

    behaviour: str = "ok"
    """A key of :data:`audioset_dl.simulator.behaviours.BEHAVIOURS`."""
    num_visits: int | None = None
    """How many watch pages it lasts; None: for good."""
    share: float = 1.0
    """Share of the videos that it holds for, always the same ones."""
    chance: float = 1.0
    """Chance that a visit of such a video meets it."""

    def __post_init__(self) -> None:
        if self.behaviour not in BEHAVIOURS:
            known = ", ".join(BEHAVIOURS)
            raise ValueError(f"{self.behaviour!r} is no behaviour; known are {known}")

    def holds_for(self, ytid: str) -> bool:
        """Tell whether a video is among the share that it holds for."""
        return zlib.crc32(ytid.encode()) < self.share * 2**32


class Spells:
    """Spells one after the other. Not thread-safe.

    Parameters
    ----------
    spells : sequence of Spell
        In their order; after the last the site is well, unless that lasts for good.
    seed : int
        Of the chances.
    """

    def __init__(self, spells: Sequence[Spell] = (), seed: int = 0) -> None:
        self._left = list(spells)
        self._random = random.Random(seed)
        self._num_visits = 0
        self._met: dict[str, str] = {}

    def visit(self, ytid: str) -> None:
        """Decide what a visit of a video meets, from its watch page to its media."""
        spell = self._left[0] if self._left else Spell()
        meets = spell.holds_for(ytid) and self._random.random() < spell.chance
        self._met[ytid] = spell.behaviour if meets else "ok"
        self._num_visits += 1
        if spell.num_visits is not None and self._num_visits >= spell.num_visits:
            self._left.pop(0)
            self._num_visits = 0

    def behaviour(self, ytid: str) -> str:
        """Return what the last visit of a video met; ``ok`` before any."""
        return self._met.get(ytid, "ok")
