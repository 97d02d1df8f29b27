"""Threads that fetch clips and put what became of them into one queue."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.fetcher import Job
from audioset_dl.outcomes import Failure

CLOSE_AFTER_S = 0.5
"""Seconds that the fetchers have to close their connections once there is nothing more to do."""


class Fetcher(Protocol):
    """What a worker runs: `audioset_dl.download.fetcher.ClipFetcher`, or a fake of it."""

    def fetch(self, job: Job) -> SavedFile | Failure:
        """Fetch one clip."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: Job
    result: SavedFile | Failure | Exception
    """An exception is none of the clip's: it ends the run."""


@dataclass(frozen=True)
class Interrupt:
    """Put among the outcomes by a signal."""

    signal_number: int


class Workers:
    """Daemon threads with a fetcher each; one thread is the same as many.

    Parameters
    ----------
    num_workers : int
        How many.
    make_fetcher : callable
        Called once in each thread, with the event that tells it to give up.
    """

    def __init__(
        self, num_workers: int, make_fetcher: Callable[[threading.Event], Fetcher]
    ) -> None:
        self._make_fetcher = make_fetcher
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome | Interrupt] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            for number in range(num_workers)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close(CLOSE_AFTER_S)

    def submit(self, job: Job) -> None:
        """Have a clip fetched."""
        self._jobs.put(job)

    def next_outcome(self, timeout_s: float | None) -> Outcome | Interrupt | None:
        """Return the next outcome; None if there is none within the time."""
        try:
            return self._outcomes.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def interrupt(self, signal_number: int) -> None:
        """Wake up who waits for an outcome. Safe in a signal handler."""
        self._outcomes.put(Interrupt(signal_number))

    def give_up(self) -> None:
        """Tell the workers to give up what is under way."""
        self._stop.set()

    def close(self, timeout_s: float) -> None:
        """End the threads; one that does not end in time is left to die with the process."""
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))

    def _work(self) -> None:
        fetcher: Fetcher | None = None
        while (job := self._jobs.get()) is not None:
            try:
                fetcher = fetcher or self._make_fetcher(self._stop)
                self._outcomes.put(Outcome(job, fetcher.fetch(job)))
            except Exception as error:  # noqa: BLE001 - the engine's thread raises it again
                self._outcomes.put(Outcome(job, error))
        if fetcher is not None:
            fetcher.close()
