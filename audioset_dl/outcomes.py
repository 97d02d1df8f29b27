"""What can become of a clip: the failure codes and what each is a fact about, as one table.

Owns the codes that the journal and ``failures.csv`` use. The texts are those of yt-dlp 2026.08 and
of YouTube itself; `audioset_dl.youtube.classify` finds them in errors. Knows nothing of yt-dlp.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


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
