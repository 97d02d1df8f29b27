"""Where in a track each second lies: what the readers of containers have in common.

A track's index lies near its beginning (MP4 ``sidx``, WebM ``Cues``) and says where each fragment
of about ten seconds begins. Knows nothing of how bytes are fetched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

# The limits are for files that were made to exhaust memory or time.
MAX_INDEX_BYTES = 4 << 20
"""Largest index that is read; that of a 12-hour video has about 100 kB."""
MAX_FRAGMENTS = 1 << 17
"""Most fragments of an index: at ten seconds each, two weeks of audio."""


class BadIndexError(Exception):
    """The bytes are no container with a usable index; the message says why."""


class MoreNeededError(Exception):
    """The index goes on beyond the bytes that were given."""

    def __init__(self, num_bytes: int) -> None:
        super().__init__(f"the index ends at byte {num_bytes:,}")
        self.num_bytes = num_bytes
        """How many bytes from the beginning of the track are needed."""


class Element(NamedTuple):
    """A part of a file: a box of MP4, an element of WebM."""

    kind: bytes
    start: int
    """First byte of its header."""
    body: int
    """First byte after its header."""
    end: int
    """Byte after its last."""


@dataclass(frozen=True)
class Fragment:
    """A piece of a track that can be decoded by itself: a WebM cluster, an MP4 fragment."""

    start: Fraction
    """Time of its first sample, in seconds."""
    offset: int
    """Number of its first byte in the track."""


@dataclass(frozen=True)
class TrackIndex:
    """The fragments of a track, and what is needed to decode them."""

    container: str
    """``webm`` or ``mp4``."""
    sample_rate: int
    """Sample rate of the decoded track, in Hz."""
    header: bytes
    """Bytes that a decoder needs before any fragment."""
    fragments: tuple[Fragment, ...]
    """Ascending in time and place; the first begins at 0 s."""
    end: Fraction
    """End of the last fragment, in seconds."""
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


def find_elements(
    head: bytes,
    track_size: int,
    elements: Iterable[Element],
    *,
    needed: set[bytes],
    media: set[bytes],
) -> dict[bytes, Element]:
    """Return the elements that an index consists of, by kind.

    Parameters
    ----------
    head : bytes
        The beginning of the track.
    track_size : int
        Size of the whole track, in bytes.
    elements : iterable of Element
        The elements of the head, the last of which may reach beyond it.
    needed : set of bytes
        The kinds that are needed.
    media : set of bytes
        The kinds with which the media begins.

    Raises
    ------
    MoreNeededError
        The index goes on beyond `head`.
    BadIndexError
        The media begins before all are found, or they are too large.
    """
    found: dict[bytes, Element] = {}
    for element in elements:
        if element.kind in media:
            raise BadIndexError("the media begins before the index is whole")
        if element.end > MAX_INDEX_BYTES:
            raise BadIndexError(f"no index in the first {MAX_INDEX_BYTES:,} bytes")
        if element.end > len(head):
            raise MoreNeededError(element.end)
        found[element.kind] = element
        if needed <= found.keys():
            return found
    if len(head) >= min(track_size, MAX_INDEX_BYTES):
        raise BadIndexError("no index")
    raise MoreNeededError(min(2 * len(head), MAX_INDEX_BYTES))


def keep_inside(parent: Element, elements: Iterable[Element]) -> Iterator[Element]:
    """Yield the elements of another; raise `BadIndexError` at one that reaches beyond it."""
    for element in elements:
        if element.end > parent.end:
            raise BadIndexError("an element reaches beyond the one that it is in")
        yield element


def check_fragments(fragments: list[Fragment], end_offset: int) -> None:
    """Raise `BadIndexError` unless fragments begin at 0 s, ascend, and lie within the track."""
    if not fragments:
        raise BadIndexError("the index names no fragment")
    for before, after in pairwise(fragments):
        if after.start <= before.start or after.offset <= before.offset:
            raise BadIndexError("the fragments in the index do not ascend")
    if fragments[-1].offset >= end_offset:
        raise BadIndexError("the index points beyond the end of the track")
    if fragments[0].start != 0:
        raise BadIndexError("the track does not begin at 0 s")
