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
from audioset_dl.download.pauses import Pauses
from audioset_dl.download.witnesses import Witnesses
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure

LONGEST_RETRY_AFTER_S = 24 * 3600.0
"""Longest wait that a site is allowed to ask for."""


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
        self.has_met_lone_refusal = False
        """True once a clip alone was refused, in words that otherwise are meant for the address."""
        self.closed_by: AudiosetDlError | None = None
        """Why it is of no more use in this run."""
        self.is_doubtful = False
        """True after words that may be meant for the address, until it answers."""
        self._pacer = Pacer(config.delay_s, config.max_per_hour, jitter or random.Random())
        self.pauses = Pauses(config.throttle_wait_s, config.timeout_s)
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
        own = max(self._pacer.ready_at, self.pauses.ready_at)
        return own if self._guest is None else max(own, self._guest.ready_at)

    @property
    def is_paused(self) -> bool:
        """True while this address, or that of its guest, is paused."""
        guest = self._guest
        return self.pauses.until is not None or (guest is not None and guest.is_paused)

    def start(self, now: float) -> Ticket:
        """Give permission for one video, from now on."""
        self._pacer.start(now)
        if self._guest is not None:
            self._guest._pacer.start(now)
        self.pauses.start()
        self.num_in_flight += 1
        return Ticket(
            self.proxy,
            self.pauses.number,
            uses_cookies=self.uses_cookies,
            stops_others=not self.has_met_lone_refusal,
        )

    def note(
        self, event: AddressEvent, ticket: Ticket, now: float, failure: Failure | None = None
    ) -> None:
        """Note what an attempt by a ticket says about the address, as a verdict has it.

        What was under way before a lock-out began says nothing about how that goes on.
        """
        is_current = ticket.lockout == self.pauses.number
        self.num_in_flight -= 1
        is_answer = event not in (AddressEvent.SILENT, AddressEvent.NONE)
        self.pauses.note_silence(failure, is_answer=is_answer)
        match event:
            case AddressEvent.ANSWERED:
                self._note_answer(now, is_current=is_current)
            case AddressEvent.SILENT if is_current:
                self.pauses.probe_again(now)
            case AddressEvent.PROVEN_NOTHING if is_current:
                self.pauses.note_words()
            case AddressEvent.DOUBTED:
                self.is_doubtful = True
                self._leave_gate(failure, is_current=is_current)
            case AddressEvent.REFUSED:
                self.is_doubtful = True
                if is_current and failure is not None:
                    self._note_refusal(failure, now)
            case AddressEvent.UNREACHABLE if is_current and failure is not None:
                self.pauses.lose(failure, now)

    def was_lost_since(self, ticket: Ticket) -> bool:
        """Return True if nobody answered at some time since a ticket was given."""
        return self.pauses.was_outage and ticket.lockout != self.pauses.number

    def _leave_gate(self, failure: Failure | None, *, is_current: bool) -> None:
        """Give what is asked next another gate: clear words shut the one that they came through."""
        if is_current and failure is not None and not failure.kind.is_ambiguous:
            self.pauses.number += 1

    def _note_answer(self, now: float, *, is_current: bool) -> None:
        self.num_answers += 1
        self._pacer.answered()
        self.is_doubtful = False
        if not is_current:
            return
        if self.pauses.until is not None:
            self._pacer.returned(now)
        self.pauses.close()

    def _note_refusal(self, failure: Failure, now: float) -> None:
        pause_s = self._known_pause_s()
        if not self.pauses.is_refused:
            self._pacer.refused(now)
            self._num_answers_at_lockout = self.num_answers
        self.pauses.refuse(failure, now, pause_s, at_least_s=_asked_s(failure))

    def _known_pause_s(self) -> float | None:
        """Return how long to pause if the last time showed it."""
        if self._pacer.is_slowed and not self.pauses.is_refused:
            return self.pauses.helpful_pause_s(self.num_answers - self._num_answers_at_lockout)
        return None

    def note_lone_refusal(self) -> None:
        """Note that a clip alone was refused: the address is not, and need not be slower."""
        if not self.has_met_lone_refusal:
            self._pacer.forgive()
        self.has_met_lone_refusal = True


def _asked_s(failure: Failure) -> float:
    """Return how long the site asks to wait; 0 where it does not, or names a time in the past."""
    return min(max(0.0, failure.retry_after_s or 0.0), LONGEST_RETRY_AFTER_S)


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
    opened = [Address(proxy, config, uses_cookies=always) for proxy in config.proxies or (None,)]
    for address in opened:
        address.pauses.has_others = len(opened) > 1
    return opened


def open_account(guests: Sequence[Address], config: DownloadConfig) -> list[Address]:
    """Return addresses with cookies beside those of guests, for what guests may not get."""
    return [Address(guest.proxy, config, uses_cookies=True, guest=guest) for guest in guests]
