"""The addresses, each a way out to YouTube: ask for next to nothing, then fetch the canary."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.doctor.check import Check, Guard, error, ok, warning
from audioset_dl.doctor.tools import UPDATE_YT_DLP
from audioset_dl.download.address import Address
from audioset_dl.download.witness import END_S, START_S, Witness, fetch_witness
from audioset_dl.outcomes import Failure, Scope
from audioset_dl.words import size
from audioset_dl.youtube.checkup import Greeting, greet

# Shorter than `download.timeout_s`: somebody waits in front of the screen.
GREETING_TIMEOUT_S = 10.0
_LASTING = frozenset({"proxy", "proxy_plain", "certificate"})
"""Codes of failures that do not pass by themselves."""
# A list of proxies may be long, and each that is down takes the whole time-out.
MOST_AT_A_TIME = 8
# Certificates and cookies are valid from one time to another: a clock that is far off breaks both.
CLOCK_SLACK_S = 300.0
"""By how many seconds a clock may be wrong."""
"""YouTube's first video, "Me at the zoo" (https://www.youtube.com/watch?v=jNQXAC9IVRw), 19 s."""
# A clip of the config would be no test: one in five is gone. This video has been there since April
# 2005, so where it fails, the address or a tool is the cause.


@dataclass
class Route:
    """A way out to YouTube, and what it answered."""

    proxy: str | None
    name: str
    """Host and port of the proxy, without a login."""
    is_proxied: bool
    heard: Greeting | Failure | None = None
    """None before the check, and if it broke off."""
    checks: list[Check] = field(default_factory=list)

    @property
    def is_down(self) -> bool:
        """True if nobody answered, which may pass."""
        return isinstance(self.heard, Failure) and self.heard.code not in _LASTING


def find_routes(config: DownloadConfig) -> list[Route]:
    """Return the routes that the config names, or else the one that the environment names."""
    if config.proxies:
        return [Route(proxy, Address(proxy, config).name, True) for proxy in config.proxies]
    environment = getproxies()
    proxy = environment.get("https") or environment.get("all")
    if proxy and not proxy_bypass("www.youtube.com"):
        host = urlsplit(proxy).netloc.rpartition("@")[2]
        return [Route(None, f"{host}, from HTTPS_PROXY", True)]
    return [Route(None, Address(None, config).name, False)]


def check_addresses(
    config: DownloadConfig, *, cookies: str | None, canary: Witness | None, guard: Guard
) -> Iterator[Check]:
    """Check each address, fetch the canary through each, and compare the clock with the answers.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    cookies : str or None
        Text of a cookies.txt.
    canary : Witness or None
        The clip to fetch; None if there is no ffmpeg to cut it.
    guard : Guard
        Makes the checks.
    """
    stop = Event()

    def visit(route: Route) -> None:
        route.checks += guard.run("address", _greet, route, config, cookies, subject=route.name)
        if isinstance(route.heard, Greeting):
            route.checks += guard.run(
                "canary", check_canary, canary, route.proxy, stop, subject=route.name
            )

    routes = find_routes(config)
    with ThreadPoolExecutor(MOST_AT_A_TIME) as pool:
        try:
            list(pool.map(visit, routes))
        finally:
            stop.set()
    yield from soften(routes)
    answers = (route.heard for route in routes if isinstance(route.heard, Greeting))
    ahead_s = next((one.ahead_s for one in answers if one.ahead_s is not None), None)
    yield from guard.run("clock", check_clock, ahead_s)


def _greet(route: Route, config: DownloadConfig, cookies: str | None) -> Check:
    route.heard = greet(config, proxy=route.proxy, cookies=cookies, timeout_s=GREETING_TIMEOUT_S)
    return describe_greeting(route, route.heard)


def soften(routes: Sequence[Route]) -> list[Check]:
    """Return all checks; an address that is down is only a warning if another one works.

    A run goes on without such an address; a refused login or certificate would end the run, or
    fail each clip.
    """
    works = any(isinstance(route.heard, Greeting) for route in routes)
    return [
        replace(check, status="warning") if works and route.is_down else check
        for route in routes
        for check in route.checks
    ]


_START_PROXY = "start the proxy, or remove it from download.proxies"
_SEE_PROXY = "check what the proxy lets through, or remove it from download.proxies"
_GO_ONLINE = (
    "check that this machine is online, and what a firewall lets through, or name a proxy in "
    "download.proxies; AudioSet's own files may also be put into metadata.dir by hand"
)


def describe_greeting(route: Route, heard: Greeting | Failure) -> Check:
    """Return the check of an address, by what was heard there."""
    if isinstance(heard, Failure):
        return _describe_failure(route, heard)
    found = f"YouTube answered in {heard.seconds:.2f} s"
    if heard.status == 429:
        fix = "ask for nothing for an hour: asking prolongs it; a download waits by itself"
        return warning("address", "YouTube refuses it for now (429)", fix)
    if heard.status >= 500:
        fix = "try again later: a download does so by itself"
        return warning("address", f"{found} with {heard.status}", fix)
    return ok("address", found)


def _describe_failure(route: Route, failure: Failure) -> Check:
    match failure.code:
        case "proxy":
            found = "the proxy does not accept the login"
            fix = "correct its user and password in download.proxies"
        case "proxy_plain":
            found = "the proxy speaks plain HTTP, and https:// stands before it"
            fix = "write http:// before its address in download.proxies"
        case "proxy_down":
            found, fix = f"the proxy does not answer: {failure.detail}", _START_PROXY
        case "certificate":
            found = f"the server can't prove that it is YouTube: {failure.detail}"
            fix = (
                "check that the clock is right; if a proxy opens TLS and you trust it, set "
                "download.verify_tls to false, or use this system's certificates: "
                "download.yt_dlp: {compat_opts: [no-certifi]}"
            )
        case _ if route.is_proxied:
            found = f"the proxy answers, but YouTube can't be reached through it: {failure.detail}"
            fix = _SEE_PROXY
        case _:
            found, fix = f"YouTube can't be reached: {failure.detail}", _GO_ONLINE
    return error("address", found, fix)


def check_canary(canary: Witness | None, proxy: str | None, stop: Event) -> Check:
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
        return _describe_canary_failure(canary.ytid, result)
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


def _describe_canary_failure(ytid: str, failure: Failure) -> Check:
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


def check_clock(ahead_s: float | None) -> list[Check]:
    """Check this machine's clock; return nothing if there is none to compare it with.

    Parameters
    ----------
    ahead_s : float or None
        How many seconds it is ahead of YouTube's.
    """
    if ahead_s is None:
        return []
    which = "ahead of" if ahead_s > 0 else "behind"
    found = f"{abs(ahead_s):,.0f} s {which} YouTube's"
    if abs(ahead_s) > CLOCK_SLACK_S:
        fix = "set it (`timedatectl set-ntp true`): certificates and cookies depend on it"
        return [warning("clock", found, fix)]
    return [ok("clock", "right" if abs(ahead_s) < 2 else found)]
