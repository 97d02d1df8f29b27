"""What can become of a clip that is not saved: the failure codes and their policy, as one table.

Owns the codes that the journal and ``failures.csv`` use. `audioset_dl.youtube.classify` finds the
code of an error, `audioset_dl.download.verdicts` decides what follows from it. Knows no yt-dlp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a failure is a fact about."""

    GONE = "gone"
    """The clip: YouTube does not have it any more, or not for us. Asking again changes nothing."""
    TRANSIENT = "transient"
    """The attempt: a later one may succeed."""
    ADDRESS = "address"
    """The way out to YouTube: it is refused for now, whatever the clip."""
    MACHINE = "machine"
    """This machine or its configuration: nothing can be downloaded before that is fixed."""


@dataclass(frozen=True)
class FailureKind:
    """One way to fail: a row of `FAILURE_KINDS`."""

    code: str
    """Slug, as ``failures.csv`` has it."""
    scope: Scope
    fragments: tuple[str, ...] = ()
    """Parts of the texts by which an error is recognised: lower case, with plain apostrophes. None
    for what only the program itself finds."""
    needs_second_look: bool = False
    """YouTube says the same of videos that it still has: gone only if heard twice."""
    is_found: bool = False
    """Found by the program, not said by YouTube."""
    is_vague: bool = False
    """The same words may be meant for the address or for the video alone."""
    is_outage: bool = False
    """Nobody answers at the address: a fact about the network, not a refusal."""
    cookies_help: bool = False
    """Said to guests; an account may get the video."""
    network_may_explain: bool = False
    """A network that is about to fail looks like this: the attempt is given back if it does."""
    is_unexpected: bool = False
    """No failure that the program knows; many in a row point at an outdated yt-dlp."""
    shuts_out: str = ""
    """Of the machine: what alone is useless then, ``address`` or ``account``; others go on."""


_GONE, _TRANSIENT, _ADDRESS, _MACHINE = Scope.GONE, Scope.TRANSIENT, Scope.ADDRESS, Scope.MACHINE

# The texts are those of yt-dlp 2026.08 and 2026.10 (yt_dlp/extractor/youtube/_video.py) and of
# YouTube's own player answers.
FAILURE_KINDS: tuple[FailureKind, ...] = (
    FailureKind("rate_limited", _ADDRESS, (
        "this content isn't available, try again later",
        "rate-limited by youtube for up to an hour")),
    FailureKind("http_429", _ADDRESS, (
        "http error 429", "too many requests")),
    FailureKind("bot_check", _ADDRESS, (
        "sign in to confirm you're not a bot",
        "requiring a captcha challenge")),
    FailureKind("blocked", _ADDRESS, (
        "all player responses are invalid",
        "your ip is likely being blocked",
        "the following content is not available on this app")),
    # The config's own `yt_dlp.format` fits none of the video's formats.
    FailureKind("format", _TRANSIENT, (
        "requested format is not available",)),
    FailureKind("session", _ADDRESS, (
        "the page needs to be reloaded",
        "failed to extract any player response",
        "playback on other websites has been disabled",
        "no video formats found",
        "challenge solving failed",
        "unable to download video data: http error 403"), is_vague=True),
    FailureKind("offline", _ADDRESS, (
        "failed to establish a new connection", "name resolution", "failed to resolve",
        "getaddrinfo failed", "name or service not known", "nodename nor servname",
        "network is unreachable", "no route to host", "network is down", "connection refused",
        "connect timeout", "unable to connect to proxy", "tunnel connection failed: 5"),
        is_vague=True, is_outage=True),
    FailureKind("proxy", _MACHINE, (
        "tunnel connection failed: 407", "proxy authentication required",
        "socks5 authentication failed"), shuts_out="address"),
    FailureKind("cookies", _MACHINE, (
        "account cookies are no longer valid",
        "does not look like a netscape format cookies file",
        "failed to load cookies"), shuts_out="account"),
    FailureKind("disk", _MACHINE, (
        "no space left on device", "read-only file system", "disk quota exceeded",
        "file too large", "input/output error")),
    FailureKind("private", _GONE, (
        "private video", "this video is private")),
    FailureKind("age", _GONE, (
        "sign in to confirm your age", "age-restricted", "inappropriate for some users"),
        cookies_help=True),
    FailureKind("members", _GONE, (
        "join this channel to get access", "members-only", "requires payment", "music premium")),
    FailureKind("geo", _GONE, (
        "not made this video available in your country", "blocked it in your country")),
    FailureKind("terminated", _GONE, (
        "account associated with this video has been terminated",
        "uploader has closed their youtube account")),
    FailureKind("copyright", _GONE, (
        "no longer available due to a copyright claim",)),
    FailureKind("removed", _GONE, (
        "removed by the uploader", "removed for violating",
        "this video isn't available anymore", "this video does not exist")),
    FailureKind("unavailable", _GONE, (
        "video unavailable", "this video is unavailable",
        "this video is not available"), needs_second_look=True),
    FailureKind("drm", _GONE, (
        "drm protected",), needs_second_look=True),
    FailureKind("live", _GONE, (
        "this live event will begin", "premieres in"), needs_second_look=True),
    FailureKind("network", _TRANSIENT, (
        "incomplete read", "more expected", "timed out", "http error 5", "connection reset",
        "connection aborted", "transport error"), network_may_explain=True),
    # The segment begins after the end of the track.
    FailureKind("out_of_range", _GONE, is_found=True),
    # Less of a track came than YouTube says there is.
    FailureKind("truncated", _TRANSIENT),
    # A server sent something else than the range that was asked for.
    FailureKind("bad_answer", _TRANSIENT),
    # ffmpeg could not decode what came.
    FailureKind("decode", _TRANSIENT),
    FailureKind("unknown", _TRANSIENT, is_unexpected=True),
    # Told apart by the doctor only; a download takes them for `network` and `offline`.
    FailureKind("certificate", _TRANSIENT),
    FailureKind("proxy_down", _ADDRESS, is_vague=True, is_outage=True),
)  # fmt: skip
"""All failure codes. Texts are tested from the top down: the first row that fits counts."""

KINDS: Mapping[str, FailureKind] = {kind.code: kind for kind in FAILURE_KINDS}
"""The rows of `FAILURE_KINDS` by their codes."""

GONE_CODES = tuple(kind.code for kind in FAILURE_KINDS if kind.scope is Scope.GONE)
"""Codes by which a clip can be gone."""

_LAST_CAUSE = re.compile(r"(?:\[Errno -?\d+\]|Tunnel connection failed:) [^'\")]+")


@dataclass(frozen=True)
class Failure:
    """One failed attempt."""

    code: str
    """One of `KINDS`."""
    detail: str
    """The tool's own words."""
    retry_after_s: float | None = None
    """Seconds that the site asks to wait, if it does."""
    is_of_media: bool = False
    """A server of media failed. Each of those has some videos only, so it proves nothing about the
    network."""

    @property
    def kind(self) -> FailureKind:
        """Row of the table."""
        return KINDS[self.code]

    @property
    def gist(self) -> str:
        """The detail in short."""
        return gist_of(self.detail)


def gist_of(detail: str) -> str:
    """Return a detail in short: of a chain of network errors only the last, which is the cause."""
    causes = _LAST_CAUSE.findall(detail)
    return causes[-1] if causes else detail


class VideoFailed(Exception):
    """A video can't be fetched; carries the `Failure`. Never leaves the worker."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.detail}")
        self.failure = failure


def is_refused_to_guests(code: str | None, asked_as: str | None) -> bool:
    """Tell whether a clip is gone for guests, and no account has asked for it yet."""
    kind = KINDS.get(code or "")
    return kind is not None and kind.cookies_help and asked_as != "account"
