"""Runs `audioset-dl` and ends it within `process`: killed_process.py SIGNAL MOMENT N ARGUMENTS.

Run by test_process.py, in a process of its own. Moments: ``noting`` a record, writing a ``table``,
``removing`` a file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

MOMENTS = {"noting": ("clip", "_line"), "table": ("run", "write_table"),
           "removing": ("run", "remove_file")}  # fmt: skip


def die_at(signal_number: int, moment: str, number: int) -> None:
    from audioset_dl.process import clip, run

    module, name = MOMENTS[moment]
    owner = {"clip": clip, "run": run}[module]
    setattr(owner, name, die_before(getattr(owner, name), number, signal_number))


def die_before(function: Callable[..., Any], number: int, signal_number: int) -> Callable[..., Any]:
    calls = count(1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            os.kill(os.getpid(), signal_number)
        return function(*args, **kwargs)

    return deadly


if __name__ == "__main__":
    from audioset_dl import cli

    die_at(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    sys.argv = ["audioset-dl", *sys.argv[4:]]
    cli.main()
