"""Random draws by counting: draw i of a stream needs no draw before it.

Philox is a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
SC 2011): its output is a function of a key and a counter. NumPy promises that the raw output of a
bit generator never changes, but not so for the methods of Generator (NEP 19); therefore the draws
are made here from the raw output.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
_LIMIT = 1 << 64


class Draws:
    """The draws of one item of a stream.

    Parameters
    ----------
    stream : str
        Its SHA-256 is the key.
    index : int
        Which item, from 0 to 2**64 - 1; each has a stretch of 2**128 counters of its own.
    """

    def __init__(self, stream: str, index: int) -> None:
        digest = hashlib.sha256(stream.encode()).digest()
        key = np.frombuffer(digest[:16], "<u8").astype(np.uint64)
        counter = np.array([0, 0, index, 0], np.uint64)
        self._bits = np.random.Philox(key=key, counter=counter)

    def below(self, stop: int) -> int:
        """Return a whole number from 0 to just below `stop`, each equally likely."""
        beyond = _LIMIT - _LIMIT % stop  # numbers from here on would favour the small ones
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
