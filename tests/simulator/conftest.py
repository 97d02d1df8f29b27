"""What the simulator's tests share: decoding with ffmpeg, and yt-dlp as a user would run it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import yt_dlp
from yt_dlp.extractor.youtube import YoutubeIE

from audioset_dl.audio.ffmpeg import find_ffmpeg, run_ffmpeg
from audioset_dl.simulator import Simulator


class Listener:
    """What yt-dlp takes for a logger: keeps what was said."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        pass

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def error(self, message: str) -> None:
        pass


class Client:
    """The unmodified yt-dlp behind the simulator."""

    def __init__(self, simulator: Simulator, **options: Any) -> None:
        self.listener = Listener()
        self._ydl = yt_dlp.YoutubeDL(
            {
                "proxy": simulator.address,
                "nocheckcertificate": True,
                "quiet": True,
                "noprogress": True,
                "cachedir": False,
                "fixup": "never",
                "format": "bestaudio/best",
                "logger": self.listener,
                **options,
            },
            auto_init=False,
        )
        self._ydl.add_info_extractor(YoutubeIE())

    def extract(self, ytid: str, *, download: bool = False) -> dict[str, Any]:
        url = f"https://www.youtube.com/watch?v={ytid}"
        return self._ydl.extract_info(url, download=download)

    def close(self) -> None:
        self._ydl.close()


@pytest.fixture
def client() -> Iterator[Callable[..., Any]]:
    @contextmanager
    def make(simulator: Simulator, **options: Any) -> Iterator[Client]:
        made = Client(simulator, **options)
        try:
            yield made
        finally:
            made.close()

    yield make
    # yt-dlp drops the HTTP errors that it retries without closing them. They are collected here,
    # where the mark of the tests still ignores the ResourceWarning, and not in a later test.
    gc.collect()


@pytest.fixture
def decode() -> Callable[[bytes, int], np.ndarray]:
    """Return samples of a whole track at its own rate, shape (n, 2)."""

    def decode(track: bytes, itag: int) -> np.ndarray:
        demuxer = "mp4" if itag == 140 else "matroska"
        arguments = ["-f", demuxer, "-i", "pipe:0", "-f", "f32le", "pipe:1"]
        pcm = run_ffmpeg(find_ffmpeg(), arguments, stdin=track)
        return np.frombuffer(pcm, "<f4").reshape(-1, 2)

    return decode
