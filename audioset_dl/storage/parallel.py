"""One function for many items, in several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from audioset_dl.errors import AudiosetDlError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough that no worker waits for work, few enough that Ctrl-C leaves little to cancel.
_QUEUED_PER_WORKER = 4


def run_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None
) -> Iterator[Result]:
    """Yield the result for each item, in the order in which they are done.

    Parameters
    ----------
    function : callable
        A function of a module, not a lambda: it is called in new processes
        (``spawn``).
    items : sequence
        Items that can be pickled.
    workers : int, optional
        Number of processes, at most one for each item; one for each core unless given.

    Raises
    ------
    AudiosetDlError
        A process died. What the function raises is raised here as well.
    """
    if not items:
        return
    workers = min(workers or _num_cores(), len(items))
    waiting = iter(items)
    # Not fork: a forked process inherits locks that other threads hold
    # (https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods).
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    ) as pool:
        try:
            running: set[Future[Result]] = set()
            while True:
                free = workers * _QUEUED_PER_WORKER - len(running)
                running |= {pool.submit(function, item) for item in islice(waiting, free)}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise AudiosetDlError(
                "a worker process died, perhaps for want of memory",
                fix="run again to go on, with fewer process.workers if it happens again",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _begin() -> None:
    """Leave signals to the parent, and end when it dies; the pool's workers would wait for ever."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
