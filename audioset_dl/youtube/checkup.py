"""What the doctor can find out about yt-dlp and an address without asking for a video.

It asks yt-dlp itself, with the options that a download uses.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.dependencies import yt_dlp_ejs
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError, RequestError
from yt_dlp.version import __version__ as YT_DLP_VERSION  # noqa: N812 - as we name constants

from audioset_dl.config import DownloadConfig, find_secrets
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.classify import classify
from audioset_dl.youtube.gate import GatedYoutubeDL
from audioset_dl.youtube.options import Notes, make_options

__all__ = ["YT_DLP_VERSION", "Greeting", "Runtime", "find_runtimes", "find_solver", "greet"]

GREETING_URL = "https://www.youtube.com/generate_204"
"""Answers without content. Browsers and phones ask for such a page to see whether they are online;
it does not count among the videos that YouTube allows an address."""


@dataclass(frozen=True)
class Runtime:
    """A JavaScript runtime that yt-dlp may use."""

    name: str
    version: str
    """Empty where it is not found."""
    path: str
    is_supported: bool
    """True if it is new enough for yt-dlp."""


@dataclass(frozen=True)
class Solver:
    """The scripts that solve YouTube's challenges (yt-dlp-ejs)."""

    found: str
    """Version that is installed; empty: none."""
    expected: str
    """Version that this yt-dlp was made for; empty where it does not say."""

    @property
    def fits(self) -> bool:
        """True if yt-dlp accepts it; like yt-dlp, by the first two parts of the version."""
        return bool(self.found) and (
            not self.expected or self.found.split(".")[:2] == self.expected.split(".")[:2]
        )


@dataclass(frozen=True)
class Greeting:
    """How YouTube answered at an address."""

    status: int
    """HTTP status; any of them shows that YouTube was reached."""
    seconds: float
    """How long it took."""
    ahead_s: float | None
    """Seconds by which this machine's clock is ahead of YouTube's; None without a date."""


def find_runtimes(config: DownloadConfig) -> list[Runtime] | None:
    """Return the JavaScript runtimes that are enabled, as yt-dlp finds them.

    None if this version of yt-dlp does not say: the attribute is no part of its public interface.

    Parameters
    ----------
    config : DownloadConfig
        ``yt_dlp.js_runtimes`` may name others than deno.
    """
    options = make_options(config, proxy=None, cookies=None, notes=Notes())
    with YoutubeDL(options, auto_init=False) as ydl:
        enabled = getattr(ydl, "_js_runtimes", None)
        if enabled is None:
            return None
        return [_read_runtime(name, runtime) for name, runtime in enabled.items()]


def _read_runtime(name: str, runtime: Any) -> Runtime:
    info = runtime.info if runtime is not None else None
    if info is None:
        return Runtime(name, "", "", is_supported=False)
    return Runtime(info.name, info.version, info.path, is_supported=info.supported)


def find_solver() -> Solver:
    """Return which challenge solver is installed and which one yt-dlp was made for."""
    found = str(getattr(yt_dlp_ejs, "version", "")) if yt_dlp_ejs else ""
    try:
        from yt_dlp.extractor.youtube.jsc._builtin.vendor import VERSION  # noqa: PLC0415
    except ImportError:  # not part of yt-dlp's public interface
        return Solver(found, "")
    return Solver(found, str(VERSION))


def greet(
    config: DownloadConfig, *, proxy: str | None, cookies: str | None, timeout_s: float
) -> Greeting | Failure:
    """Ask YouTube for an answer without content, by one address.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    proxy : str or None
        The proxy of the address; None for a direct connection.
    cookies : str or None
        Text of a cookies.txt.
    timeout_s : float
        Deadline in seconds, of the connection and of the answer each.

    Returns
    -------
    Greeting or Failure
        A failure's detail holds no secrets.
    """
    if proxy is not None and (silence := _knock(proxy, timeout_s)):
        return Failure("proxy_down", silence)
    short = config.model_copy(update={"timeout_s": timeout_s})
    options = make_options(short, proxy=proxy, cookies=cookies, notes=Notes())
    began_at = time.monotonic()
    with GatedYoutubeDL(options) as ydl:
        try:
            answer = ydl.urlopen(Request(GREETING_URL))
        except (RequestError, VideoFailed) as error:
            refused = _find_answer(error)
            if refused is None:
                return _describe_failure(error, find_secrets(config, cookies).hide)
            answer = refused.response
        with answer:
            seconds = time.monotonic() - began_at
            return Greeting(answer.status, seconds, _read_ahead_s(answer.headers))


def _knock(proxy: str, timeout_s: float) -> str:
    """Connect to a proxy and hang up; return why that failed, or nothing."""
    parts = urlsplit(proxy)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 1080)
    try:
        socket.create_connection((parts.hostname or "", port), timeout_s).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _find_answer(error: BaseException) -> HTTPError | None:
    """Return YouTube's answer if the error is only that its status is not one of 2xx."""
    for one in (error, error.__cause__):
        if isinstance(one, HTTPError):
            return one
    return None


def _describe_failure(error: RequestError | VideoFailed, hide: Any) -> Failure:
    failure = error.failure if isinstance(error, VideoFailed) else classify(error)
    if isinstance(error, CertificateVerifyError):
        failure = replace(failure, code="certificate")
    return replace(failure, detail=hide(failure.gist))


def _read_ahead_s(headers: Mapping[str, str]) -> float | None:
    try:
        return time.time() - parsedate_to_datetime(headers.get("Date") or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
