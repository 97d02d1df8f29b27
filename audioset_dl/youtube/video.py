"""One video: extracted, and its audio track fetched, by a long-lived YoutubeDL."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yt_dlp.networking import Request, Response

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.extraction import Extractor, Track
from audioset_dl.youtube.gate import Gate
from audioset_dl.youtube.options import forget_ffmpeg
from audioset_dl.youtube.session import Session, Stopped, status_of

SLACK_BYTES = 1 << 20
"""By how much a track may be larger than it is stated to be."""
MOST_BYTES_PER_S = 1_500_000
"""Bytes of a second of 1080p video with its sound: 12 Mbit/s (https://support.google.com/youtube/answer/2853702)."""
LONGEST_VIDEO_S = 12 * 3600
"""Length of the longest video that may be uploaded."""
SERVER_ERROR_WAIT_S = 0.5
"""Seconds after a status of 5xx before the same range is asked for again."""


class YoutubeClient:
    """Asks YouTube by one address. Long-lived, and for one thread.

    Making a ``YoutubeDL`` costs more than an extraction, and a living one keeps connections and
    the player's script.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    proxy : str or None
        The proxy of the address.
    cookies : str or None
        Text of a cookies.txt.
    stop : threading.Event
        When set, a download under way is given up.
    """

    def __init__(
        self,
        config: DownloadConfig,
        *,
        proxy: str | None,
        cookies: str | None,
        stop: threading.Event,
    ) -> None:
        self._session = Session(config, proxy=proxy, cookies=cookies)
        self._ydl = self._session.ydl
        forget_ffmpeg()
        self._extractor = Extractor(self._session, config)
        self._ydl.add_progress_hook(self._check_progress)
        self._most_bytes = 0
        """Of the track that is being fetched whole."""
        self._stop = stop

    def enter(self, gate: Gate) -> None:
        """Send all that follows through a gate."""
        self._ydl.gate = gate

    def close(self) -> None:
        """Close the connections."""
        self._ydl.close()

    def on_request(self, note: Callable[[Request], object]) -> None:
        """Have each request noted before it is made."""
        self._ydl.on_request = note

    @property
    def warnings(self) -> tuple[str, ...]:
        """What yt-dlp warned of, in the last extraction or request."""
        return self._session.warnings

    def extract(
        self,
        ytid: str,
        *,
        more_clients: bool = False,
        manifests: bool = False,
        only_clients: Sequence[str] = (),
    ) -> Track:
        """Ask YouTube for a video: see `Extractor.extract` and `Extractor.extract_by`."""
        if only_clients:
            return self._extractor.extract_by(ytid, only_clients)
        return self._extractor.extract(ytid, more_clients=more_clients, manifests=manifests)

    def download(self, track: Track, path: Path) -> None:
        """Fetch a whole track into a file, by yt-dlp's own downloader.

        Raises
        ------
        MediaRefused
            The media URL has expired or is refused: worth one new extraction.
        VideoFailed
            With why.
        """
        self._wait(track.opens_at - time.monotonic())
        self._most_bytes = _most_bytes(track)
        info = {**track.info, "available_at": None}  # or yt-dlp would wait by the wall clock
        with self._session.failures(of_media=True):
            done, _ = self._ydl.dl(str(path), info)
        if not done:
            raise VideoFailed(Failure("unknown", "yt-dlp did not finish the download"))
        _check_size(path, track.info.get("filesize"))

    def read_range(self, track: Track, first: int, end: int) -> Part:
        """Fetch some bytes of a track: never open-ended, and never trusted unchecked.

        Parameters
        ----------
        track : Track
            With `Track.is_one_file`.
        first, end : int
            The first byte, and the one after the last.

        Raises
        ------
        MediaRefused
            As for `download`.
        VideoFailed
            Also where the answer is not what was asked for.
        """
        self._wait(track.opens_at - time.monotonic())
        try:
            return self._read_range(track, first, end)
        except VideoFailed as error:
            if error.failure.code != "network" or (status_of(error.__cause__) or 0) < 500:
                raise
        # Mostly a passing fault of one server: cheaper than all that led here once more.
        self._wait(SERVER_ERROR_WAIT_S)
        return self._read_range(track, first, end)

    def _read_range(self, track: Track, first: int, end: int) -> Part:
        headers = {**track.info.get("http_headers", {}), "Accept-Encoding": "identity",
                   "Range": f"bytes={first}-{end - 1}"}  # fmt: skip
        with self._session.failures(of_media=True):
            with self._ydl.urlopen(Request(track.info["url"], headers=headers)) as answer:
                size = _check_answer(answer, first, end)
                data = answer.read(end - first + 1)
            self._check_stop()
        if len(data) != min(end, size) - first:
            raise _bad_answer(f"{len(data):,} bytes came of {min(end, size) - first:,}")
        return Part(data, size)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise Stopped

    def _check_progress(self, progress: Mapping[str, Any]) -> None:
        """Give up a track that is larger than it can be, and all when the run ends."""
        self._check_stop()
        num_bytes = progress.get("downloaded_bytes") or 0
        if num_bytes > self._most_bytes:
            raise _bad_answer(f"{num_bytes:,} bytes came, at most {self._most_bytes:,} can be")

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Stopped


@dataclass(frozen=True)
class Part:
    """Some bytes of a track."""

    data: bytes
    track_size: int
    """Of the whole track, in bytes."""


def _check_answer(answer: Response, first: int, end: int) -> int:
    """Return the size of the track that an answer is a part of, if it is what was asked for."""
    content_type = answer.headers.get("Content-Type", "")
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range", ""))
    if answer.status != 206 or found is None:
        raise _bad_answer(f"status {answer.status} without the range that was asked for")
    if content_type.startswith("text/"):
        raise _bad_answer(f"{content_type} came instead of media")
    start, last, size = map(int, found.groups())
    if (start, last) != (first, min(end, size) - 1):
        raise _bad_answer(f"bytes {start}-{last} came, {first}-{end - 1} were asked for")
    return size


def _most_bytes(track: Track) -> int:
    """Return how large a track can be: what is stated of it, or its length at a high bit rate."""
    stated = track.info.get("filesize")
    if stated:
        return int(stated * 1.05) + SLACK_BYTES
    return int((track.duration_s or LONGEST_VIDEO_S) * MOST_BYTES_PER_S) + SLACK_BYTES


def _bad_answer(detail: str) -> VideoFailed:
    return VideoFailed(Failure("bad_answer", detail))


def _check_size(path: Path, expected: int | None) -> None:
    """Notice what yt-dlp's downloader does not: another range than was asked for, a web page."""
    size = path.stat().st_size
    if expected is not None and size != expected:
        detail = f"{size:,} bytes were got, the track has {expected:,}"
        raise VideoFailed(Failure("truncated", detail))
