"""When a way out to YouTube is paused: refused by YouTube, or without an answer.

Two breakers (https://martinfowler.com/bliki/CircuitBreaker.html), as a refusal and an outage end in
other ways. All times are seconds of a monotonic clock that the caller reads.
"""

from __future__ import annotations

from dataclasses import dataclass

from audioset_dl.outcomes import Failure

LONGEST_PAUSE_S = 1800.0
"""Longest pause of a refused address to which doubling leads."""
LOCKOUT_S = 3660.0
"""Pause after that. A lock-out lasts up to an hour, counted anew from every request in it
(https://github.com/yt-dlp/yt-dlp/wiki/Extractors), so asking every half an hour would never end
it."""
LONGEST_RETRY_AFTER_S = 24 * 3600.0
"""Longest wait that a site is allowed to ask for."""
RESTS_PER_LOOK = 10
"""How much longer a silent way rests than a look at it takes, where there are others."""
FIRST_OUTAGE_S, LONGEST_OUTAGE_S = 5.0, 60.0
"""How often a lost network is tried again: asking costs nothing there."""


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

    def trip(self, now: float, *, pause_s: float | None = None, at_least_s: float = 0) -> None:
        """Pause for a given time, or else twice as long as the last time.

        A time that the site asks for makes a pause longer, never shorter, and the next ones not.
        """
        self.pause_s = self._next_pause_s() if pause_s is None else pause_s
        self.open_until = now + max(self.pause_s, at_least_s)
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


class Pauses:
    """The pauses of one way out.

    Parameters
    ----------
    first_pause_s : float
        Seconds of the first pause after a refusal (``download.throttle_wait_s``).
    look_s : float
        How long a look at a way that is silent may take (``download.timeout_s``).
    """

    def __init__(self, first_pause_s: float, look_s: float) -> None:
        self.has_others = False
        """True if there are other ways."""
        self.num_silent = 0
        """Attempts in a row to which nothing came."""
        self._look_s = look_s
        self.last_refusal: Failure | None = None
        """Reason of the last pause."""
        self.number = 0
        """Pauses so far."""
        self._num_same = 0
        self._refusals = Breaker(first_pause_s, LONGEST_PAUSE_S, LOCKOUT_S)
        self._outages = Breaker(FIRST_OUTAGE_S, LONGEST_OUTAGE_S, LONGEST_OUTAGE_S)

    @property
    def ready_at(self) -> float:
        """The earliest time of the next request; infinite while a probe is under way."""
        return max(self._refusals.ready_at, self._outages.ready_at)

    @property
    def until(self) -> float | None:
        """End of the pause under way; None without one."""
        times = [self._refusals.open_until, self._outages.open_until]
        return max((time for time in times if time is not None), default=None)

    @property
    def was_outage(self) -> bool:
        """True if the last pause began because nobody answered."""
        last = self.last_refusal
        return last is not None and (last.kind.is_outage or last.is_silence)

    @property
    def is_silent(self) -> bool:
        """True from an attempt to which nothing came until an answer."""
        return self.num_silent > 0

    @property
    def is_refused(self) -> bool:
        """True while YouTube refuses the way."""
        return self._refusals.is_open

    @property
    def is_refused_by_status(self) -> bool:
        """True while it is refused before YouTube looks at which video it is asked for."""
        last = self.last_refusal
        return self.is_refused and last is not None and last.kind.is_status

    def num_refusals_with(self, failure: Failure) -> int:
        """Return how often in a row it is refused in the same words, with this failure."""
        is_same = self.last_refusal is not None and self.last_refusal.code == failure.code
        return self._num_same + 1 if is_same else 1

    def start(self) -> None:
        """Note that a request goes out; the first one after a pause is the probe."""
        self._refusals.start()
        self._outages.start()

    def close(self) -> None:
        """Go on as before: a request was answered."""
        self._num_same = 0
        self._refusals.close()
        self._outages.close()

    def probe_again(self, now: float) -> None:
        """Let another probe go out after a pause as long as the last: this one told nothing."""
        for breaker in (self._refusals, self._outages):
            if breaker.is_open:
                breaker.trip(now, pause_s=breaker.pause_s)

    def note_words(self) -> None:
        """Note an answer that does not show whether the way is refused still."""
        self._outages.close()
        self._refusals.forget_probe()

    def refuse(
        self, failure: Failure, now: float, pause_s: float | None, *, at_least_s: float = 0
    ) -> None:
        """Pause after a refusal, for a given time or twice as long as the last time."""
        self._outages.close()
        self._refusals.trip(now, pause_s=pause_s, at_least_s=at_least_s)
        self._num_same = self.num_refusals_with(failure)
        self._begin(failure)

    def note_silence(self, failure: Failure | None, *, is_answer: bool) -> None:
        """Note whether anything came of an attempt."""
        if failure is not None and failure.is_silence:
            self.num_silent += 1
        elif is_answer:
            self.num_silent = 0

    def lose(self, failure: Failure, now: float) -> None:
        """Pause as nobody answers.

        A silent way rests for longer where there are others, as each look at it holds a worker.
        """
        is_costly = failure.is_silence and self.has_others
        at_least_s = RESTS_PER_LOOK * self._look_s if is_costly else 0
        self._refusals.forget_probe()
        self._outages.trip(now, at_least_s=at_least_s)
        self._begin(failure)

    def helpful_pause_s(self, num_answers: int) -> float:
        """Return `Breaker.helpful_pause_s` of the last refusal."""
        return self._refusals.helpful_pause_s(num_answers)

    def _begin(self, failure: Failure) -> None:
        self.number += 1
        self.last_refusal = failure
