"""Signals: an end in order, an end at once, and no child that outlives the run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from crash import leftovers, wait_for
from world import COMMAND, DOG, MakeWorld, World, clean_environment, make_clips, videos_of

from audioset_dl.simulator import Simulator

DOGS = {"include": ["Dog"]}


def start(config: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "download", config, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
    )  # fmt: skip


def make_stalled(make_world: MakeWorld, *, num_clips: int = 4) -> tuple[World, Path]:
    """Return a world in which every video's media stands still after its head."""
    clips = make_clips([DOG], num_clips)
    world = make_world(clips, changes={clip.ytid: {"faults": ("stall",) * 9} for clip in clips})
    return world, world.write_config(classes=DOGS, clips={"per_class": num_clips})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_a_stalled_run_in_ten_seconds(make_world, number) -> None:
    world, config = make_stalled(make_world)
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4)
        process.send_signal(number)
        sent_at = time.monotonic()
        _, stderr = process.communicate(timeout=20)
    assert time.monotonic() - sent_at < 10
    assert process.returncode == 128 + number
    assert "run the same command again to resume" in stderr
    assert leftovers(world.output(config)) == []


def test_the_second_signal_ends_it_at_once_and_it_can_be_resumed(make_world) -> None:
    world, config = make_stalled(make_world)
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # two signals that come together are one to a process
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        sent_at = time.monotonic()
        process.communicate(timeout=20)
    assert time.monotonic() - sent_at < 2
    assert process.returncode == -signal.SIGINT
    with Simulator(videos_of(world.clips.values())) as healthy:
        world.simulator = healthy
        config = world.write_config(classes=DOGS, clips={"per_class": 4})
        assert world.download(config).returncode == 0
    assert len(world.files(config)) == 4
    assert leftovers(world.output(config)) == []


def test_a_wait_for_a_refused_address_ends_at_once(make_world) -> None:
    world = make_world(make_clips([DOG], 3))
    world.simulator.refuse_all("http_429")
    config = world.write_config(classes=DOGS, download={"throttle_wait_s": 600})
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(status=429))
        wait_for(lambda: world.status(config)["pause"])
        process.send_signal(signal.SIGTERM)
        sent_at = time.monotonic()
        process.communicate(timeout=20)
    assert time.monotonic() - sent_at < 3
    assert process.returncode == 143


def test_nohup_is_respected(make_world) -> None:
    world, config = make_stalled(make_world)
    command = ["/bin/sh", "-c", f"trap '' HUP; exec {shlex.quote(str(COMMAND))} download {config}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    ) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130


def children_of(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid:
            found.append(int(folder.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def make_slow(ffmpeg: Path, folder: Path) -> Path:
    """Return an ffmpeg that takes a second for a second of sound."""
    script = folder / "slow-ffmpeg"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in *pipe:0*s16le*|*-version*) speed="" ;; *) speed="-readrate 1" ;; esac\n'
        f'exec {shlex.quote(str(ffmpeg))} $speed "$@"\n'
    )
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_the_run(make_world, ffmpeg, tmp_path, number) -> None:
    world = make_world(make_clips([DOG], 2))
    slow = make_slow(ffmpeg, tmp_path)
    config = world.write_config(classes=DOGS, audio={"ffmpeg": str(slow)})
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4)
        wait_for(lambda: children_of(process.pid))
        children = children_of(process.pid)
        os.kill(process.pid, number)
        process.communicate(timeout=20)
    wait_for(lambda: not any(map(is_alive, children)), timeout_s=10)


def test_ctrl_c_in_a_terminal_leaves_ffmpeg_to_its_work(make_world, ffmpeg, tmp_path) -> None:
    """A terminal sends SIGINT to the whole group: what is under way is finished all the same."""
    world = make_world(make_clips([DOG], 1))
    config = world.write_config(
        classes=DOGS, audio={"ffmpeg": str(make_half_slow(ffmpeg, tmp_path))}
    )
    with subprocess.Popen(
        [COMMAND, "download", config], start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(),
    ) as process:  # fmt: skip
        wait_for(lambda: world.simulator.log.count(kind="media") >= 2)
        wait_for(lambda: children_of(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "1 of 1 clips are saved" in stderr


def make_half_slow(ffmpeg: Path, folder: Path) -> Path:
    """Return an ffmpeg that takes two seconds for a clip."""
    script = make_slow(ffmpeg, folder)
    script.write_text(script.read_text().replace("-readrate 1", "-readrate 5"))
    return script
