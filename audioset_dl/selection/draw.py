"""The draw: the clips that each class wants, given which are still available.

Pure bookkeeping. It takes what became of a clip and returns what is wanted now; it fetches nothing
and remembers nothing between runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """How one class stands."""

    mid: str
    wanted: int
    """Number of clips that it has or waits for: ``per_class``, or all of fewer."""
    available: int
    """Number of candidates in the metadata that are not known to be gone."""
    gone: int
    """Number of candidates that were drawn and are gone."""


class Draw:
    """The first ``per_class`` clips of each class's ranking that are available.

    A clip that is gone gives its place to the next of the ranking. A clip that merely failed keeps
    its place. So the finished set depends on the rankings and on which clips are gone, but neither
    on the order of events nor on interruptions.

    Parameters
    ----------
    rankings : mapping of str to sequence of str
        For each chosen class (by MID) the clip_ids of all its candidates, in ranked order.
    per_class : int or None
        Number of clips wanted of each class; None for all.
    """

    def __init__(self, rankings: Mapping[str, Sequence[str]], per_class: int | None) -> None:
        self._rankings = rankings
        self._per_class = per_class
        self._known_gone: set[str] = set()
        self._drawn_by: dict[str, set[str]] = {}
        self._next = dict.fromkeys(rankings, 0)
        self._num_gone = 0

    def start(self, known_gone: Iterable[str] = ()) -> list[str]:
        """Draw for every class and return the wanted clips, one rank of all classes after another.

        Parameters
        ----------
        known_gone : iterable of str
            Clips known to be gone, from earlier runs.
        """
        self._known_gone.update(known_gone)
        hands = [
            list(self._fill(mid, len(ranking) if self._per_class is None else self._per_class))
            for mid, ranking in self._rankings.items()
        ]
        return list(_by_turns(hands))

    def replace(self, clip_id: str, stopped: Collection[str] = ()) -> list[str]:
        """Take a drawn clip as gone; return the clips that are now wanted in its place.

        Classes that are stopped draw none.
        """
        self._known_gone.add(clip_id)
        self._num_gone += 1
        mids = sorted(self._drawn_by[clip_id].difference(stopped))
        return [refill for mid in mids for refill in self._fill(mid, 1)]

    def restore(self, clip_id: str) -> None:
        """Want a drawn clip again that was taken as gone; what replaced it stays drawn."""
        self._known_gone.remove(clip_id)
        self._num_gone -= 1

    @property
    def num_wanted(self) -> int:
        """Number of clips that are wanted now."""
        return len(self._drawn_by) - self._num_gone

    @property
    def num_gone(self) -> int:
        """Number of clips that would be wanted, were they not gone."""
        return self._num_gone

    def drawn(self) -> dict[str, frozenset[str]]:
        """Return all drawn clips, gone or not, with the classes (MIDs) that drew them."""
        return {clip_id: frozenset(mids) for clip_id, mids in self._drawn_by.items()}

    def drawn_by(self, clip_id: str) -> frozenset[str]:
        """Return the classes (MIDs) that drew a clip."""
        return frozenset(self._drawn_by.get(clip_id, ()))

    def shares(self) -> list[Share]:
        """Return the share of each class."""
        return [self._share(mid) for mid in self._rankings]

    def _share(self, mid: str) -> Share:
        ranking = self._rankings[mid]
        num_drawn = self._next[mid]
        num_gone = sum(clip_id in self._known_gone for clip_id in ranking[:num_drawn])
        later = ranking[num_drawn:] if self._known_gone else ()
        later_gone = sum(clip_id in self._known_gone for clip_id in later)
        return Share(
            mid=mid,
            wanted=num_drawn - num_gone,
            available=len(ranking) - num_gone - later_gone,
            gone=num_gone,
        )

    def _fill(self, mid: str, num_seats: int) -> Iterator[str]:
        """Draw the next clips of a ranking; yield those that no class had drawn before."""
        ranking = self._rankings[mid]
        while num_seats and self._next[mid] < len(ranking):
            clip_id = ranking[self._next[mid]]
            self._next[mid] += 1
            is_new = clip_id not in self._drawn_by
            is_gone = clip_id in self._known_gone
            self._drawn_by.setdefault(clip_id, set()).add(mid)
            self._num_gone += is_new and is_gone
            num_seats -= not is_gone
            if is_new and not is_gone:
                yield clip_id


def _by_turns(hands: Sequence[Sequence[str]]) -> Iterator[str]:
    for rank in range(max(map(len, hands), default=0)):
        for hand in hands:
            if rank < len(hand):
                yield hand[rank]
