"""A way out to YouTube, its pace and its breakers.

What YouTube lets one address do is the scarce resource: about 300 videos an hour as a guest. All
times are seconds of a monotonic clock that the caller reads, so nothing here waits.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from audioset_dl.config import DownloadConfig
from audioset_dl.download.pace import Pacer
from audioset_dl.outcomes import Failure
from audioset_dl.youtube.gate import Gate

LONGEST_PAUSE_S = 1800.0
"""Longest pause of a refused address to which doubling leads (design §7)."""
LOCKOUT_S = 3660.0
"""Pause after that: a lock-out lasts up to an hour, counted anew from every request in it
(yt-dlp's wiki), so that asking every half an hour would never end it."""
LONGEST_RETRY_AFTER_S = 24 * 3600.0
FIRST_OUTAGE_S, LONGEST_OUTAGE_S = 5.0, 60.0
"""How often a lost network is looked at again: asking costs nothing there."""


@dataclass
class Breaker:
    """Lets nothing through while open, then one probe, then all again."""

    first_pause_s: float
    longest_pause_s: float
    last_pause_s: float
    """What follows the longest pause that doubling leads to."""
    open_until: float | None = None
    """None while closed."""
    pause_s: float = 0
    """The pause under way, or the last one."""
    _probe_under_way: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has tripped and no probe has succeeded yet."""
        return self.open_until is not None

    @property
    def ready_at(self) -> float:
        """The earliest time of the next request; infinite while a probe is under way."""
        if self._probe_under_way:
            return float("inf")
        return float("-inf") if self.open_until is None else self.open_until

    def start(self) -> None:
        """Note that a request goes out; the first one after a pause is the probe."""
        self._probe_under_way = self.is_open

    def trip(self, now: float, *, pause_s: float | None = None) -> None:
        """Pause for a given time, or else twice as long as the last time."""
        self.pause_s = self._next_pause_s() if pause_s is None else pause_s
        self.open_until = now + self.pause_s
        self._probe_under_way = False

    def helpful_pause_s(self, num_answers: int) -> float:
        """Return what the last pause, and the answers that it brought, say of the next.

        A longer pause must bring more answers. One that did not was long by chance, as probes may
        fail by chance.
        """
        was_worth_it = num_answers >= self.pause_s / self.first_pause_s
        return self.pause_s if was_worth_it else max(self.first_pause_s, self.pause_s / 2)

    def _next_pause_s(self) -> float:
        if not self.is_open:
            return self.first_pause_s
        if self.pause_s >= self.longest_pause_s:
            return max(self.pause_s, self.last_pause_s)
        return min(self.pause_s * 2, self.longest_pause_s)

    def close(self) -> None:
        """Go on as before: a request was answered."""
        self.open_until = None
        self._probe_under_way = False

    def forget_probe(self) -> None:
        """Let another probe go out: the last one told nothing about what this breaker is for."""
        self._probe_under_way = False


@dataclass(frozen=True)
class Ticket:
    """Leave to ask for one video."""

    proxy: str | None
    lockout: int = 0
    """How many lock-outs the address had seen when the ticket was given."""
    gate: Gate = field(default_factory=Gate, compare=False)
    """Shut by the first worker that the address is refused to: the others then ask no more."""
    uses_cookies: bool = False
    """Whether to ask with the account's cookies; else as a guest."""


class Address:
    """One way out to YouTube: directly or by a proxy, as a guest or with cookies.

    Parameters
    ----------
    proxy : str or None
        Address of the proxy; None for a direct connection.
    config : DownloadConfig
        ``delay_s``, ``max_per_hour``, ``throttle_wait_s``.
    jitter : random.Random, optional
        Where the jitter of the delay comes from.
    uses_cookies : bool
        Whether the account's cookies go with all that is asked.
    guest : Address, optional
        The same way out without cookies. What is asked with them counts there too, and waits while
        that one is paused; but what befalls the account is none of the guest's concern.
    """

    def __init__(
        self,
        proxy: str | None,
        config: DownloadConfig,
        jitter: random.Random | None = None,
        *,
        uses_cookies: bool = False,
        guest: Address | None = None,
    ) -> None:
        self.proxy = proxy
        self.uses_cookies = uses_cookies
        self._guest = guest
        self.num_answers = 0
        self.last_refusal: Failure | None = None
        """Why it was last paused."""
        self._pacer = Pacer(config.delay_s, config.max_per_hour, jitter or random.Random())
        self._refusals = Breaker(config.throttle_wait_s, LONGEST_PAUSE_S, LOCKOUT_S)
        self._outages = Breaker(FIRST_OUTAGE_S, LONGEST_OUTAGE_S, LONGEST_OUTAGE_S)
        self._gate = Gate()
        self._lockouts = 0
        self._num_answers_at_lockout = 0
        self._is_doubtful = False

    @property
    def name(self) -> str:
        """Host and port of the proxy, without a login; "a direct connection" without one."""
        parts = urlsplit(self.proxy or "")
        way = f"{parts.hostname}:{parts.port}" if parts.hostname else "a direct connection"
        return f"the account by {way}" if self.is_account else way

    @property
    def is_account(self) -> bool:
        """Whether it is an account's, beside a guest's."""
        return self._guest is not None

    @property
    def ready_at(self) -> float:
        """The earliest time at which the next video may be asked for."""
        own = max(self._pacer.ready_at, self._refusals.ready_at, self._outages.ready_at)
        return own if self._guest is None else max(own, self._guest.ready_at)

    @property
    def locked_until(self) -> float | None:
        """Until when the address is paused; None if it is not."""
        times = [self._refusals.open_until, self._outages.open_until]
        return max((time for time in times if time is not None), default=None)

    @property
    def is_paused(self) -> bool:
        """Whether nothing can be asked for here now: this address, or its guest's, is paused."""
        guest = self._guest
        return self.locked_until is not None or (guest is not None and guest.is_paused)

    @property
    def is_refused(self) -> bool:
        """Whether it is paused because YouTube refuses it."""
        return self._refusals.is_open

    def start(self, now: float) -> Ticket:
        """Give leave for one video, from now on."""
        self._pacer.start(now)
        if self._guest is not None:
            self._guest._pacer.start(now)
        self._refusals.start()
        self._outages.start()
        return Ticket(self.proxy, self._lockouts, uses_cookies=self.uses_cookies, gate=self._gate)

    def answered(self, ticket: Ticket, now: float) -> None:
        """Note that YouTube answered, be it that the video is gone."""
        self.num_answers += 1
        self._pacer.answered()
        self._is_doubtful = False
        if ticket.lockout != self._lockouts:
            return
        if self.locked_until is not None:
            self._pacer.returned(now)
        self._gate.trust()
        self._refusals.close()
        self._outages.close()

    def refused(self, ticket: Ticket, failure: Failure, now: float) -> None:
        """Note that YouTube refused the address.

        Refusals of what was already under way when the lock-out began tell nothing new.
        """
        if ticket.lockout != self._lockouts:
            return
        pause_s = self._known_pause_s(failure)
        if not self._refusals.is_open:
            self._pacer.refused(now)
            self._num_answers_at_lockout = self.num_answers
        self._outages.close()
        self._refusals.trip(now, pause_s=pause_s)
        self._lock(failure)

    def _known_pause_s(self, failure: Failure) -> float | None:
        """Return how long to pause where that is known: the site says so, or the last time did."""
        if failure.retry_after_s is not None:
            return min(max(1.0, failure.retry_after_s), LONGEST_RETRY_AFTER_S)
        if self._pacer.is_slowed and not self._refusals.is_open:
            return self._refusals.helpful_pause_s(self.num_answers - self._num_answers_at_lockout)
        return None

    def refused_vaguely(self, ticket: Ticket, failure: Failure, now: float) -> None:
        """Note words that may be meant for the address or for the video alone.

        They count for the address only when nothing else was heard since the last.
        """
        if self._is_doubtful or self.locked_until is not None:
            pause = self.unreachable if failure.kind.is_outage else self.refused
            pause(ticket, failure, now)
        self._is_doubtful = True

    def unreachable(self, ticket: Ticket, failure: Failure, now: float) -> None:
        """Note that nothing answers on this way: a fact about the network."""
        if ticket.lockout == self._lockouts:
            self._refusals.forget_probe()
            self._outages.trip(now)
            self._lock(failure)

    def _lock(self, failure: Failure) -> None:
        self._lockouts += 1
        self._gate = Gate(is_doubtful=True)
        self.last_refusal = failure

    def told_nothing(self, ticket: Ticket, now: float) -> None:
        """Note an attempt that ended without an answer: as a probe it is made again, later."""
        if ticket.lockout != self._lockouts:
            return
        for breaker in (self._refusals, self._outages):
            if breaker.is_open:
                breaker.trip(now, pause_s=breaker.pause_s)


def open_addresses(config: DownloadConfig, *, with_cookies: bool = False) -> list[Address]:
    """Return the ways out that the config names: its proxies, or else a direct connection.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    with_cookies : bool
        Whether there are cookies. They go with all requests if ``cookies_use`` is ``always``.
    """
    always = with_cookies and config.cookies_use == "always"
    return [Address(proxy, config, uses_cookies=always) for proxy in config.proxies or (None,)]


def open_account(guests: Sequence[Address], config: DownloadConfig) -> list[Address]:
    """Return ways out with cookies beside those of a guest, for what a guest may not have."""
    return [Address(guest.proxy, config, uses_cookies=True, guest=guest) for guest in guests]
