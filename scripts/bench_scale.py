"""Measures the program with all of AudioSet: two million clips wanted, hundreds of thousands saved.

Folders of saved clips are made by the program's own writers: files of 20 kB (1,000 Hz), and for the
memory of a million of them names that lead to few files. Nothing is downloaded: the proxy that is
asked takes connections and never answers, which tells when the first request is made.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
import yaml
from bench_table import add_write_option, check_marks, make_table, write_between_marks

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav import encode_wav
from audioset_dl.catalog.files import FILES, SEGMENT_FILES
from audioset_dl.config import as_config
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.rows import Row, SavedFile
from audioset_dl.dataset.writing import list_saved
from audioset_dl.selection.select import Selection, prepare

Measured = TypeVar("Measured")
COMMAND = Path(sys.executable).with_name("audioset-dl")
NOW = "2026-11-26T00:00:00+00:00"
PLAIN_LOOP = """if True:
    import hashlib, os, sys
    from concurrent.futures import ProcessPoolExecutor

    def hash_all(paths):
        return [hashlib.sha256(open(path, "rb").read()).hexdigest() for path in paths]

    if __name__ == "__main__":
        found = [f"{root}/{name}" for root, _, names in os.walk(sys.argv[1]) for name in names]
        parts = [found[start:start + 500] for start in range(0, len(found), 500)]
        with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            print(sum(map(len, pool.map(hash_all, parts))))
"""
SPLIT_CLASSES = ["Animal", "Musical instrument", "Vehicle"]
LAUNCHER = """if True:
    import os, subprocess, sys, time
    began_at = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    print(time.monotonic() - began_at, used.ru_maxrss)
    sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command. What is started has the memory of who starts it as its least peak: so this is
small."""
ALL_CLIPS = 2_080_729
PER_CLASS = (500, 10_000, None)
"""With which some 0.2, 1 and 2 million clips are wanted."""


@dataclass(frozen=True)
class Run:
    """What one run of a command took."""

    seconds: float
    peak_bytes: float


@dataclass(frozen=True)
class Begun:
    """A download up to its first request, and its end after Ctrl-C."""

    first_request_s: float
    exit_s: float
    peak_bytes: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench scale", description=__doc__)
    parser.add_argument("--files", type=int, default=200_000, help="saved clips of 20 kB")
    parser.add_argument("--large-files", type=int, default=20_000, help="saved clips of 320 kB")
    parser.add_argument("--saved", type=int, nargs="*", default=[200_000, 1_000_000],
                        help="saved clips of which the memory is measured")  # fmt: skip
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--folder", type=Path, help="for all that is written (default: temporary)")
    parser.add_argument(
        "--metadata", type=Path, default=os.environ.get("AUDIOSET_METADATA"),
        help="folder with Google's files (default: the environment's AUDIOSET_METADATA)",
    )  # fmt: skip
    add_write_option(parser, "scale")
    options = parser.parse_args()
    check_marks(options.write, "scale")
    if options.metadata is None:
        sys.exit("name the folder with Google's files: --metadata, or AUDIOSET_METADATA")
    # A shell that starts this by & has it ignored, and so would have what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        table = Bench(Path(folder), options.metadata, options.runs).run(options)
    print(table)
    if options.write is not None:
        write_between_marks(options.write, "scale", table)


class Bench:
    """All measurements, in a folder of their own."""

    def __init__(self, folder: Path, metadata: Path, runs: int) -> None:
        self.folder = folder
        self.runs = runs
        self.rows: list[Sequence[str]] = []
        google = folder / "metadata"
        google.mkdir()
        for name in FILES:
            for path in metadata.glob(f"{FILES[name].file_name}*"):
                (google / path.name).symlink_to(path.resolve())

    def run(self, options: argparse.Namespace) -> str:
        """Measure all, and return a table."""
        self.measure_wanted()
        files = self.make("files", options.files, sample_rate=1000)
        self.measure_saved(files, options.files)
        self.measure_verify(files, f"{options.files:,} files of 20 kB")
        large = self.make("large", options.large_files, sample_rate=16_000)
        self.measure_verify(large, f"{options.large_files:,} files of 320 kB")
        self.measure_memory(options.saved)
        head = ["what", "time", "peak memory", "beside a plain loop"]
        cores = len(os.sched_getaffinity(0))
        return (
            f"{make_table(head, self.rows)}\n\n{date.today():%B %Y}; medians of {self.runs} runs; "
            f"{cores} cores; what is read is in the memory of the system already."
        )

    def note(self, what: str, found: Run, beside: str = "") -> None:
        self.rows.append([what, f"{found.seconds:.1f} s", megabytes(found.peak_bytes), beside])
        print(" | ".join(self.rows[-1]), file=sys.stderr, flush=True)

    def note_begun(self, what: str, begun: Begun) -> None:
        self.note(f"{what}: first request", Run(begun.first_request_s, begun.peak_bytes))
        self.note(f"{what}: Ctrl-C to exit", Run(begun.exit_s, begun.peak_bytes))

    def measure_wanted(self) -> None:
        config = self.write_config("wanted", sample_rate=1000)
        self.note(f"`plan` of {ALL_CLIPS:,} clips", self.median(lambda: run("plan", config)))
        self.note_begun("`download` of them", self.median_begun(config))
        size = OutputFolder(config.parent / "audioset").journal.stat().st_size
        self.rows.append(["journal before the first clip", "", f"{size / 1000:,.0f} kB", ""])

    def measure_saved(self, config: Path, number: int) -> None:
        self.note_begun(f"with {number:,} clips saved", self.median_begun(config))
        folder = config.parent / "audioset"
        compared = self.median(lambda: run("compare", folder, folder))
        self.note(f"`compare` of {number:,} rows with themselves", compared)
        choice = ["--set", f"classes.include={json.dumps(SPLIT_CLASSES)}"]
        choice += ["--set", "classes.leaf_only=true"]
        split = self.median(lambda: run("split", config, "--no-copies", *choice))
        made = json.loads((config.parent / "split" / "report.json").read_text())
        self.note(f"`split --no-copies` of {made['clips']:,} of them", split)

    def measure_verify(self, config: Path, files: str) -> None:
        wav = config.parent / "audioset" / "wav"
        verified, plain = [], []
        for _ in range(self.runs):
            plain.append(run_timed([sys.executable, "-c", PLAIN_LOOP, wav]))
            verified.append(run("verify", config))
        found, loop = (middle(runs, lambda one: one.seconds) for runs in (verified, plain))
        self.note(
            f"`verify` of {files}", found, f"{found.seconds / loop.seconds:.2f} times its time"
        )

    def measure_memory(self, numbers: Sequence[int]) -> None:
        least = self.median_begun(self.write_config("least", sample_rate=1000, per_class=1))
        for per_class in PER_CLASS:
            path = self.write_config(f"all{per_class}", sample_rate=1000, per_class=per_class)
            begun = self.median_begun(path)
            wanted = len(prepare(as_config(path)).selection.draw().start())
            self.note_memory("wanted", wanted, begun, least)
        for number in numbers:
            path = self.make(f"saved{number}", number, sample_rate=1000, by_links=True)
            with_saved = self.median_begun(path)
            self.note_memory("saved", number, with_saved, begun)

    def note_memory(self, state: str, number: int, begun: Begun, before: Begun) -> None:
        each = (begun.peak_bytes - before.peak_bytes) / number
        what = f"memory of a {state} clip, of {number:,}"
        self.rows.append([what, "", f"{each:.0f} bytes", ""])
        print(" | ".join(self.rows[-1]), file=sys.stderr, flush=True)

    def median(self, measure: Callable[[], Run]) -> Run:
        return middle([measure() for _ in range(self.runs)], lambda one: one.seconds)

    def median_begun(self, config: Path) -> Begun:
        return middle([begin(config) for _ in range(self.runs)], lambda one: one.first_request_s)

    def write_config(self, name: str, *, sample_rate: int, per_class: int | None = None) -> Path:
        path = self.folder / name / "config.yaml"
        path.parent.mkdir()
        document = {
            "metadata": {"dir": str(self.folder / "metadata"), "segments": list(SEGMENT_FILES)},
            "output": {"dir": "audioset"}, "audio": {"sample_rate": sample_rate},
            "clips": {"per_class": per_class}, "fewshot": {"dir": "split"},
        }  # fmt: skip
        path.write_text(yaml.safe_dump(document))
        return path

    def make(self, name: str, number: int, *, sample_rate: int, by_links: bool = False) -> Path:
        """Make a folder of saved clips, and return its config."""
        path = self.write_config(name, sample_rate=sample_rate)
        config = as_config(path)
        selection = prepare(config).selection
        output = OutputFolder(config.output.dir)
        rows = make_rows(selection, output, number, sample_rate, by_links=by_links)
        names = {node.mid: node.name for node in selection.catalog.ontology}
        with open_journal(output.journal) as journal:
            journal.put(rows)
            list_saved(journal, output, names)
        return path


def make_rows(
    selection: Selection, output: OutputFolder, number: int, sample_rate: int, *, by_links: bool
) -> Iterator[Row]:
    """Yield rows of saved clips, and write their files."""
    layout = Layout("class", selection.catalog.ontology, [node.mid for node in selection.classes])
    draw = selection.draw()
    rows = draw.start()[:number]
    noise = np.random.default_rng(0).integers(-9000, 9000, (10 * sample_rate, 1), dtype="int16")
    source = output.path / "same.wav"
    for place, row in enumerate(rows.tolist()):
        clip = selection.table.clip(row)
        name = layout.file_name(clip.clip_id, clip.labels)
        noise[:4, 0] = np.frombuffer(place.to_bytes(8, "little"), "<i2")
        path = output.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if by_links:
            if place % 60_000 == 0:  # ext4 gives a file no more than 65,000 names
                content = encode_wav(Samples(noise, sample_rate), "PCM_16")
                source = output.path / f"same{place}.wav"
                source.write_bytes(content)
            os.link(source, path)
        else:
            content = encode_wav(Samples(noise, sample_rate), "PCM_16")
            path.write_bytes(content)
        file = SavedFile(
            name, len(noise), sample_rate, 1, len(content), sha256(content).hexdigest(),
            "251 opus 128k", "ranged", 205_000, NOW, "original",
        )  # fmt: skip
        yield Row(clip, file=file, classes=draw.drawn_by(row), state="saved", updated_at=NOW)


def megabytes(num_bytes: float) -> str:
    return f"{num_bytes / 1e6:,.0f} MB"


def run(*arguments: str | Path) -> Run:
    return run_timed([COMMAND, *arguments])


def run_timed(command: Sequence[str | Path]) -> Run:
    """Run a command to its end; its peak memory is that of its own process alone."""
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}: {done.stderr}")
    seconds, kilobytes = done.stdout.split()
    return Run(float(seconds), 1024 * int(kilobytes))


def begin(config: Path) -> Begun:
    """Run a download until its first request, and end it by Ctrl-C some seconds later."""
    with silent_proxy() as (address, is_asked):
        began_at = time.monotonic()
        with subprocess.Popen(
            [COMMAND, "download", config, "-q", "--set", f'download.proxies=["{address}"]'],
            stderr=subprocess.PIPE,
        ) as process:
            while not is_asked.wait(0.01):
                if process.poll() is not None:
                    sys.exit(process.stderr.read().decode())
            first_request_s = time.monotonic() - began_at
            time.sleep(5)
            peak_bytes = peak_of(process.pid)
            asked_at = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait()
    return Begun(first_request_s, time.monotonic() - asked_at, peak_bytes)


@contextmanager
def silent_proxy() -> Iterator[tuple[str, threading.Event]]:
    """Yield the address of a proxy that never answers, and what is set when it is asked."""
    is_asked, connections = threading.Event(), []

    def take() -> None:
        while True:
            try:
                connections.append(server.accept())
            except OSError:
                return
            is_asked.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", is_asked


def peak_of(pid: int) -> float:
    """Return the peak memory of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def middle(found: Sequence[Measured], key: Callable[[Measured], float]) -> Measured:
    return sorted(found, key=key)[len(found) // 2]


if __name__ == "__main__":
    main()
