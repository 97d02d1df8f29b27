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

# yt-dlp asks for the same Python since 2026.10.26.
LEAST_PYTHON = (3, 11)
# Before this version, YouTube answered 403 to every stream of the client that was the default.
LEAST_YT_DLP = date(2026, 8, 19)
# yt-dlp promises a release at least this often, and itself warns when it is older
# (https://github.com/yt-dlp/yt-dlp/blob/master/yt_dlp/update.py).
FRESH_DAYS = 90
UPDATE_YT_DLP = 'pip install -U "yt-dlp[default,deno]"'
_YOUR_PIP = "with the pip of the environment that audioset-dl is in"


def check_program(version: Sequence[int]) -> Check:
    """Check the version of Python; name that of audioset-dl."""
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
        ``2026.10.26``; a nightly build adds the time: ``2026.11.20.232843.dev0``.
    today : date
        The day from which its age is counted.
    """
    name, update = "yt_dlp", f"{UPDATE_YT_DLP} ({_YOUR_PIP})"
    made_on = _read_date(version)
    if made_on is None:
        return warning(name, f"{version}, which holds no date", update)
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
    fix = f"{UPDATE_YT_DLP} ({_YOUR_PIP})"
    if not solver.found:
        return error("solver", "yt-dlp-ejs is not installed", fix)
    if not solver.fits:
        found = f"yt-dlp-ejs {solver.found}; this yt-dlp accepts only {solver.expected}"
        return error("solver", found, fix)
    return ok("solver", f"yt-dlp-ejs {solver.found}")


def check_runtimes(runtimes: Sequence[Runtime] | None) -> Check:
    """Check that a JavaScript runtime is enabled, found, and new enough for yt-dlp."""
    name, install = "javascript", f"pip install -U deno ({_YOUR_PIP})"
    if runtimes is None:
        return warning(name, "this yt-dlp does not say which runtime it uses", UPDATE_YT_DLP)
    if not runtimes:
        fix = "remove js_runtimes from download.yt_dlp: deno is then used"
        return error(name, "download.yt_dlp.js_runtimes enables none", fix)
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
    except FfmpegError as failed:
        return error("resampler", f"it can't resample: {failed}", _OWN_FFMPEG)
    if resampler != SOXR:
        found = "built without soxr: as sharp, but not bit for bit the same as elsewhere"
        return warning("resampler", found, _OWN_FFMPEG)
    return ok("resampler", "soxr")


def _check_codec(ffmpeg: Path, codec: str) -> Check:
    if wrong := try_cut(ffmpeg, codec):
        return error(codec, f"ten seconds of a small track can't be cut: {wrong}", _OWN_FFMPEG)
    return ok(codec, "ten seconds of a small track cut and heard")
