"""What YouTube or the network do to an address for a while: it costs no clip, and few requests."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    MakeWorld,
    Process,
    World,
    clean_environment,
    make_clips,
    run_installed,
    videos_of,
    wait_for,
)

from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.simulator import Simulator
from audioset_dl.simulator.log import Request

DOGS = {"include": ["Dog"]}
STORM_S = 2.5
"""With pauses that are a sixtieth of the default's, two and a half minutes."""


def start(config: Path) -> Process:
    return Process(
        [COMMAND, "download", config],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
    )  # fmt: skip


@pytest.mark.parametrize("refusal", ["http_429", "bot_check", "rate_limited", "session:media"])
def test_a_storm_costs_no_clip_and_few_requests(make_world: MakeWorld, refusal: str) -> None:
    clips = make_clips([DOG], 16)
    world = make_world(clips)
    config = world.write_config(
        classes=DOGS, clips={"per_class": None},
        download={"delay_s": 0.2, "throttle_wait_s": 1, "attempts": 1},
    )  # fmt: skip
    log = world.simulator.log
    with start(config) as process:
        wait_for(lambda: log.count(kind="page") >= 6)
        log.clear()
        world.simulator.refuse_all(refusal)
        time.sleep(STORM_S)
        world.simulator.refuse_all(None)
        in_storm = log.requests
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, stderr
    assert len(world.files(config)) == 16
    assert world.rows(config, "failures.csv") == []
    assert attempts(world, config) == {0}
    assert "YouTube refuses this address; next try at" in stderr
    assert 0 < sum(is_refused(request, refusal) for request in in_storm) <= 12


def is_refused(request: Request, refusal: str) -> bool:
    """Tell whether a request met the storm: scripts, and pages of refused media, are sent."""
    return request.kind == "media" if refusal == "session:media" else request.kind != "script"


def attempts(world: World, config: Path) -> set[int]:
    """Return what the clips were charged, of which the tables tell only where one has failed."""
    with read_journal(world.output(config) / "journal.sqlite") as journal:
        return {record.attempts for record in journal.rows()}


def test_a_lost_network_costs_no_clip_and_is_found_again(make_world: MakeWorld) -> None:
    """The proxy goes away in the middle of everything, and comes back at the same port."""
    clips = make_clips([DOG], 10)
    world = make_world(clips, rtt_s=0.05)
    config = world.write_config(
        classes=DOGS, clips={"per_class": None}, download={"attempts": 1, "delay_s": 0.1}
    )
    port = int(world.simulator.address.rpartition(":")[2])
    with start(config) as process:
        wait_for(lambda: len(world.wavs(config)) >= 2)
        world.simulator.stop()
        wait_for(lambda: world.status(config)["pause"])
        pause = world.status(config)["pause"]
        time.sleep(3)
        with Simulator(videos_of(clips), port=port) as back:
            _, stderr = process.communicate(timeout=PATIENCE_S)
            assert back.log.count(kind="page") >= 1
    assert process.returncode == 0, (stderr, world.rows(config, "failures.csv"))
    assert pause.startswith("No connection to YouTube by this address; next try at")
    assert attempts(world, config) == {0}
    assert len(world.files(config)) == 10


def test_one_proxy_that_is_down_does_not_stop_the_other(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 6))
    config = world.write_config(
        classes=DOGS, clips={"per_class": None},
        download={"proxies": ["http://127.0.0.1:1", world.simulator.address], "attempts": 2},
    )  # fmt: skip
    started = time.monotonic()
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 6
    assert time.monotonic() - started < 30


def test_a_proxy_that_wants_another_login_does_not_stop_the_other(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 6))
    with refusing_proxy() as address:
        config = world.write_config(
            classes=DOGS, clips={"per_class": None},
            download={"proxies": [address, world.simulator.address]},
        )  # fmt: skip
        done = world.download(config)
        assert done.returncode == 0, done.stderr
        assert len(world.files(config)) == 6
        assert f"1 of 2 addresses ({address.removeprefix('http://')})" in done.stderr
        config = world.write_config("alone.yaml", classes=DOGS, download={"proxies": [address]})
        alone = world.download(config)
    assert alone.returncode == 2
    assert "refuses its user or password" in alone.stderr


def test_https_before_a_plain_proxy_is_told_at_once(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 4))
    plain = world.simulator.address
    config = world.write_config(
        classes=DOGS, download={"proxies": [plain.replace("http:", "https:")]}
    )
    done = world.download(config)
    assert done.returncode == 2, done.stderr
    assert "speaks plain HTTP, and https:// stands before it" in done.stderr
    assert world.simulator.log.requests == ()
    doctor = run_installed("doctor", config)
    assert "write http:// before its address" in doctor.stdout
    config = world.write_config(
        classes=DOGS, download={"proxies": [plain, plain.replace("http:", "https:")]}
    )
    assert world.download(config).returncode == 0


@contextmanager
def refusing_proxy() -> Iterator[str]:
    """Answer 407 to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_response(407)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_one_proxy_that_is_refused_does_not_stop_the_other(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 6))
    videos = videos_of(world.clips.values())
    with Simulator(videos) as refused:
        refused.refuse_all("bot_check")
        config = world.write_config(
            classes=DOGS, clips={"per_class": None},
            download={"proxies": [refused.address, world.simulator.address],
                      "throttle_wait_s": 600},
        )  # fmt: skip
        done = world.download(config)
        assert done.returncode == 0, done.stderr
        assert 0 < len(refused.log.select(kind="page")) <= 4
    assert "YouTube refuses 1 of 2 addresses" in done.stderr


@contextmanager
def silent_proxy() -> Iterator[str]:
    """Take connections, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_proxy_that_never_answers_neither_slows_the_other_nor_charges_a_clip(make_world) -> None:
    world = make_world(make_clips([DOG], 12))
    with silent_proxy() as silent:
        config = world.write_config(
            classes=DOGS, clips={"per_class": None},
            download={"proxies": [silent, world.simulator.address], "timeout_s": 1},
        )  # fmt: skip
        done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 12
    assert attempts(world, config) == {0}
    assert "No connection to YouTube by 1 of 2 addresses" in done.stderr


@pytest.mark.parametrize("fault", ["bomb", "trickle"])
def test_an_answer_without_end_fails_its_clip_only(make_world: MakeWorld, fault: str) -> None:
    clips = make_clips([DOG], 6)
    world = make_world(clips, changes={clips[2].ytid: {"page_faults": (fault,) * 99}})
    config = world.write_config(
        classes=DOGS, clips={"per_class": None}, download={"attempts": 2, "timeout_s": 1}
    )
    done = world.download(config)
    assert done.returncode == 1, done.stderr
    assert len(world.files(config)) == 5
    (row,) = world.rows(config, "failures.csv")
    assert (row["ytid"], row["state"]) == (clips[2].ytid, "waiting")


def test_gone_clips_are_asked_for_again_by_their_codes(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 4)
    fates = {"geo": clips[0], "age": clips[1], "removed": clips[2]}
    world = make_world(clips, changes={c.ytid: {"behaviour": code} for code, c in fates.items()})
    config = world.write_config(classes=DOGS, clips={"per_class": None})
    assert world.download(config).returncode == 0
    with Simulator(videos_of(clips)) as elsewhere:
        world.simulator = elsewhere
        config = world.write_config(classes=DOGS, clips={"per_class": None})
        assert world.download(config).returncode == 0
        assert elsewhere.log.requests == ()
        assert world.download(config, "--retry", "geo, age").returncode == 0
        asked = {request.ytid for request in elsewhere.log.select(kind="page")}
        assert asked == {fates["geo"].ytid, fates["age"].ytid}
        assert len(world.files(config)) == 3
        wrong = world.download(config, "--retry", "geo,network,nonsense")
    assert wrong.returncode == 2
    assert (
        "--retry: no reason for which a clip is gone: network, nonsense; expected some of age, "
        in wrong.stderr
    )


JUMPY = """
import time
real, steady = time.time, time.monotonic
jumps = (0, 3600, -3600, 86400, -86400, 31_536_000, -31_536_000)
time.time = lambda: real() + jumps[int(2 * steady()) % len(jumps)]
from audioset_dl.cli import main
main()
"""


def test_a_wall_clock_that_is_set_back_and_forth_changes_no_wait(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 8)
    world = make_world(clips, changes={clips[3].ytid: {"page_faults": ("http_429:1",)}})
    config = world.write_config(classes=DOGS, clips={"per_class": None}, download={"delay_s": 0.1})
    done = subprocess.run(
        [sys.executable, "-c", JUMPY, "download", config],
        capture_output=True, text=True, env=clean_environment(), timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 8
    assert "http_429" in done.stderr
