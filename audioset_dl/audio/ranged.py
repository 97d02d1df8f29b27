"""Ten seconds of a track for little more than the bytes of ten seconds.

Reads the index, chooses the bytes that hold the clip, and cuts the same samples out of them that a
decode of the whole track gives. Does not know where the bytes come from.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from audioset_dl.audio.cut import Samples, decode_pipe, sample_at
from audioset_dl.audio.index import BadIndexError, MoreNeededError, TrackIndex
from audioset_dl.audio.mp4 import read_fragment_time, read_mp4_index
from audioset_dl.audio.webm import Block, read_blocks, read_webm_index, write_stream
from audioset_dl.config import AudioConfig

# An index has about 18 bytes for each 10 s in WebM, 12 in MP4. Of 27 real tracks the longest, 79
# minutes, had its index end at byte 8,640.
HEAD_BYTES = 16 << 10
"""Size of the first request: the index of any video under about two and a half hours."""
# RFC 7845 §4.6 asks for at least 80 ms with Opus
# (https://www.rfc-editor.org/rfc/rfc7845#section-4.6). Band energies, which are predicted from
# packet to packet, are then still some dB off; the error halves with each packet of 20 ms. An AAC
# frame needs the one before it to overlap with.
PREROLL_S = {"webm": Fraction(400, 1000), "mp4": Fraction(50, 1000)}
"""Seconds that are decoded before a clip, by container."""
# Its filter must see neither end of what is decoded.
SETTLING_S = Fraction(20, 1000)
"""Least that the resampler is given on both sides of a clip, in seconds."""
SETTLING_SAMPLES = 100
"""Least that it is given there in resampled samples, which is more at very low sample rates."""
# Bytes of a fragment are taken as evenly spread over its seconds; a variable bit rate deviates.
# Where these margins are too small, another request reads on.
_SLACK = 0.06
_SLACK_BYTES = 2 << 10
# A first guess, a longer one that the reader asks for, and one more if that was itself a guess.
_MAX_INDEX_READS = 3
_INDEX_READERS = {"webm": read_webm_index, "m4a": read_mp4_index, "mp4": read_mp4_index}

Read = Callable[[int, int], bytes]
"""Reads bytes of a track from the first to just before the second offset."""


@dataclass(frozen=True)
class Piece:
    """Consecutive bytes of a track."""

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """Byte after the last, in the track."""
        return self.offset + len(self.data)


@dataclass(frozen=True)
class Need:
    """The part to decode for a clip, and the grid on which it is resampled."""

    since: Fraction
    """Its beginning, in seconds."""
    until: Fraction
    """Its end, in seconds."""
    grid_start: int
    """Sample of the track at which resampling begins, and where the result has a sample too."""


def read_index(extension: str, head: bytes, track_size: int, read: Read) -> TrackIndex:
    """Return a track's index, from its first bytes and, where they do not hold all of it, more.

    Raises
    ------
    BadIndexError
        The container is not known, or has no usable index.
    """
    reader = _INDEX_READERS.get(extension)
    if reader is None:
        raise BadIndexError(f"the index of .{extension} is not known")
    for _ in range(_MAX_INDEX_READS):
        try:
            return reader(head, track_size)
        except MoreNeededError as more:
            end = min(more.num_bytes, track_size)
            if end <= len(head):
                break
            head += read(len(head), end)
    raise BadIndexError("the index is not whole")


def cut_ranged(
    ffmpeg: Path, index: TrackIndex, read: Read, *, start_s: float, end_s: float, audio: AudioConfig
) -> Samples:
    """Return the samples of a clip; read only the bytes that hold it.

    They are the samples that `audioset_dl.audio.cut.cut_track` cuts out of the whole track.

    Raises
    ------
    BadIndexError
        The track does not match its index.
    FfmpegError
        The track can't be decoded.
    """
    need = _make_need(index, start_s, end_s, audio)
    cut = _cut_webm if index.container == "webm" else _cut_mp4
    stream, first_sample = cut(index, read, need)
    decoded = decode_pipe(
        ffmpeg,
        stream,
        container=index.container,
        first_sample=need.grid_start - first_sample,
        num_samples=math.ceil(need.until * index.sample_rate) - need.grid_start,
        audio=audio,
    )
    rate = decoded.sample_rate
    first = sample_at(start_s, rate) - need.grid_start * rate // index.sample_rate
    num_samples = round((end_s - start_s) * rate)
    return Samples(decoded.data[first : first + num_samples], rate)


def _make_need(index: TrackIndex, start_s: float, end_s: float, audio: AudioConfig) -> Need:
    rate = index.sample_rate
    step = rate // math.gcd(rate, audio.sample_rate or rate)
    settling_s = max(SETTLING_S, Fraction(SETTLING_SAMPLES, audio.sample_rate or rate))
    settled = (Fraction(str(start_s)) - settling_s) * rate
    grid_start = max(0, math.floor(settled / step) * step)
    since = max(Fraction(0), Fraction(grid_start, rate) - PREROLL_S[index.container])
    return Need(since, Fraction(str(end_s)) + settling_s, grid_start)


def _cut_webm(index: TrackIndex, read: Read, need: Need) -> tuple[bytes, int]:
    piece = _read_piece(index, read, _estimate(index, need.since, -1),
                        _estimate(index, need.until, 1))  # fmt: skip
    blocks = read_blocks(piece.data, piece.offset, index)
    if not blocks or blocks[0].time_ms > need.since * 1000:
        fragment = index.fragments[index.fragment_at(need.since)]
        piece = _extend(read, piece, fragment.offset, piece.end)
        blocks = read_blocks(piece.data, piece.offset, index)
    if blocks and piece.end < index.end_offset and blocks[-1].time_ms < need.until * 1000:
        _, following = index.bounds(index.fragment_at(need.until))
        piece = _extend(read, piece, piece.offset, following.offset)
        blocks = read_blocks(piece.data, piece.offset, index)
    wanted = _choose_blocks(blocks, need)
    if not wanted:
        raise BadIndexError("no blocks where the index says that the clip is")
    return write_stream(index, wanted), _first_opus_sample(wanted[0], index.sample_rate)


def _choose_blocks(blocks: list[Block], need: Need) -> list[Block]:
    """Return the block that holds the beginning of what is needed, and those after it."""
    times_ms = [block.time_ms for block in blocks]
    first = bisect_right(times_ms, need.since * 1000) - 1
    end = bisect_left(times_ms, need.until * 1000 + 1)
    return blocks[max(0, first) : end]


def _first_opus_sample(block: Block, rate: int) -> int:
    """Return the sample at which a block is heard.

    Its time is rounded to milliseconds; packets begin at multiples of 2.5 ms (RFC 6716 §2.1.4).
    """
    grid = rate // 400
    return round(block.time_ms * rate / 1000 / grid) * grid


def _cut_mp4(index: TrackIndex, read: Read, need: Need) -> tuple[bytes, int]:
    # Writers differ in whether times in the index count the edit list in: both are allowed for.
    delay = Fraction(index.delay, index.sample_rate)
    fragment = index.fragments[index.fragment_at(need.since - delay)]
    end = _estimate(index, need.until + delay, 1)
    piece = _read_piece(index, read, fragment.offset, end)
    first_sample = read_fragment_time(piece.data) - index.delay
    if first_sample > need.since * index.sample_rate and fragment.start > 0:
        raise BadIndexError("the fragment begins later than the index says")
    return index.header + piece.data, first_sample


def _estimate(index: TrackIndex, time_s: Fraction, direction: int) -> int:
    """Return a byte of the track that lies a little before (-1) or after (1) a time."""
    fragment, following = index.bounds(index.fragment_at(time_s))
    size = following.offset - fragment.offset
    share = (time_s - fragment.start) / (following.start - fragment.start)
    slack = direction * (size * _SLACK + _SLACK_BYTES)
    at = fragment.offset + int(size * min(share, Fraction(1)) + Fraction(slack))
    return min(max(at, fragment.offset), following.offset)


def _read_piece(index: TrackIndex, read: Read, start: int, end: int) -> Piece:
    if start >= end:
        raise BadIndexError("the clip lies beyond the end of the track")
    return Piece(start, read(start, min(end, index.end_offset)))


def _extend(read: Read, piece: Piece, start: int, end: int) -> Piece:
    before = read(start, piece.offset) if start < piece.offset else b""
    after = read(piece.end, end) if end > piece.end else b""
    return Piece(min(start, piece.offset), before + piece.data + after)
