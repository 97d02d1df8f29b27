"""The index of a WebM track, and single blocks out of its clusters.

EBML is RFC 8794, Matroska RFC 9559, Opus in Matroska
https://wiki.xiph.org/MatroskaOpus. A cluster holds about ten seconds, and a clip mostly begins near
its end: so that not all of it must be fetched, blocks are found from any byte on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from audioset_dl.audio.index import (
    MAX_FRAGMENTS,
    BadIndexError,
    Element,
    Fragment,
    TrackIndex,
    check_fragments,
    find_elements,
    keep_inside,
)

OPUS_RATE = 48_000

_EBML, _SEGMENT, _INFO, _TRACKS, _CUES, _CLUSTER = map(
    bytes.fromhex, ("1A45DFA3", "18538067", "1549A966", "1654AE6B", "1C53BB6B", "1F43B675")
)
_CUE_POINT, _CUE_TIME = b"\xbb", b"\xb3"
_CUE_TRACK_POSITIONS, _CUE_CLUSTER_POSITION = b"\xb7", b"\xf1"
_TIMESTAMP_SCALE, _DURATION = b"\x2a\xd7\xb1", b"\x44\x89"
_TRACK_ENTRY, _CODEC_ID = b"\xae", b"\x86"
_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _TIMESTAMP = b"\xa3", b"\xa0", b"\xa1", b"\xe7"
_IN_CLUSTER = {_SIMPLE_BLOCK, _BLOCK_GROUP, _TIMESTAMP, b"\xa7", b"\xab", b"\xec", b"\xbf"}

_UNKNOWN_SIZE_SEGMENT = _SEGMENT + bytes.fromhex("01FFFFFFFFFFFFFF")
# The end of an element of unknown size (RFC 8794 §6.2): beyond any file, as a size has 56 bits.
_UNKNOWN_END = 1 << 62
_MILLISECOND_NS = 1_000_000
MIN_CHAIN = 12
"""So many blocks in a row, each beginning where the one before ends and a little later in time, are
taken for blocks even where the end of the cluster is not seen."""
_MAX_STEP_MS = 120  # the longest Opus packet (RFC 6716 §2.1.4)


class Block(NamedTuple):
    """One packet, as it stands in the cluster."""

    time_ms: int
    """On the track's clock."""
    cluster_ms: int
    """Of its cluster; its own bytes hold the difference."""
    element: bytes
    """The SimpleBlock or BlockGroup, whole."""


def read_webm_index(head: bytes, track_size: int) -> TrackIndex:
    """Read the index of a track from its first bytes.

    Parameters
    ----------
    head : bytes
        The beginning of the track.
    track_size : int
        Of the whole track, in bytes.

    Raises
    ------
    MoreNeededError
        The index goes on beyond `head`.
    BadIndexError
        No Opus track with Cues before its first cluster.
    """
    ebml, segment = _read_opening(head)
    elements = _elements(head, segment.body, len(head))
    needed = {_INFO, _TRACKS, _CUES}
    found = find_elements(head, track_size, elements, needed=needed, media={_CLUSTER})
    return _make_index(head, ebml, segment, found, track_size)


def _read_opening(head: bytes) -> tuple[Element, Element]:
    ebml = next(_elements(head, 0, len(head)), None)
    if ebml is None or ebml.kind != _EBML:
        raise BadIndexError("no EBML header")
    segment = next(_elements(head, ebml.end, len(head)), None)
    if segment is None or segment.kind != _SEGMENT:
        raise BadIndexError("no Segment")
    return ebml, segment


def _make_index(
    head: bytes, ebml: Element, segment: Element, found: dict[bytes, Element], track_size: int
) -> TrackIndex:
    info, tracks = found[_INFO], found[_TRACKS]
    _check_tracks(head, tracks)
    fragments = _read_cues(head, found[_CUES], segment.body)
    check_fragments(fragments, track_size)
    end = max(_duration(head, info), fragments[-1].start + Fraction(1, 1000))
    return TrackIndex(
        container="webm",
        sample_rate=OPUS_RATE,
        header=b"".join(
            [head[: ebml.end], _UNKNOWN_SIZE_SEGMENT, head[info.start : info.end],
             head[tracks.start : tracks.end]]
        ),
        fragments=tuple(fragments),
        end=end,
        end_offset=track_size,
    )  # fmt: skip


def _check_tracks(head: bytes, tracks: Element) -> None:
    entries = [each for each in _children(head, tracks) if each.kind == _TRACK_ENTRY]
    if len(entries) != 1:
        raise BadIndexError(f"expected one track, found {len(entries)}")
    codecs = [_body(head, each) for each in _children(head, entries[0]) if each.kind == _CODEC_ID]
    if codecs != [b"A_OPUS"]:
        raise BadIndexError(f"expected Opus, found {codecs!r:.60}")


def _duration(head: bytes, info: Element) -> Fraction:
    """Return the duration that Info states, in seconds."""
    duration = 0.0
    for element in _children(head, info):
        body = _body(head, element)
        if element.kind == _TIMESTAMP_SCALE and int.from_bytes(body, "big") != _MILLISECOND_NS:
            raise BadIndexError("times are not in milliseconds")
        if element.kind == _DURATION and len(body) in {4, 8}:
            (duration,) = struct.unpack(">f" if len(body) == 4 else ">d", body)
    if not 0 < duration < 1e12:
        raise BadIndexError(f"a duration of {duration} ms")
    return Fraction(round(duration), 1000)


def _read_cues(head: bytes, cues: Element, segment_start: int) -> list[Fragment]:
    fragments: list[Fragment] = []
    for point in _children(head, cues):
        if point.kind != _CUE_POINT:
            continue
        if len(fragments) >= MAX_FRAGMENTS:
            raise BadIndexError(f"more than {MAX_FRAGMENTS:,} cues")
        time_ms, position = _read_cue_point(head, point)
        fragments.append(Fragment(Fraction(time_ms, 1000), segment_start + position))
    return fragments


def _read_cue_point(head: bytes, point: Element) -> tuple[int, int]:
    numbers: dict[bytes, int] = {}
    for element in _children(head, point):
        is_group = element.kind == _CUE_TRACK_POSITIONS
        for part in _children(head, element) if is_group else [element]:
            numbers[part.kind] = int.from_bytes(_body(head, part), "big")
    if not {_CUE_TIME, _CUE_CLUSTER_POSITION} <= numbers.keys():
        raise BadIndexError("a cue without time or position")
    return numbers[_CUE_TIME], numbers[_CUE_CLUSTER_POSITION]


def read_blocks(data: bytes, offset: int, index: TrackIndex) -> list[Block]:
    """Return the whole blocks in a piece of a track, from whatever byte it begins at.

    Parameters
    ----------
    data : bytes
        Consecutive bytes of the track.
    offset : int
        Of the first of them in the track.
    index : TrackIndex
        Where the clusters begin and at what time.

    Raises
    ------
    BadIndexError
        The clusters are not where the index says, or hold something else than blocks of one track.
    """
    end = offset + len(data)
    blocks: list[Block] = []
    for number, fragment in enumerate(index.fragments):
        _, following = index.bounds(number)
        if following.offset <= offset or fragment.offset >= end:
            continue
        base_ms = int(fragment.start * 1000)
        stop = min(following.offset, end) - offset
        is_whole = following.offset <= end
        if fragment.offset >= offset:
            blocks += _cluster_blocks(data, fragment.offset - offset, stop, base_ms)
        else:
            blocks += _blocks_from_anywhere(data, stop, base_ms, is_whole=is_whole)
    _check_ascending(blocks)
    return blocks


def write_stream(index: TrackIndex, blocks: list[Block]) -> bytes:
    """Return a WebM stream of the blocks, a cluster each, for a decoder."""
    return index.header + b"".join(map(_write_cluster, blocks))


def _write_cluster(block: Block) -> bytes:
    """Wrap a block so that its own relative time, which stays as it is, gives its absolute one."""
    body = b"\xe7\x88" + block.cluster_ms.to_bytes(8, "big") + block.element
    return _CLUSTER + (1 << 56 | len(body)).to_bytes(8, "big") + body


def _cluster_blocks(data: bytes, start: int, stop: int, base_ms: int) -> list[Block]:
    cluster = next(_elements(data, start, stop), None)
    if cluster is None:
        return []
    if cluster.kind != _CLUSTER:
        raise BadIndexError("no cluster where the index says that there is one")
    blocks: list[Block] = []
    for element in _elements(data, cluster.body, stop):
        _check_in_cluster(data, element, base_ms)
        if element.end > stop:
            break
        relative_ms = _relative_time(data, element)
        if relative_ms is not None:
            content = data[element.start : element.end]
            blocks.append(Block(base_ms + relative_ms, base_ms, content))
    return blocks


def _check_in_cluster(data: bytes, element: Element, base_ms: int) -> None:
    if element.kind not in _IN_CLUSTER or element.end == _UNKNOWN_END:
        raise BadIndexError(f"an element 0x{element.kind.hex()} in a cluster")
    if element.kind == _TIMESTAMP:
        found_ms = int.from_bytes(_body(data, element), "big")
        if found_ms != base_ms:
            raise BadIndexError(f"the cluster's time is {found_ms} ms, its cue's {base_ms}")


def _blocks_from_anywhere(data: bytes, stop: int, base_ms: int, *, is_whole: bool) -> list[Block]:
    """Find the blocks of a cluster whose beginning is not in the data.

    A chain of blocks is believed where it ends at the end of the cluster, or else where it is long.
    """
    dead_ends: set[int] = set()
    start = data.find(_SIMPLE_BLOCK, 0, stop)
    while start >= 0:
        chain, at = _walk_chain(data, start, stop, base_ms, dead_ends)
        if chain and (at == stop if is_whole else len(chain) >= MIN_CHAIN):
            return chain
        dead_ends.update(_starts(start, chain))
        start = data.find(_SIMPLE_BLOCK, start + 1, stop)
    return []


def _starts(start: int, chain: list[Block]) -> Iterator[int]:
    for block in chain:
        yield start
        start += len(block.element)


def _walk_chain(
    data: bytes, start: int, stop: int, base_ms: int, dead_ends: set[int]
) -> tuple[list[Block], int]:
    chain: list[Block] = []
    at = start
    while at < stop and at not in dead_ends:
        element = next(_elements(data, at, stop), None)
        if element is None or element.kind not in _IN_CLUSTER:
            break
        relative_ms = _relative_time(data, element) if element.end <= stop else None
        if relative_ms is None:
            break
        time_ms = base_ms + relative_ms
        if chain and not 0 < time_ms - chain[-1].time_ms <= _MAX_STEP_MS:
            break
        chain.append(Block(time_ms, base_ms, data[at : element.end]))
        at = element.end
    return chain, at


def _relative_time(data: bytes, element: Element) -> int | None:
    """Return the time of a block against its cluster's, in ms; None for another element.

    A block begins with the track's number (one byte 0x81: the first), a signed 16-bit time and
    flags, whose lacing bits must be 0 (RFC 9559 §10).
    """
    if element.kind == _BLOCK_GROUP:
        # Not _children: where blocks are looked for, what is no group may look like one.
        parts = _elements(data, element.body, element.end)
        inside = (each for each in parts if each.kind == _BLOCK)
        element = next(inside, element)
    if element.kind not in {_SIMPLE_BLOCK, _BLOCK}:
        return None
    body = data[element.body : element.body + 4]
    if len(body) < 4 or body[0] != 0x81 or body[3] & 0x06:
        return None
    return int.from_bytes(body[1:3], "big", signed=True)


def _check_ascending(blocks: list[Block]) -> None:
    for before, after in pairwise(blocks):
        if not 0 < after.time_ms - before.time_ms <= _MAX_STEP_MS:
            raise BadIndexError(f"a gap between the blocks at {before.time_ms} and {after.time_ms}")


def _children(data: bytes, parent: Element) -> Iterator[Element]:
    return keep_inside(parent, _elements(data, parent.body, parent.end))


def _body(data: bytes, element: Element) -> bytes:
    return data[element.body : min(element.end, element.body + 64)]


def _elements(data: bytes, at: int, end: int) -> Iterator[Element]:
    """Yield the elements from `at` on; the last may reach beyond `end`, or be of unknown size."""
    while at < end:
        id_end = _vint_end(data, at, end, longest=4)
        size_end = id_end and _vint_end(data, id_end, end, longest=8)
        if not id_end or not size_end:
            return
        ones = 7 * (size_end - id_end)
        size = int.from_bytes(data[id_end:size_end], "big") & ((1 << ones) - 1)
        element_end = _UNKNOWN_END if size == (1 << ones) - 1 else size_end + size
        yield Element(data[at:id_end], at, size_end, element_end)
        at = element_end


def _vint_end(data: bytes, at: int, end: int, *, longest: int) -> int | None:
    """Return where a variable-length number ends (RFC 8794 §4); None if it is none or not whole."""
    if at >= end:
        return None
    length = 9 - data[at].bit_length()
    return at + length if length <= longest and at + length <= end else None
