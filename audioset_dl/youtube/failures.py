"""Why a video could not be had: the classes of failure, as data, and how an error is told apart.

Owns the codes that the journal and ``failures.csv`` use. The texts are those of yt-dlp 2026.08 and
of YouTube itself. Knows nothing of what the engine then does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from yt_dlp.networking.exceptions import (
    HTTPError,
    IncompleteRead,
    TransportError,
)
from yt_dlp.utils import ContentTooShortError, GeoRestrictedError


class Scope(StrEnum):
    """What a failure is a fact about."""

    GONE = "gone"
    """The clip: it can't be had, and asking again would not change that."""
    TRANSIENT = "transient"
    """The attempt: the same clip may well be had later."""
    ADDRESS = "address"
    """The way out to YouTube: it is refused for now, whatever the clip."""
    MACHINE = "machine"
    """This machine or its configuration: no clip can be had before it is mended."""


@dataclass(frozen=True)
class FailureClass:
    """One way to fail."""

    code: str
    scope: Scope
    fragments: tuple[str, ...] = ()
    """Texts by which it is known, normalised as by `_normalise`."""
    needs_second_look: bool = False
    """YouTube also says so of videos that are there: gone only when a later pass finds the same."""
    is_vague: bool = False
    """Of an address: the same words may be meant for the video alone."""
    is_outage: bool = False
    """Of an address: nobody answers there at all. No refusal, but a fact about the network."""
    cookies_help: bool = False
    """YouTube says so to guests; an account may be let in."""


_GONE, _TRANSIENT, _ADDRESS, _MACHINE = Scope.GONE, Scope.TRANSIENT, Scope.ADDRESS, Scope.MACHINE

FAILURE_CLASSES: tuple[FailureClass, ...] = (
    FailureClass("rate_limited", _ADDRESS, (
        "this content isn't available, try again later",
        "rate-limited by youtube for up to an hour")),
    FailureClass("http_429", _ADDRESS, (
        "http error 429", "too many requests")),
    FailureClass("bot_check", _ADDRESS, (
        "sign in to confirm you're not a bot",
        "requiring a captcha challenge")),
    FailureClass("blocked", _ADDRESS, (
        "all player responses are invalid",
        "your ip is likely being blocked",
        "the following content is not available on this app")),
    FailureClass("session", _ADDRESS, (
        "the page needs to be reloaded",
        "failed to extract any player response",
        "playback on other websites has been disabled",
        "requested format is not available",
        "no video formats found",
        "challenge solving failed",
        "unable to download video data: http error 403"), is_vague=True),
    FailureClass("offline", _ADDRESS, (
        "failed to establish a new connection", "name resolution", "failed to resolve",
        "getaddrinfo failed", "name or service not known", "nodename nor servname",
        "network is unreachable", "no route to host", "network is down", "connection refused",
        "connect timeout", "unable to connect to proxy", "tunnel connection failed: 5"),
        is_vague=True, is_outage=True),
    FailureClass("proxy", _MACHINE, (
        "tunnel connection failed: 407", "proxy authentication required",
        "socks5 authentication failed")),
    FailureClass("cookies", _MACHINE, (
        "account cookies are no longer valid",
        "does not look like a netscape format cookies file",
        "failed to load cookies")),
    FailureClass("disk", _MACHINE, (
        "no space left on device", "read-only file system", "disk quota exceeded",
        "file too large", "input/output error")),
    FailureClass("private", _GONE, (
        "private video", "this video is private")),
    FailureClass("age", _GONE, (
        "sign in to confirm your age", "age-restricted", "inappropriate for some users"),
        cookies_help=True),
    FailureClass("members", _GONE, (
        "join this channel to get access", "members-only", "requires payment", "music premium")),
    FailureClass("geo", _GONE, (
        "not made this video available in your country", "blocked it in your country")),
    FailureClass("terminated", _GONE, (
        "account associated with this video has been terminated",
        "uploader has closed their youtube account")),
    FailureClass("copyright", _GONE, (
        "no longer available due to a copyright claim",)),
    FailureClass("removed", _GONE, (
        "removed by the uploader", "removed for violating",
        "this video isn't available anymore", "this video does not exist")),
    FailureClass("unavailable", _GONE, (
        "video unavailable", "this video is unavailable",
        "this video is not available"), needs_second_look=True),
    FailureClass("drm", _GONE, (
        "drm protected",), needs_second_look=True),
    FailureClass("live", _GONE, (
        "this live event will begin", "premieres in"), needs_second_look=True),
    FailureClass("network", _TRANSIENT, (
        "incomplete read", "more expected", "timed out", "http error 5", "connection reset",
        "connection aborted", "transport error")),
)  # fmt: skip
"""Tested from the top down; the first that fits names the failure."""

OUT_OF_RANGE = FailureClass("out_of_range", Scope.GONE)
"""Our own finding: the segment begins after the end of the track."""
TRUNCATED = FailureClass("truncated", Scope.TRANSIENT)
"""Our own finding: less of a track was got than YouTube says there is."""
BAD_ANSWER = FailureClass("bad_answer", Scope.TRANSIENT)
"""Our own finding: a server sent something else than the range that was asked for."""
DECODE = FailureClass("decode", Scope.TRANSIENT)
"""ffmpeg could not decode what was got."""
NO_FORMAT = FailureClass("format", Scope.TRANSIENT)
"""The video has none of the formats that ``download.yt_dlp.format`` asks for."""
UNKNOWN = FailureClass("unknown", Scope.TRANSIENT)
"""Anything else."""

ALL_CLASSES: dict[str, FailureClass] = {
    failure_class.code: failure_class
    for failure_class in (
        *FAILURE_CLASSES,
        OUT_OF_RANGE,
        TRUNCATED,
        BAD_ANSWER,
        DECODE,
        NO_FORMAT,
        UNKNOWN,
    )
}
"""Every failure class by its code."""

_BY_TYPE: tuple[tuple[type[BaseException], str], ...] = (
    (GeoRestrictedError, "geo"),
    (ContentTooShortError, "network"),
    (IncompleteRead, "network"),
    (TransportError, "network"),
)
_OF_TRANSPORT = tuple(ALL_CLASSES[code] for code in ("proxy", "offline"))
"""What a transport error may be by its words, besides a passing fault of the network."""
_VAGUE = frozenset({"session", "unknown"})
"""Codes of errors that often have a clearer cause in a warning before them: a 429 from the player
API is only a warning, and what follows is "Failed to extract any player response"."""


_LAST_CAUSE = re.compile(r"(?:\[Errno -?\d+\]|Tunnel connection failed:) [^'\")]+")


@dataclass(frozen=True)
class Failure:
    """One failed attempt."""

    kind: FailureClass
    detail: str
    """The tool's own words."""
    retry_after_s: float | None = None
    """How long the site asks to wait, where it does."""

    @property
    def code(self) -> str:
        """Slug of the failure class."""
        return self.kind.code

    @property
    def is_of_media(self) -> bool:
        """Whether it is one of the servers of media that failed: each has some videos only."""
        return "googlevideo.com" in self.detail

    @property
    def gist(self) -> str:
        """The detail in short: of a chain of network errors only the last, which is the cause."""
        causes = re.findall(
            r"\[Errno -?\d+\] [^'\")]+|Tunnel connection failed: [^'\")]+", self.detail
        )
        return causes[-1] if causes else self.detail

    @property
    def scope(self) -> Scope:
        """What the failure is a fact about."""
        return self.kind.scope


class VideoFailed(Exception):
    """A video could not be had; carries the `Failure`. Never leaves the worker."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.detail}")
        self.failure = failure


def classify(error: BaseException, warnings: Sequence[str] = ()) -> Failure:
    """Tell why yt-dlp failed.

    Parameters
    ----------
    error : BaseException
        What yt-dlp raised: mostly a ``DownloadError`` whose ``exc_info`` holds the cause.
    warnings : sequence of str
        What it warned of on the way, in order.
    """
    detail = _clean(str(error))
    kind = _by_cause(error) or _by_text(detail) or UNKNOWN
    if kind.code in _VAGUE:
        clearer, words = _clearest_warning(warnings)
        if clearer is not None:
            return Failure(clearer, f"{detail} ({words})")
    return Failure(kind, detail)


def find_signed_out(warnings: Sequence[str]) -> Failure | None:
    """Return the failure that an account was signed out, if yt-dlp warned of it."""
    kind = ALL_CLASSES["cookies"]
    found = [words for words in map(_clean, warnings) if _by_text(words, (kind,)) is kind]
    return Failure(kind, found[0]) if found else None


def _by_cause(error: BaseException) -> FailureClass | None:
    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            return _by_status(cause.status)
        for error_type, code in _BY_TYPE:
            if isinstance(cause, error_type):
                return _by_text(_clean(str(cause)), _OF_TRANSPORT) or ALL_CLASSES[code]
    return None


def _by_status(status: int) -> FailureClass | None:
    if status >= 500:
        return ALL_CLASSES["network"]
    code = {403: "session", 429: "http_429"}.get(status)
    return ALL_CLASSES[code] if code else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies under it: yt-dlp keeps causes in three places."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, getattr(cause, "cause", None), *_exc_info(cause)]


def _exc_info(error: BaseException) -> Iterable[BaseException | None]:
    exc_info = getattr(error, "exc_info", None)
    return (exc_info[1],) if exc_info else ()


def _by_text(text: str, among: Iterable[FailureClass] = FAILURE_CLASSES) -> FailureClass | None:
    normalised = _normalise(text)
    for kind in among:
        if any(fragment in normalised for fragment in kind.fragments):
            return kind
    return None


def _clearest_warning(warnings: Sequence[str]) -> tuple[FailureClass | None, str]:
    for warning in map(_clean, warnings):
        kind = _by_text(warning)
        if kind is not None and kind.code not in _VAGUE:
            return kind, warning
    return None, ""


def _clean(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"^(ERROR|WARNING):\s+(\[download\] Got error: )?", "", text.strip())
    text = re.sub(r"^\[youtube[^\]]*\] (\S{11}: )?", "", text)
    text = re.sub(r"; please report this issue on.*", "", text, flags=re.DOTALL)
    # Advice on options that only yt-dlp's own command has.
    text = re.sub(r"\s*Use --cookies.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*For tips on how to effectively export YouTube cookies.*", "", text)
    # Nothing that moves a terminal's cursor or colours what follows.
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _normalise(text: str) -> str:
    return text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower()
