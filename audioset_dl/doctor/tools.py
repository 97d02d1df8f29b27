"""The programs that a download needs: Python, yt-dlp and its JavaScript runtime, ffmpeg."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from audioset_dl.audio.cut import SOXR, choose_resampler
from audioset_dl.audio.ffmpeg import FfmpegError, ffmpeg_version, find_ffmpeg
from audioset_dl.audio.self_test import TRACKS, try_cut
from audioset_dl.config import AudioConfig, DownloadConfig
from audioset_dl.doctor.check import Check, error, ok, warning
from audioset_dl.versions import __version__
from audioset_dl.youtube.checkup import Runtime, Solver, find_runtimes, find_solver

LEAST_PYTHON = (3, 11)
"""Of audioset-dl, and of yt-dlp since 2026.10.26."""
LEAST_YT_DLP = date(2026, 8, 19)
"""Before it, every stream of the then-default client was answered 403."""
FRESH_DAYS = 90
"""yt-dlp promises a release at least that often, and itself warns of an older one
(``yt_dlp/update.py``)."""
UPDATE_YT_DLP = 'pip install -U "yt-dlp[default,deno]"'
_YOUR_PIP = "with the pip of the environment that audioset-dl is in"


def check_program(version: Sequence[int]) -> Check:
    """Check the version of Python; tell that of audioset-dl."""
    found = f"audioset-dl {__version__}, Python {'.'.join(map(str, version))}"
    if tuple(version[:2]) < LEAST_PYTHON:
        least = ".".join(map(str, LEAST_PYTHON))
        return error("program", found, f"install audioset-dl with Python {least} or newer")
    return ok("program", f"{found} on {platform.system()}")


def check_yt_dlp(version: str, today: date) -> Check:
    """Check the age of yt-dlp, whose version begins with its date.

    Parameters
    ----------
    version : str
        ``2026.10.26``; of a nightly build the time follows: ``2026.11.20.232843.dev0``.
    today : date
        What its age is counted to.
    """
    name, update = "yt_dlp", f"{UPDATE_YT_DLP} ({_YOUR_PIP})"
    made_on = _read_date(version)
    if made_on is None:
        return warning(name, f"{version}, which is no version with a date", update)
    days = (today - made_on).days
    found = f"{version}, {days} days old" if days >= 0 else version
    if made_on < LEAST_YT_DLP:
        return error(name, f"{found}; YouTube refuses it", update)
    if days > FRESH_DAYS:
        return warning(name, f"{found}; YouTube changes more often", update)
    return ok(name, found)


def _read_date(version: str) -> date | None:
    parts = re.match(r"(\d{4})\.(\d{1,2})\.(\d{1,2})(?!\d)", version)
    try:
        return date(*map(int, parts.groups())) if parts else None
    except ValueError:
        return None


def check_javascript(config: DownloadConfig) -> Iterator[Check]:
    """Check what solves YouTube's challenges: the scripts, and what runs them."""
    yield check_solver(find_solver())
    yield check_runtimes(find_runtimes(config))


def check_solver(solver: Solver) -> Check:
    """Check the scripts that solve YouTube's challenges."""
    mend = f"{UPDATE_YT_DLP} ({_YOUR_PIP})"
    if not solver.found:
        return error("solver", "yt-dlp-ejs is not installed", mend)
    if not solver.fits:
        found = f"yt-dlp-ejs {solver.found}; this yt-dlp takes only {solver.expected}"
        return error("solver", found, mend)
    return ok("solver", f"yt-dlp-ejs {solver.found}")


def check_runtimes(runtimes: Sequence[Runtime] | None) -> Check:
    """Check that a JavaScript runtime is enabled, found, and new enough for yt-dlp."""
    name, install = "javascript", f"pip install -U deno ({_YOUR_PIP})"
    if runtimes is None:
        return warning(name, "this yt-dlp does not tell which runtime it uses", UPDATE_YT_DLP)
    if not runtimes:
        mend = "take js_runtimes out of download.yt_dlp: deno is then used"
        return error(name, "download.yt_dlp.js_runtimes enables none", mend)
    usable = [one for one in runtimes if one.is_supported]
    if usable:
        return ok(name, ", ".join(f"{one.name} {one.version} ({one.path})" for one in usable))
    found = ", ".join(
        f"{one.name} {one.version} is too old for yt-dlp" if one.version
        else f"{one.name} is not found"
        for one in runtimes
    )  # fmt: skip
    return error(name, found, install)


def check_ffmpeg(config: AudioConfig) -> Iterator[Check]:
    """Check which ffmpeg is used, its resampler, and that it can cut what YouTube sends."""
    ffmpeg = find_ffmpeg(config.ffmpeg)
    version = " ".join(ffmpeg_version(ffmpeg).split()[:3])
    yield ok("ffmpeg", f"{version} ({ffmpeg})")
    yield _check_resampler(ffmpeg)
    yield from (_check_codec(ffmpeg, codec) for codec in TRACKS)


_OWN_FFMPEG = "set audio.ffmpeg to null for the ffmpeg that comes with the program"


def _check_resampler(ffmpeg: Path) -> Check:
    try:
        resampler = choose_resampler(ffmpeg)
    except FfmpegError as fault:
        return error("resampler", f"it can't resample: {fault}", _OWN_FFMPEG)
    if resampler != SOXR:
        found = "built without soxr: as sharp, but not to the same bit as elsewhere"
        return warning("resampler", found, _OWN_FFMPEG)
    return ok("resampler", "soxr")


def _check_codec(ffmpeg: Path, codec: str) -> Check:
    fault = try_cut(ffmpeg, codec)
    if fault:
        return error(codec, f"ten seconds of a small track can't be cut: {fault}", _OWN_FFMPEG)
    return ok(codec, "ten seconds of a small track cut and heard")
