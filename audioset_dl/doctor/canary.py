"""The canary: ten seconds of one video, fetched just as a download fetches a clip."""

from __future__ import annotations

import threading
import time

from audioset_dl.dataset.rows import SavedFile
from audioset_dl.doctor.check import Check, error, ok, warning
from audioset_dl.doctor.tools import UPDATE_YT_DLP
from audioset_dl.download.witness import END_S, START_S, Witness, fetch_witness
from audioset_dl.outcomes import Failure, Scope
from audioset_dl.words import size

CANARY_YTID = "jNQXAC9IVRw"
"""YouTube's first video, "Me at the zoo" (https://www.youtube.com/watch?v=jNQXAC9IVRw), 19 s."""
# A clip of the config would be no test: one in five is gone. This video has been there since April
# 2005, so where it fails, the address or a tool is the cause.


def check_canary(canary: Witness | None, proxy: str | None, stop: threading.Event) -> Check:
    """Fetch the canary through one address.

    Raises
    ------
    OutputError
        The system's folder of temporary files can't be written.
    """
    if canary is None:
        return warning("canary", "not tried: there is no ffmpeg", "see above")
    began_at = time.monotonic()
    result = fetch_witness(canary, proxy, stop)
    if isinstance(result, Failure):
        return describe_failure(canary.ytid, result)
    return _describe_saved(canary.ytid, result, time.monotonic() - began_at)


def _describe_saved(ytid: str, file: SavedFile, seconds: float) -> Check:
    found = (
        f"{file.num_samples / file.sample_rate:g} s of {ytid} cut in {seconds:.1f} s "
        f"({file.source_format}, {file.method}, {size(file.bytes_fetched)} fetched)"
    )
    if file.num_samples < round((END_S - START_S) * file.sample_rate):
        fix = f"the video ends there; name one longer than {END_S:g} s with --canary"
        return warning("canary", found, fix)
    return ok("canary", found)


def describe_failure(ytid: str, failure: Failure) -> Check:
    """Return a check that says which part failed, and what to do."""
    words = f"{failure.code}: {failure.gist}"
    if failure.code in _BROKEN:
        return error("canary", words, _BROKEN[failure.code])
    if failure.kind.is_outage:
        return error("canary", words, "see that this machine stays online, and try again")
    match failure.kind.scope:
        case Scope.ADDRESS:
            return warning("canary", f"YouTube refuses this address for now ({words})", _WAIT)
        case Scope.GONE:
            found = f"YouTube answers, but does not give {ytid} ({words})"
            return warning("canary", found, "try another video: --canary YTID")
        case _:
            fix = "try again; a download tries such clips again by itself"
            return warning("canary", words, fix)


_WAIT = (
    "ask for nothing for an hour: asking prolongs it; a download waits by itself. If it happens "
    "again: lower download.max_per_hour, or use download.cookies"
)
_BROKEN = {
    "session": f"update yt-dlp: {UPDATE_YT_DLP}; if that does not help: export the cookies again, "
    "or use none, and try another video: --canary YTID",
    "unknown": f"update yt-dlp: {UPDATE_YT_DLP}",
    "cookies": "export the cookies again from a browser that is signed in",
    "proxy": "correct the proxy's user and password in download.proxies",
    "decode": "set audio.ffmpeg to null for the ffmpeg that comes with the program",
    "format": "remove format from download.yt_dlp",
}
"""What to do about failures that a download would meet as well, by code."""
