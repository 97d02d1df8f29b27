"""Injuries for end-to-end tests and `scripts/bench faults`: runs that are killed, and a watcher."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile
from world import COMMAND, World, clean_environment, wait_for

LONGEST_STARTUP_S = 1.5
"""Within this time of its start a run is killed where it need not save anything before."""
LONGEST_DELAY_S = 0.1
"""And else within this time of having saved so much."""
_LOOK_EVERY_S = 0.005


class Watcher:
    """Opens each WAV file that has its final name, as soon as it is there and when it changes.

    Parameters
    ----------
    folder : Path
        Of the output; need not be there yet.
    num_samples : int
        What each file must hold.
    """

    def __init__(self, folder: Path, num_samples: int) -> None:
        self.folder = folder
        self.num_opened = 0
        self.invalid: list[str] = []
        self.times: list[float] = []
        """When each was first seen, on the monotonic clock."""
        self._num_samples = num_samples
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    @property
    def num_seen(self) -> int:
        """How many different files there were so far."""
        return len(self._seen)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for path in final_files(self.folder):
            try:
                found = os.stat(path)  # noqa: PTH116 - thousands of times a second
                mark = (found.st_ino, found.st_size, found.st_mtime_ns)
                if self._seen.get(path) != mark:
                    self._open(path)
                    if path not in self._seen:
                        self.times.append(time.monotonic())
                    self._seen[path] = mark
            except FileNotFoundError:
                continue  # it was removed or moved meanwhile

    def _open(self, path: str) -> None:
        self.num_opened += 1
        with open(path, "rb") as file:  # noqa: PTH123 - likewise
            try:
                found = len(soundfile.read(file)[0])
            except soundfile.LibsndfileError as error:
                self.invalid.append(f"{path}: {error}")
                return
        if found != self._num_samples:
            self.invalid.append(f"{path}: {found} samples")


def final_files(folder: Path) -> Iterator[str]:
    """Yield the WAV files that are not hidden, as fast as may be."""
    for parent, _, names in os.walk(folder / "wav"):
        for name in names:
            if name.endswith(".wav") and not name.startswith("."):
                yield f"{parent}/{name}"


@dataclass(frozen=True)
class KillStorm:
    """What became of a job that was killed again and again."""

    num_kills: int
    num_fetched_twice: int
    """Videos that were asked for more than once, each as often as it was too much."""
    num_opened: int
    """How often the watcher opened a file."""
    invalid: list[str]
    """What the watcher found wrong."""
    last: subprocess.CompletedProcess[str]
    """The run after the last kill, left alone."""


def kill_again_and_again(
    world: World, config: Path, *, num_kills: int, num_clips: int, seed: int = 0
) -> KillStorm:
    """Kill a download and its children at random moments, start it again each time, and finish it.

    Parameters
    ----------
    num_kills : int
        At most; fewer where the job is done earlier.
    num_clips : int
        Of the whole job, over which the kills are spread.
    seed : int
        Of the moments.
    """
    world.simulator.log.clear()
    chance = random.Random(seed)
    places = sorted(chance.choices(range(num_clips * 9 // 10), k=num_kills))
    kills = 0
    with Watcher(world.output(config), 160_000) as watcher:
        for place in places:
            kills += _kill_at(config, watcher, place, chance)
        last = world.download(config)
    return KillStorm(kills, num_too_many(world), watcher.num_opened, watcher.invalid, last)


def _kill_at(config: Path, watcher: Watcher, num_files: int, chance: random.Random) -> bool:
    """Start a run and kill it once there are so many files; tell whether it was still alive."""
    longest_s = LONGEST_DELAY_S if watcher.num_seen < num_files else LONGEST_STARTUP_S
    with download_in_group(config) as process:
        wait_for(lambda: watcher.num_seen >= num_files or process.poll() is not None)
        try:
            process.wait(chance.uniform(0, longest_s))
        except subprocess.TimeoutExpired:
            kill_group(process)
            return True
        return False


@contextmanager
def download_in_group(config: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a download in a process group of its own; what is left of it at the end is killed."""
    process = subprocess.Popen(
        [COMMAND, "download", config, *arguments],
        start_new_session=True, env=clean_environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def num_too_many(world: World) -> int:
    """Return how many pages were asked for more than once a video."""
    pages = Counter(request.ytid for request in world.simulator.log.select(kind="page"))
    return pages.total() - len(pages)


def timeless_rows(world: World, config: Path) -> list[dict[str, str]]:
    """Return the manifest without the times of day."""
    return [{**row, "saved_at": ""} for row in world.rows(config)]


def leftovers(output: Path) -> list[str]:
    """Return what a run that is over must not leave: temporary files, and files nobody knows."""
    found = [path for path in output.rglob("*") if path.name.endswith(".tmp")]
    return [str(path) for path in (*found, *output.glob(".fetching"), *output.glob(".lock-*"))]
