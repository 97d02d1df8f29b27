"""One video: extracted, and its audio track fetched, by a long-lived YoutubeDL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yt_dlp import YoutubeDL
from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking.exceptions import HTTPError, RequestError
from yt_dlp.utils import YoutubeDLError

from audioset_dl.config import DownloadConfig
from audioset_dl.youtube.failures import (
    ALL_CLASSES,
    TRUNCATED,
    UNKNOWN,
    Failure,
    VideoFailed,
    classify,
)
from audioset_dl.youtube.options import Notes, make_options

URL_EXPIRED = frozenset({403, 410})
"""What googlevideo.com answers to a media URL that has expired or is refused."""


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
    info: dict[str, Any]
    """yt-dlp's own record of the video and the chosen format."""


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
        options = make_options(config, proxy=proxy, cookies=cookies, notes=self._notes)
        self._ydl = YoutubeDL(options, auto_init=False)
        self._ydl.add_info_extractor(YoutubeIE())
        self._ydl.add_progress_hook(self._check_stop)
        self._stop = stop

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
        with self._told_as_failure():
            info = self._ydl.extract_info(
                f"https://www.youtube.com/watch?v={ytid}", download=False, ie_key="Youtube"
            )
        return _read_track(ytid, info)

    def download(self, track: Track, path: Path) -> None:
        """Fetch a whole track into a file, by yt-dlp's own downloader.

        Raises
        ------
        MediaRefused
            The media URL has expired or is refused: worth one new extraction.
        VideoFailed
            With why.
        """
        try:
            with self._told_as_failure():
                done, _ = self._ydl.dl(str(path), dict(track.info))
        except VideoFailed as error:
            if _status_of(error) in URL_EXPIRED:
                raise MediaRefused(error.failure) from error
            raise
        if not done:
            raise VideoFailed(Failure(UNKNOWN, "yt-dlp did not finish the download"))
        _check_size(path, track.info.get("filesize"))

    @contextmanager
    def _told_as_failure(self) -> Iterator[None]:
        self._notes.warnings.clear()
        try:
            yield
        except (YoutubeDLError, RequestError, OSError) as error:
            raise VideoFailed(classify(error, self._notes.warnings)) from error

    def _check_stop(self, _progress: dict[str, Any]) -> None:
        if self._stop.is_set():
            raise Stopped


class Stopped(Exception):
    """The run is being stopped; the clip under way is given up."""


class MediaRefused(VideoFailed):
    """The address of the media was refused or has expired."""

    def __init__(self, failure: Failure) -> None:
        detail = f"unable to download video data: {failure.detail}"
        super().__init__(Failure(ALL_CLASSES["session"], detail))


def _check_size(path: Path, expected: int | None) -> None:
    """Notice what yt-dlp's downloader does not: another range than was asked for, a web page."""
    size = path.stat().st_size
    if expected is not None and size != expected:
        detail = f"{size:,} bytes were got, the track has {expected:,}"
        raise VideoFailed(Failure(TRUNCATED, detail))


def _status_of(error: BaseException) -> int | None:
    cause = error.__cause__
    return cause.status if isinstance(cause, HTTPError) else None


def _read_track(ytid: str, info: dict[str, Any]) -> Track:
    codec = str(info.get("acodec") or "?").split(".")[0]
    bitrate = info.get("abr") or info.get("tbr")
    kbits = f"{bitrate:.0f}k" if bitrate else "?"
    return Track(
        ytid=ytid,
        duration_s=info.get("duration"),
        extension=str(info.get("ext")),
        description=f"{info.get('format_id')} {codec} {kbits}",
        info=info,
    )
