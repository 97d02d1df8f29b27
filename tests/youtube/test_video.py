"""The YouTube client: the unmodified extractor and downloader, and what their failures become."""

from __future__ import annotations

import gc
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import Scope, VideoFailed
from audioset_dl.simulator import Simulator, Video
from audioset_dl.simulator.behaviours import BEHAVIOURS
from audioset_dl.simulator.tracks import Tracks
from audioset_dl.youtube.choice import Choice, Sound
from audioset_dl.youtube.extraction import LONGEST_WAIT_S, Clocks, _read_track
from audioset_dl.youtube.gate import Gate
from audioset_dl.youtube.option_check import check_options
from audioset_dl.youtube.session import MediaRefused, Stopped
from audioset_dl.youtube.video import YoutubeClient

# yt-dlp drops answers that it retries without closing them.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

PLAYABLE = {
    *(slug for slug in BEHAVIOURS if slug.partition(":")[0] == "ok"),
    "cookies",
    "session:media",
}
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
    videos += [
        Video(f"range{number:06d}", duration_s=12, faults=(fault,))
        for number, fault in enumerate(RANGE_FAULTS)
    ]
    videos.append(Video("twice_a_503", duration_s=12, faults=("http_503", "http_502")))
    videos.append(Video("retry_after", duration_s=12, faults=("http_429:7",)))
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


def test_warm_a_clip_costs_a_page_each_player_once_and_its_media(client, simulator, tmp_path):
    client.extract(YTIDS["ok"])
    simulator.log.clear()
    client.download(client.extract(YTIDS["ok"]), tmp_path / "track")
    page, *players, media = simulator.log.requests
    assert (page.kind, media.kind) == ("page", "media")
    assert {request.kind for request in players} == {"player"}
    assert len({request.client for request in players}) == len(players)


def test_who_wants_it_so_has_one_player_asked(simulator: Simulator) -> None:
    """As docs/output.md says."""
    config = DownloadConfig(
        verify_tls=False,
        yt_dlp={"extractor_args": {"youtube": {"player_client": ["visionos"]}}},
    )
    check_options(config.yt_dlp)
    stop = threading.Event()
    client = YoutubeClient(config, proxy=simulator.address, cookies=None, stop=stop)
    client.extract(YTIDS["ok"])
    simulator.log.clear()
    client.read_range(client.extract(YTIDS["ok"]), 0, 10)
    client.close()
    assert [request.kind for request in simulator.log.requests] == ["page", "player", "media"]


@pytest.mark.parametrize("behaviour", ["cookies", "age"])
def test_an_account_that_is_signed_out_is_told_of_whatever_comes_of_it(behaviour: str) -> None:
    """Yt-dlp only warns, and goes on as a guest."""
    lines = [
        f".youtube.com\tTRUE\t/\tTRUE\t2147483647\t{name}\tover-CANARY\n"
        for name in ("LOGIN_INFO", "SAPISID")
    ]
    video = Video(YTIDS[behaviour], duration_s=12, behaviour=behaviour)
    with Simulator([video], sessions=()) as simulator:
        client = YoutubeClient(
            DownloadConfig(verify_tls=False, timeout_s=60),
            proxy=simulator.address,
            cookies="".join(["# Netscape HTTP Cookie File\n", *lines]),
            stop=threading.Event(),
        )
        for _ in range(2):
            with pytest.raises(VideoFailed) as caught:
                client.extract(YTIDS[behaviour])
            assert caught.value.failure.code == "cookies"
        client.close()
    detail = caught.value.failure.detail
    assert detail.startswith("The provided YouTube account cookies are no longer valid.")
    assert detail.endswith("as a security measure."), "no advice on yt-dlp's own command"


def test_refused_media_is_told_apart(client, tmp_path: Path) -> None:
    track = client.extract(YTIDS["session:media"])
    with pytest.raises(MediaRefused) as caught:
        client.download(track, tmp_path / "track")
    assert (caught.value.failure.code, caught.value.failure.kind.scope) == (
        "session",
        Scope.ADDRESS,
    )


@pytest.mark.parametrize(("fault", "code"), FAULTS.items())
def test_faults_of_a_download(client, tmp_path: Path, fault: str, code: str | None) -> None:
    track = client.extract(f"fault{list(FAULTS).index(fault):06d}")
    if code is None:
        client.download(track, tmp_path / "track")
        return
    with pytest.raises(VideoFailed) as caught:
        client.download(track, tmp_path / "track")
    assert caught.value.failure.code == code


RANGE_FAULTS = {
    "truncate": "network",
    "reset": "network",
    "stall": "network",
    "http_503": None,
    "http_429": "http_429",
    "wrong_range": "bad_answer",
    "full_200": "bad_answer",
    "html_200": "bad_answer",
    "redirect": None,
    "": None,
}


@pytest.mark.parametrize(("fault", "code"), RANGE_FAULTS.items())
def test_faults_of_a_range(client, simulator, fault: str, code: str | None) -> None:
    ytid = f"range{list(RANGE_FAULTS).index(fault):06d}"
    track = client.extract(ytid)
    if code is None:
        part = client.read_range(track, 100, 5100)
        whole = Tracks().track(251, ytid, 12)
        assert (part.data, part.track_size) == (whole[100:5100], len(whole))
        return
    with pytest.raises(VideoFailed) as caught:
        client.read_range(track, 100, 5100)
    assert caught.value.failure.code == code
    client.enter(Gate())
    assert len(client.read_range(track, 100, 5100).data) == 5000, "the fault was for once"


def test_a_server_error_that_stays_is_a_failure(client, simulator) -> None:
    track = client.extract("twice_a_503")
    with pytest.raises(VideoFailed) as caught:
        client.read_range(track, 0, 10)
    assert caught.value.failure.code == "network"
    assert simulator.log.count(kind="media", ytid="twice_a_503") == 2


def test_a_range_beyond_the_end_gives_what_there_is(client) -> None:
    track = client.extract(YTIDS["ok"])
    size = client.read_range(track, 0, 10).track_size
    assert len(client.read_range(track, size - 7, size + 100).data) == 7


def test_a_refused_range_is_told_apart(client) -> None:
    track = client.extract(YTIDS["session:media"])
    with pytest.raises(MediaRefused):
        client.read_range(track, 0, 10)


def test_no_request_is_open_ended(client, simulator) -> None:
    client.read_range(client.extract(YTIDS["ok"]), 0, 10)
    ranges = [request.range for request in simulator.log.select(kind="media")]
    assert ranges
    assert all(re.fullmatch(r"bytes=\d+-\d+", each) for each in ranges)


def test_a_format_is_waited_for_until_it_is_available(client) -> None:
    waits: list[float] = []
    track = client.extract(YTIDS["ok"])
    client._stop = SimpleNamespace(wait=lambda s: waits.append(s) and False, is_set=lambda: False)
    for opens_in_s in (-5, 20):
        client.read_range(replace(track, opens_at=time.monotonic() + opens_in_s), 0, 10)
    assert waits[0] == 0
    assert 15 < waits[1] <= 20


def opening_at(wall: float | None) -> Choice:
    return Choice({"available_at": wall}, Sound.ONLY)


@pytest.mark.parametrize(
    ("available_in_s", "opens_in_s"), [(None, 0), (-5, 0), (20, 20), (9999, LONGEST_WAIT_S)]
)
def test_when_a_format_opens_is_kept_by_the_monotonic_clock(available_in_s, opens_in_s) -> None:
    """The wall clock may be set between the extraction and the download."""
    available_at = None if available_in_s is None else time.time() + available_in_s
    track = _read_track("-a_cdefghi0", {}, opening_at(available_at), Clocks())
    assert track.opens_at - time.monotonic() == pytest.approx(opens_in_s, abs=2)


@pytest.mark.parametrize("jump_s", [3600, -3600, 31_536_000])
def test_a_clock_that_is_set_during_the_extraction_tells_nothing(monkeypatch, jump_s) -> None:
    clocks, real = Clocks(), time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s)
    track = _read_track("-a_cdefghi0", {}, opening_at(real() + 5), clocks)
    assert track.opens_at - time.monotonic() <= 0


def test_what_was_refused_to_one_is_not_asked_for_by_the_others(client, simulator) -> None:
    gate = Gate()
    client.enter(gate)
    with pytest.raises(VideoFailed) as caught:
        client.extract(YTIDS["bot_check"])
    simulator.log.clear()
    with pytest.raises(VideoFailed) as again:
        client.extract(YTIDS["ok"])
    assert again.value.failure.code == caught.value.failure.code == "bot_check"
    assert simulator.log.requests == ()


def test_a_refused_page_is_the_last_request(client, simulator) -> None:
    client.enter(Gate())
    simulator.log.clear()
    with pytest.raises(VideoFailed) as caught:
        client.extract(YTIDS["http_429"])
    assert caught.value.failure.code == "http_429"
    assert len(simulator.log.requests) == 1


def test_retry_after_is_heard(client) -> None:
    track = client.extract("retry_after")
    with pytest.raises(VideoFailed) as caught:
        client.read_range(track, 0, 10)
    assert caught.value.failure.retry_after_s == 7


def test_a_download_under_way_is_given_up_when_told(simulator: Simulator, tmp_path: Path) -> None:
    stop = threading.Event()
    config = DownloadConfig(verify_tls=False)
    client = YoutubeClient(config, proxy=simulator.address, cookies=None, stop=stop)
    track = client.extract(YTIDS["ok"])
    stop.set()
    with pytest.raises(Stopped):
        client.download(track, tmp_path / "track")
    client.close()
