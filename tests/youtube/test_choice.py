"""Which format is fetched: the video's own sound, and of that the least that holds all."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import VideoFailed
from audioset_dl.simulator import Simulator, Video
from audioset_dl.simulator.sounds import SOUNDS
from audioset_dl.youtube.choice import NoSound, choose_formats
from audioset_dl.youtube.session import Session
from audioset_dl.youtube.video import YoutubeClient

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")

# The format that is chosen, and what is known of it.
CHOSEN = {
    "dubs": ("251", "original"),
    "quiet_original": ("249", "original"),
    "aac_original": ("140", "original"),
    "mono_original": ("251", "original"),
    "described_first": ("251", "original"),
    "muxed_original": ("18", "unmarked"),
    "spatial": ("251", "only"),
    "surround": ("251", "only"),
    "compressed": ("251", "only"),
    "muxed": ("18", "only"),
}
REFUSED = {"dub_only": "dubbed", "no_audio": "no_audio"}


def a_format(format_id: str, **changes) -> dict:
    return {
        "format_id": format_id, "acodec": "opus", "vcodec": "none", "protocol": "https",
        "language": None, "language_preference": -1, "audio_channels": 2, **changes,
    }  # fmt: skip


def muxed(format_id: str, **changes) -> dict:
    return a_format(format_id, **{"vcodec": "avc1", "acodec": "mp4a", **changes})


def chosen(*formats: dict) -> str:
    return choose_formats(formats)[0].format["format_id"]


def test_what_yt_dlp_takes_for_best_is_best_among_formats_of_one_kind() -> None:
    assert chosen(a_format("low"), a_format("high")) == "high"


def test_the_smallest_file_with_a_picture_before_any_manifest() -> None:
    small, large = muxed("small", filesize=10), muxed("large", filesize=20)
    pieces = muxed("pieces", protocol="m3u8_native", tbr=1)
    assert chosen(small, large, pieces) == "small"
    assert chosen(muxed("144p", protocol="m3u8_native", tbr=100),
                  muxed("1080p", protocol="m3u8_native", tbr=5000)) == "144p"  # fmt: skip


def test_a_language_outweighs_all_else() -> None:
    original = muxed("18", language="en", language_preference=10, filesize=10**9)
    dub = a_format("251", language="de")
    assert chosen(original, dub) == "18"
    assert chosen(a_format("default", language="en", language_preference=5), dub) == "default"


@pytest.mark.parametrize(
    ("formats", "code"),
    [
        ((a_format("1", language="de"), a_format("2", language="fr")), "dubbed"),
        ((a_format("1", language="en-desc", language_preference=-10),), "dubbed"),
        ((muxed("picture", acodec="none"),), "no_audio"),
        ((a_format("sb0", acodec="none", protocol="mhtml"),), "session"),
        ((a_format("1", has_drm=True),), "session"),
        ((a_format("1", protocol="rtmp"), muxed("2", acodec="none")), "no_audio"),
        ((), "session"),
    ],
)
def test_what_is_told_where_there_is_none(formats, code: str) -> None:
    with pytest.raises(NoSound) as told:
        choose_formats(formats)
    assert told.value.code == code


def test_the_users_own_choice_is_among_the_own_sounds_formats() -> None:
    formats = [a_format("1", language="en", language_preference=10), a_format("2", language="de")]
    seen = []
    choose_formats(formats, lambda own: seen.extend(own) or own)
    assert [one["format_id"] for one in seen] == ["1"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    videos = [Video(ytid_of(name), duration_s=25, sound=name) for name in SOUNDS]
    videos.append(Video("hls_only___", duration_s=25, packing="hls"))
    with Simulator(videos) as simulator:
        yield simulator


def ytid_of(name: str) -> str:
    return name[:11].ljust(11, "_")


@pytest.fixture
def client(simulator: Simulator) -> Iterator[YoutubeClient]:
    config = DownloadConfig(verify_tls=False)
    stop = threading.Event()
    client = YoutubeClient(config, proxy=simulator.address, cookies=None, stop=stop)
    yield client
    client.close()


def test_all_sounds_are_tried() -> None:
    assert CHOSEN.keys() | REFUSED.keys() == SOUNDS.keys()


@pytest.mark.e2e
@pytest.mark.parametrize("name", CHOSEN)
def test_of_a_video_like_those_of_the_site(client, simulator, name: str) -> None:
    simulator.log.clear()
    track = client.extract(ytid_of(name))
    # yt-dlp numbers formats of one itag.
    assert (track.info["format_id"].partition("-")[0], track.sound) == CHOSEN[name]
    assert "drc" not in track.info["format_id"]
    assert simulator.log.count(kind="page") == 1
    assert simulator.log.count(kind="manifest") == 0


@pytest.mark.e2e
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_not_its_own_sound_is_refused_without_any_media(client, simulator, name) -> None:
    simulator.log.clear()
    with pytest.raises(VideoFailed) as told:
        client.extract(ytid_of(name))
    assert told.value.failure.code == REFUSED[name]
    assert simulator.log.count(kind="page") == 2, "once more, with manifests"
    assert simulator.log.count(kind="media") == 0


@pytest.mark.e2e
def test_that_is_not_believed_where_yt_dlp_left_out_formats(client, monkeypatch) -> None:
    monkeypatch.setattr(Session, "left_out_formats", True)
    with pytest.raises(VideoFailed) as told:
        client.extract(ytid_of("no_audio"))
    assert told.value.failure.code == "session"


@pytest.mark.e2e
def test_what_lies_in_pieces_only_is_found(client, simulator) -> None:
    track = client.extract("hls_only___")
    assert not track.is_one_file


@pytest.mark.e2e
@pytest.mark.parametrize("behaviour", ["members:trailer", "live:now", "live:over"])
def test_another_video_and_an_unfinished_one_are_told_before_any_media(behaviour: str) -> None:
    video = Video("abcdefghijk", duration_s=25, behaviour=behaviour)
    with Simulator([video]) as simulator:
        config = DownloadConfig(verify_tls=False)
        client = YoutubeClient(
            config, proxy=simulator.address, cookies=None, stop=threading.Event()
        )
        with pytest.raises(VideoFailed) as told:
            client.extract("abcdefghijk")
        client.close()
        assert told.value.failure.code == behaviour.partition(":")[0]
        asked = {request.ytid for request in simulator.log.requests if request.ytid}
        assert asked == {"abcdefghijk"}
        assert simulator.log.count(kind="media") == 0
