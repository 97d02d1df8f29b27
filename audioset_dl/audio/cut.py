"""Cut a clip out of a track, exact to the sample.

Owns the arguments by which ffmpeg returns the samples of a clip, and the name by which a joined
HLS track tells its container; knows neither YouTube nor the output folder.
"""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from audioset_dl.audio.ffmpeg import FfmpegError, run_ffmpeg

if TYPE_CHECKING:
    from audioset_dl.config import AudioConfig

# A forced demuxer keeps bytes from the internet away from the others, some of which open further
# files by name (https://ffmpeg.org/ffmpeg-formats.html#Demuxers: concat, hls).
DEMUXERS = {"webm": "matroska", "mkv": "matroska", "m4a": "mov", "mp4": "mov", "ts": "mpegts"}
"""ffmpeg's demuxer for each container, by file extension: forced, never guessed from content."""

# MPEG transport streams (ISO/IEC 13818-1) consist of packets that each begin with a sync byte.
_SYNC, _PACKET_BYTES = b"\x47", 188
_CHUNK_BYTES = _PACKET_BYTES << 12

# A whole number of seconds starts the resampler on the sample grid of the whole track, whatever the
# two rates are.
MARGIN_S = 1
"""Seconds resampled on both sides of a clip, so that the filter has settled where it begins."""

# ffmpeg's own resampler at its defaults lets 8.2 to 8.5 kHz alias at -15 to -26 dB when going to
# 16 kHz; soxr (https://sourceforge.net/p/soxr) stays below -130 dB.
SOXR = "resampler=soxr"
# The options are those of https://ffmpeg.org/ffmpeg-resampler.html: as sharp a filter as soxr's.
OWN_RESAMPLER = (
    "resampler=swr:filter_type=kaiser:kaiser_beta=12:filter_size=128:cutoff=0.97:exact_rational=1"
)

# 24 bits travel as 32, since numpy has no type for them.
_PCM = {
    "FLOAT": ("pcm_f32le", "float32"),
    "DOUBLE": ("pcm_f64le", "float64"),
    "PCM_24": ("pcm_s32le", "int32"),
    "PCM_32": ("pcm_s32le", "int32"),
}
"""For each subtype, ffmpeg's codec on the pipe and the dtype of the samples; else 16 bits."""


class BrokenStreamError(Exception):
    """The stream holds something else than media."""


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

    That is soxr; in a build without it, ffmpeg's own with a Kaiser window as sharp. Measured from
    48 and 44.1 kHz to 16: with both, aliases stay below -130 dB, and their samples agree to -94 dB.

    Raises
    ------
    FfmpegError
        The build can't resample.
    ToolMissingError
        ffmpeg can't be started.
    """
    try:
        _try_resampler(ffmpeg, SOXR)
    except FfmpegError:
        _try_resampler(ffmpeg, OWN_RESAMPLER)
        return OWN_RESAMPLER
    return SOXR


def _try_resampler(ffmpeg: Path, resampler: str) -> None:
    """Resample 5 ms of silence: a build without soxr reports that only when it is used."""
    source = ["-f", "s16le", "-ar", "48000", "-ac", "1", "-i", "pipe:0"]
    target = ["-af", f"aresample=16000:{resampler}", "-f", "wav", "pipe:1"]
    run_ffmpeg(ffmpeg, [*source, *target], stdin=bytes(960))


def cut_track(
    ffmpeg: Path, track: Path, *, start_s: float, end_s: float, audio: AudioConfig
) -> Samples:
    """Return the samples of a track from one time to another.

    They are those that decoding and resampling the whole track gives there (see
    `choose_resampler`): ``round((end_s - start_s) * sample_rate)`` samples, fewer only where the
    track ends earlier.

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
    # Through the text, 12.345 is 2469/200, and not the binary fraction just beside it.
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
    ffmpeg: Path, source: list[str], *, trim: str, audio: AudioConfig, stdin: bytes | None = None
) -> Samples:
    codec, dtype = _PCM.get(audio.subtype, ("pcm_s16le", "int16"))
    filters = [trim, "asetpts=PTS-STARTPTS"]
    if audio.channels is not None:
        filters.append(f"aformat=channel_layouts={'mono' if audio.channels == 1 else 'stereo'}")
    if audio.sample_rate is not None:
        filters.append(f"aresample={audio.sample_rate}:{choose_resampler(ffmpeg)}")
    arguments = [*source, "-map", "0:a:0", "-af", ",".join(filters),
                 "-c:a", codec, "-fflags", "+bitexact", "-f", "wav", "pipe:1"]  # fmt: skip
    wav = run_ffmpeg(ffmpeg, arguments, stdin=stdin)
    # ffmpeg can't go back in a pipe, so the sizes in the header are 0xFFFFFFFF; libsndfile then
    # reads to the end.
    data, sample_rate = soundfile.read(io.BytesIO(wav), dtype=dtype, always_2d=True)
    return Samples(data, int(sample_rate))


def name_by_content(file: Path) -> Path:
    """Rename a file of joined HLS segments to ``.ts`` if it is a transport stream.

    yt-dlp names all HLS "mp4", and writes whatever it received for a segment into the file. ffmpeg
    would skip a page in the place of a segment, and all after it would come too early. Such a page
    lacks the sync byte that begins each packet (§2.4.3.2).

    Raises
    ------
    BrokenStreamError
        The file begins as a transport stream but does not continue as one.
    """
    with file.open("rb") as content:
        packets = content.read(_CHUNK_BYTES)
        if packets[:1] != _SYNC:
            return file
        while packets:
            if len(packets) % _PACKET_BYTES or packets[::_PACKET_BYTES].strip(_SYNC):
                raise BrokenStreamError("something else than media in a segment")
            packets = content.read(_CHUNK_BYTES)
    return file.rename(file.with_suffix(".ts"))
