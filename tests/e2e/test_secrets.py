"""Canaries in cookies, proxies and options are found nowhere but in the user's own files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import refusing_proxy
from hypothesis import given
from hypothesis import strategies as st
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    Process,
    World,
    clean_environment,
    make_clips,
    run_command,
    videos_of,
    wait_for,
)

from audioset_dl import cli
from audioset_dl.config import DownloadConfig
from audioset_dl.config.secrets import Secrets, find_secrets
from audioset_dl.simulator import Simulator

PASSWORD = "pass@CANARY/word"
IN_ADDRESS = "pass%40CANARY%2Fword"
BASE64 = "YW5uOnBhc3NAQ0FOQVJZL3dvcmQ="  # ann:pass@CANARY/word
COOKIES = "# Netscape HTTP Cookie File\n" + "".join(
    f".youtube.com\tTRUE\t/\tTRUE\t2147483647\t{name}\tCANARY-{name}\n"
    for name in ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID")
)


@pytest.fixture
def config() -> DownloadConfig:
    return DownloadConfig(
        proxies=(f"http://ann:{IN_ADDRESS}@127.0.0.1:8080", "http://CANARYtoken@127.0.0.1:8081"),
        yt_dlp={"username": "CANARYuser", "http_headers": {"X": ["CANARYheader"]}, "format": "140"},
    )


@pytest.mark.parametrize(
    "text",
    [
        f"proxy http://ann:{IN_ADDRESS}@127.0.0.1:8080 says no",
        f"login {PASSWORD} is wrong",
        f"Proxy-Authorization: Basic {BASE64}",
        "http://CANARYtoken@127.0.0.1:8081",
        "user CANARYtoken",
        "{'X': 'CANARYheader'} for CANARYuser",
        "Cookie: SAPISID=CANARY-SAPISID; x=1",
        "socks5h://other:CANARY@host:1 from the environment",
        "(url: /videoplayback?expire=1&ip=192.0.2.1&sig=CANARY (Caused by x))",
        "https://rr1---sn-x.googlevideo.com/videoplayback/ip/192.0.2.1/pot/CANARY/f.m4a",
    ],
)
def test_a_secret_is_hidden_in_each_form(config: DownloadConfig, text: str) -> None:
    hidden = find_secrets(config, COOKIES).hide(text)
    assert "CANARY" not in hidden
    assert BASE64 not in hidden
    assert "***" in hidden


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://ann:{IN_ADDRESS}@127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://[CANARY")
    hidden = find_secrets(DownloadConfig()).hide(f"Basic {BASE64} for {PASSWORD}")
    assert hidden == "Basic *** for ***"


def test_what_is_no_secret_stays(config: DownloadConfig) -> None:
    cookies = f"{COOKIES}.youtube.com\tTRUE\t/\tTRUE\t0\tPREF\ten\n# a comment\n"
    text = "140 of en: 127.0.0.1:8080, x@y, https://www.youtube.com/watch?v=abc, a comment"
    assert find_secrets(config, cookies).hide(text) == text
    assert Secrets([]).hide(text) == Secrets([""]).hide(text) == text


@given(st.text(min_size=1), st.text(), st.text())
def test_no_text_around_it_saves_a_secret(secret: str, before: str, after: str) -> None:
    hidden = Secrets([secret]).hide(before + secret + after)
    assert secret in "***" or secret not in hidden.replace("***", "\0" if secret != "\0" else "x")


def test_a_traceback_shows_no_login(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError(f"http://ann:{IN_ADDRESS}@127.0.0.1:1")

    monkeypatch.setattr(cli.group, "load_config", broken)
    monkeypatch.setattr(sys, "argv", ["audioset-dl", "status"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 70
    printed = capsys.readouterr().err
    assert "ZeroDivisionError: http://***@127.0.0.1:1" in printed
    assert "CANARY" not in printed


class Watched:
    """The installed command, watched while it runs: command lines, temporary and output files."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.temporary = world.folder / "tmp"
        self.temporary.mkdir()
        self.leaks: set[str] = set()

    def run(
        self, *arguments: str | Path, until: Callable[[], object] | None = None
    ) -> tuple[int, str]:
        """Return exit code and output; interrupt it when something has come to pass."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(done,))
        watcher.start()
        try:
            with Process(
                [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env={**clean_environment(), "TMPDIR": str(self.temporary)},
            ) as process:  # fmt: skip
                if until is not None:
                    wait_for(until, process)
                    process.send_signal(signal.SIGINT)
                text, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            done.set()
            watcher.join()
        self._look()
        self.leaks |= {f"printed: {line}" for line in text.splitlines() if is_leak(line.encode())}
        return process.returncode, text

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(0.01):
            self._look()

    def _look(self) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            self._search(path)
        for folder in (self.temporary, *self.world.folder.glob("*/")):
            for place, _, names in os.walk(folder):
                for name in names:
                    if not name.endswith(".wav"):
                        self._search(Path(place, name))

    def _search(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError:
            return  # it is gone
        if is_leak(content):
            self.leaks.add(str(path))


def is_leak(content: bytes) -> bool:
    return b"CANARY" in content or BASE64[:-4].encode() in content


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    clips = make_clips([DOG], 4)
    changes = {
        clips[0].ytid: {"behaviour": "age"},
        clips[1].ytid: {"packing": "no_index"},
        clips[2].ytid: {"faults": ("http_403", "reset")},
    }
    with Simulator(videos_of(clips, **changes)) as simulator:
        yield Watched(World(tmp_path, simulator, clips))


def write_config(watched: Watched, port: int | None = None, **download: object) -> Path:
    address = watched.world.simulator.address
    port = port or int(address.rpartition(":")[2])
    cookies = watched.world.folder / "cookies.txt"
    cookies.write_text(COOKIES)
    cookies.chmod(0o400)
    os.utime(cookies, (1, 1))
    return watched.world.write_config(
        classes={"include": ["Dog"]},
        clips={"per_class": 4},
        download={
            "proxies": [f"http://ann:{IN_ADDRESS}@127.0.0.1:{port}"],
            "cookies": "cookies.txt",
            "attempts": 1,
            **download,
        },
    )


def test_nowhere_in_a_run_with_all_that_happens_in_it(watched: Watched) -> None:
    config = write_config(watched, attempts=3)
    code, text = watched.run("download", config)
    assert code == 0, text
    assert len(watched.world.rows(config)) == 4
    for arguments in (("status", "--json"), ("plan",), ("classes", "--json"), ("verify", "--json")):
        code, text = watched.run(arguments[0], config, *arguments[1:])
        assert code == 0, text
    assert watched.leaks == set()
    cookies = watched.world.folder / "cookies.txt"
    assert (cookies.read_text(), cookies.stat().st_mtime) == (COOKIES, 1)
    run = json.loads((watched.world.output(config) / "run.json").read_text())
    assert run["config"]["download"]["proxies"][0].startswith("http://ann:***@127.0.0.1:")
    assert list(watched.temporary.iterdir()) == []


def test_nowhere_in_a_run_that_is_interrupted(watched: Watched) -> None:
    config = write_config(watched, workers=1)
    code, _ = watched.run(
        "download", config, "--set", "download.delay_s=1", until=lambda: watched.world.wavs(config)
    )
    assert code == 130
    assert watched.leaks == set()


def test_nowhere_while_a_lost_network_is_waited_for(watched: Watched) -> None:
    config = write_config(watched, port=1)

    def is_waiting() -> bool:
        status = run_command("status", config, "--json")
        return status.returncode == 0 and json.loads(status.stdout)["pause"]

    code, text = watched.run("download", config, until=is_waiting)
    assert code == 130
    assert "offline: [Errno 111] Connection refused" in text
    assert watched.leaks == set()


def test_nowhere_while_a_proxy_that_quotes_its_login_is_waited_for(watched: Watched) -> None:
    with refusing_proxy(b"502 Bad gateway for") as port:
        config = write_config(watched, port=port)

        def is_waiting() -> bool:
            status = run_command("status", config, "--json")
            return status.returncode == 0 and json.loads(status.stdout)["pause"]

        code, text = watched.run("download", config, until=is_waiting)
    assert code == 130
    assert "Tunnel connection failed: 502 Bad gateway for" in text
    assert watched.leaks == set()


Failing = Callable[[Watched], Path]


def with_refusing_proxy(watched: Watched) -> Path:
    return write_config(watched, port=watched.refusing_port)  # type: ignore[attr-defined]


def with_dead_proxy(watched: Watched) -> Path:
    return write_config(watched, port=1)


def with_strict_tls(watched: Watched) -> Path:
    return write_config(watched, verify_tls=True)


def with_bad_cookies(text: str) -> Failing:
    def make(watched: Watched) -> Path:
        config = write_config(watched)
        (watched.world.folder / "cookies.txt").chmod(0o600)
        (watched.world.folder / "cookies.txt").write_bytes(text.encode("latin-1"))
        return config

    return make


def with_a_misspelled_proxy(watched: Watched) -> Path:
    return write_config(watched, proxies=["http://ann:CANARY/x@127.0.0.1:99999"])


def with_options_that_break_yt_dlp(watched: Watched) -> Path:
    headers = {"Cookie": "CANARY\nheader"}
    return write_config(watched, yt_dlp={"http_headers": headers, "ap_username": "CANARYuser"})


def without_metadata(make: Failing) -> Failing:
    def make_without(watched: Watched) -> Path:
        config = make(watched)
        (watched.world.metadata / "ontology.json").unlink()
        return config

    return make_without


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (with_refusing_proxy, 2),
        (with_strict_tls, 1),
        (without_metadata(with_refusing_proxy), 3),
        (without_metadata(with_dead_proxy), 3),
        (without_metadata(with_strict_tls), 3),
        (with_a_misspelled_proxy, 2),
        (with_options_that_break_yt_dlp, 1),
        (with_bad_cookies("[" + COOKIES), 2),
        (with_bad_cookies(COOKIES.partition("\n")[2]), 2),
        (with_bad_cookies(COOKIES.replace("\t", " ")), 2),
        (with_bad_cookies(COOKIES.replace("2147483647", "CANARY")), 2),
        (with_bad_cookies(COOKIES.replace(".youtube", "youtube")), 2),
        (with_bad_cookies(COOKIES.replace("CANARY-", "CANARY\xff\0")), 2),
    ],
)
def test_nowhere_when_it_fails(watched: Watched, make: Failing, code: int) -> None:
    with refusing_proxy() as port:
        watched.refusing_port = port  # type: ignore[attr-defined]
        config = make(watched)
        found, text = watched.run("download", config)
        assert found == code, text
        assert "Traceback" not in text
    if code == 1:
        watched.run("status", config)
        assert len(watched.world.rows(config, "failures.csv")) > 0
    assert watched.leaks == set()
