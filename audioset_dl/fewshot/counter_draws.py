"""Random draws by counting: item i of a stream needs no item before it.

Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011): its output is a function of a key and a counter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
# NumPy promises that the raw output of a bit generator never changes, but not what the methods of
# Generator return (NEP 19, https://numpy.org/neps/nep-0019-rng-policy.html). So the draws are made
# here from the raw output, whole numbers below this limit.
_LIMIT = 1 << 64


class Draws:
    """The draws of one item of a stream.

    Parameters
    ----------
    stream : str
        Its SHA-256 is the key.
    index : int
        Number of the item, from 0 to 2**64 - 1.
    """

    def __init__(self, stream: str, index: int) -> None:
        digest = hashlib.sha256(stream.encode()).digest()
        key = np.frombuffer(digest[:16], "<u8").astype(np.uint64)
        # Of the 256 bits the upper half: each item has 2**128 counters of its own.
        counter = np.array([0, 0, index, 0], np.uint64)
        self._bits = np.random.Philox(key=key, counter=counter)

    def below(self, stop: int) -> int:
        """Return a whole number from 0 to `stop - 1`, each equally likely."""
        beyond = _LIMIT - _LIMIT % stop  # with these, small results would be more likely
        while (number := int(self._bits.random_raw())) >= beyond:
            pass
        return number % stop

    def pick(self, items: Sequence[Item], number: int) -> list[Item]:
        """Return some of the items, no place twice, in random order (Fisher and Yates)."""
        pool = list(items)
        for place in range(number):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:number]
