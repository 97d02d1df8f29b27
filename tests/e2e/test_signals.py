"""Signals: an end in order, an end at once, and no child that outlives the run."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from crash import leftovers
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    MakeWorld,
    Process,
    World,
    clean_environment,
    make_clips,
    videos_of,
    wait_for,
)

from audioset_dl.simulator import Simulator

DOGS = {"include": ["Dog"]}


def start(config: Path, *arguments: str) -> Process:
    return Process(
        [COMMAND, "download", config, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
    )  # fmt: skip


def make_stalled(make_world: MakeWorld, *, num_clips: int = 4) -> tuple[World, Path]:
    """Return a world in which every video's media stands still after its head."""
    clips = make_clips([DOG], num_clips)
    world = make_world(clips, changes={clip.ytid: {"faults": ("stall",) * 9} for clip in clips})
    return world, world.write_config(
        classes=DOGS, clips={"per_class": num_clips}, download={"timeout_s": 3600}
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_a_stalled_run(make_world, number) -> None:
    """The media would stand still for an hour: that the run ends at all shows that it gave up."""
    world, config = make_stalled(make_world)
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4, process)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert "run the same command again to resume" in stderr
    assert leftovers(world.output(config)) == []


def test_the_second_signal_ends_it_at_once_and_it_can_be_resumed(make_world) -> None:
    world, config = make_stalled(make_world)
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4, process)
        process.send_signal(signal.SIGINT)
        wait_for(lambda: not is_caught(process.pid, signal.SIGINT), process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGINT, "it ended in order"
    with Simulator(videos_of(world.clips.values())) as healthy:
        world.simulator = healthy
        config = world.write_config(classes=DOGS, clips={"per_class": 4})
        assert world.download(config).returncode == 0
    assert len(world.files(config)) == 4
    assert leftovers(world.output(config)) == []


def is_caught(pid: int, number: signal.Signals) -> bool:
    """Tell whether a process still has a handler of its own for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)[1], 16)
    return bool(caught >> (number - 1) & 1)


def test_a_wait_for_a_refused_address_ends_at_once(make_world) -> None:
    """The wait would last an hour."""
    world = make_world(make_clips([DOG], 3))
    world.simulator.refuse_all("http_429")
    config = world.write_config(classes=DOGS, download={"throttle_wait_s": 3600})
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(status=429), process)
        wait_for(lambda: world.status(config)["pause"], process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143


def test_nohup_is_respected(make_world) -> None:
    world, config = make_stalled(make_world)
    command = ["/bin/sh", "-c", f"trap '' HUP; exec {shlex.quote(str(COMMAND))} download {config}"]
    with Process(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    ) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4, process)
        process.send_signal(signal.SIGHUP)  # were it heeded, the run would end with 129
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
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


class HeldFfmpeg:
    """An ffmpeg that says when it cuts a clip, and does not go on before it is let.

    Its version is asked for, and some silence given as s16le is resampled, before any clip is cut.
    """

    def __init__(self, ffmpeg: Path, folder: Path) -> None:
        self._started, self._gate = folder / "started", folder / "gate"
        os.mkfifo(self._gate)
        self.path = folder / "held-ffmpeg"
        # With what the shell has built in: the run's PATH leads to no other programs.
        self.path.write_text(
            f"""#!/bin/sh
case "$*" in *"-f s16le"*|*-version*) ;; *)
  : > {shlex.quote(str(self._started))}
  read -r _ < {shlex.quote(str(self._gate))}
esac
exec {shlex.quote(str(ffmpeg))} "$@"
"""
        )
        self.path.chmod(0o755)

    def has_started(self) -> bool:
        return self._started.exists()

    def let_go(self) -> None:
        self._gate.write_text("go\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_the_run(make_world, ffmpeg, tmp_path, number) -> None:
    world = make_world(make_clips([DOG], 2))
    slow = make_slow(ffmpeg, tmp_path)
    config = world.write_config(classes=DOGS, audio={"ffmpeg": str(slow)})
    with start(config) as process:
        wait_for(lambda: world.simulator.log.count(kind="media") >= 4, process)
        wait_for(lambda: children_of(process.pid), process)
        children = children_of(process.pid)
        os.kill(process.pid, number)
        process.communicate(timeout=PATIENCE_S)
    # Going on to the end would take them half an hour, longer than is waited for.
    wait_for(lambda: not any(map(is_alive, children)))


def make_slow(ffmpeg: Path, folder: Path) -> Path:
    """Return an ffmpeg that takes 200 seconds for a second of sound, and writes it bit by bit."""
    script = folder / "slow-ffmpeg"
    script.write_text(
        f"""#!/bin/sh
case "$*" in *"-f s16le"*|*-version*) ;; *)
  for each; do
    shift
    if [ "$each" = pipe:1 ]; then set -- "$@" -flush_packets 1; fi
    set -- "$@" "$each"
  done
  set -- -readrate 0.005 "$@"
esac
exec {shlex.quote(str(ffmpeg))} "$@"
"""
    )
    script.chmod(0o755)
    return script


def test_ctrl_c_in_a_terminal_leaves_ffmpeg_to_its_work(make_world, ffmpeg, tmp_path) -> None:
    """A terminal sends SIGINT to the whole group: what is under way is finished all the same."""
    world = make_world(make_clips([DOG], 1))
    held = HeldFfmpeg(ffmpeg, tmp_path)
    config = world.write_config(classes=DOGS, audio={"ffmpeg": str(held.path)})
    with Process(
        [COMMAND, "download", config], start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(),
    ) as process:  # fmt: skip
        wait_for(held.has_started, process)
        os.killpg(process.pid, signal.SIGINT)
        wait_for(lambda: not is_caught(process.pid, signal.SIGINT), process)
        held.let_go()
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "1 of 1 clips are saved" in stderr
