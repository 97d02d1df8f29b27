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
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.files import CLASS_FILES, SEGMENT_FILES, locate_file
from audioset_dl.demo import write_metadata

COMMAND = Path(sys.executable).with_name("audioset-dl")
DOG = "/m/0bt9lr"
TRACK_S = 240


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
    options = parser.parse_args()
    if options.what in (None, "download"):
        bench_download(options)
    if options.what in (None, "metadata"):
        bench_metadata(options.metadata)


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


def bench_metadata(folder: Path | None) -> None:
    if folder is None:
        print("metadata: not measured; name the folder with Google's files (--metadata)")
        return
    names = [name for name in SEGMENT_FILES if exists(folder, name)]
    for segments in (("balanced_train", "eval"), names):
        seconds, peak_mb, clips = run_metadata(folder, segments)
        print(f"metadata: {', '.join(segments)}: {clips:,} clips read, 142 classes ranked and "
              f"drawn in {seconds:.2f} s, peak {peak_mb:.0f} MB")  # fmt: skip


def exists(folder: Path, name: str) -> bool:
    return all(locate_file(folder, each) for each in (*CLASS_FILES, name))


def run_metadata(folder: Path, segments: Sequence[str]) -> tuple[float, float, int]:
    code = """if True:
        import json, resource, sys, time
        from pathlib import Path
        from audioset_dl.catalog.catalog import load_catalog
        from audioset_dl.config import ClassesConfig, ClipsConfig, Config
        from audioset_dl.selection.select import select
        started = time.monotonic()
        catalog = load_catalog(Path(sys.argv[1]), sys.argv[2:])
        classes = ClassesConfig(leaf_only=True, min_quality=0.8)
        selection = select(catalog, Config(classes=classes, clips=ClipsConfig(per_class=200)))
        for clip_id in selection.draw().start():
            selection.clip(clip_id)
        seconds = time.monotonic() - started
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps([seconds, peak_mb, len(catalog.segments)]))
    """
    done = subprocess.run(
        [sys.executable, "-c", code, folder, *segments], check=True, capture_output=True
    )
    seconds, peak_mb, clips = json.loads(done.stdout)
    return seconds, peak_mb, clips


if __name__ == "__main__":
    main()
