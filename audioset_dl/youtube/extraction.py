"""One extraction: what YouTube says of a video, and the track that holds its own sound."""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from yt_dlp.extractor.youtube import YoutubeIE
from yt_dlp.extractor.youtube._base import INNERTUBE_CLIENTS
from yt_dlp.utils import NO_DEFAULT

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import Failure, VideoFailed, show_words
from audioset_dl.youtube.choice import Choice, Format, NoSound, choose_formats, itag_of
from audioset_dl.youtube.options import ExtractorArguments
from audioset_dl.youtube.session import Session

LONGEST_WAIT_S = 60.0
"""Longest wait for a format that YouTube opens only at a certain time."""
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


class LeanIE(YoutubeIE):  # type: ignore[misc]  # yt-dlp has no types
    """yt-dlp's extractor, with two small questions answered in less time.

    They are asked dozens of times a video: a tenth of the processor's time of an extraction.
    """

    @classmethod
    def ie_key(cls) -> str:
        """Return the key of yt-dlp's own."""
        return str(YoutubeIE.ie_key())

    def _get_default_ytcfg(self, client: str = "web") -> Any:
        # What pickle loads, it wrote itself; yt-dlp's copy takes ten times as long.
        return pickle.loads(_pickled_client(client))  # noqa: S301

    def _configuration_arg(
        self,
        key: str,
        default: Any = NO_DEFAULT,
        *,
        ie_key: Any = None,
        casesense: bool = False,
    ) -> Any:
        name = ie_key if isinstance(ie_key, str) else (ie_key or self).ie_key()
        arguments = self._downloader.params.get("extractor_args") or {}
        values = (arguments.get(name.lower()) or {}).get(key)
        if values is None:
            return [] if default is NO_DEFAULT else default
        return list(values) if casesense else [value.lower() for value in values]


@cache
def _pickled_client(client: str) -> bytes:
    return pickle.dumps(INNERTUBE_CLIENTS[client])


class GuestIE(LeanIE):
    """The same for who has no cookies of an account.

    It asks itself some 15 times a video whether it is signed in, by matching all cookies: a ninth
    of the processor's time of an extraction.
    """

    is_authenticated = False


class Extractor:
    """Asks YouTube for videos by one session.

    Parameters
    ----------
    session : Session
        The ``YoutubeDL``.
    config : DownloadConfig
        ``yt_dlp`` may choose among the formats, and hold arguments of the extractor.
    """

    def __init__(self, session: Session, config: DownloadConfig) -> None:
        self._session = session
        session.ydl.add_info_extractor(LeanIE() if session.is_account else GuestIE())
        self._arguments = ExtractorArguments(config)
        self._own_format = config.yt_dlp.get("format")

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

    def extract_by(self, ytid: str, clients: Sequence[str]) -> Track:
        """Ask by some of YouTube's clients only, once."""
        arguments = self._arguments.make()
        arguments["youtube"]["player_client"] = list(clients)
        return self._extract(ytid, arguments)

    def _extract(self, ytid: str, arguments: Mapping[str, Any]) -> Track:
        clocks = Clocks()
        self._session.ydl.params["extractor_args"] = arguments
        with self._session.failures():
            found = self._session.ydl.extract_info(
                f"https://www.youtube.com/watch?v={ytid}",
                download=False,
                ie_key="Youtube",
                process=False,
            )
            check_video(ytid, found)
            info = self._session.ydl.process_ie_result(found, download=False)
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
        select = self._session.ydl.build_format_selector(self._own_format)
        context = {"formats": formats, "has_merged_format": False, "incomplete_formats": False}
        return list(select(context))


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


def _may_be_in_manifest(failure: Failure) -> bool:
    """Tell whether a manifest may have what other formats lack."""
    if failure.code in ("no_audio", "dubbed", "format"):
        return True
    return failure.code == "session" and "formats" in failure.detail.lower()


def _read_track(ytid: str, video: dict[str, Any], choice: Choice, clocks: Clocks) -> Track:
    # yt-dlp mixes what it knows of the video with the format that it chose itself.
    formats = video.get("formats") or ()
    of_formats = {key for one in formats for key in one}
    info = {**{k: v for k, v in video.items() if k not in of_formats}, **choice.format}
    codec = str(info.get("acodec") or "?").split(".")[0]
    bitrate = info.get("abr") or info.get("tbr")
    kbits = f"{bitrate:.0f}k" if bitrate else "?"
    return Track(
        ytid=ytid,
        duration_s=info.get("duration"),
        extension=str(info.get("ext")),
        description=show_words(f"{itag_of(choice.format)} {codec} {kbits}"),
        opens_at=clocks.to_monotonic(info.get("available_at") or 0),
        info=info,
        sound=choice.sound,
    )
