"""The dictionary of encoded tones: one second of each tone, as packets of a codec.

Owns how tones are encoded. Every tone is encoded once in a process; tracks are made by lining the
packets up. All packets at one place in the second have one size, whatever the tone, so that the
layout of a track's container depends on its length only. Knows nothing of videos or containers.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np

from audioset_dl.audio.ffmpeg import find_ffmpeg, run_ffmpeg
from audioset_dl.simulator.tones import FREQUENCIES_HZ, NUM_TONES

Packets = tuple[bytes, ...]

OPUS_RATE = 48000
OPUS_PACKET = 960
"""Samples a packet: 20 ms (RFC 6716, section 2.1.4), so that a second is 50 packets."""
OPUS_PRE_SKIP = 312
"""Samples that libopus puts in front at 48 kHz and that a decoder drops (RFC 7845, section 4.2)."""

AAC_RATE = 44100
AAC_FRAME = 1024
"""Samples a frame (ISO/IEC 14496-3, 4.5.2.1.1), so that a second is 43 or 44 frames."""
AAC_FRAMES_A_SECOND = 44

_AMPLITUDE = 0.25
_AAC_BITRATE = "64k"
"""Enough for a tone; the frames are then filled up to what YouTube's itag 140 takes."""
_AAC_LENGTH_S = 1.15
_AAC_ONSET_S = 0.1


@functools.cache
def opus_seconds(bitrate: int) -> tuple[Packets, ...]:
    """Return 50 packets of constant size for each tone, the first of them decodable on its own.

    Each second is an encode of its own, and its first packet must be an intra frame (RFC 6716,
    section 4.3.2.1), or else a decoder that comes from another tone is up to 27 dB wrong for
    100 ms. libopus makes it one where it expects every packet to be lost; "lowdelay" keeps to CELT
    and lets the tone begin 2.5 ms into the packet.
    """
    pcm = _tones(OPUS_RATE, 1.0)
    cuts = "|".join(str(second) for second in range(1, NUM_TONES))
    pads = "".join(f"[tone{tone}]" for tone in range(NUM_TONES))
    with tempfile.TemporaryDirectory(prefix="audioset-dl-simulator-") as folder:
        arguments = _pcm_input(OPUS_RATE)
        arguments += ["-filter_complex", f"asegment=timestamps={cuts}{pads}"]
        for tone in range(NUM_TONES):
            arguments += ["-map", f"[tone{tone}]", "-c:a", "libopus", "-b:a", str(bitrate)]
            arguments += ["-vbr", "off", "-frame_duration", "20"]
            arguments += ["-application", "lowdelay", "-packet_loss", "100"]
            arguments += ["-f", "data", str(Path(folder, str(tone)))]
        run_ffmpeg(find_ffmpeg(), arguments, stdin=pcm)
        encodes = [Path(folder, str(tone)).read_bytes() for tone in range(NUM_TONES)]
    size = bitrate * OPUS_PACKET // OPUS_RATE // 8
    return tuple(
        tuple(encode[at : at + size] for at in range(0, 50 * size, size)) for encode in encodes
    )


@functools.cache
def aac_seconds() -> tuple[Packets, ...]:
    """Return 44 AAC-LC frames (no ADTS header) for each tone, filled up to about 129 kbit/s."""
    stream = run_ffmpeg(
        find_ffmpeg(),
        [*_pcm_input(AAC_RATE), "-c:a", "aac", "-b:a", _AAC_BITRATE, "-f", "adts", "pipe:1"],
        stdin=_tones(AAC_RATE, _AAC_LENGTH_S),
    )
    frames = _split_adts(stream)
    onsets = [
        round((tone * _AAC_LENGTH_S + _AAC_ONSET_S) * AAC_RATE / AAC_FRAME)
        for tone in range(NUM_TONES)
    ]
    return tuple(
        tuple(
            fill_aac_frame(frames[onset + place], _aac_size(place))
            for place in range(AAC_FRAMES_A_SECOND)
        )
        for onset in onsets
    )


def fill_aac_frame(frame: bytes, size: int) -> bytes:
    """Return the frame with fill elements before its end, so that it is `size` bytes long.

    A raw_data_block ends in ID_END (three ones) and zeros up to the byte; a fill_element is
    ID_FIL (binary 110), a count of 4 bits, where 15 an esc_count of 8 bits follows, and that many
    bytes (ISO/IEC 14496-3, 4.4.2.1 and 4.4.2.7).

    Raises
    ------
    ValueError
        The frame is longer than `size`.
    """
    bits = int.from_bytes(frame, "big")
    tail = (bits & -bits).bit_length() + 2  # alignment and ID_END
    bits >>= tail
    room = 8 * size - (8 * len(frame) - tail) - 3
    if room < 0:
        raise ValueError(f"an AAC frame of {len(frame)} bytes can't be filled up to {size}")
    while room >= 7:
        if room < 15 + 15 * 8:
            count = min((room - 7) // 8, 14)
            head, head_bits = 0b110 << 4 | count, 7
        else:
            count = min((room - 15) // 8, 269)
            head, head_bits = 0b110 << 12 | 15 << 8 | count - 14, 15
        bits = (bits << head_bits | head) << 8 * count
        room -= head_bits + 8 * count
    return ((bits << 3 | 0b111) << room).to_bytes(size, "big")


def _aac_size(place: int) -> int:
    """Return a size that differs from frame to frame as in a real track; 376 bytes on average."""
    return 360 + place * 37 % 32


def _tones(sample_rate: int, length_s: float) -> bytes:
    """Return all tones, one after the other, as stereo floats."""
    time_s = np.arange(round(sample_rate * length_s)) / sample_rate
    tones = [_AMPLITUDE * np.sin(2 * np.pi * hz * time_s) for hz in FREQUENCIES_HZ]
    return np.repeat(np.concatenate(tones).astype("<f4"), 2).tobytes()


def _pcm_input(sample_rate: int) -> list[str]:
    return ["-f", "f32le", "-ar", str(sample_rate), "-ac", "2", "-i", "pipe:0"]


def _split_adts(stream: bytes) -> Packets:
    """Return the frames without their 7-byte headers (ISO/IEC 14496-3, 1.A.2.2)."""
    frames, at = [], 0
    while at < len(stream):
        size = (stream[at + 3] & 3) << 11 | stream[at + 4] << 3 | stream[at + 5] >> 5
        frames.append(stream[at + 7 : at + size])
        at += size
    return tuple(frames)
