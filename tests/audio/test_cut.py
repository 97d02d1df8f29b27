"""Cutting: the samples of a clip are those of the whole decoded track, to the sample."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audioset_dl.audio.cut import OWN_RESAMPLER, SOXR, choose_resampler, cut_track
from audioset_dl.audio.ffmpeg import FfmpegError, run_ffmpeg
from audioset_dl.config import AudioConfig
from audioset_dl.simulator.tracks import Tracks

YTID = "-a_cdefghi0"
DURATION_S = 150.5
STARTS_S = (0, 0.5, 30, 63.456, 123.457, DURATION_S - 10)


@pytest.fixture(scope="session")
def tracks(make_once) -> dict[str, Path]:
    return {
        name: make_once(
            f"track.{name}",
            lambda path, itag=itag: path.write_bytes(Tracks().track(itag, YTID, DURATION_S)),
        )
        for name, itag in (("webm", 251), ("m4a", 140))
    }


@pytest.fixture(scope="session")
def decode_whole(ffmpeg, make_once):
    """Decode and resample a whole track, by way of a file."""

    def decode(track: Path, audio: AudioConfig) -> tuple[np.ndarray, int]:
        filters = ["aformat=channel_layouts=mono"] if audio.channels == 1 else []
        if audio.sample_rate:
            filters.append(f"aresample={audio.sample_rate}:resampler=soxr")
        chain = ["-af", ",".join(filters)] if filters else []
        arguments = ["-i", str(track), *chain, "-c:a", "pcm_s16le", "-f", "wav"]
        wav = make_once(
            f"{track.name}.{audio.sample_rate}.{audio.channels}.wav",
            lambda path: run_ffmpeg(ffmpeg, [*arguments, str(path)]),
        )
        return soundfile.read(wav, dtype="int16", always_2d=True)

    return decode


@pytest.mark.e2e
@pytest.mark.parametrize("audio", [
    AudioConfig(), AudioConfig(sample_rate=None, channels=None),
    AudioConfig(sample_rate=44_100, channels=2), AudioConfig(sample_rate=22_050),
], ids=lambda audio: f"{audio.sample_rate}-{audio.channels}")  # fmt: skip
@pytest.mark.parametrize("container", ["webm", "m4a"])
@pytest.mark.parametrize("start_s", STARTS_S)
def test_equals_the_cut_of_a_whole_decode(
    ffmpeg, tracks, decode_whole, container, start_s, audio
) -> None:
    whole, sample_rate = decode_whole(tracks[container], audio)
    cut = cut_track(ffmpeg, tracks[container], start_s=start_s, end_s=start_s + 10, audio=audio)
    first = round(start_s * sample_rate)
    expected = whole[first : first + 10 * sample_rate]
    assert (cut.sample_rate, cut.num_samples) == (sample_rate, 10 * sample_rate)
    assert cut.data.shape == expected.shape
    difference = np.abs(cut.data.astype(int) - expected).max()
    assert difference <= 1, "not lag 0"


def test_what_lies_beyond_the_end_is_not_there(ffmpeg, tracks) -> None:
    short = cut_track(ffmpeg, tracks["webm"], start_s=145, end_s=155, audio=AudioConfig())
    assert short.num_samples == pytest.approx((DURATION_S - 145) * 16_000, abs=400)
    none = cut_track(ffmpeg, tracks["m4a"], start_s=200, end_s=210, audio=AudioConfig())
    assert none.num_samples == 0


@pytest.mark.parametrize("build", ["ffmpeg", "without_soxr"])
def test_high_tones_do_not_alias(ffmpeg, build, request, tmp_path) -> None:
    """ffmpeg's own resampler lets 8.3 kHz through at -20 dB when going to 16 kHz."""
    tone = 0.5 * np.sin(2 * np.pi * 8300 * np.arange(48_000 * 12) / 48_000)
    soundfile.write(tmp_path / "tone.wav", tone, 48_000)
    track = tmp_path / "tone.mkv"
    run_ffmpeg(ffmpeg, ["-i", str(tmp_path / "tone.wav"), "-c:a", "flac", str(track)])
    binary = request.getfixturevalue(build)
    cut = cut_track(binary, track, start_s=1, end_s=11, audio=AudioConfig(subtype="FLOAT"))
    peak_db = 20 * np.log10(np.abs(cut.data).max())
    assert peak_db < -80


@pytest.fixture
def without_soxr(ffmpeg, tmp_path) -> Path:
    """An ffmpeg that refuses soxr in the words of a build that has none."""
    script = tmp_path / "ffmpeg"
    script.write_text(
        f"""#!/bin/sh
case "$*" in *soxr*)
  echo "[SWR @ 0x1] Requested resampling engine is unavailable" >&2
  echo "Error reinitializing filters!" >&2
  echo "Task finished with error code: -22 (Invalid argument)" >&2
  echo "Conversion failed!" >&2
  exit 234
esac
exec {shlex.quote(str(ffmpeg))} "$@"
"""
    )
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("container", ["webm", "m4a"])
def test_without_soxr_another_resampler_serves(ffmpeg, without_soxr, tracks, container) -> None:
    assert choose_resampler(ffmpeg) == SOXR
    assert choose_resampler(without_soxr) == OWN_RESAMPLER
    cuts = [
        cut_track(binary, tracks[container], start_s=63.456, end_s=73.456, audio=AudioConfig())
        for binary in (ffmpeg, without_soxr)
    ]
    assert cuts[1].num_samples == 160_000
    assert np.abs(cuts[0].data.astype(int) - cuts[1].data).max() <= 100, "not lag 0"


def test_an_ffmpeg_that_cannot_resample_is_an_error(tmp_path) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\necho no filters in here >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(FfmpegError, match="no filters in here"):
        choose_resampler(script)


def test_what_is_no_track_is_an_error_with_ffmpegs_words(ffmpeg, tmp_path) -> None:
    track = tmp_path / "track.webm"
    track.write_bytes(b"<html>try again later</html>" * 1000)
    with pytest.raises(FfmpegError, match="Invalid data"):
        cut_track(ffmpeg, track, start_s=0, end_s=10, audio=AudioConfig())
    with pytest.raises(FfmpegError, match=r"container \.flv is not known"):
        cut_track(ffmpeg, tmp_path / "x.flv", start_s=0, end_s=10, audio=AudioConfig())
