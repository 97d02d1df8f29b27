"""What YouTube does when it is asked for one video: requests, formats and ranges, as they come.

For the doctor, which compares it with what the program takes for true. Keeps nothing by which
anybody could be known: neither addresses nor cookies nor ids.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from yt_dlp.networking import Request

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.extraction import Track
from audioset_dl.youtube.video import YoutubeClient


@dataclass(frozen=True)
class Seen:
    """One request: what it was for."""

    kind: str
    """``page``, ``player``, ``script``, ``manifest``, ``media`` or ``other``."""
    client: str = ""
    """Of a player request: the innertube client."""


@dataclass
class Observed:
    """What one video showed."""

    requests: list[Seen] = field(default_factory=list)
    failure: Failure | None = None
    """Why it showed no more."""
    track: Track | None = None
    lacks_script: bool = False
    """True if yt-dlp could not run the player's script, which some URLs of media need."""

    @property
    def before_media(self) -> list[Seen]:
        """The requests that each clip costs before its media; the script is kept for the next."""
        return [one for one in self.requests if one.kind not in ("media", "script")]

    @property
    def url_parameters(self) -> dict[str, list[str]]:
        """Parameters of the URL of the media."""
        return parse_qs(urlsplit(self.track.info["url"]).query) if self.track else {}

    @property
    def lives_s(self) -> float | None:
        """Seconds until the URL of the media expires."""
        expire = self.url_parameters.get("expire")
        return int(expire[0]) - time.time() if expire and expire[0].isdigit() else None


class Observer:
    """Asks for videos as a download does, and notes each request.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    proxy : str or None
        The proxy of the address.
    most_requests : int
        All beyond these fail, and are not made.
    """

    def __init__(self, config: DownloadConfig, *, proxy: str | None, most_requests: int) -> None:
        self._most_requests = most_requests
        self._client = YoutubeClient(config, proxy=proxy, cookies=None, stop=threading.Event())
        self._client.on_request(self._note)
        self._now = Observed()
        self.num_requests = 0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def extract(self, ytid: str, *, clients: Sequence[str] = ()) -> Observed:
        """Ask for a video, by some of YouTube's clients or by those that a download asks."""
        self._now = Observed()
        try:
            self._now.track = self._client.extract(ytid, only_clients=clients)
        except VideoFailed as error:
            self._now.failure = error.failure
        self._now.lacks_script = any("challenge" in words for words in self._client.warnings)
        return self._now

    def read(self, observed: Observed, first: int, end: int) -> bytes | Failure:
        """Read a range of the media."""
        if observed.track is None:
            return observed.failure or Failure("unknown", "there is no track")
        try:
            return self._client.read_range(observed.track, first, end).data
        except VideoFailed as error:
            return error.failure

    def _note(self, request: Request) -> None:
        if self.num_requests >= self._most_requests:
            words = f"{self._most_requests} requests were made, and no more may be"
            raise VideoFailed(Failure("bad_answer", words))
        self.num_requests += 1
        self._now.requests.append(_describe(request))


def _describe(request: Request) -> Seen:
    parts = urlsplit(request.url)
    if parts.path == "/watch":
        return Seen("page")
    if parts.path.startswith("/youtubei/v1/player"):
        return Seen("player", _client_of(request.data))
    if parts.path.endswith(".js"):
        return Seen("script")
    if "/manifest/" in parts.path:
        return Seen("manifest")
    return Seen("media" if parts.path == "/videoplayback" else "other")


def _client_of(body: Any) -> str:
    try:
        return str(json.loads(body)["context"]["client"]["clientName"])
    except (ValueError, KeyError, TypeError):
        return "?"
