"""The ranged cut: the samples of a whole decode, for little more than the bytes of ten seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from audioset_dl.audio.cut import Samples, cut_track
from audioset_dl.audio.ffmpeg import FfmpegError, run_ffmpeg
from audioset_dl.audio.index import BadIndexError
from audioset_dl.audio.ranged import HEAD_BYTES, cut_ranged, read_index
from audioset_dl.config import AudioConfig
from audioset_dl.simulator import sounds_right
from audioset_dl.simulator.tone_packets import AAC_FRAME, OPUS_PACKET, Packets
from audioset_dl.simulator.tracks import FORMATS, Format, Tracks, mux, track_packets

YTID = "-a_cdefghi0"
ITAGS = {"webm": 251, "m4a": 140}
TRACKS = Tracks()
THREE_HOURS_S = 3 * 3600


@dataclass
class Server:
    """A track whose bytes are counted."""

    track: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    def read(self, first: int, end: int) -> bytes:
        assert 0 <= first < end <= len(self.track)
        self.reads.append((first, end))
        return self.track[first:end]

    @property
    def num_bytes(self) -> int:
        return sum(end - first for first, end in self.reads)


def cut(ffmpeg, server: Server, extension: str, start_s: float, end_s: float, audio) -> Samples:
    size = len(server.track)
    head = server.read(0, min(HEAD_BYTES, size))
    index = read_index(extension, head, size, server.read)
    return cut_ranged(ffmpeg, index, server.read, start_s=start_s, end_s=end_s, audio=audio)


def check_equal(ffmpeg, track: bytes, extension: str, folder: Path, start_s: float, audio):
    """Cut both ways; the resampler's rounding may differ in the last bit."""
    path = folder / f"track.{extension}"
    path.write_bytes(track)
    whole = cut_track(ffmpeg, path, start_s=start_s, end_s=start_s + 10, audio=audio)
    server = Server(track)
    ranged = cut(ffmpeg, server, extension, start_s, start_s + 10, audio)
    assert ranged.sample_rate == whole.sample_rate
    assert ranged.num_samples == whole.num_samples == 10 * whole.sample_rate
    assert np.abs(ranged.data.astype(int) - whole.data).max() <= 1, "not lag 0"
    return server


def long(cases: list[tuple[float, ...]]) -> list:
    """Mark cases in which minutes of audio are decoded."""
    return [pytest.param(*case, marks=pytest.mark.e2e) for case in cases]


@pytest.mark.parametrize("extension", ITAGS)
@pytest.mark.parametrize(
    ("duration_s", "start_s"),
    [(12, 0), (12, 2), *long([(240, 0), (240, 0.5), (240, 30), (240, 123.456), (240, 120),
     (240, 230), (600, 0.001), (600, 450), (600, 590)])],
)  # fmt: skip
def test_equals_the_cut_of_the_whole_track(ffmpeg, tmp_path, extension, duration_s, start_s):
    track = TRACKS.track(ITAGS[extension], YTID, duration_s)
    server = check_equal(ffmpeg, track, extension, tmp_path, start_s, AudioConfig())
    assert len(server.reads) == 2
    assert server.num_bytes <= (220_000 if extension == "webm" else 350_000)


@pytest.mark.parametrize("extension", ITAGS)
@pytest.mark.parametrize("audio", [
    AudioConfig(sample_rate=None, channels=None), AudioConfig(sample_rate=44_100, channels=2),
    AudioConfig(sample_rate=22_050), AudioConfig(sample_rate=12_345), AudioConfig(sample_rate=1000),
], ids=lambda audio: str(audio.sample_rate))  # fmt: skip
def test_at_any_sample_rate(ffmpeg, tmp_path, extension, audio) -> None:
    track = TRACKS.track(ITAGS[extension], YTID, 60)
    check_equal(ffmpeg, track, extension, tmp_path, 30.07, audio)


@pytest.mark.e2e
@pytest.mark.parametrize("extension", ITAGS)
def test_in_three_hours_equal_a_decode_of_their_neighbourhood(ffmpeg, tmp_path, extension) -> None:
    """A decode of all of it would take a minute of the processor; of its packets near by, none."""
    fmt = FORMATS[ITAGS[extension]]
    track = TRACKS.track(fmt.itag, YTID, THREE_HOURS_S)
    packets = track_packets(fmt, YTID, THREE_HOURS_S)
    for start_s in (0, 0.5, 30, 123.456, 5400, 7777.123, THREE_HOURS_S - 10):
        server = Server(track)
        ranged = cut(ffmpeg, server, extension, start_s, start_s + 10, AudioConfig())
        near, near_start_s = neighbourhood(fmt, packets, start_s)
        path = tmp_path / f"near.{extension}"
        path.write_bytes(near)
        whole = decode_whole(ffmpeg, path)
        first = round((start_s - near_start_s) * 16_000)
        assert ranged.num_samples == 160_000
        difference = ranged.data.astype(int) - whole[first : first + 160_000]
        assert np.abs(difference).max() <= 1, f"not lag 0 at {start_s}"
        assert len(server.reads) <= 3, "the index takes one more read, and no more"
        assert server.num_bytes <= 360_000


def neighbourhood(fmt: Format, packets: Packets, start_s: float) -> tuple[bytes, Fraction]:
    """Return a track of the packets around a clip, and where it begins.

    It begins on the grid that its samples share with 16 kHz: a second of Opus, 441 frames of AAC.
    """
    size, step = (OPUS_PACKET, 50) if fmt.is_opus else (AAC_FRAME, 441)
    period_s = Fraction(step * size, fmt.sample_rate)
    first = max(0, math.floor((Fraction(start_s) - 5) / period_s))
    near_start_s = first * period_s
    last = math.ceil((Fraction(start_s) + 15) * fmt.sample_rate / size)
    duration_s = min(Fraction(start_s) + 15, Fraction(THREE_HOURS_S)) - near_start_s
    return mux(fmt, packets[first * step : last], float(duration_s)), near_start_s


def decode_whole(ffmpeg: Path, track: Path) -> np.ndarray:
    """Return all of a track at 16 kHz, mono; int, shape (n, 1)."""
    chain = "aformat=channel_layouts=mono,aresample=16000:resampler=soxr"
    arguments = ["-i", str(track), "-af", chain, "-f", "s16le", "pipe:1"]
    return np.frombuffer(run_ffmpeg(ffmpeg, arguments), "<i2").astype(int).reshape(-1, 1)


@pytest.fixture(scope="session")
def encode(ffmpeg, make_once):
    """Encode noise that comes and goes, so that a variable bit rate varies; once for all tests."""
    noise = "anoisesrc=d=90:r=48000:seed=1:a=0.4,volume='if(lt(mod(t,9),6),1,0.001)':eval=frame"

    def encode(name: str, *arguments: str) -> bytes:
        made = ["-f", "lavfi", "-i", noise, "-ac", "2", *arguments]
        path = make_once(name, lambda path: run_ffmpeg(ffmpeg, [*made, str(path)]))
        return path.read_bytes()

    return encode


@pytest.mark.e2e
@pytest.mark.parametrize("start_s", [0, 6.3, 29.95, 47.5, 79.9])
def test_a_variable_bit_rate_is_found_by_reading_on(ffmpeg, encode, tmp_path, start_s) -> None:
    track = encode("vbr.webm", "-c:a", "libopus", "-b:a", "96k", "-vbr", "on", "-f", "webm",
                   "-cluster_time_limit", "10000", "-cues_to_front", "1")  # fmt: skip
    server = check_equal(ffmpeg, track, "webm", tmp_path, start_s, AudioConfig())
    assert len(server.reads) <= 4


@pytest.mark.e2e
@pytest.mark.parametrize("start_s", [0, 9.98, 29.95, 79.9])
def test_an_edit_list_shifts_both_alike(ffmpeg, encode, tmp_path, start_s) -> None:
    """ffmpeg's AAC encoder has a delay of 1024 samples, which an edit list cuts off."""
    track = encode("edit.m4a", "-c:a", "aac", "-aac_pns", "0", "-ar", "44100", "-b:a", "129k",
                   "-f", "mp4", "-movflags", "+dash+global_sidx+delay_moov",
                   "-frag_duration", "10000000")  # fmt: skip
    assert b"elst" in track
    check_equal(ffmpeg, track, "m4a", tmp_path, start_s, AudioConfig())


@pytest.mark.parametrize("extension", ITAGS)
def test_what_lies_beyond_the_end_is_not_there(ffmpeg, tmp_path, extension) -> None:
    track = TRACKS.track(ITAGS[extension], YTID, 24.5)
    path = tmp_path / f"track.{extension}"
    path.write_bytes(track)
    whole = cut_track(ffmpeg, path, start_s=20, end_s=30, audio=AudioConfig())
    ranged = cut(ffmpeg, Server(track), extension, 20, 30, AudioConfig())
    assert ranged.num_samples == whole.num_samples


@pytest.mark.parametrize("extension", ITAGS)
@pytest.mark.parametrize("damage", ["shifted", "another track", "zeros"])
def test_a_track_that_is_not_as_its_index_says(ffmpeg, extension, damage) -> None:
    track = TRACKS.track(ITAGS[extension], YTID, 60)
    first = read_index(extension, track, len(track), lambda *_: b"").fragments[0].offset
    media = {
        "shifted": bytes(1000) + track[first:-1000],
        "another track": TRACKS.track(ITAGS[extension], YTID, 75.5)[-(len(track) - first) :],
        "zeros": bytes(len(track) - first),
    }[damage]
    server = Server(track[:first] + media)
    try:
        samples = cut(ffmpeg, server, extension, 33.3, 43.3, AudioConfig())
    except (BadIndexError, FfmpegError):
        return
    right = samples.num_samples == 160_000
    assert not right or sounds_right(samples.data[:, 0] / 32768, 16_000, YTID, 33.3)


def test_an_unknown_container_is_left_to_the_next_rung() -> None:
    with pytest.raises(BadIndexError, match=r"\.flv"):
        read_index("flv", b"FLV", 3, lambda *_: b"")
