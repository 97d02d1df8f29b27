"""The record of what was asked of the simulator: the requests and bytes that a clip costs.

Owns the record; holds no secrets: no query, no value of a cookie, no header but the range.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from typing import TextIO


@dataclass(frozen=True)
class Request:
    """One request and how it was answered."""

    time_s: float
    """When it came, on the monotonic clock."""
    kind: str
    """page, player, script, embed, next, manifest, media, metadata or other."""
    method: str
    host: str
    path: str
    """Without the query."""
    ytid: str = ""
    """The video that it was about, if any."""
    client: str = ""
    """The innertube client that asked the player API, e.g. ``VISIONOS``."""
    range: str = ""
    """The Range header (or ``range`` parameter) as it came."""
    status: int = 0
    fault: str = ""
    """The fault that this request met, if any."""
    bytes_sent: int = 0
    """Bytes of the body; while it is being sent, all that it will be."""
    cookie_names: tuple[str, ...] = ()
    """Names of the cookies of the request; yt-dlp sends a guest's preferences as cookies too."""
    is_signed_in: bool = False
    """True for an account's request, whether its session is valid or not."""


class RequestLog:
    """All requests since the start or the last :meth:`clear`, in the order they came. Thread-safe.

    A request is in it before the first byte of the answer is sent, so whoever has the answer finds
    the request here.

    Parameters
    ----------
    file : text stream, optional
        To which each request is written as a line of JSON once it is answered.
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._requests: dict[int, Request] = {}
        self._next_ticket = 0

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was asked, oldest first."""
        with self._lock:
            return tuple(self._requests.values())

    def select(
        self, *, kind: str | None = None, ytid: str | None = None, status: int | None = None
    ) -> tuple[Request, ...]:
        """Return the requests of one kind, about one video, or answered in one way."""
        return tuple(
            request
            for request in self.requests
            if kind in (None, request.kind)
            and ytid in (None, request.ytid)
            and status in (None, request.status)
        )

    def count(
        self, *, kind: str | None = None, ytid: str | None = None, status: int | None = None
    ) -> int:
        """Return the number of such requests; arguments as for :meth:`select`."""
        return len(self.select(kind=kind, ytid=ytid, status=status))

    def media_bytes(self, ytid: str | None = None) -> int:
        """Return how many bytes of media were sent, of one video or of all."""
        return sum(request.bytes_sent for request in self.select(kind="media", ytid=ytid))

    def clear(self) -> None:
        """Forget all requests; those under way are forgotten too."""
        with self._lock:
            self._requests.clear()

    def begin(self, request: Request) -> int:
        """Note a request that is about to be answered; the ticket is for :meth:`end`."""
        with self._lock:
            ticket = self._next_ticket
            self._next_ticket += 1
            self._requests[ticket] = request
            return ticket

    def end(self, ticket: int, bytes_sent: int) -> None:
        """Note how much of the answer was sent."""
        with self._lock:
            begun = self._requests.get(ticket)
            if begun is None:
                return
            ended = replace(begun, bytes_sent=bytes_sent)
            self._requests[ticket] = ended
            if self._file is not None:
                self._file.write(json.dumps(asdict(ended)) + "\n")
                self._file.flush()
