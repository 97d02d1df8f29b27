"""Runs `audioset-dl` and kills it within `process`: killed_process.py MOMENT N ARGUMENTS.

Run by test_process.py, in a process of its own. Moments: ``noting`` a record, writing a ``table``,
``removing`` a file.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

MOMENTS = {"noting": ("records", "_lines"), "table": ("run", "write_table"),
           "removing": ("run", "remove_file")}  # fmt: skip


def die_at(moment: str, number: int) -> None:
    from audioset_dl.process import records, run

    module, name = MOMENTS[moment]
    owner = {"records": records, "run": run}[module]
    setattr(owner, name, die_before(getattr(owner, name), number))


def die_before(function: Callable[..., Any], number: int) -> Callable[..., Any]:
    calls = count(1)

    def deadly(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return deadly


if __name__ == "__main__":
    from audioset_dl import cli

    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["audioset-dl", *sys.argv[3:]]
    cli.main()
