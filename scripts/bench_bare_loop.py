"""The bare loop that `scripts/bench peers` holds the program against.

The least that gets exact clips of a track as the simulator makes it (Opus in WebM, Cues before the
first cluster): yt-dlp in the process, two ranges of whole fragments, ffmpeg on a pipe. It keeps no
journal, tries nothing twice, checks nothing and paces nothing, so how near the program comes to it
says what all of that costs.

Usage: bench_bare_loop.py PROXY SEGMENTS_CSV OUTPUT_FOLDER WORKERS
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import threading
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imageio_ffmpeg
from yt_dlp import YoutubeDL
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking import Request

HEAD_BYTES = 16 << 10
PREROLL_S = 0.08
SAMPLE_RATE = 16_000
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()

_SEGMENT_HEAD = re.compile(rb"\x18\x53\x80\x67.{8}", re.DOTALL)
_NUMBER = rb"(?:\x81(.)|\x82(..)|\x83(...)|\x84(....))"
_CUE = re.compile(rb"\xbb.\xb3" + _NUMBER + rb"\xb7.\xf7\x81\x01\xf1" + _NUMBER, re.DOTALL)
"""CuePoint: CueTime in ms, then CueTrackPositions of track 1: CueClusterPosition."""


class BareLoop:
    """Fetches clips; one YoutubeDL a thread."""

    def __init__(self, proxy: str, output: Path) -> None:
        self._proxy = proxy
        self._output = output
        self._of_thread = threading.local()

    def fetch(self, row: list[str]) -> None:
        ytid, start_s, end_s = row[0], float(row[1]), float(row[2])
        ydl = self._ydl()
        info = ydl.extract_info(
            f"https://www.youtube.com/watch?v={ytid}", download=False, ie_key="Youtube"
        )
        head = read_range(ydl, info["url"], 0, HEAD_BYTES)
        header, first, end = choose_fragments(head, start_s - PREROLL_S, end_s)
        webm = header + read_range(ydl, info["url"], first, end)
        write_wav(self._output / f"Y{ytid}_{start_s * 1000:.0f}.wav", cut(webm, start_s, end_s))

    def _ydl(self) -> YoutubeDL:
        if not hasattr(self._of_thread, "ydl"):
            options = {"format": "bestaudio", "proxy": self._proxy, "nocheckcertificate": True,
                       "quiet": True, "no_warnings": True}  # fmt: skip
            self._of_thread.ydl = YoutubeDL(options, auto_init=False)
            self._of_thread.ydl.add_info_extractor(YoutubeIE())
        return self._of_thread.ydl


def read_range(ydl: YoutubeDL, url: str, first: int, end: int | None) -> bytes:
    asked = f"bytes={first}-{end - 1 if end else 1 << 40}"
    with ydl.urlopen(Request(url, headers={"Range": asked})) as answer:
        return answer.read()


def choose_fragments(head: bytes, since_s: float, until_s: float) -> tuple[bytes, int, int | None]:
    """Return the header, and of the clusters that hold a time the first byte and the end."""
    segment = _SEGMENT_HEAD.search(head).end()
    cues = [read_cue(match) for match in _CUE.finditer(head)]
    before = [segment + at for time_ms, at in cues if time_ms <= since_s * 1000]
    after = [segment + at for time_ms, at in cues if time_ms >= until_s * 1000]
    header = head[: segment + cues[0][1]]
    return header, max(before, default=len(header)), min(after, default=None)


def read_cue(match: re.Match[bytes]) -> tuple[int, int]:
    time_ms, position = (int.from_bytes(group, "big") for group in match.groups() if group)
    return time_ms, position


def cut(webm: bytes, start_s: float, end_s: float) -> bytes:
    trim = (
        f"atrim=start={start_s}:end={end_s},asetpts=PTS-STARTPTS,"
        f"aresample={SAMPLE_RATE}:resampler=soxr,"
        f"atrim=end_sample={round((end_s - start_s) * SAMPLE_RATE)}"
    )
    command = [FFMPEG, "-v", "error", "-nostdin", "-copyts", "-f", "matroska", "-i", "pipe:0",
               "-af", trim, "-ac", "1", "-f", "s16le", "pipe:1"]  # fmt: skip
    return subprocess.run(command, input=webm, stdout=subprocess.PIPE, check=True).stdout


def write_wav(path: Path, samples: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(samples)


def main() -> None:
    proxy, segments, output, workers = sys.argv[1:]
    with Path(segments).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if row[0][0] != "#"]
    Path(output).mkdir(parents=True, exist_ok=True)
    loop = BareLoop(proxy, Path(output))
    with ThreadPoolExecutor(int(workers)) as pool:
        for _ in pool.map(loop.fetch, rows):
            pass


if __name__ == "__main__":
    main()
