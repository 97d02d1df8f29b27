"""How fast an address asks for videos: a jittered delay, a cap an hour, slower after a refusal.

How much YouTube allows an address is not known. The pacer takes it for a token bucket
(https://en.wikipedia.org/wiki/Token_bucket) and learns its rate from refusals. The videos answered
between two refusals, pauses included, give a rate that is allowed; the pace just before a refusal
is one that is not. The next pace lies between the two. Knows nothing of requests; all times are
seconds of a monotonic clock that the caller reads.
"""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field

HOUR_S = 3600
CAUTION = 1.5
"""Factor by which the delay after a refusal is longer than that of the new pace."""
NEARLY = 0.95
"""Share of the old pace to return to after a first refusal, which may have been a passing storm."""
FAST_GAIN, SLOW_GAIN = 0.02, 0.0005
"""Share by which an answer shortens the delay: below the new pace, and above it."""
RECOVERY_S = 3 * HOUR_S
"""Seconds without a refusal that shorten any delay to about a third."""
LONGEST_DELAY_S = 600.0
SHORTEST_DELAY_S = 0.001


@dataclass
class Pacer:
    """When the next video may be asked for.

    Parameters
    ----------
    delay_s : float
        Mean delay between two videos, as configured; 0: none.
    max_per_hour : int or None
        Most videos in any hour; None: no cap.
    jitter : random.Random
        Where the jitter of the delay comes from.
    """

    delay_s: float
    max_per_hour: int | None
    jitter: random.Random = field(default_factory=random.Random)
    ready_at: float = float("-inf")
    _mean_s: float = field(init=False)
    _goal_s: float = field(init=False)
    _began_at: float | None = None
    _refused_at: float | None = None
    _before_refusal: tuple[float, float] = field(init=False)
    """Mean delay and goal before the last refusal."""
    _num_answers: int = 0
    _num_answers_at_refusal: int = 0
    _num_answers_at_return: int = 0
    _started: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._mean_s = self._goal_s = self.delay_s
        self._before_refusal = self._mean_s, self._goal_s

    @property
    def is_slowed(self) -> bool:
        """True while the pace is below the configured one after a refusal."""
        return self._mean_s > self.delay_s

    def start(self, now: float) -> None:
        """Note that a video is asked for now."""
        if self._began_at is None:
            self._began_at = now
        self.ready_at = now + self._mean_s * self.jitter.uniform(0.5, 1.5)
        if self.max_per_hour is None:
            return
        self._started.append(now)
        if len(self._started) >= self.max_per_hour:
            self.ready_at = max(self.ready_at, self._started.popleft() + HOUR_S)

    def answered(self) -> None:
        """Note an answer: a slowed pace becomes a little faster, up to the configured one."""
        self._num_answers += 1
        if not self.is_slowed:
            return
        slow_gain = max(SLOW_GAIN, self._mean_s / RECOVERY_S)
        gain = FAST_GAIN if self._mean_s > self._goal_s else slow_gain
        self._mean_s = max(self.delay_s, self._mean_s * (1 - min(gain, 0.5)))
        if self._mean_s < SHORTEST_DELAY_S:
            self._mean_s = self.delay_s

    def refused(self, now: float) -> None:
        """Note that an address that was answered until now is refused: go on more slowly."""
        self._before_refusal = self._mean_s, self._goal_s
        began_at = now if self._began_at is None else self._began_at
        gap_s = (now - began_at) / max(1, self._num_answers - self._num_answers_at_return)
        gap_s = max(gap_s, self.delay_s, SHORTEST_DELAY_S)
        self._goal_s = self._next_goal_s(now, began_at, gap_s)
        self._refused_at, self._num_answers_at_refusal = now, self._num_answers
        self._mean_s = min(self._goal_s * CAUTION, max(LONGEST_DELAY_S, self.delay_s))

    def _next_goal_s(self, now: float, began_at: float, gap_s: float) -> float:
        """Return the mean delay to come back to, given the one at which it was refused."""
        if self._refused_at is None:
            return gap_s / NEARLY
        num_had = max(1, self._num_answers - self._num_answers_at_refusal)
        whole_s = (now - self._refused_at) / num_had
        # A delay that costs more time than the pauses is a loss: refusals may come by chance.
        paused_s = (began_at - self._refused_at) / num_had
        return min(math.sqrt(max(whole_s, gap_s) * gap_s), self.delay_s + paused_s)

    def forgive(self) -> None:
        """Go on as before the last refusal: it was meant for one video alone."""
        self._mean_s, self._goal_s = self._before_refusal

    def returned(self, now: float) -> None:
        """Note that the address is answered again."""
        self._began_at, self._num_answers_at_return = now, self._num_answers
