"""The addresses, each a way out to YouTube: ask for next to nothing, then fetch the canary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from audioset_dl.config import DownloadConfig
from audioset_dl.doctor.canary import check_canary
from audioset_dl.doctor.check import Check, Guard, error, ok, warning
from audioset_dl.download.address import Address
from audioset_dl.download.witness import Witness
from audioset_dl.outcomes import Failure
from audioset_dl.youtube.checkup import Greeting, greet

# Shorter than `download.timeout_s`: somebody waits in front of the screen.
GREETING_TIMEOUT_S = 10.0
# A list of proxies may be long, and each that is down takes the whole time-out.
MOST_AT_A_TIME = 8
# Certificates and cookies are valid from one time to another: a clock that is far off breaks both.
CLOCK_SLACK_S = 300.0
"""By how many seconds a clock may be wrong."""


@dataclass(frozen=True)
class Route:
    """A way out to YouTube."""

    proxy: str | None
    name: str
    """Host and port of the proxy, without a login."""
    is_proxied: bool


@dataclass
class Visit:
    """What one route answered."""

    heard: Greeting | Failure | None = None
    """None if the check broke off."""
    checks: list[Check] = field(default_factory=list)

    @property
    def is_down(self) -> bool:
        """True if nobody answered, which may pass."""
        return isinstance(self.heard, Failure) and self.heard.code not in {"proxy", "certificate"}


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

    def visit(route: Route) -> Visit:
        visit = Visit()
        say_hello = partial(_greet, visit, route, config, cookies)
        visit.checks += guard.run("address", say_hello, subject=route.name)
        if isinstance(visit.heard, Greeting):
            fetch = partial(check_canary, canary, route.proxy, stop)
            visit.checks += guard.run("canary", fetch, subject=route.name)
        return visit

    with ThreadPoolExecutor(MOST_AT_A_TIME) as pool:
        try:
            visits = list(pool.map(visit, find_routes(config)))
        finally:
            stop.set()
    yield from soften(visits)
    yield from guard.run("clock", partial(check_clock, _ahead_s(visits)))


def _greet(visit: Visit, route: Route, config: DownloadConfig, cookies: str | None) -> Check:
    visit.heard = greet(config, proxy=route.proxy, cookies=cookies, timeout_s=GREETING_TIMEOUT_S)
    return describe_greeting(route, visit.heard)


def soften(visits: Sequence[Visit]) -> list[Check]:
    """Return all checks; an address that is down is only a warning if another one works.

    A run goes on without such an address; a refused login or certificate would end the run, or
    fail each clip.
    """
    works = any(isinstance(visit.heard, Greeting) for visit in visits)
    return [
        replace(check, status="warning") if works and visit.is_down else check
        for visit in visits
        for check in visit.checks
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


def _ahead_s(visits: Sequence[Visit]) -> float | None:
    answers = (visit.heard for visit in visits if isinstance(visit.heard, Greeting))
    return next((one.ahead_s for one in answers if one.ahead_s is not None), None)


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
