"""Tracks without an index in front, and videos that have nothing but an HLS manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audioset_dl.audio.ffmpeg import find_ffmpeg, run_ffmpeg
from audioset_dl.simulator import Simulator, Video, hls, sounds_right
from audioset_dl.simulator.containers import mp4_boxes
from audioset_dl.simulator.tracks import FORMATS, Tracks

YTID = "-_packing00"
CUES, CLUSTER = bytes.fromhex("1c53bb6b"), bytes.fromhex("1f43b675")

# yt-dlp leaves connections of answers that it does not read to the end to the garbage collector.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]


@pytest.mark.parametrize("itag", [251, 140])
def test_a_track_without_an_index_in_front_plays_the_same(decode, itag: int) -> None:
    tracks = Tracks()
    plain = tracks.track(itag, YTID, 24.5, has_index=False)
    assert tracks.layout(itag, 24.5, has_index=False).index is None
    samples = decode(plain, itag)
    assert np.array_equal(samples, decode(tracks.track(itag, YTID, 24.5), itag))
    assert sounds_right(samples, FORMATS[itag].sample_rate, YTID, 0)


def test_where_the_index_is_then() -> None:
    tracks = Tracks()
    webm = tracks.track(251, YTID, 24.5, has_index=False)
    assert webm.rindex(CUES) > webm.rindex(CLUSTER)
    names = [name for name, *_ in mp4_boxes(tracks.track(140, YTID, 24.5, has_index=False))]
    assert [name for name in names if name != b"free"] == [b"ftyp", b"moov", b"mdat"]


def test_segments_are_mpeg_ts_and_play_in_a_row() -> None:
    segments = hls.make_segments(YTID, 24.5)
    assert [round(segment.length_s) for segment in segments[:-1]] == [5, 5, 5, 5]
    assert sum(segment.length_s for segment in segments) == pytest.approx(24.5, abs=0.05)
    stream = b"".join(segment.data for segment in segments)
    assert set(stream[::188]) == {0x47}
    arguments = ["-f", "mpegts", "-i", "pipe:0", "-f", "f32le", "-ac", "1", "pipe:1"]
    samples = np.frombuffer(run_ffmpeg(find_ffmpeg(), arguments, stdin=stream), "<f4")
    assert sounds_right(samples, 44_100, YTID, 0)


def test_the_extractor_finds_and_downloads_hls(client, tmp_path: Path) -> None:
    with Simulator([Video(YTID, 12, packing="hls")]) as simulator:
        options = {"format": "bestaudio/best", "outtmpl": str(tmp_path / "track")}
        with client(simulator, **options) as youtube:
            info = youtube.extract(YTID, download=True)
    assert (info["format_id"], info["protocol"], info["vcodec"]) == ("234", "m3u8_native", "none")
    # The master playlist for each player that is asked, and that of the rendition.
    num_players = simulator.log.count(kind="player", ytid=YTID)
    assert simulator.log.count(kind="manifest", ytid=YTID, status=200) == num_players + 1
    media = simulator.log.select(kind="media", ytid=YTID)
    assert [(request.range, request.status) for request in media] == [("", 200)] * 3
    assert (tmp_path / "track").stat().st_size == simulator.log.media_bytes(YTID)


def test_what_hls_does_not_have() -> None:
    assert hls.read_place("/videoplayback") is None
    assert hls.read_place(f"/api/manifest/hls_playlist/id/{YTID}/itag/269/source/youtube/"
                          "playlist/index.m3u8") is None  # fmt: skip


def test_an_unknown_packing_is_refused() -> None:
    with pytest.raises(ValueError, match="'flv' is not known; known are dash, no_index, hls"):
        Video(YTID, packing="flv")
