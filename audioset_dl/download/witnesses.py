"""The witnesses of a way out to YouTube: videos that should play, in the order to ask for them.

Whether a way plays one of them tells what its vague words about other videos are worth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from audioset_dl.catalog.clips import Clip

NUM_SAVED = 3
"""Clips saved last by the way that are kept as witnesses."""
MAX_FAILURES = 3
"""Attempts without an answer after which another witness is asked for."""
START_S, END_S = 5.0, 15.0
"""The part of `download.canary` that is fetched."""


def canary_clip(ytid: str) -> Clip:
    """Return the part of a video that is fetched to see whether it plays."""
    return Clip(ytid, START_S, END_S, (), "witness")


@dataclass
class Witnesses:
    """The witnesses of one way.

    Parameters
    ----------
    others : iterable of Clip
        Witnesses from before this run, and the canary; asked for after those of this run.
    """

    others: list[Clip] = field(default_factory=list)
    is_wanted: bool = False
    """True until a witness has played: nothing else is asked for."""
    is_under_way: bool = False
    _saved: deque[Clip] = field(default_factory=lambda: deque(maxlen=NUM_SAVED))
    _asked: set[Clip] = field(default_factory=set)
    """Asked for in vain since one played last."""
    _doubted: set[Clip] = field(default_factory=set)
    """Those of them whose words were vague while others were still to be asked for."""
    _num_failures: int = 0

    def add(self, clip: Clip) -> None:
        """Take a clip that was just saved by this way for a witness."""
        self._saved.appendleft(clip)

    def next(self) -> Clip | None:
        """Return the one to ask for; None if none is left."""
        clips = list(self._clips())
        if clips and self._asked.issuperset(clips):
            self._asked.clear()
        return next((clip for clip in clips if clip not in self._asked), None)

    def is_last_word(self, clip: Clip) -> bool:
        """Tell whether vague words about a witness mean that the way is refused.

        They do for a video that the way delivered in this run, and when they are heard of all.
        """
        rest = self._asked | {clip}
        return clip in self._saved or rest.issuperset(self._clips())

    def note_played(self) -> None:
        """Note that a video was delivered: those with vague words just before are no witnesses."""
        for clip in self._doubted:
            self.drop(clip)
        self._doubted.clear()
        self._asked.clear()
        self._num_failures = 0
        self.is_wanted = False

    def note_doubted(self, clip: Clip) -> None:
        """Note vague words about a witness: another one is asked for next."""
        self._asked.add(clip)
        self._doubted.add(clip)

    def note_refused(self, clip: Clip) -> None:
        """Note that the way is refused: after the pause, another witness is asked for."""
        self._asked.add(clip)
        self._doubted.clear()

    def note_failed(self, clip: Clip) -> None:
        """Note an attempt without an answer."""
        self._num_failures += 1
        if self._num_failures >= MAX_FAILURES:
            self.drop(clip)
            self._num_failures = 0

    def drop(self, clip: Clip) -> None:
        """Ask for a witness no more."""
        self.others = [other for other in self.others if other != clip]
        if clip in self._saved:
            self._saved.remove(clip)

    def _clips(self) -> Iterable[Clip]:
        return (*self._saved, *self.others)
