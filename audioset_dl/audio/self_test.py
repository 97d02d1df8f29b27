"""A self-test of ffmpeg on two small tracks that come with the program.

They are 11 s of a tone of 440 Hz, packed as YouTube packs its tracks: Opus in WebM and AAC in MP4.
It tests what a clip needs: the ranged cut through a pipe, both decoders, and resampling.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.ffmpeg import FfmpegError
from audioset_dl.audio.index import BadIndexError
from audioset_dl.audio.ranged import HEAD_BYTES, cut_ranged, read_index
from audioset_dl.config import AudioConfig

TRACKS = {"opus": "webm", "aac": "m4a"}
"""The extension of the container that YouTube uses, by codec."""
TONE_HZ = 440.0
_START_S, _END_S = 0.5, 10.5
_RATE = 16_000
_RESOLUTION_HZ = 1.0  # ten times that of a Fourier transform of ten seconds
_MIN_RMS = 0.02  # the tracks have 0.09, silence has 0


def try_cut(ffmpeg: Path, codec: str) -> str:
    """Cut ten seconds out of the track of a codec and check the tone in them.

    Parameters
    ----------
    ffmpeg : Path
        The binary.
    codec : str
        A key of `TRACKS`.

    Returns
    -------
    str
        What is wrong with them; empty if nothing is.

    Raises
    ------
    ToolMissingError
        ffmpeg can't be started.
    """
    extension = TRACKS[codec]
    track = files("audioset_dl.audio").joinpath(f"tone.{extension}").read_bytes()

    def read(first: int, end: int) -> bytes:
        return track[first:end]

    audio = AudioConfig(sample_rate=_RATE, channels=1, subtype="FLOAT")
    try:
        index = read_index(extension, read(0, HEAD_BYTES), len(track), read)
        samples = cut_ranged(ffmpeg, index, read, start_s=_START_S, end_s=_END_S, audio=audio)
    except (FfmpegError, BadIndexError) as error:
        return str(error)
    return _describe_fault(samples)


def _describe_fault(samples: Samples) -> str:
    expected = round((_END_S - _START_S) * _RATE)
    if samples.num_samples != expected:
        return f"{samples.num_samples:,} samples came of {expected:,}"
    tone = samples.data[:, 0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    loudest_hz = float(spectrum.argmax()) * _RATE / len(tone)
    rms = float(np.sqrt(np.mean(tone**2)))
    if rms < _MIN_RMS or abs(loudest_hz - TONE_HZ) > _RESOLUTION_HZ:
        return f"a tone of {loudest_hz:.0f} Hz (RMS {rms:.3f}) came instead of {TONE_HZ:.0f} Hz"
    return ""
