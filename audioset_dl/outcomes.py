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


class Proof(StrEnum):
    """How it is known that a clip is gone."""

    SAID = "said"
    """YouTube's words about this one video."""
    FOUND = "found"
    """Found by the program in two complete answers, such as a video without sound."""
    TWICE = "twice"
    """Vague words, which YouTube also has for whole addresses, clients, accounts and networks. They
    count only if heard twice, each time while the same way out delivered other videos."""


@dataclass(frozen=True)
class FailureKind:
    """One way to fail: a row of `FAILURE_KINDS`."""

    code: str
    """Slug, as ``failures.csv`` has it."""
    scope: Scope
    fragments: tuple[str, ...] = ()
    """Parts of the texts by which an error is recognised: lower case, with plain apostrophes. None
    for what only the program itself finds."""
    proof: Proof = Proof.SAID
    """Of what a clip can be gone by: how that has to be known."""
    is_of_place: bool = False
    """YouTube refuses it where the address is; another one may get it."""
    is_ambiguous: bool = False
    """Heard once, it only makes the address doubtful: the video alone may be the reason."""
    is_status: bool = False
    """Said by an HTTP status, before YouTube looked at which video was asked for."""
    is_outage: bool = False
    """Nobody answers at the address: a fact about the network, not a refusal."""
    cookies_help: bool = False
    """Said to guests; an account may get the video."""
    network_may_explain: bool = False
    """A network that is about to fail looks like this: the attempt is given back if it does."""
    is_unexpected: bool = False
    """No failure that the program knows; many in a row point at an outdated yt-dlp."""
    shuts_out: str = ""
    """What alone is useless then, ``address`` or ``account``; others go on."""

    @property
    def is_vague(self) -> bool:
        """True for words about a video that YouTube also has for whole addresses: no proof."""
        return self.scope is Scope.GONE and self.proof is Proof.TWICE


_GONE, _TRANSIENT, _ADDRESS, _MACHINE = Scope.GONE, Scope.TRANSIENT, Scope.ADDRESS, Scope.MACHINE

# The texts are those of yt-dlp 2026.08 and 2026.10 (yt_dlp/extractor/youtube/_video.py) and of
# YouTube's own player answers.
FAILURE_KINDS: tuple[FailureKind, ...] = (
    FailureKind("rate_limited", _ADDRESS, (
        "this content isn't available, try again later",
        "rate-limited by youtube for up to an hour")),
    FailureKind("http_429", _ADDRESS, (
        "http error 429", "too many requests"), is_status=True),
    FailureKind("bot_check", _ADDRESS, (
        "sign in to confirm you're not a bot",
        "requiring a captcha challenge")),
    FailureKind("blocked", _ADDRESS, (
        "all player responses are invalid",
        "your ip is likely being blocked",
        "the following content is not available on this app")),
    # A locked account or client hears it of every video, for a day or more. Without "try again
    # later", which is a rate limit (https://github.com/yt-dlp/yt-dlp/issues/13583).
    FailureKind("account_locked", _ADDRESS, (
        "this content isn't available",), shuts_out="account"),
    # Of every video on a network that filters: https://support.google.com/a/answer/6214622
    FailureKind("restricted", _ADDRESS, (
        "network administrator restrictions", "workspace administrator")),
    # The config's own `yt_dlp.format` fits none of the video's formats.
    FailureKind("format", _TRANSIENT, (
        "requested format is not available",)),
    FailureKind("session", _ADDRESS, (
        "the page needs to be reloaded",
        "failed to extract any player response",
        "playback on other websites has been disabled",
        "no video formats found",
        "challenge solving failed",
        "unable to download video data: http error 403"), is_ambiguous=True),
    FailureKind("resources", _MACHINE, (
        "too many open files", "cannot allocate memory", "can't start new thread")),
    # https:// stands before the address of a proxy that speaks plain HTTP: so urllib3 says.
    FailureKind("proxy_plain", _MACHINE, (
        "proxy appears to only use http and not https",), shuts_out="address"),
    FailureKind("offline", _ADDRESS, (
        "failed to establish a new connection", "name resolution", "failed to resolve",
        "getaddrinfo failed", "name or service not known", "nodename nor servname",
        "network is unreachable", "no route to host", "network is down", "connection refused",
        "connect timeout", "unable to connect to proxy", "tunnel connection failed: 5"),
        is_ambiguous=True, is_outage=True),
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
        "join this channel to get access", "available to this channel's members",
        "members-only", "requires payment", "music premium")),
    FailureKind("geo", _GONE, (
        "not made this video available in your country", "blocked it in your country",
        "not available in your country", "legal complaint"),
        is_of_place=True),
    FailureKind("terminated", _GONE, (
        "account associated with this video has been terminated",
        "uploader has closed their youtube account")),
    FailureKind("copyright", _GONE, (
        "copyright claim", "copyright grounds", "blocked it worldwide")),
    FailureKind("removed", _GONE, (
        "removed by the uploader", "removed for violating",
        "this video isn't available anymore", "this video does not exist")),
    FailureKind("sign_in", _ADDRESS, (
        "please sign in",), is_ambiguous=True),
    FailureKind("unavailable", _GONE, (
        "video unavailable", "this video is unavailable",
        "this video is not available"), proof=Proof.TWICE),
    FailureKind("drm", _GONE, (
        "drm protected",), proof=Proof.TWICE),
    FailureKind("live", _GONE, (
        "this live event", "this live stream recording is not available", "premieres in",
        "premiere will begin", "we're processing this video"), proof=Proof.TWICE),
    FailureKind("network", _TRANSIENT, (
        "incomplete read", "more expected", "timed out", "http error 5", "connection reset",
        "connection aborted", "transport error"), network_may_explain=True),
    # Words of YouTube's own that no row above knows.
    FailureKind("unlisted", _GONE, proof=Proof.TWICE),
    # The segment begins after the end of the track.
    FailureKind("out_of_range", _GONE, proof=Proof.FOUND),
    # The video has no sound, or only dubs of it: YouTube's raters heard the original.
    FailureKind("no_audio", _GONE, proof=Proof.FOUND),
    FailureKind("dubbed", _GONE, proof=Proof.FOUND),
    # Less of a track came than YouTube says there is.
    FailureKind("truncated", _TRANSIENT),
    # A server sent something else than the range that was asked for.
    FailureKind("bad_answer", _TRANSIENT),
    # ffmpeg could not decode what came.
    FailureKind("decode", _TRANSIENT),
    FailureKind("unknown", _TRANSIENT, is_unexpected=True),
    # Told apart by the doctor only; a download takes them for `network` and `offline`.
    FailureKind("certificate", _TRANSIENT),
    FailureKind("proxy_down", _ADDRESS, is_ambiguous=True, is_outage=True),
)  # fmt: skip
"""All failure codes. Texts are tested from the top down: the first row that fits counts."""

KINDS: Mapping[str, FailureKind] = {kind.code: kind for kind in FAILURE_KINDS}
"""The rows of `FAILURE_KINDS` by their codes."""

VAGUE_CODES = tuple(kind.code for kind in FAILURE_KINDS if kind.is_vague)
"""Codes of vague words: see `Proof.TWICE`."""

GONE_CODES = tuple(kind.code for kind in FAILURE_KINDS if kind.scope is Scope.GONE)
"""Codes by which a clip can be gone."""

_MOST_CHARACTERS = 500
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
    is_silence: bool = False
    """Nothing came within the time: the address may be dead, though it takes connections."""
    is_echo: bool = False
    """Nobody was asked: another video had just been refused by the same address."""

    def __post_init__(self) -> None:
        """Make of the detail what can be shown anywhere."""
        object.__setattr__(self, "detail", show_words(self.detail))

    @property
    def kind(self) -> FailureKind:
        """Row of the table."""
        return KINDS[self.code]

    @property
    def gist(self) -> str:
        """The detail in short."""
        return gist_of(self.detail)


def show_words(text: str) -> str:
    r"""Return the words of a server or a tool as they may be shown: on one line, and short.

    Characters that would move a terminal's cursor, colour what follows, or turn its direction are
    shown by their numbers.

    Examples
    --------
    >>> show_words("gone\x1b[2J \u202efdp.exe")
    'gone\\x1b[2J \\u202efdp.exe'
    """
    line = " ".join(text[: 4 * _MOST_CHARACTERS].split())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return shown if len(shown) <= _MOST_CHARACTERS else shown[:_MOST_CHARACTERS] + "..."


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
