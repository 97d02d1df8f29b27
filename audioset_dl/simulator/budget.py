"""What the simulated YouTube lets one address do: a token bucket of videos with a lock-out.

Owns the counting. Knows nothing of HTTP; a refusal is shown as a behaviour. Modelled on what the
wiki of yt-dlp says of "This content isn't available, try again later": about 300 videos an hour for
a guest; an address that asks for more is locked out for up to an hour, and asking prolongs it
(https://github.com/yt-dlp/yt-dlp/wiki/Extractors#this-content-isnt-available-try-again-later).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from audioset_dl.simulator.behaviours import BEHAVIOURS


class Budget:
    """A guest budget.

    A video is paid for once a visit: by its watch page, or by the first request to the player API
    if no page came before. Thread-safe.

    Parameters
    ----------
    capacity : float
        Most videos that can be asked for at once; the bucket is full at the start.
    refill_per_s : float
        Videos added to it each second.
    lockout_s : float
        Seconds for which everything is refused after a request that the bucket can't pay; each
        request in between starts them again.
    refusal : str
        The behaviour that is shown then: ``rate_limited``, ``http_429``, ``bot_check``.
    visit_s : float
        Seconds after its page in which the player API may be asked for the same video.
    clock : callable
        Seconds, monotonic.
    """

    def __init__(
        self,
        capacity: float,
        refill_per_s: float,
        lockout_s: float,
        *,
        refusal: str = "rate_limited",
        visit_s: float = 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if refusal not in BEHAVIOURS:
            raise ValueError(f"refusal: {refusal!r} is no behaviour")
        self.refusal = refusal
        self._capacity = capacity
        self._refill_per_s = refill_per_s
        self._lockout_s = lockout_s
        self._visit_s = visit_s
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = capacity
        self._filled_at = clock()
        self._locked_until = float("-inf")
        self._visits: dict[str, float] = {}
        self._num_admitted = 0
        self._num_refused = 0

    @property
    def num_admitted(self) -> int:
        """Number of videos that were paid for."""
        return self._num_admitted

    @property
    def num_refused(self) -> int:
        """Number of requests that were refused."""
        return self._num_refused

    @property
    def is_locked(self) -> bool:
        """True while everything is refused."""
        return self._clock() < self._locked_until

    def admits(self, ytid: str, *, is_page: bool) -> bool:
        """Count one request, and return True if it is answered."""
        with self._lock:
            now = self._clock()
            self._refill(now)
            admitted = now >= self._locked_until and (
                (not is_page and self._is_visiting(ytid, now)) or self._pay(ytid, now)
            )
            if not admitted:
                self._num_refused += 1
                self._locked_until = now + self._lockout_s
            return admitted

    def _refill(self, now: float) -> None:
        earned = (now - self._filled_at) * self._refill_per_s
        self._tokens = min(self._capacity, self._tokens + earned)
        self._filled_at = now

    def _is_visiting(self, ytid: str, now: float) -> bool:
        return now - self._visits.get(ytid, float("-inf")) <= self._visit_s

    def _pay(self, ytid: str, now: float) -> bool:
        # The margin is for the rounding of a sum of refills.
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        self._num_admitted += 1
        self._visits[ytid] = now
        return True
