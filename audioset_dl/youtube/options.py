"""The options that yt-dlp is run with."""

from __future__ import annotations

import io
import os
from optparse import OptParseError
from typing import Any

import yt_dlp
from yt_dlp.postprocessor.ffmpeg import FFmpegPostProcessor

from audioset_dl.config import DownloadConfig
from audioset_dl.errors import ConfigError, Problem

ANY_FORMAT = "bestaudio/best/bestvideo/all"
"""yt-dlp only has to find some format: `audioset_dl.youtube.choice` chooses."""
MORE_CLIENTS = ("default", "android_vr")
"""Clients for a second look: yt-dlp's own, and one that needs neither login nor script. YouTube may
refuse a client for hours (https://github.com/yt-dlp/yt-dlp/issues/12563)."""


class Notes:
    """Collects what yt-dlp says instead of printing it; pass as its ``logger``."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        """Drop progress and debugging messages."""

    def info(self, message: str) -> None:
        """Drop informational messages."""

    def warning(self, message: str) -> None:
        """Keep a warning: it may hold the cause of the error that follows."""
        self.warnings.append(message)

    def error(self, message: str) -> None:
        """Drop the text of an error: it is raised as well."""


def make_options(
    config: DownloadConfig, *, proxy: str | None, cookies: str | None, notes: Notes
) -> dict[str, Any]:
    """Return the parameters of a ``YoutubeDL`` for one address.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    proxy : str or None
        The address's proxy.
    cookies : str or None
        Text of a cookies.txt; yt-dlp gets a copy in memory.
    notes : Notes
        Receives yt-dlp's warnings.
    """
    options: dict[str, Any] = {
        "js_runtimes": {"deno": {"path": find_deno()}},
        **config.yt_dlp,
        "format": ANY_FORMAT,
        "quiet": True,
        "noprogress": True,
        "logger": notes,
        "color": "never",
        "socket_timeout": config.timeout_s,
        "nocheckcertificate": not config.verify_tls,
        # One try each: the engine decides what is tried again, and when.
        "retries": 0,
        "extractor_retries": 0,
        "fragment_retries": 0,
        "file_access_retries": 0,
        "skip_unavailable_fragments": False,
        "nopart": True,
        "continuedl": False,
        "updatetime": False,
        "noplaylist": True,
        "hls_prefer_native": True,
    }
    if proxy is not None:
        options["proxy"] = proxy
    if cookies is not None:
        options["cookiefile"] = io.StringIO(cookies)
    return options


class ExtractorArguments:
    """The arguments of yt-dlp's extractor: the user's own, and what the program adds to them.

    Their names are those of https://github.com/yt-dlp/yt-dlp#youtube.

    Parameters
    ----------
    config : DownloadConfig
        ``yt_dlp.extractor_args`` may hold the user's.
    """

    def __init__(self, config: DownloadConfig) -> None:
        own: Any = config.yt_dlp.get("extractor_args") or {}
        self._own = {str(key): value for key, value in own.items()}
        self._youtube = {key: list(value) for key, value in self._own.get("youtube", {}).items()}

    def make(self, *, more_clients: bool = False, manifests: bool = False) -> dict[str, Any]:
        """Return arguments for one extraction.

        Parameters
        ----------
        more_clients : bool
            Ask by `MORE_CLIENTS`, unless the user names clients.
        manifests : bool
            Fetch HLS and DASH manifests: one request more each.
        """
        youtube = dict(self._youtube)
        # Where one client's formats are all DRM protected, those of the others with the same
        # numbers would be left out as duplicates.
        youtube["formats"] = [*youtube.get("formats", ()), "duplicate"]
        if not manifests:
            youtube["skip"] = [*youtube.get("skip", ()), "hls", "dash"]
        if more_clients:
            youtube.setdefault("player_client", list(MORE_CLIENTS))
        return {**self._own, "youtube": youtube}


def forget_ffmpeg() -> None:
    """Keep yt-dlp in this thread from any ffmpeg on the machine.

    It would start one for what its own downloader can't fetch, where no stop reaches it, with
    cookies and addresses on its command line.
    """
    FFmpegPostProcessor._ffmpeg_location.set(f"{os.devnull}/none")


def find_deno() -> str | None:
    """Return the path of the deno that came with the program; None where there is none.

    yt-dlp itself looks beside Python's own scripts and on PATH, where a deno of ``pip install
    --user`` or ``--target`` does not lie.
    """
    try:
        from deno import find_deno_bin  # noqa: PLC0415 - not every platform has its wheel

        return str(find_deno_bin())
    except (ImportError, FileNotFoundError):
        return None


def parse_browser(text: str) -> tuple[str | None, ...]:
    """Read ``BROWSER[+KEYRING][:PROFILE][::CONTAINER]`` as yt-dlp does.

    Raises
    ------
    ConfigError
        yt-dlp knows no such browser or keyring.
    """
    try:
        parsed = yt_dlp.parse_options(["--ignore-config", "--cookies-from-browser", text])
    except OptParseError as error:
        words = str(error).strip().splitlines()[-1].partition("error: ")[2]
        raise ConfigError(Problem("download.cookies_from_browser", words)) from error
    browser: tuple[str | None, ...] = parsed.ydl_opts["cookiesfrombrowser"]
    return browser
