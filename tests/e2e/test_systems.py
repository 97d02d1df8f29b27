"""Systems that lack something, limits that are reached, streams that are closed or full."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    MakeWorld,
    World,
    clean_environment,
    make_clips,
    run_installed,
)

from audioset_dl.audio.ffmpeg import find_ffmpeg

pytestmark = pytest.mark.e2e
DOGS = {"include": ["Dog"]}
PATCHED = Path(__file__).parents[1] / "patched.py"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(make_clips([DOG], 4))


def dogs(world: World, name: str = "config.yaml", **sections: object) -> Path:
    return world.write_config(name, classes=DOGS, clips={"per_class": None}, **sections)


def run_patched(patches: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PATCHED, patches, *arguments], capture_output=True, text=True,
        timeout=PATIENCE_S, env=clean_environment(), check=False,
    )  # fmt: skip


def run_in_shell(script: str, config: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a script of bash in which $0 is the command and $1 the config."""
    return subprocess.run(
        ["/bin/bash", "-c", script, COMMAND, config], capture_output=True, timeout=PATIENCE_S,
        env=clean_environment(), check=False,
    )  # fmt: skip


@pytest.mark.parametrize("code", ["EINVAL", "EBADF", "ENOTSUP"])
def test_a_folder_that_can_not_be_flushed_takes_a_dataset(world: World, code: str) -> None:
    config = dogs(world)
    done = run_patched(f"fsync={code}", "download", config, "-q")
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 4


@pytest.mark.parametrize("code", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_a_file_system_without_locks_takes_a_dataset(world: World, code: str) -> None:
    config, out = dogs(world), world.folder / "merged"
    patches = f"flock={code},fcntl={code}"
    for command in (["download", config], ["verify", "--repair", config],
                    ["merge", out, world.output(config)]):  # fmt: skip
        done = run_patched(patches, *command)
        assert done.returncode == 0, done.stderr
    assert len(list(out.rglob("Y*.wav"))) == 4


@pytest.mark.parametrize("is_own_host", [True, False])
def test_without_locks_the_holder_is_known_from_its_file(world: World, is_own_host) -> None:
    config = dogs(world)
    assert world.download(config).returncode == 0
    host = socket.gethostname() if is_own_host else "node7"
    held = {"pid": os.getpid(), "host": host, "since": "2026-11-26T12:00:00+00:00"}
    holder = world.output(config) / ".lock-holder.json"
    holder.write_text(json.dumps(held))
    for command in (["download", config], ["merge", world.folder / "out", world.output(config)]):
        done = run_patched("flock=ENOSYS", *command)
        assert done.returncode == 6, done.stderr
        assert f"process {os.getpid()} on {host}" in done.stderr
        assert f"if that run has ended, delete {holder}" in done.stderr
    holder.write_text(json.dumps({**held, "host": socket.gethostname(), "pid": 2**22 + 1}))
    assert run_patched("flock=ENOSYS", "download", config).returncode == 0, "its holder is dead"


def test_an_old_lock_file_is_told_where_there_are_no_locks(world: World) -> None:
    config = dogs(world)
    assert world.download(config).returncode == 0
    lock = world.output(config) / ".lock"
    lock.write_text("4711\nnode7\n")  # as earlier versions wrote it there
    done = run_patched("flock=ENOSYS", "download", config)
    assert done.returncode == 6
    assert f"delete {lock}" in done.stderr
    assert world.download(config).returncode == 0, "with locks it means nothing"


@pytest.mark.parametrize(
    "streams", ["2>&-", "2>/dev/full", ">&-", "<&- >&- 2>&-", "-q 2>&-", "2> >(exit 0)"]
)
def test_a_stream_that_takes_no_words_ends_no_run(world: World, streams: str) -> None:
    config = dogs(world)
    done = run_in_shell(f'"$0" download "$1" {streams}', config)
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 4
    journal = (world.output(config) / "journal.sqlite").read_bytes()
    assert journal.startswith(b"SQLite format 3\0")


def test_a_result_that_can_not_be_written_is_told(world: World) -> None:
    config = dogs(world)
    done = run_in_shell('"$0" download "$1" >/dev/full', config)
    assert done.returncode == 7
    assert b"the output of this command can't be written: disk full" in done.stderr
    assert len(world.files(config)) == 4


@pytest.mark.parametrize("limit", ["-n 8", "-n 12", "-n 24"])
def test_a_limit_that_is_reached_is_told_as_what_it_is(world: World, limit: str) -> None:
    config = dogs(world)
    done = run_in_shell(f'ulimit {limit}; "$0" download "$1"', config)
    stderr = done.stderr.decode()
    assert done.returncode == 1, stderr
    assert "Too many open files" in stderr
    assert "the system gives this process no more" in stderr
    assert "ulimit" in stderr
    assert "Traceback" not in stderr
    assert world.download(config).returncode == 0
    assert world.rows(config, "failures.csv") == []


def test_a_folder_whose_name_is_no_utf_8(world: World) -> None:
    config = dogs(world)
    folder = os.fsencode(world.folder) + b"/na\xffme"
    for command in ("download", "status", "verify", "plan"):
        done = subprocess.run(
            [COMMAND, command, config, b"--set", b"output.dir=" + folder], capture_output=True,
            env=clean_environment(), timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    run_info = json.loads((Path(os.fsdecode(folder)) / "run.json").read_text("utf-8"))
    assert os.fsencode(run_info["config"]["output"]["dir"]).endswith(b"/na\xffme")
    done = subprocess.run(
        [COMMAND, "status", config, "--json", b"--set", b"output.dir=" + folder],
        capture_output=True, env=clean_environment(), timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert json.loads(done.stdout)["saved"] == 4


def test_an_ffmpeg_that_is_killed_costs_an_attempt_and_not_the_track(world: World) -> None:
    ffmpeg, count = world.folder / "ffmpeg", world.folder / "calls"
    count.mkdir()
    ffmpeg.write_text(
        f'#!/bin/sh\ncase "$*" in *pipe:0*) ;; *) exec {find_ffmpeg()} "$@";; esac\n'
        f"if /bin/mkdir {count}/first 2>/dev/null; then kill -9 $$; fi\n"
        f'exec {find_ffmpeg()} "$@"\n'
    )
    ffmpeg.chmod(0o755)
    config = dogs(world, audio={"ffmpeg": str(ffmpeg)}, download={"workers": 1})
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert (count / "first").exists()
    assert {row["method"] for row in world.rows(config)} == {"ranged"}
    requests = world.simulator.log.select(kind="media")
    assert max(request.bytes_sent for request in requests) < 1_000_000
    assert len({request.ytid for request in requests}) == 4


def test_words_of_the_site_are_shown_harmless(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 4)
    words = "=cmd|'/C calc'!A0 Private video \x1b[2J\u202etxt.exe\r\n" + "x" * 5000
    refused = {"playabilityStatus": {"status": "LOGIN_REQUIRED", "reason": words}}
    world = make_world(clips, changes={clips[1].ytid: {"recorded": refused}})
    config = dogs(world)
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    (row,) = world.rows(config, "failures.csv")
    assert row["code"] == "private"
    assert row["detail"].startswith("'=cmd|'/C calc'!A0 Private video \\x1b[2J\\u202etxt.exe xxx")
    assert len(row["detail"]) < 520
    shown = (
        run_installed("status", config, "--json").stdout + run_installed("status", config).stdout
    )
    assert "\x1b" not in shown
    assert "\u202e" not in shown
