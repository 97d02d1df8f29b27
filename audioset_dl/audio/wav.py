"""Encode samples as WAV files, and check WAV files."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from numpy.typing import NDArray

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav_header import (
    HEADER_BYTES,
    BadWavError,
    WavFormat,
    check_format,
    read_format,
)

if TYPE_CHECKING:
    from audioset_dl.config import AudioConfig

# YouTube's Opus tracks are 48 kHz stereo; AAC has 44.1 kHz, so this is the larger of the two.
_SOURCE_RATE, _SOURCE_CHANNELS = 48_000, 2
_BYTES_PER_SAMPLE = {"PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
                     "FLOAT": 4, "DOUBLE": 8}  # fmt: skip


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
    return HEADER_BYTES * len(durations_s) + num_samples * bytes_per_frame


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
