"""One video: extracted, and its audio track fetched, by a long-lived YoutubeDL."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError

from audioset_dl.config import DownloadConfig, find_secrets
from audioset_dl.outcomes import (
    ALL_CLASSES,
    BAD_ANSWER,
    NO_FORMAT,
    TRUNCATED,
    UNKNOWN,
    Failure,
    Scope,
    VideoFailed,
)
from audioset_dl.youtube.classify import classify, find_signed_out
from audioset_dl.youtube.gate import Gate, GatedYoutubeDL
from audioset_dl.youtube.options import Notes, make_options

URL_EXPIRED = frozenset({403, 410})
"""What googlevideo.com answers to a media URL that has expired or is refused."""
LONGEST_WAIT_S = 60.0
"""Longest wait for a format that can be fetched from a certain time on only."""
SERVER_ERROR_WAIT_S = 0.5
"""After a status of 5xx, before the same range is asked for once more."""
CLOCK_SLACK_S = 1.0
"""By how much the two clocks may differ in an extraction before one must have been set."""


@dataclass(frozen=True)
class Track:
    """The audio track of a video, as yt-dlp chose it."""

    ytid: str
    duration_s: float | None
    """As YouTube says, in whole seconds."""
    extension: str
    """Of the container: ``webm``, ``m4a``."""
    description: str
    """Itag, codec and bitrate in kbit/s: ``251 opus 128k``."""
    opens_at: float
    """From when on YouTube lets it be fetched, in seconds of the monotonic clock."""
    info: dict[str, Any]
    """yt-dlp's own record of the video and the chosen format."""

    @property
    def is_one_file(self) -> bool:
        """Whether it lies at one address, of which ranges can be asked for."""
        return self.info.get("protocol") in {"http", "https"} and "url" in self.info


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
        self._notes = Notes()
        self._hide = find_secrets(config, cookies).hide
        options = make_options(config, proxy=proxy, cookies=cookies, notes=self._notes)
        self._ydl = GatedYoutubeDL(options)
        self._ydl.add_info_extractor(YoutubeIE())
        self._ydl.add_progress_hook(self._check_stop)
        self._is_account = cookies is not None
        self._stop = stop
        self._has_own_format = "format" in config.yt_dlp

    def enter(self, gate: Gate) -> None:
        """Send all that follows through a gate."""
        self._ydl.gate = gate

    def close(self) -> None:
        """Close the connections."""
        self._ydl.close()

    def extract(self, ytid: str) -> Track:
        """Ask YouTube for a video and choose its best audio track.

        Raises
        ------
        VideoFailed
            With why.
        """
        clocks = Clocks()
        with self._told_as_failure():
            info = self._ydl.extract_info(
                f"https://www.youtube.com/watch?v={ytid}", download=False, ie_key="Youtube"
            )
        return _read_track(ytid, info, clocks)

    def download(self, track: Track, path: Path) -> None:
        """Fetch a whole track into a file, by yt-dlp's own downloader.

        Raises
        ------
        MediaRefused
            The media URL has expired or is refused: worth one new extraction.
        VideoFailed
            With why.
        """
        self._await_opening(track)
        info = {**track.info, "available_at": None}  # or yt-dlp would wait by the wall clock
        try:
            with self._told_as_failure():
                done, _ = self._ydl.dl(str(path), info)
        except VideoFailed as error:
            if _status_of(error) in URL_EXPIRED:
                raise MediaRefused(error.failure) from error
            raise
        if not done:
            raise VideoFailed(Failure(UNKNOWN, "yt-dlp did not finish the download"))
        _check_size(path, track.info.get("filesize"))

    def read_range(self, track: Track, first: int, end: int) -> Part:
        """Fetch some bytes of a track: never open-ended, and never believed unchecked.

        Parameters
        ----------
        track : Track
            With `Track.is_one_file`.
        first, end : int
            The first byte, and the one after the last.

        Raises
        ------
        MediaRefused
            The media URL has expired or is refused: worth one new extraction.
        VideoFailed
            With why: also where the answer is not what was asked for.
        """
        try:
            return self._read_range(track, first, end)
        except VideoFailed as error:
            if not _is_server_error(error):
                raise
        # Mostly a passing fault of one server: cheaper than all that led here once more.
        if self._stop.wait(SERVER_ERROR_WAIT_S):
            raise Stopped
        return self._read_range(track, first, end)

    def _read_range(self, track: Track, first: int, end: int) -> Part:
        self._await_opening(track)
        headers = {**track.info.get("http_headers", {}), "Accept-Encoding": "identity",
                   "Range": f"bytes={first}-{end - 1}"}  # fmt: skip
        try:
            with self._told_as_failure():
                answer = self._ydl.urlopen(Request(track.info["url"], headers=headers))
                with answer:
                    size = _check_answer(answer, first, end)
                    data = answer.read(end - first + 1)
        except VideoFailed as error:
            if _status_of(error) in URL_EXPIRED:
                raise MediaRefused(error.failure) from error
            raise
        if self._stop.is_set():
            raise Stopped
        if len(data) != min(end, size) - first:
            raise _bad_answer(f"{len(data):,} bytes came of {min(end, size) - first:,}")
        return Part(data, size)

    def _await_opening(self, track: Track) -> None:
        if self._stop.wait(max(0.0, track.opens_at - time.monotonic())):
            raise Stopped

    @contextmanager
    def _told_as_failure(self) -> Iterator[None]:
        self._notes.warnings.clear()
        try:
            yield
            if signed_out := self._signed_out():
                raise VideoFailed(signed_out)
        except Stopped:
            raise
        except VideoFailed as error:  # our own, or the gate's
            error.failure = self._without_secrets(error.failure)
            raise
        except Exception as error:  # yt-dlp lets all kinds out, also for its users' options
            found = self._signed_out() or classify(error, self._notes.warnings)
            failure = self._without_secrets(found)
            if failure.scope is Scope.ADDRESS and not failure.kind.is_vague:
                self._ydl.gate.shut(failure)
            if self._has_own_format and "format is not available" in failure.detail:
                failure = Failure(NO_FORMAT, f"{failure.detail} (download.yt_dlp.format)")
            raise VideoFailed(failure) from error

    def _signed_out(self) -> Failure | None:
        """Return what yt-dlp only warns of before it goes on as a guest."""
        return find_signed_out(self._notes.warnings) if self._is_account else None

    def _without_secrets(self, failure: Failure) -> Failure:
        return replace(failure, detail=self._hide(failure.detail))

    def _check_stop(self, _progress: dict[str, Any]) -> None:
        if self._stop.is_set():
            raise Stopped


@dataclass(frozen=True)
class Part:
    """Some bytes of a track."""

    data: bytes
    track_size: int
    """Of the whole track, in bytes."""


class Stopped(Exception):
    """The run is being stopped; the clip under way is given up."""


class MediaRefused(VideoFailed):
    """The address of the media was refused or has expired."""

    def __init__(self, failure: Failure) -> None:
        detail = f"unable to download video data: {failure.detail}"
        super().__init__(Failure(ALL_CLASSES["session"], detail))


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


def _bad_answer(detail: str) -> VideoFailed:
    return VideoFailed(Failure(BAD_ANSWER, detail))


def _check_size(path: Path, expected: int | None) -> None:
    """Notice what yt-dlp's downloader does not: another range than was asked for, a web page."""
    size = path.stat().st_size
    if expected is not None and size != expected:
        detail = f"{size:,} bytes were got, the track has {expected:,}"
        raise VideoFailed(Failure(TRUNCATED, detail))


def _is_server_error(error: VideoFailed) -> bool:
    return error.failure.code == "network" and (_status_of(error) or 0) >= 500


def _status_of(error: BaseException) -> int | None:
    cause = error.__cause__
    if isinstance(cause, HTTPError):
        return int(cause.status)
    # Of a fragment (HLS) that was refused, yt-dlp's downloader tells in words only.
    found = re.search(r"HTTP Error (\d{3})", str(cause))
    return int(found[1]) if found else None


class Clocks:
    """The wall clock and the monotonic clock at one moment."""

    def __init__(self) -> None:
        self._wall, self._monotonic = time.time(), time.monotonic()

    def to_monotonic(self, wall: float) -> float:
        """Return a time of the near future on the monotonic clock.

        It is now, at the earliest, or where the wall clock was set since and so tells nothing.
        """
        now = Clocks()
        elapsed_s = now._monotonic - self._monotonic
        if abs(now._wall - self._wall - elapsed_s) > CLOCK_SLACK_S:
            return now._monotonic
        return now._monotonic + min(max(0.0, wall - now._wall), LONGEST_WAIT_S)


def _read_track(ytid: str, info: dict[str, Any], clocks: Clocks) -> Track:
    codec = str(info.get("acodec") or "?").split(".")[0]
    bitrate = info.get("abr") or info.get("tbr")
    kbits = f"{bitrate:.0f}k" if bitrate else "?"
    return Track(
        ytid=ytid,
        duration_s=info.get("duration"),
        extension=str(info.get("ext")),
        description=f"{info.get('format_id')} {codec} {kbits}",
        opens_at=clocks.to_monotonic(info.get("available_at") or 0),
        info=info,
    )
