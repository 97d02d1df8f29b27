"""A deadline for the body of an answer: a server that trickles is given up like one that is silent.

A socket's timeout begins anew with every byte: a byte a second would hold a worker for days.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from urllib3.exceptions import HTTPError
from yt_dlp.networking import Response

LEAST_BYTES_PER_S = 4096
"""Slower than this on the whole, after the first ``timeout_s``, is as good as nothing."""
_PIECE = 1 << 16


class PatientReader:
    """The source of a response's body, with a deadline that moves on with what has come.

    Stands in for `Response.fp`; all else is that one's.

    Parameters
    ----------
    source : file-like
        Of urllib3, or another with ``read`` and perhaps ``read1``.
    timeout_s : float
        How long nothing, or next to nothing, may come.
    clock : callable
        Monotonic, in seconds.
    """

    def __init__(
        self, source: Any, timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._timeout_s = timeout_s
        self._clock = clock
        self._began_at = clock()
        self._num_bytes = 0
        self._read_some = getattr(source, "read1", source.read)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, amt: int | None = None, **options: Any) -> bytes:
        """Read so many bytes, or to the end.

        Raises
        ------
        urllib3.exceptions.HTTPError
            They come too slowly; yt-dlp makes a TransportError of it.
        """
        pieces, left = [], amt
        while left is None or left > 0:
            piece = self._read_some(_PIECE if left is None else min(left, _PIECE), **options)
            if not piece:
                break
            pieces.append(piece)
            left = None if left is None else left - len(piece)
            self._check(len(piece))
        return b"".join(pieces)

    def _check(self, num_new: int) -> None:
        self._num_bytes += num_new
        elapsed_s = self._clock() - self._began_at
        if elapsed_s > self._timeout_s + self._num_bytes / LEAST_BYTES_PER_S:
            raise HTTPError(f"timed out: {self._num_bytes:,} bytes came in {elapsed_s:.0f} s")


def set_deadline(response: Response, timeout_s: float) -> Response:
    """Give a response's body a deadline, and return it."""
    response.fp = PatientReader(response.fp, timeout_s)
    return response
