"""The audio tracks of the simulated videos: bytes as YouTube would send them, made in milliseconds.

Owns the formats by itag, and how a track comes to be: ffmpeg muxes one *layout* for each format and
length (about 0.1 s for four minutes), and since packets at one place of a second have one size
whatever their tone, any video's track is that layout with the packets of its own melody (about
3 ms). Knows nothing of HTTP.
"""

from __future__ import annotations

import functools
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

from audioset_dl.simulator import containers
from audioset_dl.simulator.tone_packets import (
    AAC_FRAME,
    AAC_RATE,
    OPUS_PACKET,
    OPUS_PRE_SKIP,
    OPUS_RATE,
    Packets,
    aac_seconds,
    opus_seconds,
)
from audioset_dl.simulator.tones import tone_at


@dataclass(frozen=True)
class Format:
    """One of YouTube's audio formats."""

    itag: int
    mime_type: str
    sample_rate: int
    quality: str
    """What innertube calls ``audioQuality``."""
    bitrate: int = 0
    """Bit rate of the Opus packets, in bit/s; 0 for AAC."""

    @property
    def is_opus(self) -> bool:
        """True for Opus in WebM, else it is AAC in fragmented MP4."""
        return self.bitrate > 0


_WEBM, _MP4 = 'audio/webm; codecs="opus"', 'audio/mp4; codecs="mp4a.40.2"'

FORMATS = {
    251: Format(251, _WEBM, OPUS_RATE, "AUDIO_QUALITY_MEDIUM", 128_000),
    250: Format(250, _WEBM, OPUS_RATE, "AUDIO_QUALITY_LOW", 64_000),
    249: Format(249, _WEBM, OPUS_RATE, "AUDIO_QUALITY_LOW", 48_000),
    140: Format(140, _MP4, AAC_RATE, "AUDIO_QUALITY_MEDIUM"),
}


@dataclass(frozen=True)
class Layout:
    """A track of one format and length in which the packets are left out."""

    format: Format
    duration_s: float
    size: int
    index: tuple[int, int] | None
    """First byte of the Cues or the sidx, and first byte after it; what is before is the init.
    None where there is none in front of the media."""
    gaps: tuple[bytes, ...] = field(repr=False)
    """What stands before each packet, and after the last."""

    def fill(self, ytid: str) -> bytes:
        """Return the track that plays the melody of a video."""
        parts = [b""] * (2 * len(self.gaps) - 1)
        parts[::2] = self.gaps
        parts[1::2] = track_packets(self.format, ytid, self.duration_s)
        return b"".join(parts)


class Tracks:
    """Layouts and tracks, each made when it is first asked for.

    Parameters
    ----------
    max_bytes : int
        How much of the finished tracks is kept for the next request; the one used last always is.
    """

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self._max_bytes = max_bytes
        self._tracks: OrderedDict[tuple[int, str, float, bool], bytes] = OrderedDict()
        # One lock for all, held while a track is made: threads that wait for the same one then
        # find it made.
        self._lock = threading.RLock()

    def layout(self, itag: int, duration_s: float, *, has_index: bool = True) -> Layout:
        """Return the layout of a track: its size and where its index lies."""
        with self._lock:
            return make_layout(FORMATS[itag], duration_s, has_index=has_index)

    def track(self, itag: int, ytid: str, duration_s: float, *, has_index: bool = True) -> bytes:
        """Return the whole track of a video."""
        key = (itag, ytid, duration_s, has_index)
        with self._lock:
            if key not in self._tracks:
                self._tracks[key] = self.layout(itag, duration_s, has_index=has_index).fill(ytid)
            self._tracks.move_to_end(key)
            kept = sum(map(len, self._tracks.values()))
            while kept > self._max_bytes and len(self._tracks) > 1:
                kept -= len(self._tracks.popitem(last=False)[1])
            return self._tracks[key]


# Layouts are a few hundred kB each. They outlive a simulator, as tests start many.
@functools.lru_cache(maxsize=128)
def make_layout(fmt: Format, duration_s: float, *, has_index: bool = True) -> Layout:
    """Mux a track of this format and length, and take its packets out."""
    packets = track_packets(fmt, "", duration_s)
    muxed = mux(fmt, packets, duration_s, has_index=has_index)
    find_index = containers.find_webm_index if fmt.is_opus else containers.find_mp4_index
    index = find_index(muxed) if has_index else None
    return Layout(fmt, duration_s, len(muxed), index, _gaps(muxed, packets))


def mux(fmt: Format, packets: Packets, duration_s: float, *, has_index: bool = True) -> bytes:
    """Return the container that ffmpeg makes of the packets, with its index in front or not."""
    if fmt.is_opus:
        mux_webm = containers.mux_webm if has_index else containers.mux_webm_unindexed
        return mux_webm(packets, round(duration_s * OPUS_RATE))
    mux_mp4 = containers.mux_mp4 if has_index else containers.mux_mp4_unindexed
    return mux_mp4(packets)


def track_packets(fmt: Format, ytid: str, duration_s: float) -> Packets:
    """Return the packets of a video's track."""
    if fmt.is_opus:
        num_packets = math.ceil((duration_s * OPUS_RATE + OPUS_PRE_SKIP) / OPUS_PACKET)
        return tuple(islice(_opus_packets(ytid, fmt.bitrate), num_packets))
    return tuple(islice(_aac_frames(ytid), math.ceil(duration_s * AAC_RATE / AAC_FRAME)))


def _opus_packets(ytid: str, bitrate: int) -> Iterator[bytes]:
    seconds = opus_seconds(bitrate)
    for second in count():
        yield from seconds[tone_at(ytid, second)]


def _aac_frames(ytid: str) -> Iterator[bytes]:
    seconds = aac_seconds()
    for second in count():
        num_frames = _first_frame(second + 1) - _first_frame(second)
        yield from seconds[tone_at(ytid, second)][:num_frames]


def _first_frame(second: int) -> int:
    """Return the AAC frame in which a second begins.

    A frame is heard from half its length on: its first half overlaps the frame before.
    """
    return max(0, round(second * AAC_RATE / AAC_FRAME - 0.5))


def _gaps(muxed: bytes, packets: Packets) -> tuple[bytes, ...]:
    """Return what lies between the packets, each distinct piece held once."""
    distinct: dict[bytes, bytes] = {}
    gaps, at = [], 0
    for packet in packets:
        found = muxed.index(packet, at)
        gap = muxed[at:found]
        gaps.append(distinct.setdefault(gap, gap))
        at = found + len(packet)
    return (*gaps, muxed[at:])
