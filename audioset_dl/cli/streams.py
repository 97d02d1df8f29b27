"""Standard error and output that may be closed, full, or of another encoding than a path's."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast


def make_streams_safe() -> None:
    """Let no message end a run, and no file of ours get the number of a stream that is closed."""
    # Or else the next file that is opened is the standard error of every program that we start.
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    # Python has None for a stream that was closed.
    if None in (sys.stdin, sys.stdout, sys.stderr):
        null = cast(TextIO, Path(os.devnull).open("r+", encoding="utf-8"))  # noqa: SIM115
        sys.stdin, sys.stdout = sys.stdin or null, sys.stdout or null
        sys.stderr = sys.stderr or null
    # A path that is no UTF-8 is shown as JSON would: \udcff.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    sys.stderr = cast(TextIO, _LossyStream(sys.stderr))


class _LossyStream:
    """A stream that loses what can't be written: its disk is full, or its reader is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
