"""The simulator as the unmodified yt-dlp sees it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yt_dlp
from yt_dlp.utils import GeoRestrictedError

from audioset_dl.simulator import Budget, Simulator, Video, sounds_right
from audioset_dl.simulator.behaviours import BEHAVIOURS
from audioset_dl.simulator.tracks import FORMATS, Tracks

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]

MakeClient = Callable[..., Any]
Decode = Callable[[bytes, int], np.ndarray]

FRAGMENTS = {
    "rate_limited": ("this content isn't available, try again later",),
    "account_locked": ("this content isn't available",),
    "restricted": ("network administrator restrictions",),
    "http_429": ("http error 429",),
    "bot_check": ("sign in to confirm you're not a bot", "requiring a captcha challenge"),
    "blocked": (
        "all player responses are invalid",
        "the following content is not available on this app",
    ),
    "session": (
        "the page needs to be reloaded",
        "failed to extract any player response",
        "playback on other websites has been disabled",
        "requested format is not available",
        "no video formats found",
    ),
    "private": ("private video", "this video is private"),
    "age": ("sign in to confirm your age", "age-restricted"),
    "members": (
        "join this channel to get access",
        "channel's members on level",
        "requires payment",
        "music premium",
    ),
    "geo": (
        "not made this video available in your country",
        "blocked it in your country",
        "legal complaint",
    ),
    "terminated": ("has been terminated", "uploader has closed their youtube account"),
    "copyright": ("no longer available due to a copyright claim", "copyright grounds"),
    "removed": (
        "removed by the uploader",
        "removed for violating",
        "this video isn't available anymore",
        "this video does not exist",
    ),
    "sign_in": ("please sign in",),
    "unavailable": (
        "video unavailable",
        "this video is unavailable",
        "this video is not available",
    ),
    "drm": ("drm protected",),
    "live": (
        "this live event",
        "premieres in",
        "premiere will begin",
        "this live stream recording is not available",
        "we're processing this video",
    ),
    "unlisted": ("telescope",),
    "network": ("http error 500",),
}
"""What the extractor's words mean, from the top down."""

PLAYABLE = {
    *(slug for slug in BEHAVIOURS if slug.partition(":")[0] == "ok"),
    "session:media",
    "cookies",
    "live:now",
    "live:over",
}
FOLLOWED = {"members:trailer"}
"""Where the extractor goes on with another video."""
ODD = {"unknown"}
"""What makes the extractor fall over, without words."""
UNEXPECTED = {
    "http_429",
    "http_429:now",
    "http_429:player",
    "session:player",
    "session:no_urls",
    "session:challenge",
    "network",
}
"""What the extractor takes for a bug of its own, or of the network."""
REFUSED = sorted(BEHAVIOURS.keys() - PLAYABLE - ODD - FOLLOWED)
DURATION_S = 12.345


def ytid_of(behaviour: str) -> str:
    return f"-_{sorted(BEHAVIOURS).index(behaviour):03d}_aaaaa"


def code_of(words: str) -> str:
    words = words.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    for code, fragments in FRAGMENTS.items():
        if any(fragment in words for fragment in fragments):
            return code
    return "unknown"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    videos = [Video(ytid_of(slug), DURATION_S, behaviour=slug) for slug in BEHAVIOURS]
    with Simulator(videos, default=Video("", DURATION_S)) as running:
        yield running


@pytest.fixture
def account(tmp_path: Path) -> str:
    rows = "".join(
        f".youtube.com\tTRUE\t/\tTRUE\t{int(time.time()) + 3600}\t{name}\tvalue\n"
        for name in ("SAPISID", "__Secure-3PAPISID", "LOGIN_INFO")
    )
    path = tmp_path / "cookies.txt"
    path.write_text(f"# Netscape HTTP Cookie File\n{rows}")
    return str(path)


@pytest.mark.parametrize("ytid", ["abcdefghijk", "-bcdefghijk", "_b-d_f-h_j-", "-----------"])
def test_a_video_is_extracted(simulator: Simulator, client: MakeClient, ytid: str) -> None:
    with client(simulator) as yt:
        info = yt.extract(ytid)
    found = {int(offered["format_id"]): offered for offered in info["formats"]}
    assert sorted(found) == [140, 234, 251, 269], "as files, and in pieces"
    assert info["format_id"] == "251", "the best audio"
    assert (info["id"], info["duration"]) == (ytid, 12)
    for itag in (140, 251):
        offered = found[itag]
        assert offered["filesize"] == len(Tracks().track(itag, ytid, DURATION_S))
        assert "googlevideo.com/videoplayback?" in offered["url"]
        assert offered["asr"] == FORMATS[itag].sample_rate
        assert offered["vcodec"] == "none"
    assert found[251]["acodec"] == "opus"
    assert found[140]["acodec"] == "mp4a.40.2"
    assert yt.listener.warnings == []


@pytest.mark.parametrize("itag", [251, 140])
@pytest.mark.parametrize("chunk", [None, 50_000])
def test_a_track_is_downloaded_whole(
    simulator: Simulator, client: MakeClient, decode: Decode, tmp_path: Path, itag: int, chunk: Any
) -> None:
    options = {"http_chunk_size": chunk} if chunk else {}
    simulator.log.clear()
    with client(simulator, format=str(itag), paths={"home": str(tmp_path)}, **options) as yt:
        info = yt.extract("-bcdefghijk", download=True)
    track = Path(info["requested_downloads"][0]["filepath"]).read_bytes()
    assert track == Tracks().track(itag, "-bcdefghijk", DURATION_S)
    rate = FORMATS[itag].sample_rate
    assert sounds_right(decode(track, itag), rate, "-bcdefghijk", 0.0)
    media = simulator.log.select(kind="media")
    assert {request.status for request in media} == {206}
    assert (len(media) > 1) == bool(chunk)


def test_a_clip_costs_one_page_and_one_request_of_each_player(
    simulator: Simulator, client: MakeClient
) -> None:
    with client(simulator) as yt:
        simulator.log.clear()
        for ytid in ("abcdefghijk", "-bcdefghijk", "--cdefghijk"):
            yt.extract(ytid)
    kinds = Counter(request.kind for request in simulator.log.requests)
    clients = Counter(request.client for request in simulator.log.select(kind="player"))
    # 2026.8 asks VISIONOS for guests, 2026.10 TVHTML5 as well.
    assert clients["VISIONOS"] == 3
    assert set(clients.values()) == {3}
    assert kinds == {"page": 3, "script": 1, "player": clients.total(), "manifest": 6}
    assert not any(request.is_signed_in for request in simulator.log.requests)


@pytest.mark.parametrize("behaviour", REFUSED)
def test_a_refusal_is_told_in_youtube_s_words(
    simulator: Simulator, client: MakeClient, behaviour: str
) -> None:
    with client(simulator) as yt, pytest.raises(yt_dlp.DownloadError) as caught:
        yt.extract(ytid_of(behaviour))
    # A 429 of the player API is told as a warning, before an error that does not say so.
    words = "\n".join([*yt.listener.warnings, str(caught.value)])
    assert code_of(words) == behaviour.partition(":")[0]
    error = caught.value.exc_info[1]
    assert getattr(error, "expected", False) == (behaviour not in UNEXPECTED)


def test_geo_is_told_by_a_class_of_its_own(simulator: Simulator, client: MakeClient) -> None:
    with client(simulator) as yt, pytest.raises(yt_dlp.DownloadError) as caught:
        yt.extract(ytid_of("geo"))
    error = caught.value.exc_info[1]
    assert isinstance(error, GeoRestrictedError)
    assert error.countries == ["LI", "VA"]


def test_a_server_error_is_told_by_its_cause(simulator: Simulator, client: MakeClient) -> None:
    with client(simulator) as yt, pytest.raises(yt_dlp.DownloadError) as caught:
        yt.extract(ytid_of("network"))
    assert caught.value.exc_info[1].status == 500


def test_a_video_for_kids_costs_more(simulator: Simulator, client: MakeClient) -> None:
    simulator.log.clear()
    with client(simulator) as yt:
        assert yt.extract(ytid_of("ok:kids"))["format_id"] == "251"
    clients = [request.client for request in simulator.log.select(kind="player")]
    assert sorted(clients) == ["TVHTML5", "VISIONOS", "WEB_EMBEDDED_PLAYER"]


def test_media_may_be_refused_after_a_good_extraction(
    simulator: Simulator, client: MakeClient, tmp_path: Path
) -> None:
    with (
        client(simulator, paths={"home": str(tmp_path)}) as yt,
        pytest.raises(yt_dlp.DownloadError, match="unable to download video data: HTTP Error 403"),
    ):
        yt.extract(ytid_of("session:media"), download=True)


@pytest.mark.parametrize("behaviour", ["ok", "age", "age:restricted"])
def test_an_account_plays_what_guests_may_not(
    simulator: Simulator, client: MakeClient, account: str, behaviour: str
) -> None:
    simulator.log.clear()
    with client(simulator, cookiefile=account) as yt:
        info = yt.extract(ytid_of(behaviour))
    assert info["format_id"] == "251"
    assert yt.listener.warnings == []
    clients = [request.client for request in simulator.log.select(kind="player")]
    assert clients == ["WEB_EMBEDDED_PLAYER", "TVHTML5"]
    youtube = [r for r in simulator.log.requests if r.kind in {"page", "player", "embed"}]
    assert all(request.is_signed_in for request in youtube)


def test_an_account_does_not_open_what_is_private(
    simulator: Simulator, client: MakeClient, account: str
) -> None:
    with (
        client(simulator, cookiefile=account) as yt,
        pytest.raises(yt_dlp.DownloadError, match="Private video"),
    ):
        yt.extract(ytid_of("private"))


def test_rotated_cookies_are_told_as_a_warning(
    simulator: Simulator, client: MakeClient, account: str
) -> None:
    with client(simulator, cookiefile=account) as yt:
        yt.extract(ytid_of("cookies"))
    assert any("account cookies are no longer valid" in text for text in yt.listener.warnings)


def download(make: MakeClient, video: Video, folder: Path) -> tuple[bytes, list[str]]:
    """Return the track that yt-dlp gets, and the faults that befell its requests for it."""
    with Simulator([video]) as simulator:
        with make(simulator, paths={"home": str(folder)}, retries=3) as yt:
            info = yt.extract(video.ytid, download=True)
        faults = [request.fault for request in simulator.log.select(kind="media")]
    return Path(info["requested_downloads"][0]["filepath"]).read_bytes(), faults


@pytest.mark.parametrize("fault", ["http_503", "truncate", "reset", "full_200", "redirect"])
def test_yt_dlp_overcomes_a_fault_of_the_media(
    client: MakeClient, tmp_path: Path, fault: str
) -> None:
    video = Video("-bcdefghijk", DURATION_S, faults=(fault,))
    track, faults = download(client, video, tmp_path)
    assert track == Tracks().track(251, video.ytid, DURATION_S)
    assert faults == [fault, *[""] * (fault != "full_200")]


def test_yt_dlp_does_not_see_a_wrong_range(client: MakeClient, tmp_path: Path) -> None:
    video = Video("-bcdefghijk", DURATION_S, faults=("wrong_range",))
    track, _ = download(client, video, tmp_path)
    assert track == Tracks().track(251, video.ytid, DURATION_S)[1000:]


@pytest.mark.parametrize("fault", ["http_500", "http_503", "truncate", "reset"])
def test_yt_dlp_overcomes_a_fault_of_the_pages(client: MakeClient, fault: str) -> None:
    video = Video("-bcdefghijk", DURATION_S, page_faults=(fault, "", fault))
    with Simulator([video]) as simulator, client(simulator) as yt:
        assert yt.extract(video.ytid)["format_id"] == "251"
        faults = [request.fault for request in simulator.log.requests if request.fault]
    assert faults == [fault, fault]


def test_who_overdraws_is_rate_limited(client: MakeClient) -> None:
    now = [0.0]
    budget = Budget(2, 0.1, 60, clock=lambda: now[0])
    with (
        Simulator(default=Video("", DURATION_S), budget=budget) as simulator,
        client(simulator) as yt,
    ):
        yt.extract("video-one-a")
        yt.extract("video-two-a")
        for _ in range(2):
            with pytest.raises(yt_dlp.DownloadError, match="rate-limited by YouTube for up to an"):
                yt.extract("video-three")
            now[0] += 59
        now[0] += 2
        assert yt.extract("video-three")["id"] == "video-three"
    assert budget.num_admitted == 3


def test_an_advertisement_is_told(client: MakeClient) -> None:
    video = Video("-bcdefghijk", DURATION_S, ad_s=7)
    with Simulator([video]) as simulator, client(simulator) as yt:
        began = time.time()
        info = yt.extract(video.ytid)
    assert began + 7 <= info["available_at"] <= time.time() + 9


def test_a_heavy_page_is_understood(client: MakeClient) -> None:
    with (
        Simulator(default=Video("", DURATION_S), page_padding=1_000_000) as simulator,
        client(simulator) as yt,
    ):
        assert yt.extract("-bcdefghijk")["format_id"] == "251"
        assert simulator.log.select(kind="page")[0].bytes_sent > 1_000_000
