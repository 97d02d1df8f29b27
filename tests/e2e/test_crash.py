"""A run that is killed at any moment comes to what an undisturbed run comes to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash import (
    download_in_group,
    kill_again_and_again,
    kill_group,
    leftovers,
    timeless_rows,
)
from world import DOG, World, clean_environment, make_clips, videos_of, wait_for

from audioset_dl.simulator import Simulator

KILLED = Path(__file__).parents[1] / "killed.py"
CLIPS = make_clips([DOG], 6)
MOMENTS = [
    "writing",
    "before fsync",
    "after fsync",
    "after rename",
    "after folder",
    "before journal",
    "after journal",
]
"""Between each two steps of saving a clip: write, fsync, rename, fsync of the folder, journal."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(videos_of(CLIPS)) as simulator:
        yield simulator


@pytest.fixture
def world(tmp_path: Path, simulator: Simulator) -> World:
    return World(tmp_path, simulator, CLIPS)


def write_config(world: World, name: str = "config.yaml", **download: object) -> Path:
    return world.write_config(
        name, classes={"include": ["Dog"]}, clips={"per_class": None}, download=download
    )


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, simulator: Simulator
) -> list[dict[str, str]]:
    """The manifest of a run that nobody kills."""
    world = World(tmp_path_factory.mktemp("undisturbed"), simulator, CLIPS)
    config = write_config(world)
    assert world.download(config).returncode == 0
    return timeless_rows(world, config)


def die_in_run(config: Path, moment: str) -> None:
    """Have a run killed while it saves its third clip."""
    command = [sys.executable, KILLED, moment, "3", "download", config]
    killed = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_a_clip_is_saved(world: World, undisturbed: list, moment: str) -> None:
    config = write_config(world, workers=2)
    die_in_run(config, moment)
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert timeless_rows(world, config) == undisturbed
    assert world.wavs(config) == set(world.files(config))
    assert all(world.heard(config).values())
    assert leftovers(world.output(config)) == []


def test_a_file_that_no_row_speaks_of_is_not_left(tmp_path: Path) -> None:
    """Saved, but not noted yet when it was killed; and then the video is removed."""
    with Simulator(videos_of(CLIPS)) as simulator:
        world = World(tmp_path, simulator, CLIPS)
        config = write_config(world, workers=1)
        die_in_run(config, "before journal")
        assert len(world.wavs(config)) == 3
        simulator.refuse_all("removed")
        done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert world.wavs(config) == set(world.files(config))
    assert all(world.heard(config).values())


def test_killed_at_random_moments(tmp_path: Path) -> None:
    clips = make_clips([DOG], 32)
    with Simulator(videos_of(clips), rtt_s=0.05) as simulator:
        world = World(tmp_path, simulator, clips)
        whole, killed = (write_config(world, name) for name in ("whole.yaml", "killed.yaml"))
        assert world.download(whole).returncode == 0
        storm = kill_again_and_again(world, killed, num_kills=4, num_clips=len(clips))
    assert storm.last.returncode == 0, storm.last.stderr
    assert storm.num_kills == 4
    assert storm.invalid == []
    assert storm.num_opened >= len(clips)
    assert timeless_rows(world, killed) == timeless_rows(world, whole)
    assert world.wavs(killed) == set(world.files(killed))
    assert leftovers(world.output(killed)) == []
    assert storm.num_fetched_twice <= storm.num_kills * 4


def test_the_folder_of_a_killed_run_is_taken_over(world: World, undisturbed: list) -> None:
    config = write_config(world, throttle_wait_s=600)
    world.simulator.log.clear()
    world.simulator.refuse_all("http_429")
    with download_in_group(config) as first:
        wait_for(lambda: world.simulator.log.count(status=429))
        second = world.download(config)
        assert second.returncode == 6
        assert f"process {first.pid}" in second.stderr
        assert first.poll() is None, "the second run has harmed the first"
        kill_group(first)
    world.simulator.refuse_all(None)
    third = world.download(config)
    assert third.returncode == 0, third.stderr
    assert timeless_rows(world, config) == undisturbed
