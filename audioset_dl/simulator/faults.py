"""The faults that the simulator injects: ``http_429:7``, ``reset:-1``, ``trickle:100``.

Owns their names and what they mean. Knows neither videos nor sockets.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate

FAULTS = (
    "truncate",
    "reset",
    "stall",
    "trickle",
    "wrong_range",
    "full_200",
    "html_200",
    "redirect",
    "other_sound",
)
"""Faults of media. ``http_NNN`` is one too, and may carry a Retry-After: in seconds
(``http_429:7``) or as a date (``http_429:date+7``, ``http_503:date-60``).

truncate: half of the body, then the connection is closed. reset: half of the body, then a TCP reset
(within TLS, Python's ssl shows it as an end of file, too). stall: the head of the answer, then
nothing. These three may say where: ``:N``, after N bytes of the body, counted from its end if
negative; ``:head``, in the middle of the answer's head.

trickle: one byte a second; ``trickle:B``: B bytes a second. wrong_range: another range than the one
asked for, with the right label. full_200: the whole track. html_200: a web page. redirect: 302 to
another host that has the track. other_sound: as many bytes of a track with another melody."""

PAGE_FAULTS = ("truncate", "reset", "stall", "trickle", "html_200", "bomb")
"""Faults of pages; ``http_NNN`` is one too. bomb: some kilobytes of gzip that stand for 64 MiB."""

_HTTP = re.compile(r"http_([45]\d\d)(?::(?P<dated>date[+-])?(\d+))?")
_BREAK = re.compile(r"(truncate|reset|stall)(?::(-?\d+|head))?")
_TRICKLE = re.compile(r"trickle(?::([1-9]\d*))?")


@dataclass(frozen=True)
class Break:
    """Where and how an answer is broken off."""

    how: str
    """``truncate``, ``reset`` or ``stall``."""
    where: str = ""
    """A number of bytes, ``head``, or empty for the default."""

    @property
    def is_in_head(self) -> bool:
        """True if not even the head of the answer is whole."""
        return self.where == "head"

    def num_bytes(self, size: int) -> int:
        """Return how much is sent of a body of this size."""
        if self.is_in_head:
            return 0
        if not self.where:
            return 0 if self.how == "stall" else size // 2
        number = int(self.where)
        return min(number, size) if number >= 0 else max(0, size + number)


def is_fault(text: str, *, of_page: bool) -> bool:
    """Return True if this is a fault of media, or of a page."""
    name = text.partition(":")[0]
    if read_break(text) or read_trickle(text):
        return True
    if http_fault(text):
        return True
    return text == name and name in (PAGE_FAULTS if of_page else FAULTS)


def http_fault(fault: str) -> tuple[int, str] | None:
    """Return the status and the Retry-After (or "") of a fault like ``http_429:7``."""
    match = _HTTP.fullmatch(fault)
    if match is None:
        return None
    status, dated, number = int(match[1]), match["dated"], match[3] or ""
    if not dated:
        return status, number
    # RFC 9110, section 10.2.3: a date, in whole seconds, or a delay
    return status, formatdate(time.time() + int(f"{dated[-1]}{number}"), usegmt=True)


def read_break(fault: str) -> Break | None:
    """Return where a fault like ``reset:-1`` breaks the answer off; None if it does not."""
    match = _BREAK.fullmatch(fault)
    return Break(match[1], match[2] or "") if match else None


def read_trickle(fault: str) -> int | None:
    """Return the bytes a second of a fault like ``trickle:100``; None if it is none."""
    match = _TRICKLE.fullmatch(fault)
    return int(match[1] or 1) if match else None


class RandomFaults:
    """Faults that requests of all videos meet by chance. Thread-safe.

    Whether a request meets a fault depends only on the seed, the video, the kind of the request and
    how often that was asked before: the same seed gives the same faults, in whatever order the
    videos are asked for.

    Parameters
    ----------
    share : float
        Share, 0..1, of the requests for watch pages, to the player API and for media.
    faults : sequence of str
        As those of a video. A fault of media only never meets a page.
    seed : int
        Seed of the chance.

    Raises
    ------
    ValueError
        The share is not within 0..1, or a fault is not known.
    """

    def __init__(self, share: float, faults: Sequence[str], seed: int = 0) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}, 0 to 1 expected")
        for fault in faults:
            if not is_fault(fault, of_page=False):
                raise ValueError(f"faults: {fault!r} is not known")
        self._share = share
        self._seed = seed
        self._of_media = tuple(faults)
        self._of_pages = tuple(fault for fault in faults if is_fault(fault, of_page=True))
        self._asked: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def next_fault(self, ytid: str, kind: str) -> str:
        """Return the fault of the next request of a kind (page, player, media); empty for none."""
        faults = self._of_media if kind == "media" else self._of_pages
        with self._lock:
            self._asked[ytid, kind] += 1
            number = self._asked[ytid, kind]
        key = f"{self._seed}:{ytid}:{kind}:{number}"
        draw = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big")
        chance, choice = draw >> 64, draw % 2**64
        if not faults or chance >= self._share * 2**64:
            return ""
        return faults[choice % len(faults)]
