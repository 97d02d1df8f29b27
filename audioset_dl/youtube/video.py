"""One video: extracted, and its audio track fetched, by a long-lived YoutubeDL."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.networking import Request, Response

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.choice import Choice, Format, NoSound, choose_formats
from audioset_dl.youtube.gate import Gate
from audioset_dl.youtube.options import ExtractorArguments, forget_ffmpeg
from audioset_dl.youtube.session import Session, Stopped, status_of

LONGEST_WAIT_S = 60.0
"""Longest wait for a format that YouTube opens only at a certain time."""
SERVER_ERROR_WAIT_S = 0.5
"""Seconds after a status of 5xx before the same range is asked for again."""
CLOCK_SLACK_S = 1.0
"""Seconds by which the two clocks may differ in an extraction; more: one of them was set."""


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
    sound: str = ""
    """What is known of the track: see `audioset_dl.youtube.choice.Sound`."""
    others: tuple[Track, ...] = ()
    """Other formats of the same sound, in the order in which to try them."""

    @property
    def is_one_file(self) -> bool:
        """True if it is one file, of which ranges can be asked for."""
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
        self._session = Session(config, proxy=proxy, cookies=cookies)
        self._ydl = self._session.ydl
        self._ydl.add_info_extractor(YoutubeIE())
        forget_ffmpeg()
        self._arguments = ExtractorArguments(config)
        self._own_format = config.yt_dlp.get("format")
        self._ydl.add_progress_hook(lambda _progress: self._check_stop())
        self._stop = stop

    def enter(self, gate: Gate) -> None:
        """Send all that follows through a gate."""
        self._ydl.gate = gate

    def close(self) -> None:
        """Close the connections."""
        self._ydl.close()

    def extract(self, ytid: str, *, more_clients: bool = False, manifests: bool = False) -> Track:
        """Ask YouTube for a video and choose the track that holds its own sound.

        Manifests (HLS, DASH) are fetched only where nothing else holds it.

        Parameters
        ----------
        ytid : str
            The video.
        more_clients : bool
            Ask by one more of YouTube's clients than yt-dlp does.
        manifests : bool
            Fetch the manifests at once.

        Raises
        ------
        VideoFailed
            With why. ``no_audio`` and ``dubbed`` are told only where yt-dlp left out no format.
        """
        try:
            arguments = self._arguments.make(more_clients=more_clients, manifests=manifests)
            return self._extract(ytid, arguments)
        except VideoFailed as error:
            if manifests or not _may_be_in_manifest(error.failure):
                raise
        complete = self._arguments.make(more_clients=more_clients, manifests=True)
        return self._extract(ytid, complete)

    def _extract(self, ytid: str, arguments: Mapping[str, Any]) -> Track:
        clocks = Clocks()
        self._ydl.params["extractor_args"] = arguments
        with self._session.failures():
            found = self._ydl.extract_info(
                f"https://www.youtube.com/watch?v={ytid}",
                download=False,
                ie_key="Youtube",
                process=False,
            )
            check_video(ytid, found)
            info = self._ydl.process_ie_result(found, download=False)
            choices = self._choose(info.get("formats") or [])
        tracks = [_read_track(ytid, info, one, clocks) for one in choices]
        return replace(tracks[0], others=tuple(tracks[1:]))

    def _choose(self, formats: Sequence[Format]) -> list[Choice]:
        try:
            choices = choose_formats(formats, self._select if self._own_format else None)
        except NoSound as error:
            if self._session.left_out_formats:
                detail = f"{error.detail}; but yt-dlp left out some formats"
                raise VideoFailed(Failure("session", detail)) from error
            raise VideoFailed(Failure(error.code, error.detail)) from error
        if not choices:
            detail = f"no format of the video's own sound fits {self._own_format!r}"
            raise VideoFailed(Failure("format", detail))
        return choices

    def _select(self, formats: list[Format]) -> list[Format]:
        """Return what the user's own format selector chooses."""
        select = self._ydl.build_format_selector(self._own_format)
        context = {"formats": formats, "has_merged_format": False, "incomplete_formats": False}
        return list(select(context))

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


def _bad_answer(detail: str) -> VideoFailed:
    return VideoFailed(Failure("bad_answer", detail))


def _check_size(path: Path, expected: int | None) -> None:
    """Notice what yt-dlp's downloader does not: another range than was asked for, a web page."""
    size = path.stat().st_size
    if expected is not None and size != expected:
        detail = f"{size:,} bytes were got, the track has {expected:,}"
        raise VideoFailed(Failure("truncated", detail))


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


def check_video(ytid: str, found: Mapping[str, Any]) -> None:
    """Refuse what is not the video that was asked for, and what is not finished.

    Raises
    ------
    VideoFailed
        For a paid film without access yt-dlp returns its trailer, for an event with several
        cameras a playlist; a live event has no track yet that a clip could be cut from.
    """
    kind = found.get("_type", "video")
    if kind in ("url", "url_transparent"):
        raise VideoFailed(Failure("members", f"only another video is shown: {found.get('url')}"))
    if kind != "video":
        raise VideoFailed(Failure("live", f"YouTube answers with a {kind} of other videos"))
    if found.get("id") != ytid:
        raise VideoFailed(Failure("bad_answer", f"YouTube answers with {found.get('id')}"))
    if (status := found.get("live_status")) in ("is_live", "is_upcoming", "post_live"):
        raise VideoFailed(Failure("live", f"the video is not finished ({status})"))


def _may_be_in_manifest(failure: Failure) -> bool:
    """Tell whether a manifest may have what other formats lack."""
    if failure.code in ("no_audio", "dubbed", "format"):
        return True
    return failure.code == "session" and "formats" in failure.detail.lower()


def _read_track(ytid: str, video: dict[str, Any], choice: Choice, clocks: Clocks) -> Track:
    info = {**video, **choice.format}
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
        sound=choice.sound,
    )
