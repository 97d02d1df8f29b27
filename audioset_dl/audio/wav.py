"""Encode samples as WAV files, and check WAV files."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from audioset_dl.audio.cut import Samples

if TYPE_CHECKING:
    from audioset_dl.config import AudioConfig

_HEADER_BYTES = 44
# http://soundfile.sapp.org/doc/WaveFormat
_PLAIN_HEADER = struct.Struct("<4sI4s8xHHIIHH4xI")
_PCM = 1
# YouTube's Opus tracks are 48 kHz stereo; AAC has 44.1 kHz, so this is the larger of the two.
_SOURCE_RATE, _SOURCE_CHANNELS = 48_000, 2
_BYTES_PER_SAMPLE = {"PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
                     "FLOAT": 4, "DOUBLE": 8}  # fmt: skip


@dataclass(frozen=True)
class WavFormat:
    """The format that the header of a WAV file states."""

    num_samples: int
    sample_rate: int
    channels: int

    def __str__(self) -> str:
        return f"{self.num_samples} samples, {self.sample_rate} Hz, {self.channels} ch"


class BadWavError(Exception):
    """A file is not the WAV file that was expected; the message says how it differs."""


def estimate_wav_bytes(durations_s: NDArray[np.float64], audio: AudioConfig) -> int:
    """Return the size of the WAV files of some clips; of 48 kHz stereo, where the source decides.

    Parameters
    ----------
    durations_s : array of float
        Lengths of the clips, in seconds.
    audio : AudioConfig
        The section ``audio`` of the config.
    """
    num_samples = int(np.rint(durations_s * (audio.sample_rate or _SOURCE_RATE)).sum())
    bytes_per_frame = (audio.channels or _SOURCE_CHANNELS) * _BYTES_PER_SAMPLE[audio.subtype]
    return _HEADER_BYTES * len(durations_s) + num_samples * bytes_per_frame


MIN_CORRELATION = 0.98
"""Least correlation of two decodes of one track. Those of AAC differ where the decoder puts noise
in place of noise (perceptual noise substitution): in a few frames of a thousand."""


def is_same_sound(path: Path, samples: Samples) -> bool:
    """Tell whether a WAV file holds the same sound as samples, but for what a decoder makes up.

    Parameters
    ----------
    path : Path
        The file.
    samples : Samples
        Of the same rate and number of channels; else the answer is False.
    """
    try:
        before, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (OSError, soundfile.LibsndfileError):
        return False
    after = np.asarray(samples.data, dtype=np.float64)
    if (rate, before.shape) != (samples.sample_rate, after.shape):
        return False
    power = np.sqrt(np.sum(before**2) * np.sum(after**2))
    if power == 0:
        return not before.any() and not after.any()
    return bool(np.sum(before * after) / power >= MIN_CORRELATION)


def encode_wav(samples: Samples, subtype: str) -> bytes:
    """Return the file that holds the samples; the same samples always give the same bytes.

    Parameters
    ----------
    samples : Samples
        What to write.
    subtype : str
        Coding of a sample, as soundfile names it: ``PCM_16``.

    Raises
    ------
    BadWavError
        The encoded file, read again, holds another number of samples.
    """
    file = io.BytesIO()
    soundfile.write(file, samples.data, samples.sample_rate, format="WAV", subtype=subtype)
    wav = _without_peak_time(file.getvalue())
    check_format(wav, WavFormat(samples.num_samples, samples.sample_rate, samples.channels))
    return wav


def read_format(wav: bytes) -> WavFormat:
    """Read the header of a WAV file; raise `BadWavError` if it is none."""
    return _read_plain_header(wav) or _read_any_header(wav)


def _read_plain_header(wav: bytes) -> WavFormat | None:
    """Read a header as libsndfile writes it for PCM: 44 bytes, then the samples to the end."""
    if len(wav) < _HEADER_BYTES or wav[12:20] != b"fmt \x10\0\0\0" or wav[36:40] != b"data":
        return None
    fields = _PLAIN_HEADER.unpack_from(wav)
    riff, size, wave, coding, channels, rate, _, frame, bits, num_bytes = fields
    is_whole = num_bytes == len(wav) - _HEADER_BYTES and size == len(wav) - 8
    is_plain = (riff, wave, coding) == (b"RIFF", b"WAVE", _PCM) and bits in (8, 16, 24, 32)
    is_usual = channels in (1, 2) and 1_000 <= rate <= 384_000 and frame == channels * bits // 8
    if not (is_whole and is_plain and is_usual) or num_bytes % frame:
        return None
    return WavFormat(num_bytes // frame, rate, channels)


def _read_any_header(wav: bytes) -> WavFormat:
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


def check_samples(wav: bytes) -> None:
    """Decode a whole WAV file; raise `BadWavError` if samples are missing or not finite."""
    if not np.isfinite(decode_wav(wav, "float64")).all():
        raise BadWavError("holds samples that are not finite")


def decode_wav(wav: bytes, dtype: str) -> np.ndarray:
    """Return the samples of a WAV file, shape (num_samples, channels); full scale is 1.0.

    Raises
    ------
    BadWavError
        It can't be decoded, or samples are missing.
    """
    expected = read_format(wav).num_samples
    try:
        data: np.ndarray = soundfile.read(io.BytesIO(wav), dtype=dtype, always_2d=True)[0]
    except soundfile.LibsndfileError as error:
        raise BadWavError(f"can't be decoded ({error.error_string})") from error
    if len(data) != expected:
        raise BadWavError(f"holds {len(data)} samples, its header says {expected}")
    return data


def _without_peak_time(wav: bytes) -> bytes:
    # libsndfile puts the time of writing into the PEAK chunk of float files: chunk id, size,
    # version, time, ... (https://www.sndfile.com/api.html#note2); it would change the hash.
    header_end = wav.find(b"data")
    peak = wav.find(b"PEAK", 0, header_end)
    if peak < 0:
        return wav
    return wav[: peak + 12] + struct.pack("<I", 0) + wav[peak + 16 :]
