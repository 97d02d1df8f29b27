"""A way out to YouTube, its pace and its breaker.

What YouTube lets one address do is the scarce resource: about 300 videos an hour as a guest. All
times are seconds of a monotonic clock that the caller reads, so nothing here waits.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from audioset_dl.config import DownloadConfig

HOUR_S = 3600
LONGEST_PAUSE_S = 1800
"""A lock-out lasts up to an hour and asking prolongs it; half an hour is the longest pause between
two probes (design §7)."""


@dataclass
class Pacer:
    """When the next video may be asked for: a jittered delay, and a cap an hour."""

    delay_s: float
    max_per_hour: int | None
    jitter: random.Random = field(default_factory=random.Random)
    ready_at: float = float("-inf")
    _started: deque[float] = field(default_factory=deque)

    def start(self, now: float) -> None:
        """Note that a video is asked for now."""
        self.ready_at = now + self.delay_s * self.jitter.uniform(0.5, 1.5)
        if self.max_per_hour is None:
            return
        self._started.append(now)
        if len(self._started) >= self.max_per_hour:
            self.ready_at = max(self.ready_at, self._started.popleft() + HOUR_S)


@dataclass
class Breaker:
    """Lets nothing through while the address is refused, then one probe, then all again."""

    first_pause_s: float
    open_until: float | None = None
    """None while the address is welcome."""
    _pause_s: float = 0
    _probe_under_way: bool = False

    @property
    def ready_at(self) -> float:
        """The earliest time of the next request; infinite while a probe is under way."""
        if self._probe_under_way:
            return float("inf")
        return float("-inf") if self.open_until is None else self.open_until

    def start(self) -> None:
        """Note that a request goes out; the first one after a pause is the probe."""
        self._probe_under_way = self.open_until is not None

    def trip(self, now: float) -> None:
        """Pause after a refusal, twice as long as the last time."""
        self._pause_s = min(self._pause_s * 2 or self.first_pause_s, LONGEST_PAUSE_S)
        self.open_until = now + self._pause_s
        self._probe_under_way = False

    def close(self) -> None:
        """Go on as before: a request was answered."""
        self._pause_s = 0
        self.open_until = None
        self._probe_under_way = False

    def forget_probe(self) -> None:
        """Let another probe go out: the last one ended without telling anything."""
        self._probe_under_way = False


@dataclass(frozen=True)
class Ticket:
    """Leave to ask for one video."""

    proxy: str | None
    lockout: int
    """How many lock-outs the address had seen when the ticket was given."""


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
    """

    def __init__(
        self, proxy: str | None, config: DownloadConfig, jitter: random.Random | None = None
    ) -> None:
        self.proxy = proxy
        self.num_answers = 0
        self._pacer = Pacer(config.delay_s, config.max_per_hour, jitter or random.Random())
        self._breaker = Breaker(config.throttle_wait_s)
        self._lockouts = 0
        self._is_doubtful = False

    @property
    def ready_at(self) -> float:
        """The earliest time at which the next video may be asked for."""
        return max(self._pacer.ready_at, self._breaker.ready_at)

    @property
    def locked_until(self) -> float | None:
        """Until when the address is paused after a refusal; None if it is not."""
        return self._breaker.open_until

    def start(self, now: float) -> Ticket:
        """Give leave for one video, from now on."""
        self._pacer.start(now)
        self._breaker.start()
        return Ticket(self.proxy, self._lockouts)

    def answered(self, ticket: Ticket) -> None:
        """Note that YouTube answered, be it that the video is gone."""
        self.num_answers += 1
        self._is_doubtful = False
        if ticket.lockout == self._lockouts:
            self._breaker.close()

    def refused(self, ticket: Ticket, now: float) -> None:
        """Note that YouTube refused the address.

        Refusals of what was already under way when the lock-out began tell nothing new.
        """
        if ticket.lockout == self._lockouts:
            self._lockouts += 1
            self._breaker.trip(now)

    def refused_vaguely(self, ticket: Ticket, now: float) -> None:
        """Note words that may be meant for the address or for the video alone.

        They count as a refusal of the address only when nothing else was heard since the last.
        """
        if self._is_doubtful or self.locked_until is not None:
            self.refused(ticket, now)
        self._is_doubtful = True

    def told_nothing(self, ticket: Ticket) -> None:
        """Note that an attempt ended without an answer from YouTube, such as by a lost network."""
        if ticket.lockout == self._lockouts:
            self._breaker.forget_probe()


def open_addresses(config: DownloadConfig) -> list[Address]:
    """Return the ways out that the config names: its proxies, or else a direct connection."""
    return [Address(proxy, config) for proxy in config.proxies or (None,)]
