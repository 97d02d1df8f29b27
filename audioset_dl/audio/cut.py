"""Cut a clip out of a track, to the sample.

Owns how ffmpeg is asked for the samples of a clip; knows neither YouTube nor the output folder.
"""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audioset_dl.audio.ffmpeg import FfmpegError, run_ffmpeg
from audioset_dl.config import AudioConfig

DEMUXERS = {"webm": "matroska", "mkv": "matroska", "m4a": "mov", "mp4": "mov", "ts": "mpegts"}
"""ffmpeg's demuxer for each container, by file extension: forced, never guessed from content."""

MARGIN_S = 1
"""Seconds resampled on both sides of a clip, in whole seconds: the resampler then starts on the
sample grid of the whole track, and is settled when the clip begins."""

SOXR = "resampler=soxr"
OWN_RESAMPLER = (
    "resampler=swr:filter_type=kaiser:kaiser_beta=12:filter_size=128:cutoff=0.97:exact_rational=1"
)

_PCM = {
    "FLOAT": ("pcm_f32le", "float32"),
    "DOUBLE": ("pcm_f64le", "float64"),
    "PCM_24": ("pcm_s32le", "int32"),
    "PCM_32": ("pcm_s32le", "int32"),
}
"""By subtype of the file: ffmpeg's codec on the pipe, and the dtype of the samples."""


@dataclass(frozen=True)
class Samples:
    """Decoded audio."""

    data: np.ndarray[Any, Any]
    """Shape (num_samples, channels); the dtype that the WAV subtype is written from."""
    sample_rate: int
    """In Hz."""

    @property
    def num_samples(self) -> int:
        """Number of samples of each channel."""
        return len(self.data)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.data.shape[1])


@functools.cache
def choose_resampler(ffmpeg: Path) -> str:
    """Return the options of ffmpeg's ``aresample`` for the best resampler that a build has.

    soxr, or in a build without it ffmpeg's own with a Kaiser window as sharp. Measured from 48 and
    44.1 kHz to 16: with both, what folds back stays below -130 dB, and their samples agree to
    -94 dB.

    Raises
    ------
    FfmpegError
        The build can't resample.
    ToolMissingError
        It can't be started.
    """
    try:
        _try_resampler(ffmpeg, SOXR)
    except FfmpegError:
        _try_resampler(ffmpeg, OWN_RESAMPLER)
        return OWN_RESAMPLER
    return SOXR


def _try_resampler(ffmpeg: Path, resampler: str) -> None:
    """Resample a little silence: a build without soxr says so only then."""
    source = ["-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "pipe:0"]
    target = ["-af", f"aresample=16000:{resampler}", "-f", "wav", "pipe:1"]
    run_ffmpeg(ffmpeg, [*source, *target], stdin=bytes(960))


def cut_track(
    ffmpeg: Path, track: Path, *, start_s: float, end_s: float, audio: AudioConfig
) -> Samples:
    """Return the samples of a track from one time to another.

    They are those of decoding and resampling (see `choose_resampler`) the whole track and cutting
    there: ``round((end_s - start_s) * sample_rate)`` samples, fewer only where the track ends
    earlier.

    Parameters
    ----------
    ffmpeg : Path
        The binary.
    track : Path
        A whole track in one of the containers of `DEMUXERS`, by its extension.
    start_s, end_s : float
        Times in seconds on the track's own clock.
    audio : AudioConfig
        Sample rate, channels, subtype.

    Raises
    ------
    FfmpegError
        The track can't be read or decoded, or is in another container.
    """
    demuxer = DEMUXERS.get(track.suffix[1:])
    if demuxer is None:
        raise FfmpegError(f"a track in the container {track.suffix} is not known")
    grid_start_s = max(0, math.floor(start_s) - MARGIN_S)
    grid_end_s = math.ceil(end_s) + MARGIN_S
    # The time of a sample is its number in the decoded track (asetpts=round(N/SR/TB)): those of
    # WebM are rounded to milliseconds and would shift an Opus clip by up to 1 ms.
    trim = f"asetpts=round(N/SR/TB),atrim=start={grid_start_s}:end={grid_end_s}"
    decoded = _decode(ffmpeg, ["-f", demuxer, "-i", f"file:{track}"], trim=trim, audio=audio)
    first = sample_at(start_s, decoded.sample_rate) - grid_start_s * decoded.sample_rate
    num_samples = round((end_s - start_s) * decoded.sample_rate)
    return Samples(decoded.data[first : first + num_samples], decoded.sample_rate)


def sample_at(time_s: float, sample_rate: int) -> int:
    """Return the number of the sample at a time, a half rounded up."""
    return math.floor(Fraction(str(time_s)) * sample_rate + Fraction(1, 2))


def decode_pipe(
    ffmpeg: Path,
    stream: bytes,
    *,
    container: str,
    first_sample: int,
    num_samples: int,
    audio: AudioConfig,
) -> Samples:
    """Decode a stream and resample a part of it.

    Parameters
    ----------
    ffmpeg : Path
        The binary.
    stream : bytes
        A track, or a piece of one with its header.
    container : str
        A key of `DEMUXERS`.
    first_sample, num_samples : int
        The part, in samples of the decoded stream before it is resampled.
    audio : AudioConfig
        Sample rate, channels, subtype.

    Raises
    ------
    FfmpegError
        The stream can't be decoded.
    """
    trim = f"atrim=start_sample={first_sample}:end_sample={first_sample + num_samples}"
    source = ["-f", DEMUXERS[container], "-i", "pipe:0"]
    return _decode(ffmpeg, source, stdin=stream, trim=trim, audio=audio)


def _decode(
    ffmpeg: Path,
    source: list[str],
    *,
    trim: str,
    audio: AudioConfig,
    stdin: bytes | None = None,
) -> Samples:
    codec, dtype = _PCM.get(audio.subtype, ("pcm_s16le", "int16"))
    filters = [trim, "asetpts=PTS-STARTPTS"]
    if audio.channels is not None:
        filters.append(f"aformat=channel_layouts={'mono' if audio.channels == 1 else 'stereo'}")
    if audio.sample_rate is not None:
        filters.append(f"aresample={audio.sample_rate}:{choose_resampler(ffmpeg)}")
    arguments = [*source, "-map", "0:a:0", "-af", ",".join(filters),
                 "-c:a", codec, "-fflags", "+bitexact", "-f", "wav", "pipe:1"]  # fmt: skip
    return _read_pipe(run_ffmpeg(ffmpeg, arguments, stdin=stdin), dtype)


def _read_pipe(wav: bytes, dtype: str) -> Samples:
    # Sizes in the header of a piped WAV are 0xFFFFFFFF: libsndfile then reads to the end.
    data, sample_rate = soundfile.read(io.BytesIO(wav), dtype=dtype, always_2d=True)
    return Samples(data, int(sample_rate))
