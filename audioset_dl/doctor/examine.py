"""All checks of the doctor, in the order in which they are made."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from audioset_dl.audio.ffmpeg import find_ffmpeg
from audioset_dl.config import Config, find_secrets
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.doctor import folders, tools
from audioset_dl.doctor.check import Check, Guard, ok
from audioset_dl.doctor.network import check_addresses
from audioset_dl.download.settings import FetchSettings
from audioset_dl.download.witness import Witness
from audioset_dl.errors import ConfigError, ToolMissingError
from audioset_dl.youtube.checkup import YT_DLP_VERSION
from audioset_dl.youtube.cookies import find_cookies
from audioset_dl.youtube.option_check import check_options


def examine(
    config: Config,
    *,
    canary: str | None,
    locate: Callable[[ConfigError], ConfigError] = lambda error: error,
) -> Iterator[Check]:
    """Check everything that a download needs, one thing after the other.

    Parameters
    ----------
    config : Config
        The whole config.
    canary : str or None
        Id of the video to fetch; None: check nothing that needs the network.
    locate : callable
        Finds the lines of keys that are wrong.

    Yields
    ------
    Check
        As soon as it is made. A check that raises becomes an error of that name, and the others
        go on.
    """
    guard = Guard(find_secrets(config.download).hide, locate)
    yield from _check_tools(config, guard)
    yield from _check_folders(config, guard)
    cookies, checks = _read_cookies(config, guard)
    yield from checks
    if canary is not None:
        guard = Guard(find_secrets(config.download, cookies).hide, locate)
        yield from _check_network(config, canary, cookies, guard)


def _check_tools(config: Config, guard: Guard) -> Iterator[Check]:
    today = datetime.now(UTC).date()
    yield from guard.run("program", tools.check_program, sys.version_info[:3])
    yield from guard.run("yt_dlp", tools.check_yt_dlp, YT_DLP_VERSION, today)
    yield from guard.run("yt_dlp_options", _check_options, config)
    yield from guard.run("javascript", tools.check_javascript, config.download)
    yield from guard.run("ffmpeg", tools.check_ffmpeg, config.audio)


def _check_options(config: Config) -> list[Check]:
    check_options(config.download.yt_dlp)
    if not config.download.yt_dlp:
        return []
    return [ok("yt_dlp_options", "yt-dlp knows all keys of download.yt_dlp")]


def _check_folders(config: Config, guard: Guard) -> Iterator[Check]:
    output = OutputFolder(config.output.dir)
    metadata = folders.MetadataCheck(config)
    yield from guard.run("metadata", metadata.read)
    yield from guard.run("classes", metadata.choose)
    yield from guard.run("output", folders.check_folder, output)
    yield from guard.run("lock", folders.check_lock, output)
    yield from guard.run("room", folders.check_room, output, config, metadata.selection)


def _read_cookies(config: Config, guard: Guard) -> tuple[str | None, list[Check]]:
    """Return the text of the cookies, None for a guest or where they are wrong, and the checks."""
    cookies: str | None = None

    def read() -> Check:
        nonlocal cookies
        cookies = find_cookies(config.download)
        if cookies is None:
            return ok("cookies", "none: YouTube is asked as a guest, about 300 videos an hour")
        source = config.download.cookies or config.download.cookies_from_browser
        return ok("cookies", f"{source} can be read")

    checks = guard.run("cookies", read)
    return cookies, checks


def _check_network(
    config: Config, canary: str, cookies: str | None, guard: Guard
) -> Iterator[Check]:
    witness: Witness | None = None
    with suppress(ToolMissingError):  # the check of ffmpeg has said so
        ffmpeg = find_ffmpeg(config.audio.ffmpeg)
        settings = FetchSettings(
            config.download, config.audio, ffmpeg, OutputFolder(config.output.dir), cookies
        )
        witness = Witness(canary, settings)
    yield from check_addresses(config.download, cookies=cookies, canary=witness, guard=guard)
