"""Builders that several test modules use."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from world import MakeWorld, World, videos_of

from audioset_dl.audio.ffmpeg import find_ffmpeg
from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.simulator import Simulator

# How long an example takes is the machine's affair: a busy one is no fault of the code.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


WHOLE_RUNS = {"make_world", "watched"}
"""Fixtures of tests in which a download runs against the simulator."""
STARTERS = {"download", "run_installed", "run_script", "subprocess"}
"""Names of which a test that starts a process uses one."""


def pytest_configure() -> None:
    """Heed all signals. What starts the tests may ignore some (a shell's `&` does with SIGINT), and
    each process that is started inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark with `e2e` what is in that folder, and what starts a process or a download elsewhere.

    A test that is slow for another reason (workers, yt-dlp against the simulator, minutes of audio
    through ffmpeg) carries the mark where it stands.
    """
    for item in items:
        is_whole = WHOLE_RUNS & set(item.fixturenames)
        starts_process = STARTERS & set(item.function.__code__.co_names)
        if "e2e" in item.path.parts or is_whole or starts_process:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def ffmpeg() -> Path:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Have a file made by the first who asks for it, also among the workers of pytest-xdist."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder of its own in that of all
        root = root.parent

    def make(name: str, write: Callable[[Path], object]) -> Path:
        path = root / name
        with path.with_name(f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                unfinished = path.with_name(f"unfinished-{name}")
                write(unfinished)
                unfinished.rename(path)
        return path

    return make


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make a world of some clips; ``changes`` holds fields of some videos by ytid."""
    with ExitStack() as stack:

        def make(clips: list[Clip], *, changes: dict | None = None, **simulator) -> World:
            videos = videos_of(clips, **(changes or {}))
            return World(tmp_path, stack.enter_context(Simulator(videos, **simulator)), clips)

        yield make


@pytest.fixture
def make_clip() -> Callable[..., Clip]:
    def make(ytid: str = "-a_cdefghi0", **changes) -> Clip:
        values = {
            "ytid": ytid, "start_s": 30.0, "end_s": 40.0, "labels": ("/m/0bt9lr",),
            "subset": "balanced_train", **changes,
        }  # fmt: skip
        return Clip(**values)

    return make


@pytest.fixture
def make_saved() -> Callable[..., SavedFile]:
    def make(file_name: str = "wav/dog/Y-a_cdefghi0_30000.wav", **changes) -> SavedFile:
        values = {
            "file_name": file_name, "num_samples": 160_000, "sample_rate": 16_000, "channels": 1,
            "num_bytes": 320_044, "sha256": "0" * 64, "source_format": "251 opus 128k",
            "method": "whole", "bytes_fetched": 4_000_000, "saved_at": "2026-11-22T12:00:00+00:00",
            **changes,
        }  # fmt: skip
        return SavedFile(**values)

    return make
