"""Worlds to injure and the runs in them: what `scripts/bench faults` is made of."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from world import COMMAND, DOG, World, clean_environment, make_ytid

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.status import count_clips
from audioset_dl.simulator import Simulator, Video

TRACK_S = 12.0
CLIP_S = 2.0
"""Of what is counted and not listened to: ten seconds would fill the disk for nothing."""
LONGEST_RUN_S = 1800.0
FATES = ("removed", "private", "terminated", "copyright", "geo", "unavailable")


@dataclass(frozen=True)
class Result:
    """How a download ended."""

    exit_code: int
    num_clips: int
    num_saved: int
    num_gone: int
    num_charged: int
    """Attempts that were charged to clips."""
    last_words: str

    @property
    def is_all(self) -> bool:
        return self.exit_code == 0 and self.num_saved + self.num_gone == self.num_clips

    def __str__(self) -> str:
        gone = f", {self.num_gone:,} gone" if self.num_gone else ""
        if self.is_all:
            return f"all {self.num_saved:,} got{gone}"
        ended = f"exit {self.exit_code} {self.last_words}".strip()
        return f"{self.num_saved:,} of {self.num_clips:,} got{gone} ({ended})"


@contextmanager
def make_world(
    number: int,
    clip_s: float = CLIP_S,
    *,
    gone_each: int | None = None,
    broken: Sequence[str] = (),
    endless: Sequence[str] = (),
    **simulator: object,
) -> Iterator[World]:
    clips = [
        Clip(make_ytid(n), start_s := 0.5 * (n % 4), start_s + clip_s, (DOG,), "made")
        for n in range(number)
    ]
    videos = [
        Video(clip.ytid, TRACK_S, behaviour=FATES[n // gone_each % len(FATES)])
        for n, clip in enumerate(clips)
        if gone_each and n % gone_each == 0
    ]
    broken_faults = [(*place, fault) for fault in broken for place in ((), ("",)) * 2]
    videos += [
        Video(clip.ytid, TRACK_S, faults=faults)
        for clip, faults in zip(clips[:: max(1, number // 60)], broken_faults, strict=False)
    ]
    videos += [
        Video(clip.ytid, TRACK_S, page_faults=(fault,) * 99)
        for clip, fault in zip(clips[3::7], endless, strict=False)
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(videos, default=Video("", TRACK_S), **simulator) as running,
    ):
        yield World(Path(folder), running, clips)


def write_config(
    world: World, options: argparse.Namespace, name: str = "config", **download: object
) -> Path:
    return world.write_config(
        f"{name}.yaml",
        classes={"include": ["Dog"]},
        clips={"per_class": None},
        download={"workers": options.workers, **download},
    )


def run(world: World, config: Path, longest_s: float = LONGEST_RUN_S) -> Result:
    """Run a download to its end, or kill it when it does not come to one."""
    with started(world, config) as process:
        wait_until(time.monotonic() + longest_s, process)
    return read_result(world, config, process)


@contextmanager
def started(
    world: World, config: Path, command: Sequence[str | Path] = (COMMAND,)
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a download beside the body, and no longer."""
    with (world.folder / "said").open("wb") as said:
        process = subprocess.Popen([*command, "download", config, "-q"], env=clean_environment(),
                                   stdout=said, stderr=said)  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def read_result(world: World, config: Path, process: subprocess.Popen[bytes]) -> Result:
    text = (world.folder / "said").read_text(errors="replace")
    said = [line for line in text.splitlines() if not line.startswith("Warning: ")]
    with read_journal(OutputFolder(world.output(config)).journal) as journal:
        records = list(journal.rows())
        counts = count_clips(journal)
    states = Counter(record.state for record in records)
    return Result(
        exit_code=process.returncode,
        num_clips=counts.wanted + counts.gone,
        num_saved=states["saved"],
        num_gone=states["gone"],
        num_charged=sum(record.attempts for record in records),
        last_words=" / ".join(said[-2:])[-160:],
    )


def wait_until(at: float, process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(at - time.monotonic())
    except subprocess.TimeoutExpired:
        return
