"""Measures the program against the simulator, and the reading of the metadata.

Numbers of a shared machine are noisy: compare the rows of one run, not two runs. Beside other
programs it is measured by `scripts/bench peers`, and injured by `scripts/bench faults`; both have
options of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import yaml
from bench_table import add_write_option, check_marks, make_table, write_between_marks

from audioset_dl.catalog.cache import FOLDER_NAME
from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.files import FILES, SEGMENT_FILES
from audioset_dl.simulator.demo import write_metadata

COMMAND = Path(sys.executable).with_name("audioset-dl")
DOG = "/m/0bt9lr"
TRACK_S = 240
STARTS = 5
TIMES = ("all_s", "cpu_s", "import_s", "prepare_s", "draw_s")
CHOICES = ('{"leaf_only": true, "min_quality": 0.8}', "{}")
START = """if True:
    import json, resource, sys, time
    began = time.monotonic()
    from pathlib import Path
    from audioset_dl.config import ClassesConfig, ClipsConfig, Config, MetadataConfig
    from audioset_dl.selection.select import prepare
    imported = time.monotonic()
    metadata = MetadataConfig(dir=Path(sys.argv[1]), segments=tuple(sys.argv[3:]))
    classes = ClassesConfig(**json.loads(sys.argv[2]))
    clips = ClipsConfig(per_class=200)
    selection = prepare(Config(metadata=metadata, classes=classes, clips=clips)).selection
    prepared = time.monotonic()
    drawn = selection.draw().start()
    print(json.dumps({
        "import_s": imported - began, "prepare_s": prepared - imported,
        "draw_s": time.monotonic() - prepared, "clips": len(selection.catalog.segments),
        "classes": len(selection.classes), "drawn": len(drawn),
        "cpu_s": time.process_time(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }))
"""
"""A start of the program up to where the first request would be made, with 200 clips a class."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["download", "metadata"])
    parser.add_argument("--clips", type=int, default=48, help="clips a run (default 48)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--rtt-ms", type=float, default=30)
    parser.add_argument("--bytes-per-s", type=float, default=1.5e6, help="of each connection")
    parser.add_argument(
        "--metadata", type=Path, default=os.environ.get("AUDIOSET_METADATA"),
        help="folder with Google's files (default: the environment's AUDIOSET_METADATA)",
    )  # fmt: skip
    add_write_option(parser, "metadata")
    options = parser.parse_args()
    check_marks(options.write, "metadata")
    if options.what in (None, "download"):
        bench_download(options)
    if options.what in (None, "metadata"):
        bench_metadata(options.metadata, options.write)


def bench_download(options: argparse.Namespace) -> None:
    print(
        f"{options.clips} clips of {TRACK_S}-second tracks, {options.rtt_ms:g} ms a round trip, "
        f"{options.bytes_per_s / 1e6:g} MB/s a connection"
    )
    print(f"{'workers':>8}{'clips/s':>9}{'ratio':>7}{'CPU s/clip':>12}{'requests':>10}"
          f"{'media kB':>10}{'peak MB':>9}   (a clip)")  # fmt: skip
    first = None
    for workers in options.workers:
        with tempfile.TemporaryDirectory() as folder:
            row = run_download(Path(folder), workers, options)
        first = first or row["rate"]
        print(
            f"{workers:>8}{row['rate']:>9.2f}{row['rate'] / first:>7.2f}{row['cpu_s']:>12.3f}"
            f"{row['requests']:>10.2f}{row['media_kb']:>10.0f}{row['peak_mb']:>9.0f}",
            flush=True,
        )


def run_download(folder: Path, workers: int, options: argparse.Namespace) -> dict[str, float]:
    number = options.clips
    clips = [Clip(f"bench{n:06d}", 110.0, 120.0, (DOG,), "made_up") for n in range(number)]
    write_metadata(folder / "metadata", clips)
    with simulated_youtube(folder, options) as address:
        config = write_config(folder, workers, address)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        subprocess.run([COMMAND, "download", config, "-q"], check=True, capture_output=True)
        seconds = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    log = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return {
        "rate": number / seconds,
        "cpu_s": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / number,
        "requests": len(log) / number,
        "media_kb": sum(r["bytes_sent"] for r in log if r["kind"] == "media") / number / 1000,
        "peak_mb": after.ru_maxrss / 1000,
    }


@contextmanager
def simulated_youtube(folder: Path, options: argparse.Namespace, *more: str) -> Iterator[str]:
    """Run the simulator in a process of its own: its work is not the program's."""
    command = [sys.executable, "-m", "audioset_dl.simulator", "--default-duration", str(TRACK_S),
               "--rtt-ms", str(options.rtt_ms), "--bytes-per-s", str(options.bytes_per_s),
               "--log", str(folder / "log"), *more]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def write_config(folder: Path, workers: int, address: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({
        "metadata": {"segments": ["metadata/made_up_segments.csv"]},
        "classes": {"include": ["Dog"], "descendants": False},
        "clips": {"per_class": None},
        "download": {"workers": workers, "delay_s": 0, "max_per_hour": None,
                     "proxies": [address], "verify_tls": False},
    }))  # fmt: skip
    return path


def bench_metadata(folder: Path | None, write: Path | None) -> None:
    if folder is None:
        print("metadata: not measured; name the folder with Google's files (--metadata)")
        return
    segments = [name for name in SEGMENT_FILES if (folder / FILES[name].file_name).exists()
                or (folder / f"{FILES[name].file_name}.gz").exists()]  # fmt: skip
    rows = [row for choice in CHOICES for row in measure_starts(folder, segments, choice)]
    head = ("", "start", "s", "CPU s", "s of imports", "files", "draw", "peak MB")
    table = make_table(head, rows, align="llrrrrrr")
    note = (
        f"{date.today():%B %Y}; medians of {STARTS} starts of a process each, the start of Python "
        f"included; 200 clips a class of {', '.join(segments)}; {os.cpu_count()} cores."
    )
    print(table, note, sep="\n\n")
    if write:
        write_between_marks(write, "metadata", f"{table}\n\n{note}")


def measure_starts(folder: Path, segments: Sequence[str], choice: str) -> Iterator[list[str]]:
    """Start on links to the files, with nothing in the cache and then with all."""
    with tempfile.TemporaryDirectory() as linked:
        for path in folder.iterdir():
            if path.is_file():
                Path(linked, path.name).symlink_to(path.resolve())
        cold = [run_start(Path(linked), segments, choice, is_cold=True) for _ in range(STARTS)]
        warm = [run_start(Path(linked), segments, choice) for _ in range(STARTS)]
    for start, runs in (("first", cold), ("second", warm)):
        middle = sorted(runs, key=lambda run: run["all_s"])[STARTS // 2]
        words = f"{middle['clips']:,} clips, {middle['classes']} classes, {middle['drawn']:,} drawn"
        times = [f"{middle[name]:.2f}" for name in TIMES]
        yield [words, start, *times, f"{max(run['peak_mb'] for run in runs):.0f}"]


def run_start(
    folder: Path, segments: Sequence[str], choice: str, *, is_cold: bool = False
) -> dict[str, float]:
    if is_cold:
        shutil.rmtree(folder / FOLDER_NAME, ignore_errors=True)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", START, folder, choice, *segments], check=True, capture_output=True
    )
    return {**json.loads(done.stdout), "all_s": time.monotonic() - started}


if __name__ == "__main__":
    main()
