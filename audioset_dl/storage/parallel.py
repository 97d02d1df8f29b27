"""One function for many items, in several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from audioset_dl.errors import AudiosetDlError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Enough that no worker waits for work, few enough that Ctrl-C leaves little to cancel.
_QUEUED_PER_WORKER = 4


def run_parallel(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None
) -> Iterator[Result]:
    """Yield the result for each item, in the order in which they are done.

    Parameters
    ----------
    function : callable
        A function of a module, not a lambda: it is called in new processes
        (``spawn``).
    items : iterable
        Items that can be pickled; taken when a worker is soon free for them.
    workers : int, optional
        Most processes; one for each core unless given.

    Raises
    ------
    AudiosetDlError
        A process died. What the function raises is raised here as well.
    """
    workers = workers or num_cores()
    waiting = iter(items)
    with _pool(workers) as pool:
        running: set[Future[Result]] = set()
        while True:
            free = workers * _QUEUED_PER_WORKER - len(running)
            running |= {pool.submit(function, item) for item in islice(waiting, free)}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def run_here_too(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, *, in_threads: bool
) -> Iterator[Result]:
    """Do what `run_parallel` does, with this thread as one of the workers.

    It has begun before other processes are there, which takes them some tenths of a second. With
    `in_threads` the others are threads, for what mostly reads or hashes without Python's lock.
    """
    waiting = iter(items)
    with ThreadPoolExecutor(workers - 1) if in_threads else _pool(workers - 1) as pool:
        running: set[Future[Result]] = set()
        for item in waiting:
            free = (workers - 1) * _QUEUED_PER_WORKER - len(running)
            running |= {pool.submit(function, another) for another in islice(waiting, free)}
            yield function(item)
            done = {future for future in running if future.done()}
            running -= done
            yield from (future.result() for future in done)
        yield from (future.result() for future in running)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Not fork: a forked process inherits locks that other threads hold
    # (https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods).
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    ) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise AudiosetDlError(
                "a worker process died, perhaps for want of memory",
                fix="run again to go on, with fewer process.workers if it happens again",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def num_cores() -> int:
    """Return how many cores this process may use."""
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
