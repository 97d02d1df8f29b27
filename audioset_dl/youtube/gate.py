"""The gate through which all requests of one address go, until one of them is refused.

yt-dlp goes on after a refusal: after a page with status 429 it sends two more requests. Here the
first refusal ends the extraction, and those of the other workers at their next request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError

from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.classify import classify
from audioset_dl.youtube.deadline import MOST_BYTES, set_limits


class Gate:
    """Shared by all workers of an address until the address is refused; then there is a new one.

    Thread-safe: each attribute is set as a whole.

    Parameters
    ----------
    is_doubtful : bool
        True after a refusal of the address, until it is answered.
    """

    def __init__(self, *, is_doubtful: bool = False) -> None:
        self._refusal: Failure | None = None
        self.shuts_by_words = True
        """False if only a status shuts it, and words about the address do not."""
        self.is_doubtful = is_doubtful
        """True after a refusal that may be meant for the address, until there is an answer."""

    def check(self) -> None:
        """Raise `VideoFailed` with the refusal by which the gate was shut."""
        if self._refusal is not None:
            raise VideoFailed(replace(self._refusal, is_echo=True))

    def shut(self, failure: Failure) -> None:
        """Let no more requests through."""
        self._refusal = failure


class Gates:
    """The gates of all addresses that one process fetches by."""

    def __init__(self) -> None:
        self._gates: dict[Hashable, Gate] = {}
        self._lock = threading.Lock()

    def find(self, key: Hashable, *, is_doubtful: bool) -> Gate:
        """Return the gate of a key, the same one for each caller; make it if it is new."""
        with self._lock:
            return self._gates.setdefault(key, Gate(is_doubtful=is_doubtful))


class GatedYoutubeDL(YoutubeDL):  # type: ignore[misc]  # yt-dlp has no types
    """A YoutubeDL whose requests go through a gate."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options, auto_init=False)
        self.gate = Gate()
        self.on_request: Callable[[Request], object] = lambda _request: None
        """Told of each request, before it is made."""
        self._timeout_s: float = options["socket_timeout"]

    def urlopen(self, req: Request | str) -> Response:
        """Make one request.

        Raises
        ------
        VideoFailed
            The address is refused, or there is no connection at all. yt-dlp does not know this
            exception, so it ends the extraction.
        """
        self.gate.check()
        self.on_request(req if isinstance(req, Request) else Request(req))
        try:
            response = super().urlopen(req)
            # Of media, the reader asks for so many bytes and no more.
            is_media = urlsplit(response.url).path == "/videoplayback"
            return set_limits(response, self._timeout_s, None if is_media else MOST_BYTES)
        except HTTPError as error:
            if error.status == 429:
                raise self._refused(error) from error
            raise
        except TransportError as error:
            failure = classify(error)
            if failure.kind.is_outage:
                raise VideoFailed(failure) from error
            raise

    def _forceprint(self, key: str, info_dict: dict[str, Any]) -> dict[str, Any] | None:
        """Print nothing that nobody asked for.

        yt-dlp renders tables of all formats here, for templates of ``--print`` that are mostly not
        there: a fifth of the processor's time of an extraction.
        """
        if not (self.params["forceprint"].get(key) or self.params["print_to_file"].get(key)):
            return None
        printed: dict[str, Any] | None = super()._forceprint(key, info_dict)
        return printed

    def _refused(self, error: HTTPError) -> VideoFailed:
        retry_after_s = read_retry_after(error.response.headers.get("Retry-After"))
        failure = Failure("http_429", str(error), retry_after_s)
        self.gate.shut(failure)
        return VideoFailed(failure)


def read_retry_after(
    value: str | None, wall_clock: Callable[[], float] = time.time
) -> float | None:
    """Read a Retry-After header (RFC 9110 §10.2.3): seconds, or a date.

    Returns
    -------
    float or None
        Seconds from now on, at least 0; None where it says nothing that can be read.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - wall_clock())
    except (ValueError, TypeError, OverflowError):
        return None
