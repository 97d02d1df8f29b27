"""One function for many things, in processes beside one another."""

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

Task = TypeVar("Task")
Result = TypeVar("Result")

_WAITING_PER_WORKER = 4


def run_parallel(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int | None
) -> Iterator[Result]:
    """Yield the result of each task, in the order in which they come.

    Parameters
    ----------
    function : callable
        Of a module, not a lambda: it is called in processes that are started anew (``spawn``).
    tasks : sequence
        What can be pickled.
    workers : int, optional
        Processes, no more than tasks; one for each core that this process may use unless given.

    Raises
    ------
    AudiosetDlError
        A process died. What the function raises is raised here as well.
    """
    if not tasks:
        return
    workers = min(workers or _num_cores(), len(tasks))
    waiting = iter(tasks)
    with ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    ) as pool:
        try:
            running: set[Future[Result]] = set()
            while True:
                free = workers * _WAITING_PER_WORKER - len(running)
                running |= {pool.submit(function, task) for task in islice(waiting, free)}
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise AudiosetDlError(
                "a worker process died, perhaps for want of memory; run again to go on, with fewer "
                "process.workers if it happens again"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _begin() -> None:
    """Leave signals to the parent, and end when it dies: the pool's own workers would wait on."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
