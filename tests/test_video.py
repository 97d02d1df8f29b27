"""The YouTube client: the unmodified extractor and downloader, and what their failures become."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.simulator import Simulator, Video
from audioset_dl.simulator.behaviours import BEHAVIOURS
from audioset_dl.youtube.failures import Scope, VideoFailed
from audioset_dl.youtube.video import MediaRefused, Stopped, YoutubeClient

# yt-dlp drops answers that it retries without closing them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")

PLAYABLE = {"ok", "ok:kids", "cookies", "session:media"}
CODES = {slug: slug.partition(":")[0] for slug in BEHAVIOURS if slug not in PLAYABLE}
YTIDS = {slug: f"-_{number:09d}" for number, slug in enumerate(BEHAVIOURS)}
FAULTS = {"truncate": "network", "reset": "network", "http_503": "network", "stall": "network",
          "http_429": "http_429", "wrong_range": "truncated", "html_200": "truncated",
          "redirect": None, "full_200": None, "": None}  # fmt: skip


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    videos = [Video(YTIDS[slug], duration_s=12, behaviour=slug) for slug in BEHAVIOURS]
    videos += [
        Video(f"fault{number:06d}", duration_s=12, faults=(fault,))
        for number, fault in enumerate(FAULTS)
    ]
    with Simulator(videos) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: Simulator) -> Iterator[YoutubeClient]:
    config = DownloadConfig(verify_tls=False, timeout_s=2)
    client = YoutubeClient(
        config, proxy=simulator.address, cookies=None, stop=threading.Event()
    )  # fmt: skip
    yield client
    client.close()
    gc.collect()


@pytest.mark.parametrize(("behaviour", "code"), CODES.items())
def test_each_way_of_failing_gets_its_code(client: YoutubeClient, behaviour: str, code: str):
    with pytest.raises(VideoFailed) as caught:
        client.extract(YTIDS[behaviour])
    assert caught.value.failure.code == code
    assert YTIDS[behaviour] not in caught.value.failure.detail


def test_the_best_audio_track_is_chosen_and_downloaded(client, simulator, tmp_path) -> None:
    track = client.extract(YTIDS["ok"])
    assert (track.extension, track.duration_s) == ("webm", 12)
    assert track.description.startswith("251 opus ")
    client.download(track, tmp_path / "track.webm")
    sent = simulator.log.media_bytes(YTIDS["ok"])
    assert (tmp_path / "track.webm").stat().st_size == sent


def test_warm_a_clip_costs_three_requests(client, simulator, tmp_path) -> None:
    client.extract(YTIDS["ok"])
    simulator.log.clear()
    client.download(client.extract(YTIDS["ok"]), tmp_path / "track")
    assert [request.kind for request in simulator.log.requests] == ["page", "player", "media"]


def test_refused_media_is_told_apart(client, tmp_path: Path) -> None:
    track = client.extract(YTIDS["session:media"])
    with pytest.raises(MediaRefused) as caught:
        client.download(track, tmp_path / "track")
    assert (caught.value.failure.code, caught.value.failure.scope) == ("session", Scope.ADDRESS)


@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
def test_faults_of_a_download(client, tmp_path: Path, fault: str, code: str | None) -> None:
    track = client.extract(f"fault{list(FAULTS).index(fault):06d}")
    if code is None:
        client.download(track, tmp_path / "track")
        return
    with pytest.raises(VideoFailed) as caught:
        client.download(track, tmp_path / "track")
    assert caught.value.failure.code == code


def test_a_download_under_way_is_given_up_when_told(simulator: Simulator, tmp_path: Path) -> None:
    stop = threading.Event()
    config = DownloadConfig(verify_tls=False)
    client = YoutubeClient(config, proxy=simulator.address, cookies=None, stop=stop)
    track = client.extract(YTIDS["ok"])
    stop.set()
    with pytest.raises(Stopped):
        client.download(track, tmp_path / "track")
    client.close()
