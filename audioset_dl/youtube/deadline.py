"""Limits of an answer: how slowly it may come, and how large it may be.

A server that trickles is given up like one that is silent. A socket's timeout begins anew with
every byte: a byte a second would hold a worker for days.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from urllib3.exceptions import HTTPError
from yt_dlp.networking import Response

LEAST_BYTES_PER_S = 4096
"""Slower than this on the whole, after the first ``timeout_s``, is as good as nothing."""
MOST_BYTES = 32 << 20
"""Largest page or answer of the player API, after it is unpacked; a real page has about 1 MB. A few
kilobytes of gzip may stand for gigabytes."""
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
    max_bytes : int or None
        How much may come; None: no limit, as the reader asks for so much.
    """

    def __init__(
        self,
        source: Any,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_bytes: int | None = None,
    ) -> None:
        self._max_bytes = max_bytes
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
            They come too slowly, or too many; yt-dlp makes a TransportError of it.
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
        if self._max_bytes is not None and self._num_bytes > self._max_bytes:
            raise HTTPError(f"an answer of more than {self._max_bytes:,} bytes")
        elapsed_s = self._clock() - self._began_at
        if elapsed_s > self._timeout_s + self._num_bytes / LEAST_BYTES_PER_S:
            raise HTTPError(f"timed out: {self._num_bytes:,} bytes came in {elapsed_s:.0f} s")


def set_limits(response: Response, timeout_s: float, max_bytes: int | None) -> Response:
    """Give a response's body a deadline and a largest size, and return it."""
    response.fp = PatientReader(response.fp, timeout_s, max_bytes=max_bytes)
    return response
