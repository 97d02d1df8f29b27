from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.audio.ffmpeg import find_ffmpeg, run_ffmpeg
from audioset_dl.simulator import containers, heard_tones, sounds_right, tracks
from audioset_dl.simulator.tone_packets import (
    AAC_RATE,
    OPUS_RATE,
    aac_seconds,
    fill_aac_frame,
    opus_seconds,
)
from audioset_dl.simulator.tones import NUM_TONES, boundary_shifts_s
from audioset_dl.simulator.tracks import FORMATS, Tracks, make_layout

Decode = Callable[[bytes, int], np.ndarray]

pytestmark = pytest.mark.e2e  # minutes of audio through ffmpeg
YTID, OTHER = "-A_bcdefghi", "-A_bcdefghj"


@pytest.fixture(scope="module")
def made() -> Tracks:
    return Tracks()


@pytest.mark.parametrize("itag", [251, 140])
@pytest.mark.parametrize("duration_s", [31.0, 12.345])
def test_a_filled_layout_is_what_ffmpeg_would_have_muxed(
    made: Tracks, itag: int, duration_s: float
) -> None:
    packets = tracks.track_packets(FORMATS[itag], YTID, duration_s)
    assert made.track(itag, YTID, duration_s) == tracks.mux(FORMATS[itag], packets, duration_s)


@pytest.mark.parametrize(
    ("itag", "duration_s"),
    [(251, 31.0), (140, 31.0), *((itag, length) for itag in FORMATS for length in (12.345, 0.5))],
)
def test_a_track_tells_the_time(made: Tracks, decode: Decode, itag: int, duration_s: float) -> None:
    samples = decode(made.track(itag, YTID, duration_s), itag)
    rate = FORMATS[itag].sample_rate
    assert len(samples) / rate == pytest.approx(duration_s, abs=0.05)
    assert sounds_right(samples, rate, YTID, 0.0)
    assert all(abs(shift) <= 0.03 for shift in boundary_shifts_s(samples, rate, YTID, 0.0))


@pytest.mark.parametrize("itag", [251, 140])
def test_another_video_plays_another_melody(made: Tracks, decode: Decode, itag: int) -> None:
    samples = decode(made.track(itag, OTHER, 12.345), itag)
    assert not sounds_right(samples, FORMATS[itag].sample_rate, YTID, 0.0)
    assert sounds_right(samples, FORMATS[itag].sample_rate, OTHER, 0.0)


@pytest.mark.parametrize("itag", [251, 140])
@pytest.mark.parametrize("shift_s", [0.07, 0.2])
def test_a_wrong_cut_is_heard_wherever_it_lies(
    made: Tracks, decode: Decode, itag: int, shift_s: float
) -> None:
    samples, rate = decode(made.track(itag, YTID, 31.0), itag), FORMATS[itag].sample_rate
    for start_s in np.arange(5, 20, 4.37):
        cut = samples[round(start_s * rate) : round((start_s + 10) * rate)]
        assert sounds_right(cut, rate, YTID, start_s)
        assert not sounds_right(cut, rate, YTID, start_s + shift_s)
        assert not sounds_right(cut, rate, YTID, start_s - shift_s)


def test_a_cut_is_heard_after_resampling_to_8_khz(made: Tracks) -> None:
    track = made.track(251, YTID, 31.0)
    pcm = run_ffmpeg(
        find_ffmpeg(),
        ["-f", "matroska", "-i", "pipe:0", "-ar", "8000", "-ac", "1", "-f", "s16le", "pipe:1"],
        stdin=track,
    )
    assert sounds_right(np.frombuffer(pcm, "<i2"), 8000, YTID, 0.0)


def test_webm_has_the_layout_of_youtube(made: Tracks) -> None:
    layout, track = made.layout(251, 31.0), made.track(251, YTID, 31.0)
    first, end = layout.index
    assert track[:4] == b"\x1a\x45\xdf\xa3"
    assert b"webm" in track[:first]
    assert b"OpusHead" in track[:first]
    assert track[first : first + 4] == b"\x1c\x53\xbb\x6b", "Cues"
    assert track[end : end + 4] == b"\x1f\x43\xb6\x75", "the first Cluster follows at once"
    assert track[first:end].count(b"\xb3") >= 4, "a CueTime for each cluster of 10 s"
    assert 125_000 < 8 * len(track) / 31 < 135_000


def test_mp4_has_the_layout_of_youtube(made: Tracks) -> None:
    track = made.track(140, YTID, 31.0)
    boxes = list(containers.mp4_boxes(track))
    assert [name for name, _, _ in boxes] == [b"ftyp", b"moov", b"sidx", *[b"moof", b"mdat"] * 4]
    assert sum(size for _, _, size in boxes) == len(track)
    assert 125_000 < 8 * len(track) / 31 < 135_000


def test_the_sidx_tells_the_truth(made: Tracks) -> None:
    track = made.track(140, YTID, 31.0)
    first, end = made.layout(140, 31.0).index
    boxes = [(at, size) for name, at, size in containers.mp4_boxes(track) if name != b"sidx"][2:]
    fragments = [moof[1] + mdat[1] for moof, mdat in zip(boxes[::2], boxes[1::2], strict=True)]
    count = struct.unpack_from(">H", track, end - 12 * len(fragments) - 2)[0]
    sizes = [
        struct.unpack_from(">I", track, end - 12 * len(fragments) + 12 * n)[0]
        for n in range(len(fragments))
    ]
    assert track[first + 4 : first + 8] == b"sidx"
    assert (count, sizes) == (len(fragments), fragments)
    assert end == boxes[0][0]


def test_packets_at_one_place_have_one_size() -> None:
    for seconds in (opus_seconds(128_000), opus_seconds(64_000), aac_seconds()):
        assert len(seconds) == NUM_TONES
        sizes = {tuple(len(packet) for packet in second) for second in seconds}
        assert len(sizes) == 1
    assert len(opus_seconds(128_000)[0]) == 50


def test_a_filled_aac_frame_decodes_alike() -> None:
    rng = np.random.default_rng(1)
    pcm = rng.normal(0, 0.05, 2 * AAC_RATE).astype("<f4").tobytes()
    source = ["-f", "f32le", "-ar", str(AAC_RATE), "-ac", "2", "-i", "pipe:0"]
    adts = run_ffmpeg(find_ffmpeg(), [*source, "-c:a", "aac", "-f", "adts", "pipe:1"], stdin=pcm)
    frames = split_adts(adts)
    largest = max(map(len, frames))
    for extra in (0, 1, 2, 17, 18, 19, 300, 1000):
        filled = [fill_aac_frame(frame, largest + extra) for frame in frames]
        assert {len(frame) for frame in filled} == {largest + extra}
        assert decode_adts(filled) == decode_adts(frames)


def test_an_aac_frame_can_not_be_filled_to_less() -> None:
    with pytest.raises(ValueError, match="10 bytes"):
        fill_aac_frame(b"\x21" * 9 + b"\x07", 9)


def split_adts(stream: bytes) -> list[bytes]:
    frames = []
    while stream:
        size = (stream[3] & 3) << 11 | stream[4] << 3 | stream[5] >> 5
        frames.append(stream[7:size])
        stream = stream[size:]
    return frames


def decode_adts(frames: list[bytes]) -> bytes:
    stream = containers.mux_mp4(frames)
    return run_ffmpeg(
        find_ffmpeg(), ["-f", "mp4", "-i", "pipe:0", "-f", "s16le", "pipe:1"], stdin=stream
    )


@given(st.binary(max_size=300))
def test_the_fast_ogg_checksum_is_that_of_rfc_3533(page: bytes) -> None:
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 1 << 31 else 0)) & 0xFFFFFFFF
    assert containers._ogg_checksum(page) == crc


def test_no_index_is_an_error() -> None:
    with pytest.raises(ValueError, match="Cues"):
        containers.find_webm_index(b"")
    with pytest.raises(ValueError, match="sidx"):
        containers.find_mp4_index(struct.pack(">I4s", 8, b"ftyp"))


def test_tracks_are_kept_while_there_is_room() -> None:
    small = Tracks(max_bytes=450_000)
    first = small.track(251, YTID, 12.345)  # 200 kB
    assert small.track(251, YTID, 12.345) is first
    small.track(251, OTHER, 12.345)
    assert small.track(251, YTID, 12.345) is first
    small.track(251, "third_video", 12.345)
    small.track(251, "4th___video", 12.345)
    again = small.track(251, YTID, 12.345)
    assert again is not first
    assert again == first


def test_a_track_that_is_larger_than_the_room_is_made_all_the_same(decode: Decode) -> None:
    track = Tracks(max_bytes=1).track(251, YTID, 12.345)
    assert heard_tones(decode(track, 251), OPUS_RATE, 0.0)[0] is not None


def test_a_layout_does_not_depend_on_the_video() -> None:
    layout = make_layout(FORMATS[140], 3.0)
    assert len(layout.fill(YTID)) == len(layout.fill(OTHER)) == layout.size
    assert layout.fill(YTID) != layout.fill(OTHER)
