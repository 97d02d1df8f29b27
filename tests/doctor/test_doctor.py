"""The doctor: each thing that can be wrong is found, named, and comes with how to fix it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import refusing_proxy
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    MakeWorld,
    World,
    clean_environment,
    make_clips,
    run_command,
)

from audioset_dl.catalog.clips import Clip
from audioset_dl.config import AudioConfig, DownloadConfig
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.doctor import folders, tools
from audioset_dl.doctor.check import Check, Guard
from audioset_dl.doctor.network import (
    Route,
    check_clock,
    describe_greeting,
    find_routes,
)
from audioset_dl.errors import ConfigError, Problem, ToolMissingError
from audioset_dl.report.doctor import check_text, checks_text, doctor_document
from audioset_dl.simulator import Video
from audioset_dl.storage.disk import FreeSpace
from audioset_dl.storage.lock import hold_folder
from audioset_dl.youtube import checkup
from audioset_dl.youtube.checkup import Greeting, Runtime, Solver, greet

TODAY = date(2026, 11, 24)
FRIEND = Video("", duration_s=19)
"""Stands for every video that is not there, the canary too."""

CANARY = DownloadConfig().canary


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(make_clips([DOG], 4), default=FRIEND)


def examine(config: Path, *arguments: str, environment: dict[str, str] | None = None) -> dict:
    """Run the command; return its document, with the exit code and the checks by name besides."""
    done = subprocess.run(
        [COMMAND, "doctor", config, "--json", *arguments], capture_output=True, text=True,
        timeout=PATIENCE_S, check=False, env={**clean_environment(), **(environment or {})},
        cwd=config.parent,
    )  # fmt: skip
    assert done.stderr == ""
    document = json.loads(done.stdout)
    by_name = {check["name"]: check for check in document["checks"]}
    return {**document, "exit_code": done.returncode, **by_name}


def of_status(document: dict, status: str) -> list[str]:
    return [check["name"] for check in document["checks"] if check["status"] == status]


# The whole, on the simulator


def test_a_machine_that_is_well_is_told_so_and_nothing_is_left_behind(
    world: World, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    config = world.write_config()
    before = sorted(tmp_path.rglob("*"))
    # PATH without .venv/bin: the program is started by its path, from no activated environment.
    found = examine(config, environment={"PATH": "/nonexistent"})
    assert (found["exit_code"], found["ok"]) == (0, True)
    assert of_status(found, "warning") == ["metadata"]  # the tests' own
    assert of_status(found, "error") == []
    names = [check["name"] for check in found["checks"]]
    assert names == [
        "config", "program", "yt_dlp", "solver", "javascript", "ffmpeg", "resampler", "opus",
        "aac", "metadata", "classes", "output", "lock", "room", "cookies", "address", "canary",
        "clock",
    ]  # fmt: skip
    assert f"10 s of {CANARY} cut" in found["canary"]["found"]
    assert "ranged" in found["canary"]["found"]
    assert found["javascript"]["found"].startswith("deno ")
    assert sorted(tmp_path.rglob("*")) == before
    asked = [request for request in world.simulator.log.requests if request.ytid]
    assert {request.ytid for request in asked} == {CANARY}


def test_lines_fit_a_terminal_and_the_last_one_sums_up(world: World) -> None:
    config = world.write_config(classes={"include": ["Dogg"]}, download={"yt_dlp": {"formt": 1}})
    done = run_command("doctor", config.name, cwd=config.parent)
    assert done.returncode == ToolMissingError.exit_code
    long = [line for line in done.stdout.splitlines() if len(line) > 80 and " " in line.strip()]
    assert not long
    assert "\n         -> did you mean 'Dog'?\n" in done.stdout
    assert "config.yaml:4: classes.include[0]: no class is called 'Dogg'" in done.stdout
    assert "download.yt_dlp.formt: " in done.stdout
    assert done.stdout.splitlines()[-1] == ("19 checks: 2 errors, 1 warning: fix the errors first")


def test_without_the_network_nothing_is_asked(world: World) -> None:
    config = world.write_config()
    found = examine(config, "--no-network")
    assert found["exit_code"] == 0
    assert "room" in found
    assert not {"address", "canary", "clock"} & set(found)
    assert not world.simulator.log.requests


@pytest.mark.parametrize(
    ("behaviour", "status", "found", "fix"),
    [
        ("bot_check", "warning", "YouTube refuses this address for now (bot_check", "an hour"),
        ("http_429", "warning", "YouTube refuses this address for now (http_429", "an hour"),
        ("rate_limited", "warning", "YouTube refuses this address", "max_per_hour"),
        ("private", "warning", f"does not give {CANARY} (private", "--canary YTID"),
        ("network", "warning", "network: ", "try again"),
        ("session", "error", "The page needs to be reloaded", "pip install -U"),
        ("session:media", "error", "403", "pip install -U"),
        ("unknown", "error", "expected string", "pip install -U"),
    ],
)
def test_what_keeps_the_canary_away_is_told_apart(
    world: World, behaviour: str, status: str, found: str, fix: str
) -> None:
    world.simulator.refuse_all(behaviour)
    made = examine(world.write_config())
    assert made["address"]["status"] == "ok"
    assert made["canary"]["status"] == status
    assert found in made["canary"]["found"]
    assert fix in made["canary"]["fix"]
    assert made["exit_code"] == (4 if status == "error" else 0)


def test_another_canary_can_be_named(world: World) -> None:
    config = world.write_config()
    ytid = "-a_bcdefgh1"
    found = examine(config, "--canary", ytid)
    assert f"10 s of {ytid} cut" in found["canary"]["found"]
    done = run_command("doctor", config, "--canary", "https://youtu.be/x")
    assert done.returncode == 2
    assert "not the id of a video" in done.stderr


def test_a_canary_that_ends_early_is_no_proof(make_world: MakeWorld) -> None:
    clips = [*make_clips([DOG], 1), Clip(CANARY, 0.0, 10.0, (DOG,), "made")]
    world = make_world(clips, changes={CANARY: {"duration_s": 12}})
    canary = examine(world.write_config())["canary"]
    assert canary["status"] == "warning"
    assert canary["found"].startswith("7 s of")


# Addresses


def test_each_address_is_asked_and_no_login_is_shown(world: World) -> None:
    with refusing_proxy() as port, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{unused.getsockname()[1]}"
        config = world.write_config(
            download={
                "proxies": [
                    f"http://ann:CANARY1234@127.0.0.1:{port}",
                    f"http://ann:CANARY1234@{dead}",
                    world.simulator.address,
                ]
            }
        )
        done = run_command("doctor", config, "--json")
    checks = json.loads(done.stdout)["checks"]
    addresses = {one["subject"]: one for one in checks if one["name"] == "address"}
    login, down, good = addresses.values()
    assert (login["status"], login["found"]) == ("error", "the proxy does not accept the login")
    assert "user and password" in login["fix"]
    # A run goes on without an address that is down; a wrong login ends it.
    assert (down["subject"], down["status"]) == (dead, "warning")
    assert down["found"] == "the proxy does not answer: Connection refused"
    assert good["status"] == "ok"
    assert [one["subject"] for one in checks if one["name"] == "canary"] == [good["subject"]]
    assert done.returncode == 4
    assert "1234" not in done.stdout + done.stderr


def test_a_proxy_that_is_the_only_one_and_down_is_an_error(world: World) -> None:
    config = world.write_config()
    world.simulator.stop()
    found = examine(config)
    assert found["exit_code"] == 4
    assert found["address"]["status"] == "error"
    assert "start the proxy" in found["address"]["fix"]
    assert "canary" not in found


def test_a_proxy_that_does_not_lead_to_youtube_is_told_apart(world: World) -> None:
    with refusing_proxy(b"502 Bad") as port:
        config = world.write_config(download={"proxies": [f"http://127.0.0.1:{port}"]})
        address = examine(config)["address"]
    assert address["status"] == "error"
    assert address["found"].startswith(
        "the proxy answers, but YouTube can't be reached through it: Tunnel"
    )


def test_a_certificate_that_is_not_accepted_is_told_with_both_ways_out(
    world: World, tmp_path: Path
) -> None:
    strict = world.write_config(download={"verify_tls": True})
    found = examine(strict)
    assert found["address"]["status"] == "error"
    assert "can't prove that it is YouTube" in found["address"]["found"]
    assert "download.verify_tls" in found["address"]["fix"]
    assert "compat_opts: [no-certifi]" in found["address"]["fix"]
    authority = tmp_path / "authority.pem"
    authority.write_bytes(world.simulator.ca_pem)
    trusting = world.write_config(
        download={"verify_tls": True, "yt_dlp": {"compat_opts": ["no-certifi"]}}
    )
    found = examine(trusting, environment={"SSL_CERT_FILE": str(authority)})
    assert (found["address"]["status"], found["canary"]["status"]) == ("ok", "ok")


def test_the_environments_proxy_is_named_where_the_config_has_none(monkeypatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (direct,) = find_routes(DownloadConfig())
    assert (direct.proxy, direct.name, direct.is_proxied) == (None, "a direct connection", False)
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:secret@proxy.example:3128")
    (route,) = find_routes(DownloadConfig())
    assert (route.proxy, route.is_proxied) == (None, True)
    assert route.name == "proxy.example:3128, from HTTPS_PROXY"
    monkeypatch.setenv("NO_PROXY", ".youtube.com")
    assert find_routes(DownloadConfig()) == [direct]


@pytest.mark.parametrize(
    ("ahead_s", "status", "words"),
    [(0.4, "ok", "right"), (-200, "ok", "200 s behind YouTube's"),
     (301, "warning", "301 s ahead of"), (-86_400, "warning", "86,400 s behind")],
)  # fmt: skip
def test_the_clock_is_compared(ahead_s: float, status: str, words: str) -> None:
    (check,) = check_clock(ahead_s)
    assert check.status == status
    assert words in check.found
    assert bool(check.fix) == (status != "ok")


def test_any_answer_shows_that_youtube_is_there_and_what_time_it_is(
    world: World, monkeypatch
) -> None:
    config = DownloadConfig(verify_tls=False)
    clock = SimpleNamespace(monotonic=time.monotonic, time=lambda: time.time() + 1000)
    monkeypatch.setattr(checkup, "time", clock)
    monkeypatch.setattr(checkup, "GREETING_URL", "https://www.youtube.com/nothing")
    heard = greet(config, proxy=world.simulator.address, cookies=None, timeout_s=10)
    assert isinstance(heard, Greeting)
    assert heard.status == 404
    assert heard.ahead_s == pytest.approx(1000.5, abs=3)


@pytest.mark.parametrize(("status", "told"), [(204, "ok"), (404, "ok"), (429, "warning"),
                                              (503, "warning")])  # fmt: skip
def test_a_refused_greeting_is_no_good_sign(status: int, told: str) -> None:
    greeting = Greeting(status, 0.1, None)
    describe = partial(describe_greeting, Route(None, "here", False), greeting)
    (check,) = Guard(str).run("address", describe, subject="here")
    assert (check.status, check.subject) == (told, "here")
    assert bool(check.fix) == (told != "ok")


def test_without_an_answer_nothing_is_said_of_the_clock() -> None:
    assert check_clock(None) == []


# The config


def test_a_newcomer_without_a_config_has_the_defaults_checked(tmp_path: Path) -> None:
    done = run_command("doctor", "--no-network", "--json", cwd=tmp_path)
    first, *others = json.loads(done.stdout)["checks"]
    assert done.returncode == 0
    assert (first["name"], first["status"]) == ("config", "warning")
    assert "audioset-dl init" in first["fix"]
    assert {check["status"] for check in others} == {"ok"}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [("other.yaml",), ("--set", "clips.per_class=3")])
def test_a_config_that_is_meant_must_be_there(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run_command("doctor", *arguments, cwd=tmp_path).returncode == ConfigError.exit_code


def test_a_config_that_can_not_be_read_ends_with_its_faults(world: World) -> None:
    config = world.write_config(download={"worker": 3}, clips={"per_clas": 1})
    done = run_command("doctor", config, "--json")
    assert done.returncode == ConfigError.exit_code
    assert "did you mean workers?" in done.stderr
    assert "did you mean per_class?" in done.stderr


def test_cookies_that_can_not_be_used_are_told(world: World, tmp_path: Path) -> None:
    (tmp_path / "cookies.txt").write_text("no cookies")
    found = examine(world.write_config(download={"cookies": "cookies.txt"}))
    assert found["cookies"]["status"] == "error"
    assert "cookies.txt" in found["cookies"]["found"]
    assert found["canary"]["status"] == "ok"  # as a guest


# What lies on the disk


def test_missing_files_of_audioset_are_no_fault_and_not_downloaded(world: World) -> None:
    shutil.rmtree(world.metadata)
    found = examine(world.write_config())
    assert found["metadata"]["status"] == "ok"
    assert "ontology.json" in found["metadata"]["found"]
    assert "downloaded when first needed" in found["metadata"]["found"]
    assert "classes" not in found
    assert not world.simulator.log.select(kind="metadata")
    assert not world.metadata.exists()


def test_malformed_and_missing_files_are_errors(world: World) -> None:
    config = world.write_config()
    (world.metadata / "qa_true_counts.csv").write_text("label_id,num_rated\n")
    found = examine(config, "--no-network")
    assert "qa_true_counts.csv" in found["classes"]["found"]
    assert (found["classes"]["status"], found["exit_code"]) == ("error", 4)
    world.segments.unlink()
    found = examine(config, "--no-network")
    assert found["metadata"]["status"] == "error"
    assert "clips.csv: no such file" in found["metadata"]["found"]


@pytest.mark.skipif("AUDIOSET_METADATA" not in os.environ, reason="no folder of Google's files")
def test_googles_own_files_are_known(world: World) -> None:
    config = world.write_config(
        metadata={"dir": os.environ["AUDIOSET_METADATA"], "segments": ["balanced_train", "eval"]}
    )
    found = examine(config, "--no-network")
    assert of_status(found, "ok") == [check["name"] for check in found["checks"]]
    assert "5 files" in found["metadata"]["found"]


def test_an_output_folder_that_can_not_be_used_is_an_error(world: World, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file")
    found = examine(world.write_config(), "--no-network")
    assert (found["output"]["status"], found["exit_code"]) == ("error", 4)
    assert "is not a folder" in found["output"]["found"]
    assert found["output"]["fix"]


def test_a_link_in_the_output_folder_is_named(world: World, tmp_path: Path) -> None:
    config = world.write_config()
    world.output(config).mkdir()
    (world.output(config) / "manifest.csv").symlink_to(tmp_path / "elsewhere")
    output = examine(config, "--no-network")["output"]
    assert output["status"] == "error"
    assert "manifest.csv is a link to" in output["found"]


def test_another_run_is_named(world: World) -> None:
    config = world.write_config()
    with hold_folder(OutputFolder(world.output(config)).lock, "2026-11-22T12:00:00+00:00"):
        found = examine(config, "--no-network")
    assert (found["lock"]["status"], found["exit_code"]) == ("error", 4)
    assert f"process {os.getpid()} on {socket.gethostname()}" in found["lock"]["found"]
    assert found["output"]["status"] == "ok"


def test_what_is_saved_needs_no_more_room(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    assert examine(config, "--no-network")["room"]["found"].startswith("3 clips to fetch need 960 ")
    assert world.download(config).returncode == 0
    files = sorted(world.output(config).rglob("*"))
    found = examine(config, "--no-network")
    assert found["room"]["found"].startswith("0 clips to fetch need 0 B")
    assert sorted(world.output(config).rglob("*")) == files
    OutputFolder(world.output(config)).journal.write_bytes(b"SQLite format 3\0" + bytes(5000))
    found = examine(config, "--no-network")
    assert found["room"]["status"] == "error"
    assert "journal" in found["room"]["found"]


def test_too_little_room_is_an_error(world: World, monkeypatch) -> None:
    from audioset_dl.config import load_config
    from audioset_dl.selection.select import prepare

    settings = load_config(world.write_config())
    selection = prepare(settings).selection
    output = OutputFolder(settings.output.dir)
    monkeypatch.setattr(folders, "find_free_space", lambda _: FreeSpace(900_000, None))
    check = folders.check_room(output, settings, selection)
    assert check.status == "error"
    assert "3 clips to fetch need 960 kB, 900 kB free" in check.found
    monkeypatch.setattr(folders, "find_free_space", lambda _: FreeSpace(1000, None))
    assert folders.check_room(output, settings, None).status == "error"
    monkeypatch.setattr(folders, "find_free_space", lambda _: None)
    assert folders.check_room(output, settings, None).status == "warning"


# Tools


def test_without_ffmpeg_the_rest_is_checked(world: World) -> None:
    found = examine(world.write_config(audio={"ffmpeg": "/nonexistent/ffmpeg"}))
    assert found["exit_code"] == 4
    assert "/nonexistent/ffmpeg is not a file" in found["ffmpeg"]["found"]
    assert "write null" in found["ffmpeg"]["fix"]
    assert (found["canary"]["status"], found["address"]["status"]) == ("warning", "ok")
    assert "there is no ffmpeg" in found["canary"]["found"]


@pytest.mark.parametrize(
    ("refused", "statuses"),
    [
        ("soxr", {"ffmpeg": "ok", "resampler": "warning", "opus": "ok", "aac": "ok"}),
        ("matroska", {"ffmpeg": "ok", "resampler": "ok", "opus": "error", "aac": "ok"}),
        ("mov", {"ffmpeg": "ok", "resampler": "ok", "opus": "ok", "aac": "error"}),
        ("aresample", {"ffmpeg": "ok", "resampler": "error", "opus": "error", "aac": "error"}),
    ],
)
def test_an_ffmpeg_that_lacks_something_is_told_what(
    ffmpeg: Path, tmp_path: Path, refused: str, statuses: dict[str, str]
) -> None:
    lame = tmp_path / "ffmpeg"
    lame.write_text(f'#!/bin/sh\ncase "$*" in *{refused}*) exit 1;; esac\nexec "{ffmpeg}" "$@"\n')
    lame.chmod(0o755)
    checks = list(tools.check_ffmpeg(AudioConfig(ffmpeg=lame)))
    assert {check.name: check.status for check in checks} == statuses
    assert all(check.fix for check in checks if check.status != "ok")


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("2026.10.26", "ok"),
        ("2026.08.26", "ok"),
        ("2026.08.25", "warning"),
        ("2026.8.19", "warning"),
        ("2026.08.18", "error"),
        ("2025.12.08.123456", "error"),
        ("2026.11.20.232843.dev0", "ok"),
        ("2027.01.01", "ok"),
        ("unknown", "warning"),
        ("2026.13.45", "warning"),
    ],
)
def test_yt_dlp_must_be_young(version: str, status: str) -> None:
    check = tools.check_yt_dlp(version, TODAY)
    assert check.status == status
    assert version in check.found
    assert ("pip install -U" in check.fix) == (status != "ok")


def test_python_must_be_new_enough() -> None:
    assert tools.check_program((3, 10, 12)).status == "error"
    assert "Python 3.11.0" in tools.check_program((3, 11, 0)).found


@pytest.mark.parametrize(
    ("runtimes", "status", "words"),
    [
        ([Runtime("deno", "2.9.8", "/bin/deno", True)], "ok", "deno 2.9.8 (/bin/deno)"),
        ([Runtime("deno", "1.0.0", "/bin/deno", False)], "error", "deno 1.0.0 is too old"),
        ([Runtime("deno", "", "", False)], "error", "deno is not found"),
        ([Runtime("deno", "", "", False), Runtime("node", "24.1", "/n", True)], "ok", "node 24.1"),
        ([], "error", "enables none"),
        (None, "warning", "does not say"),
    ],
)
def test_a_javascript_runtime_must_be_enabled_found_and_new(runtimes, status, words) -> None:
    check = tools.check_runtimes(runtimes)
    assert check.status == status
    assert words in check.found
    assert bool(check.fix) == (status != "ok")


def test_yt_dlp_is_asked_for_the_runtimes_that_the_config_enables() -> None:
    config = DownloadConfig(yt_dlp={"js_runtimes": {"deno": {"path": "/nonexistent"}}})
    _, runtime = tools.check_javascript(config)
    assert (runtime.status, runtime.found) == ("error", "deno is not found")
    _, runtime = tools.check_javascript(DownloadConfig(yt_dlp={"js_runtimes": {}}))
    assert runtime.status == "error"


@pytest.mark.parametrize(
    ("solver", "status"),
    [(Solver("0.8.0", "0.8.0"), "ok"), (Solver("0.8.4", "0.8.0"), "ok"),
     (Solver("0.8.0", ""), "ok"), (Solver("0.7.9", "0.8.0"), "error"),
     (Solver("", "0.8.0"), "error")],
)  # fmt: skip
def test_the_solver_must_be_the_one_that_yt_dlp_takes(solver: Solver, status: str) -> None:
    assert tools.check_solver(solver).status == status


# What a check comes to


def test_a_check_that_breaks_off_keeps_what_came_before_and_no_secret() -> None:
    def examine_badly():
        yield Check("disk", "ok", "all of hunter22")
        raise RuntimeError("hunter22 is no password")

    guard = Guard(lambda text: text.replace("hunter22", "***"))
    before, after = guard.run("disk", examine_badly, subject="b")
    assert before.found == "all of ***"
    assert (after.name, after.status, after.subject) == ("disk", "error", "b")
    assert after.found == "this check broke off: RuntimeError: *** is no password"


def test_every_problem_of_the_config_is_a_check_of_its_own() -> None:
    def examine_config() -> Check:
        raise ConfigError(
            Problem("a", "wrong; 2", "do; this", source="c.yaml:1"), Problem("b", "wrong too")
        )

    found = Guard(str).run("classes", examine_config)
    assert [(check.found, check.fix) for check in found] == [
        ("c.yaml:1: a: wrong; 2", "do; this"), ("b: wrong too", "fix that and run this again"),
    ]  # fmt: skip


def test_the_worst_check_gives_the_document_its_status() -> None:
    ok, warning, error = (Check("x", status, "y") for status in ("ok", "warning", "error"))
    assert doctor_document([ok])["status"] == "ok"
    assert (doctor_document([ok, warning])["ok"], doctor_document([ok, warning])["status"]) == (
        True, "warning",
    )  # fmt: skip
    assert doctor_document([error, warning])["ok"] is False
    assert checks_text([ok]) == "1 check: all is well: a download can begin"
    assert checks_text([ok, warning]) == "2 checks: 1 warning, no error: a download can begin"


def test_a_text_names_the_subject_and_the_fix() -> None:
    text = check_text(Check("address", "error", "it is\ndown", "fix it", "proxy.example:80"))
    assert text == "error    address (proxy.example:80): it is down\n         -> fix it"
