"""The engine: the loop that has clips fetched until nothing is left to do.

One thread, which alone touches the journal and the addresses; one worker or many is the same loop.
What follows from an attempt is decided in `audioset_dl.download.verdicts`, and applied in
`audioset_dl.download.applier`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.applier import Applier
from audioset_dl.download.messages import PauseNote
from audioset_dl.download.queues import Queues
from audioset_dl.download.recorder import Recorder, Standing
from audioset_dl.download.suspects import Suspects
from audioset_dl.download.tasks import Attempt
from audioset_dl.download.workers import Interrupt, Outcome, Workers
from audioset_dl.errors import Interrupted, OutputError

# A full disk fails every clip: there is less to wait for than after a signal.
ABANDON_AFTER_S: dict[type[BaseException], float] = {Interrupted: 2.0, OutputError: 1.5}
"""Seconds that a run that ends early waits for attempts under way, by the reason of its end."""

Watch = Callable[[Standing], None]


class Engine:
    """Fetches the clips of one run.

    Parameters
    ----------
    queues : Queues
        The clips, and the addresses to ask by.
    recorder : Recorder
        Notes what becomes of them.
    workers : Workers
        Fetch them.
    config : DownloadConfig
        ``workers``, ``attempts``, ``on_throttle``.
    pause : PauseNote
        Says what the run waits for.
    watch : callable
        Told how the run stands, after each change.
    believed : collection of str
        Vague codes that are taken for true, however many clips they are heard of.
    clock : callable
        Monotonic, in seconds.
    """

    def __init__(
        self,
        queues: Queues,
        recorder: Recorder,
        workers: Workers,
        *,
        config: DownloadConfig,
        pause: PauseNote,
        watch: Watch,
        believed: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._recorder = recorder
        self._workers = workers
        self._num_workers = config.workers
        self._pause = pause
        self._watch = watch
        self._clock = clock
        self._in_flight: dict[int, Attempt] = {}
        self._applier = Applier(queues, recorder, config, pause=pause, believed=believed)

    @property
    def suspects(self) -> Suspects:
        """The clips with vague words against them."""
        return self._applier.suspects

    def run(self) -> None:
        """Fetch all that can be fetched now.

        Raises
        ------
        Interrupted
            By a signal; what could be finished is recorded.
        ThrottledError
            An address was refused, and ``on_throttle`` is ``stop``.
        AudiosetDlError
            Something is wrong with this machine.
        """
        self._show()
        try:
            while self._in_flight or not self._queues.is_empty:
                self._dispatch()
                self._await_outcome()
        except Interrupted as interrupted:
            self._abandon(ABANDON_AFTER_S[Interrupted])
            now = self._recorder.standing()
            done = f": {now.saved:,} of {now.wanted:,} clips are saved"
            raise Interrupted(interrupted.exit_code - 128, done) from None
        except BaseException as error:
            self._abandon(ABANDON_AFTER_S.get(type(error), ABANDON_AFTER_S[Interrupted]))
            raise
        finally:
            self._pause.clear()

    def _dispatch(self) -> None:
        queues = self._queues
        if not self._in_flight:
            queues.start_pass(self._clock())
        self._applier.put_off_shut_out(self._clock())
        while len(self._in_flight) < self._num_workers and (found := queues.pop(self._clock())):
            attempt = self._applier.begin(*found, self._clock())
            self._in_flight[attempt.task.number] = attempt
            self._workers.submit(self._recorder.make_job(attempt.task, attempt.ticket))

    def _await_outcome(self) -> None:
        outcome = self._workers.next_outcome(self._patience_s())
        if isinstance(outcome, Interrupt):
            raise Interrupted(outcome.signal_number)
        if outcome is not None:
            self._apply(outcome)
        queues = self._queues
        self._pause.update(queues.locked, self._clock(), closed_by=queues.account.closed_by)
        self._show()

    def _patience_s(self) -> float | None:
        """Return how long there is nothing to do but wait; None: until the next outcome."""
        has_free_worker = len(self._in_flight) < self._num_workers
        ready_at = self._queues.ready_at(has_free_worker=has_free_worker)
        if ready_at is None:
            return None if self._in_flight else 0
        return None if ready_at == float("inf") else max(0.0, ready_at - self._clock())

    def _apply(self, outcome: Outcome) -> None:
        attempt = self._in_flight.pop(outcome.job.number)
        if isinstance(outcome.result, Exception):
            raise outcome.result
        is_last = self._queues.is_empty and not self._in_flight
        self._applier.apply(outcome.result, attempt, self._clock(), is_last=is_last)

    def _abandon(self, patience_s: float) -> None:
        """Give up what is under way; keep what is finished all the same."""
        self._workers.give_up()
        deadline = self._clock() + patience_s
        while self._in_flight and (left_s := deadline - self._clock()) > 0:
            outcome = self._workers.next_outcome(left_s)
            if isinstance(outcome, Outcome):
                del self._in_flight[outcome.job.number]
                if isinstance(outcome.result, SavedFile) and outcome.job.file_name is not None:
                    self._recorder.note_saved(outcome.job.clip.clip_id, outcome.result)

    def _show(self) -> None:
        self._watch(self._recorder.standing(self._pause.text))
        self._recorder.listing.write_if_due()
