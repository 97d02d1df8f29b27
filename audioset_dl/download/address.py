"""A way out to YouTube, its pace and its breakers.

What YouTube lets one address do is the scarce resource: about 300 videos an hour as a guest. All
times are seconds of a monotonic clock that the caller reads, so nothing here waits.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from audioset_dl.config import DownloadConfig
from audioset_dl.download.hearings import Hearings
from audioset_dl.download.pace import Pacer
from audioset_dl.download.witnesses import Witnesses
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure

LONGEST_PAUSE_S = 1800.0
"""Longest pause of a refused address to which doubling leads."""
LOCKOUT_S = 3660.0
"""Pause after that. A lock-out lasts up to an hour, counted anew from every request in it
(https://github.com/yt-dlp/yt-dlp/wiki/Extractors), so asking every half an hour would never end
it."""
LONGEST_RETRY_AFTER_S = 24 * 3600.0
"""Longest wait that a site is allowed to ask for."""
FIRST_OUTAGE_S, LONGEST_OUTAGE_S = 5.0, 60.0
"""How often a lost network is tried again: asking costs nothing there."""


class AddressEvent(StrEnum):
    """What an attempt says about the address that it was made by."""

    ANSWERED = "answered"
    """YouTube answered, even if only that the video is gone."""
    SILENT = "silent"
    """Nothing: the attempt failed before an answer."""
    DOUBTED = "doubted"
    """Words that may be meant for the address, or for the video alone."""
    PROVEN_NOTHING = "proven nothing"
    """YouTube answered, with words that say nothing about the address."""
    REFUSED = "refused"
    """YouTube refuses the address."""
    UNREACHABLE = "unreachable"
    """Nobody answers: a fact about the network, or about the proxy."""
    NONE = "none"
    """Not asked, or of no concern to the address."""


@dataclass
class Breaker:
    """Lets nothing through while open, then one probe, then all again."""

    first_pause_s: float
    longest_pause_s: float
    last_pause_s: float
    """Seconds of the pauses after the longest one that doubling leads to."""
    open_until: float | None = None
    """None while closed."""
    pause_s: float = 0
    """Seconds of the pause under way, or of the last one."""
    _probe_under_way: bool = False

    @property
    def is_open(self) -> bool:
        """True from a trip until a probe succeeds."""
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
        """Let another probe go out: the last one said nothing about what this breaker is for."""
        self._probe_under_way = False


@dataclass(frozen=True)
class Ticket:
    """Permission to ask for one video. Plain data, so that it can be sent to another machine."""

    proxy: str | None
    lockout: int = 0
    """Lock-outs of the address before the ticket was given."""
    uses_cookies: bool = False
    """True to ask with the account's cookies, False as a guest."""
    stops_others: bool = True
    """True if words about the address stop what is under way by it, False if only a status does:
    YouTube has such words for some videos alone."""
    asks_more_clients: bool = False
    """True to ask by one more of YouTube's clients than yt-dlp does."""

    @property
    def gate_key(self) -> tuple[object, ...]:
        """The same for all tickets that a refusal stops together."""
        return self.proxy, self.lockout, self.uses_cookies, self.stops_others


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
        Send the account's cookies with every request.
    guest : Address, optional
        The same way out without cookies. Requests with cookies count there too, and wait while it
        is paused; but a refusal of the account does not pause the guest.
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
        self.num_delivered = 0
        """Videos of which it delivered media."""
        self.num_in_flight = 0
        self.hearings = Hearings()
        self.witnesses = Witnesses()
        self.last_refusal: Failure | None = None
        """Reason of the last pause."""
        self.num_same_refusals = 0
        """Pauses in a row for the same reason, without an answer between."""
        self.has_met_lone_refusal = False
        """True once a clip alone was refused, in words that otherwise are meant for the address."""
        self.closed_by: AudiosetDlError | None = None
        """Why it is of no more use in this run."""
        self.is_doubtful = False
        """True after words that may be meant for the address, until it answers."""
        self._pacer = Pacer(config.delay_s, config.max_per_hour, jitter or random.Random())
        self._refusals = Breaker(config.throttle_wait_s, LONGEST_PAUSE_S, LOCKOUT_S)
        self._outages = Breaker(FIRST_OUTAGE_S, LONGEST_OUTAGE_S, LONGEST_OUTAGE_S)
        self._lockouts = 0
        self._num_answers_at_lockout = 0

    @property
    def name(self) -> str:
        """Host and port of the proxy, without a login; "a direct connection" without one."""
        parts = urlsplit(self.proxy or "")
        way = f"{parts.hostname}:{parts.port}" if parts.hostname else "a direct connection"
        return f"the account by {way}" if self.is_account else way

    @property
    def is_account(self) -> bool:
        """True for an account's address beside that of a guest."""
        return self._guest is not None

    @property
    def ready_at(self) -> float:
        """The earliest time at which the next video may be asked for."""
        own = max(self._pacer.ready_at, self._refusals.ready_at, self._outages.ready_at)
        return own if self._guest is None else max(own, self._guest.ready_at)

    @property
    def locked_until(self) -> float | None:
        """End of the pause under way, on the monotonic clock; None without one."""
        times = [self._refusals.open_until, self._outages.open_until]
        return max((time for time in times if time is not None), default=None)

    @property
    def is_paused(self) -> bool:
        """True while this address, or that of its guest, is paused."""
        guest = self._guest
        return self.locked_until is not None or (guest is not None and guest.is_paused)

    @property
    def is_refused(self) -> bool:
        """True while it is paused because YouTube refuses it."""
        return self._refusals.is_open

    @property
    def is_refused_by_status(self) -> bool:
        """True while it is refused before YouTube looks at which video it is asked for."""
        return (
            self.is_refused and self.last_refusal is not None and (self.last_refusal.kind.is_status)
        )

    def start(self, now: float) -> Ticket:
        """Give permission for one video, from now on."""
        self._pacer.start(now)
        if self._guest is not None:
            self._guest._pacer.start(now)
        self._refusals.start()
        self._outages.start()
        self.num_in_flight += 1
        return Ticket(
            self.proxy,
            self._lockouts,
            uses_cookies=self.uses_cookies,
            stops_others=not self.has_met_lone_refusal,
        )

    def note(
        self, event: AddressEvent, ticket: Ticket, now: float, failure: Failure | None = None
    ) -> None:
        """Note what an attempt by a ticket says about the address, as a verdict has it.

        What was under way before a lock-out began says nothing about how that goes on.
        """
        is_current = ticket.lockout == self._lockouts
        self.num_in_flight -= 1
        match event:
            case AddressEvent.ANSWERED:
                self._note_answer(now, is_current=is_current)
            case AddressEvent.SILENT if is_current:
                self._probe_again(now)
            case AddressEvent.PROVEN_NOTHING if is_current:
                self._outages.close()
                self._refusals.forget_probe()
            case AddressEvent.DOUBTED:
                self.is_doubtful = True
            case AddressEvent.REFUSED:
                self.is_doubtful = True
                if is_current and failure is not None:
                    self._note_refusal(failure, now)
            case AddressEvent.UNREACHABLE if is_current and failure is not None:
                self._refusals.forget_probe()
                self._outages.trip(now)
                self._lock(failure)

    def _note_answer(self, now: float, *, is_current: bool) -> None:
        self.num_answers += 1
        self.num_same_refusals = 0
        self._pacer.answered()
        self.is_doubtful = False
        if not is_current:
            return
        if self.locked_until is not None:
            self._pacer.returned(now)
        self._refusals.close()
        self._outages.close()

    def _note_refusal(self, failure: Failure, now: float) -> None:
        pause_s = self._known_pause_s(failure)
        if not self._refusals.is_open:
            self._pacer.refused(now)
            self._num_answers_at_lockout = self.num_answers
        self._outages.close()
        self._refusals.trip(now, pause_s=pause_s)
        self.num_same_refusals = self.num_refusals_with(failure)
        self._lock(failure)

    def _known_pause_s(self, failure: Failure) -> float | None:
        """Return how long to pause if the site says so, or the last time showed it."""
        if failure.retry_after_s is not None:
            return min(max(1.0, failure.retry_after_s), LONGEST_RETRY_AFTER_S)
        if self._pacer.is_slowed and not self._refusals.is_open:
            return self._refusals.helpful_pause_s(self.num_answers - self._num_answers_at_lockout)
        return None

    def note_lone_refusal(self) -> None:
        """Note that a clip alone was refused: the address is not, and need not be slower."""
        if not self.has_met_lone_refusal:
            self._pacer.forgive()
        self.has_met_lone_refusal = True

    def num_refusals_with(self, failure: Failure) -> int:
        """Return how often in a row it is refused in the same words, with this failure."""
        is_same = self.last_refusal is not None and self.last_refusal.code == failure.code
        return self.num_same_refusals + 1 if is_same else 1

    def _lock(self, failure: Failure) -> None:
        self._lockouts += 1
        self.last_refusal = failure

    def _probe_again(self, now: float) -> None:
        for breaker in (self._refusals, self._outages):
            if breaker.is_open:
                breaker.trip(now, pause_s=breaker.pause_s)


def open_addresses(config: DownloadConfig, *, with_cookies: bool = False) -> list[Address]:
    """Return the addresses that the config names: its proxies, or else a direct connection.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    with_cookies : bool
        True if there are cookies. All requests carry them if ``cookies_use`` is ``always``.
    """
    always = with_cookies and config.cookies_use == "always"
    return [Address(proxy, config, uses_cookies=always) for proxy in config.proxies or (None,)]


def open_account(guests: Sequence[Address], config: DownloadConfig) -> list[Address]:
    """Return addresses with cookies beside those of guests, for what guests may not get."""
    return [Address(guest.proxy, config, uses_cookies=True, guest=guest) for guest in guests]
