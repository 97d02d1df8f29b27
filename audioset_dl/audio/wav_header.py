"""The header of a WAV file: what it states, without a library for the usual ones.

It imports little, as it is imported by each process that checks files.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

HEADER_BYTES = 44
# http://soundfile.sapp.org/doc/WaveFormat
_PLAIN_HEADER = struct.Struct("<4sI4s8xHHIIHH4xI")
_PCM = 1


class WavFormat(NamedTuple):
    """The format that the header of a WAV file states."""

    num_samples: int
    sample_rate: int
    channels: int

    def __str__(self) -> str:
        return f"{self.num_samples} samples, {self.sample_rate} Hz, {self.channels} ch"


class BadWavError(Exception):
    """A file is not the WAV file that was expected; the message says how it differs."""


def read_format(wav: bytes) -> WavFormat:
    """Read the header of a WAV file; raise `BadWavError` if it is none."""
    return _read_plain_header(wav) or _read_any_header(wav)


def _read_plain_header(wav: bytes) -> WavFormat | None:
    """Read a header as libsndfile writes it for PCM: 44 bytes, then the samples to the end."""
    if len(wav) < HEADER_BYTES or wav[12:20] != b"fmt \x10\0\0\0" or wav[36:40] != b"data":
        return None
    fields = _PLAIN_HEADER.unpack_from(wav)
    riff, size, wave, coding, channels, rate, _, frame, bits, num_bytes = fields
    is_whole = num_bytes == len(wav) - HEADER_BYTES and size == len(wav) - 8
    is_plain = (riff, wave, coding) == (b"RIFF", b"WAVE", _PCM) and bits in (8, 16, 24, 32)
    is_usual = channels in (1, 2) and 1_000 <= rate <= 384_000 and frame == channels * bits // 8
    if not (is_whole and is_plain and is_usual) or num_bytes % frame:
        return None
    return WavFormat(num_bytes // frame, rate, channels)


def _read_any_header(wav: bytes) -> WavFormat:
    import soundfile  # 50 ms, with numpy

    try:
        info = soundfile.info(io.BytesIO(wav))
    except soundfile.LibsndfileError as error:
        raise BadWavError(f"not a readable WAV file ({error.error_string})") from error
    if info.format != "WAV":
        raise BadWavError(f"not a WAV file but {info.format_info}")
    return WavFormat(info.frames, info.samplerate, info.channels)


def check_format(wav: bytes, expected: WavFormat) -> None:
    """Raise `BadWavError` unless a WAV file's header states the expected format."""
    found = read_format(wav)
    if found != expected:
        raise BadWavError(f"its header says {found}, expected {expected}")
