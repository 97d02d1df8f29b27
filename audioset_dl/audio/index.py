"""Where in a track which second lies: what the readers of containers have in common.

A track's index lies near its beginning (MP4 ``sidx``, WebM ``Cues``) and says where each fragment
of about ten seconds begins. Knows nothing of how bytes are fetched.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

MAX_INDEX_BYTES = 4 << 20
"""Largest index that is read; that of a 12-hour video has about 100 kB."""
MAX_FRAGMENTS = 1 << 17


class BadIndexError(Exception):
    """The bytes are no container with an index that can be used; the message says why."""


class MoreNeededError(Exception):
    """The index is not whole in what was given."""

    def __init__(self, num_bytes: int) -> None:
        super().__init__(f"the index ends at byte {num_bytes:,}")
        self.num_bytes = num_bytes
        """How many bytes from the beginning of the track are needed."""


@dataclass(frozen=True)
class Fragment:
    """A piece of a track that can be decoded by itself: a WebM cluster, an MP4 fragment."""

    start: Fraction
    """In seconds."""
    offset: int
    """Of its first byte in the track."""


@dataclass(frozen=True)
class TrackIndex:
    """Where the fragments of a track lie."""

    container: str
    """``webm`` or ``mp4``."""
    sample_rate: int
    """Of the decoded track, in Hz."""
    header: bytes
    """What a decoder needs before any fragment."""
    fragments: tuple[Fragment, ...]
    """Ascending in time and place; the first begins at 0 s."""
    end: Fraction
    """Where the last fragment ends, in seconds."""
    end_offset: int
    """Byte after the last fragment."""
    delay: int = 0
    """Samples of an MP4 track that its edit list cuts off the beginning."""

    def fragment_at(self, time_s: Fraction) -> int:
        """Return the number of the fragment that holds a time; the first or last beyond them."""
        position = bisect_right(self.fragments, time_s, key=lambda fragment: fragment.start)
        return max(0, position - 1)

    def bounds(self, number: int) -> tuple[Fragment, Fragment]:
        """Return where a fragment begins and where the next one begins."""
        following = number + 1
        if following < len(self.fragments):
            return self.fragments[number], self.fragments[following]
        return self.fragments[number], Fragment(self.end, self.end_offset)


def check_fragments(fragments: list[Fragment], end_offset: int) -> None:
    """Raise `BadIndexError` unless fragments ascend in time and place and lie within the track."""
    if not fragments:
        raise BadIndexError("the index names no fragment")
    for before, after in pairwise(fragments):
        if after.start <= before.start or after.offset <= before.offset:
            raise BadIndexError("the fragments in the index do not ascend")
    if fragments[-1].offset >= end_offset:
        raise BadIndexError("the index points beyond the end of the track")
