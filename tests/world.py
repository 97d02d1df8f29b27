"""A small world for end-to-end tests: metadata, a simulated YouTube, and the installed command."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import soundfile
import yaml
from forked import run_forked

from audioset_dl import cli
from audioset_dl.catalog.clips import Clip
from audioset_dl.simulator import Simulator, Video, sounds_right

COMMAND = Path(sys.executable).with_name("audioset-dl")
DATA = Path(__file__).parent / "data"
DOG, BARK, CAT, GLOCKENSPIEL = "/m/0bt9lr", "/m/05tny_", "/m/01yrx", "/m/0dwtp"

PATIENCE_S = 300
"""Longest wait for another process. So long that only a defect reaches it: on a busy machine all
takes its time, and no test may fail for that."""
_LOOK_EVERY_S = 0.005


def run_installed(
    *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run audioset-dl in a process of its own, without an ffmpeg on its PATH."""
    return run_forked(
        list(map(str, arguments)), environment=clean_environment(), cwd=cwd, timeout_s=PATIENCE_S
    )


def run_script(*arguments: str | Path, **kwargs) -> subprocess.CompletedProcess[str]:
    """Do the same with the script that pip installed, which pays for its imports."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=clean_environment(),
        check=False,
        **kwargs,
    )


def run_command(
    *arguments: str | Path, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Do what `run_installed` does within this process, which has paid for the imports.

    For commands that neither start workers nor listen to signals.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.dict(os.environ, {**clean_environment(), "COLUMNS": "80"}, clear=True),
        mock.patch.object(sys, "argv", ["audioset-dl", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
        chdir(cwd or Path.cwd()),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code
    texts = (stream.buffer.getvalue().decode().replace("\r\n", "\n") for stream in (out, err))
    return subprocess.CompletedProcess(arguments, code, *texts)


class Process(subprocess.Popen):
    """A process that its block does not wait for: when a test fails in it, there is no end."""

    def __exit__(self, *raised: object) -> None:
        self.kill()
        super().__exit__(*raised)


def wait_for(condition: Callable[[], object], process: subprocess.Popen | None = None) -> None:
    """Wait until something has come to pass; fail early if the process that brings it has died."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        has_died = process is not None and process.poll() is not None
        assert not has_died or condition(), f"the process died with {process.returncode}"
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(_LOOK_EVERY_S)


def clean_environment() -> dict[str, str]:
    keep = {key: os.environ[key] for key in ("HOME", "TMPDIR", "LANG") if key in os.environ}
    return {**keep, "PATH": str(COMMAND.parent)}


def make_ytid(number: int) -> str:
    """Return an id that begins with - or holds _ now and then, as real ones do."""
    return f"{'-_v'[number % 3]}{'_-w'[number % 4 % 3]}{number:09d}"


def make_clips(mids: Sequence[str], number: int, *, first: int = 0) -> list[Clip]:
    """Return clips that carry all of some labels, at starts of all kinds."""
    starts_s = (0.0, 30.0, 12.345, 0.5)
    return [
        Clip(make_ytid(n), starts_s[n % 4], starts_s[n % 4] + 10, tuple(mids), "made")
        for n in range(first, first + number)
    ]


def write_segments(path: Path, clips: Iterable[Clip]) -> None:
    rows = [
        f'{clip.ytid}, {clip.start_s:.3f}, {clip.end_s:.3f}, "{",".join(clip.labels)}"\n'
        for clip in clips
    ]
    path.write_text("# YTID, start_seconds, end_seconds, positive_labels\n" + "".join(rows))


class World:
    """A folder with metadata and configs, and the simulator that its runs talk to."""

    def __init__(self, folder: Path, simulator: Simulator, clips: Sequence[Clip]) -> None:
        self.folder = folder
        self.simulator = simulator
        self.clips = {clip.clip_id: clip for clip in clips}
        self.metadata = folder / "metadata"
        self.metadata.mkdir()
        for name in ("ontology.json", "qa_true_counts.csv", "class_labels_indices.csv"):
            shutil.copy(DATA / name, self.metadata)
        self.segments = folder / "clips.csv"
        write_segments(self.segments, clips)

    def write_config(self, name: str = "config.yaml", **sections: object) -> Path:
        """Write a config; ``sections`` go over its defaults for tests."""
        values: dict[str, dict[str, object]] = {
            "metadata": {"segments": [str(self.segments)]},
            "classes": {"include": ["Dog", "Cat", "Glockenspiel"], "descendants": False},
            "clips": {"per_class": 3},
            "download": {
                "delay_s": 0, "max_per_hour": None, "workers": 4, "throttle_wait_s": 0.3,
                "proxies": [self.simulator.address], "verify_tls": False,
            },
            "output": {"dir": name.removesuffix(".yaml")},
        }  # fmt: skip
        for section, changes in sections.items():
            if isinstance(changes, Mapping):
                values[section] = {**values.get(section, {}), **changes}
            else:
                values[section] = changes
        path = self.folder / name
        path.write_text(yaml.safe_dump(values, allow_unicode=True))
        return path

    def download(self, config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_installed("download", config, *arguments)

    def output(self, config: Path) -> Path:
        return self.folder / config.stem

    def rows(self, config: Path, table: str = "manifest.csv") -> list[dict[str, str]]:
        text = (self.output(config) / table).read_text("utf-8")
        return list(csv.DictReader(text.splitlines()))

    def files(self, config: Path) -> dict[str, str]:
        """Return the SHA-256 of each file in the manifest by its name."""
        return {row["file_name"]: row["sha256"] for row in self.rows(config)}

    def wavs(self, config: Path) -> set[str]:
        root = self.output(config)
        return {path.relative_to(root).as_posix() for path in root.rglob("*.wav")}

    def status(self, config: Path) -> dict[str, object]:
        return json.loads(run_command("status", config, "--json").stdout)

    def heard(self, config: Path) -> dict[str, bool]:
        """Listen to each file: is it the right piece of the right video?"""
        return {
            row["clip_id"]: self._is_right(self.output(config) / row["file_name"], row)
            for row in self.rows(config)
        }

    @staticmethod
    def _is_right(path: Path, row: Mapping[str, str]) -> bool:
        samples, sample_rate = soundfile.read(path)
        expected = round((float(row["end_s"]) - float(row["start_s"])) * sample_rate)
        return len(samples) == expected and sounds_right(
            samples, sample_rate, row["ytid"], float(row["start_s"])
        )


MakeWorld = Callable[..., World]
"""The fixture ``make_world``: takes clips, fields of their videos, options of the simulator."""


def videos_of(clips: Iterable[Clip], **changes: Mapping[str, object]) -> list[Video]:
    """Return a video for each clip, in turns with both formats, AAC only, and ending with the clip.

    ``changes`` holds fields of some videos by ytid.
    """
    return [
        Video(
            clip.ytid,
            **{
                "duration_s": clip.end_s + (0, 20.5)[number % 2],
                "itags": ((251, 140), (140,))[number // 2 % 2],
                **changes.get(clip.ytid, {}),
            },
        )
        for number, clip in enumerate(clips)
    ]
