from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from world import PATIENCE_S, Process, wait_for

from audioset_dl.simulator import Simulator, Video
from audioset_dl.simulator.tracks import Tracks

PATIENT = (PATIENCE_S, 2)
"""Seconds to connect, and in which nothing more comes from a server that stands still."""
YTID = "-A_bcdefghi"
DURATION_S = 12.345
CSV = "http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv/eval_segments.csv"


class Browser(requests.Session):
    """A client that verifies the simulator's certificate."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        super().__init__()
        authority = folder / "ca.pem"
        authority.write_bytes(simulator.ca_pem)
        self.trust_env = False
        self.verify = str(authority)
        self.proxies = {"http": simulator.address, "https": simulator.address}

    def player(self, ytid: str = YTID) -> requests.Response:
        body = {"videoId": ytid, "context": {"client": {"clientName": "VISIONOS"}}}
        return self.post("https://www.youtube.com/youtubei/v1/player?key=SECRET", json=body)

    def media(self, span: str = "bytes=0-999", **options: Any) -> requests.Response:
        url = self.player().json()["streamingData"]["adaptiveFormats"][0]["url"]
        return self.get(url, headers={"Range": span}, **options)


@pytest.fixture(scope="module")
def track() -> bytes:
    return Tracks().track(251, YTID, DURATION_S)


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Any]:
    opened: list[Any] = []

    def browse(
        *faults: str, page_faults: tuple[str, ...] = (), **options: Any
    ) -> tuple[Simulator, Browser]:
        video = Video(YTID, DURATION_S, faults=faults, page_faults=page_faults)
        simulator = Simulator([video], **options).start()
        opened.append(simulator)
        browser = Browser(simulator, tmp_path)
        opened.append(browser)
        return simulator, browser

    yield browse
    for thing in reversed(opened):
        thing.stop() if isinstance(thing, Simulator) else thing.close()


def test_requests_share_one_connection(browse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator, browser = browse()
    clients = []
    real = socket.socket.accept
    monkeypatch.setattr(socket.socket, "accept", lambda s: clients.append(1) or real(s))
    for _ in range(3):
        assert browser.player().status_code == 200
    assert len(clients) == 1
    assert simulator.log.count(kind="player") == 3


def test_a_track_comes_whole_and_in_parts(browse: Any, track: bytes) -> None:
    simulator, browser = browse()
    assert browser.media(f"bytes=0-{len(track) * 2}").content == track
    part = browser.media("bytes=1000-1999")
    assert (part.status_code, part.content) == (206, track[1000:2000])
    assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(track)}"
    assert simulator.log.media_bytes() == len(track) + 1000


def test_metadata_comes_by_plain_http_and_by_tls(browse: Any, tmp_path: Path) -> None:
    _, browser = browse(metadata_dir=tmp_path)
    content = bytes(range(256)) * 1000
    (tmp_path / "eval_segments.csv").write_bytes(content)
    for url in (CSV, CSV.replace("http:", "https:")):
        assert browser.get(url).content == content
    head = browser.head(CSV)
    assert (head.headers["Content-Length"], head.content) == (str(len(content)), b"")
    assert browser.get(CSV.replace("eval", "other")).status_code == 404


def test_other_hosts_are_refused(browse: Any) -> None:
    simulator, browser = browse()
    assert browser.get("http://example.org/").status_code == 403
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        browser.get("https://example.org/")
    assert [(r.kind, r.host, r.status) for r in simulator.log.requests] == [
        ("other", "example.org", 403)
    ] * 2


def test_the_log_tells_what_was_asked_and_no_secrets(browse: Any) -> None:
    simulator, browser = browse()
    browser.get("https://www.youtube.com/watch", params={"v": YTID})
    browser.cookies.set("LOGIN_INFO", "SECRET", domain=".youtube.com")
    browser.get("https://www.youtube.com/watch", params={"v": YTID})
    browser.cookies.set("SAPISID", "SECRET", domain=".youtube.com")
    browser.get("https://www.youtube.com/watch", params={"v": YTID})
    browser.player()
    browser.media("bytes=5-14")
    page, half, signed_in, player, _, media = simulator.log.requests
    assert (page.kind, page.host, page.path) == ("page", "www.youtube.com", "/watch")
    assert (page.ytid, page.is_signed_in) == (YTID, False)
    assert (player.kind, player.method, player.client) == ("player", "POST", "VISIONOS")
    assert (half.cookie_names, half.is_signed_in) == (("LOGIN_INFO", "YSC"), False)
    assert signed_in.is_signed_in
    assert (player.cookie_names, player.is_signed_in) == (("LOGIN_INFO", "SAPISID", "YSC"), False)
    assert (media.kind, media.path, media.range) == ("media", "/videoplayback", "bytes=5-14")
    assert (media.status, media.bytes_sent, media.ytid) == (206, 10, YTID)
    assert "SECRET" not in repr(simulator.log.requests)
    times = [request.time_s for request in simulator.log.requests]
    assert times == sorted(times)
    simulator.log.clear()
    assert simulator.log.requests == ()


def test_a_truncated_body_is_shorter_than_it_says(browse: Any) -> None:
    simulator, browser = browse("truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        browser.media()
    assert simulator.log.media_bytes() == 500
    assert len(browser.media().content) == 1000


def test_a_reset_is_a_reset(browse: Any) -> None:
    simulator, browser = browse("reset")
    # Without TLS: Python's ssl takes a reset for a plain end of file.
    url = f"http://rr1.googlevideo.com/videoplayback?id={YTID}&itag=251"
    with pytest.raises(requests.exceptions.RequestException, match="Connection reset by peer"):
        browser.get(url, headers={"Range": "bytes=0-99999"})
    assert simulator.log.media_bytes() == 50_000
    assert len(browser.media().content) == 1000


def test_a_stall_lasts_until_the_client_gives_up(browse: Any) -> None:
    simulator, browser = browse("stall")
    with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
        browser.media(timeout=PATIENT)
    assert simulator.log.media_bytes() == 0
    assert len(browser.media().content) == 1000


@pytest.mark.parametrize(
    ("fault", "num_bytes"),
    [
        ("truncate:0", 0), ("truncate:1", 1), ("truncate:-1", 999),
        ("reset:0", 0), ("reset:1", 1), ("reset:-1", 999), ("stall:0", 0), ("stall:300", 300),
    ],
)  # fmt: skip
def test_an_answer_may_break_off_anywhere(browse: Any, fault: str, num_bytes: int) -> None:
    simulator, browser = browse(fault)
    with browser.media(stream=True, timeout=PATIENT) as response:
        assert (response.status_code, response.headers["Content-Length"]) == (206, "1000")
        assert read_what_comes(response) == num_bytes
    assert simulator.log.media_bytes() == num_bytes
    assert len(browser.media().content) == 1000


def read_what_comes(response: requests.Response) -> int:
    received = 0
    with contextlib.suppress(Exception):
        for chunk in response.iter_content(1):
            received += len(chunk)
    return received


@pytest.mark.parametrize("fault", ["truncate:head", "reset:head", "stall:head"])
def test_an_answer_may_break_off_in_its_head(browse: Any, fault: str) -> None:
    simulator, browser = browse(fault)
    host, port = simulator.address.removeprefix("http://").split(":")
    url = f"http://rr1.googlevideo.com/videoplayback?id={YTID}&itag=251"
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as raw:
        raw.sendall(f"GET {url} HTTP/1.1\r\nRange: bytes=0-99\r\n\r\n".encode())
        received = read_raw(raw)
    assert received.startswith(b"HTTP/1.1 206 ")
    assert b"\r\n\r\n" not in received
    assert simulator.log.media_bytes() == 0
    assert len(browser.media().content) == 1000


def read_raw(raw: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(OSError):
        while chunk := raw.recv(4096):
            received += chunk
            raw.settimeout(0.3)  # that nothing more comes
    return received


def test_a_page_may_break_off_too(browse: Any) -> None:
    simulator, browser = browse(page_faults=("truncate:5", "reset:head"))
    for _ in range(2):
        with pytest.raises((requests.exceptions.RequestException, ValueError)):
            browser.player().json()
    assert [request.bytes_sent for request in simulator.log.requests] == [5, 0]
    assert browser.player().json()["streamingData"]


def test_a_trickle_is_slow_and_whole(browse: Any, track: bytes) -> None:
    _, browser = browse("trickle:4000")
    browser.player()
    began = time.monotonic()
    assert browser.media("bytes=0-799").content == track[:800]
    assert time.monotonic() - began >= 0.15
    assert len(browser.media().content) == 1000


def test_a_trickle_is_a_byte_at_a_time(browse: Any, track: bytes) -> None:
    _, browser = browse("trickle")
    with browser.media(stream=True, timeout=PATIENCE_S) as response:
        assert response.raw.read(1) == track[:1]


def test_stop_does_not_wait_for_clients(browse: Any) -> None:
    simulator, browser = browse("stall")
    failures = []

    def wait() -> None:
        try:
            browser.media(timeout=PATIENCE_S)
        except requests.exceptions.RequestException as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_for(lambda: simulator.log.count(kind="media"))
    began = time.monotonic()
    simulator.stop()
    waiting.join()
    assert time.monotonic() - began < PATIENCE_S / 2
    assert failures
    simulator.stop()


def test_stop_leaves_no_threads(browse: Any) -> None:
    before = threading.active_count()
    simulator, browser = browse()
    browser.player()
    assert threading.active_count() > before
    simulator.stop()
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.address


def test_it_comes_back_at_the_same_address(browse: Any) -> None:
    simulator, browser = browse("", "http_503")
    address = simulator.address
    assert browser.media().status_code == 206
    simulator.stop()
    with pytest.raises(requests.exceptions.ProxyError):
        browser.player()
    simulator.start()
    assert simulator.address == address
    assert browser.media().status_code == 503, "it has forgotten what was in store"


def test_a_client_that_hangs_up_is_no_error(browse: Any, capfd: Any, track: bytes) -> None:
    simulator, browser = browse(bytes_per_s=100_000)
    host, port = simulator.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"CONNECT www.youtube.com:443 HTTP/1.1\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        raw.sendall(b"this is no TLS")
    with browser.media(f"bytes=0-{len(track)}", stream=True) as response:
        assert response.raw.read(1000)
    wait_for(lambda: simulator.log.media_bytes() != len(track))
    assert 0 < simulator.log.media_bytes() < len(track)
    simulator.stop()
    assert capfd.readouterr() == ("", "")


def test_answers_take_a_round_trip(browse: Any) -> None:
    _, browser = browse(rtt_s=0.05)
    browser.player()
    began = time.monotonic()
    browser.player()
    assert time.monotonic() - began >= 0.05


def test_media_is_no_faster_than_the_connection(browse: Any) -> None:
    _, browser = browse(bytes_per_s=500_000)
    browser.player()
    began = time.monotonic()
    assert len(browser.media("bytes=0-99999").content) == 100_000
    assert time.monotonic() - began >= 0.15


def test_a_storm_begins_and_ends_while_it_runs(browse: Any) -> None:
    simulator, browser = browse()
    statuses = []
    for refusal in (None, "http_429", None):
        simulator.refuse_all(refusal)
        statuses.append(browser.player().status_code)
    assert statuses == [200, 429, 200]


@contextlib.contextmanager
def simulated(*arguments: str) -> Iterator[requests.Session]:
    """A browser of a simulator that is a process of its own."""
    command = [sys.executable, "-m", "audioset_dl.simulator", *arguments]
    with Process(command, stdout=subprocess.PIPE, text=True) as process:
        with requests.Session() as session:
            session.trust_env = False
            session.proxies = {"http": process.stdout.readline().strip()}
            yield session
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def player_status(session: requests.Session) -> int:
    body = {"videoId": YTID, "context": {"client": {"clientName": "WEB"}}}
    return session.post("http://www.youtube.com/youtubei/v1/player", json=body).status_code


def test_a_process_has_storms_and_faults_by_chance() -> None:
    storms = ["--storm", "network", "0", "0.3", "--storm", "http_429", "0.3", "600"]
    with simulated("--default-duration", "9", "--random-faults", "1", "http_503", *storms) as yt:
        deadline = time.monotonic() + 10
        statuses = {player_status(yt)}
        while 429 not in statuses and time.monotonic() < deadline:
            statuses.add(player_status(yt))
        assert player_status(yt) == 429, "the second storm has not passed"
    assert statuses <= {500, 503, 429}


def test_a_wrong_option_is_told() -> None:
    command = [sys.executable, "-m", "audioset_dl.simulator", "--random-faults", "2", "http_503"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "share is 2.0" in done.stderr


def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    videos, log = tmp_path / "videos.jsonl", tmp_path / "log.jsonl"
    videos.write_text(json.dumps({"ytid": YTID, "behaviour": "private"}) + "\n")
    (tmp_path / "eval_segments.csv").write_text("# rows\n")
    arguments = ["--videos", str(videos), "--metadata", str(tmp_path), "--log", str(log)]
    command = [sys.executable, "-m", "audioset_dl.simulator", "--rtt-ms", "1", *arguments]
    with Process(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        proxies = {"http": address}
        session = requests.Session()
        session.trust_env = False
        with session:
            assert session.get(CSV, proxies=proxies).text == "# rows\n"
            body = {"videoId": YTID, "context": {"client": {"clientName": "WEB"}}}
            url = "http://www.youtube.com/youtubei/v1/player"
            answer = session.post(url, json=body, proxies=proxies).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert answer["playabilityStatus"]["reason"] == "Private video"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(row["kind"], row["status"]) for row in rows] == [("metadata", 200), ("player", 200)]
