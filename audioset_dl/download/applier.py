"""Applies verdicts: to the task, its address, the queues and the journal. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, AddressEvent, Ticket
from audioset_dl.download.queues import Queues, RecentFailures, Task
from audioset_dl.download.recorder import Recorder
from audioset_dl.download.verdicts import Evidence, Requeue, Verdict, count_unknown, judge
from audioset_dl.outcomes import Failure


@dataclass(frozen=True)
class Attempt:
    """A clip that is being fetched, and by which address."""

    task: Task
    address: Address
    ticket: Ticket


class Applier:
    """Has each attempt judged, and applies the verdict.

    Parameters
    ----------
    queues : Queues
        Clips that are not under way.
    recorder : Recorder
        Notes what becomes of them.
    config : DownloadConfig
        ``attempts``, ``on_throttle``.
    """

    def __init__(self, queues: Queues, recorder: Recorder, config: DownloadConfig) -> None:
        self._queues = queues
        self._recorder = recorder
        self._config = config
        self._recent = RecentFailures()
        self._num_begun = 0
        self._unknown_in_a_row = 0

    def begin(self, task: Task, address: Address, now: float) -> Attempt:
        """Note that a clip is asked for now."""
        self._num_begun += 1
        task.number = self._num_begun
        return Attempt(task, address, address.start(now))

    def apply(
        self, result: SavedFile | Failure, attempt: Attempt, now: float, *, is_last: bool
    ) -> None:
        """Apply what follows from an attempt.

        Parameters
        ----------
        result : SavedFile or Failure
            What the worker returned.
        attempt : Attempt
            From `begin`.
        now : float
            Seconds of the monotonic clock.
        is_last : bool
            True if no other clip is waiting or under way.

        Raises
        ------
        AudiosetDlError
            The verdict ends the run.
        """
        task, address = attempt.task, attempt.address
        self._unknown_in_a_row = count_unknown(self._unknown_in_a_row, result)
        verdict = judge(result, task, address, self._evidence(is_last=is_last))
        failure = result if isinstance(result, Failure) else None
        address.note(verdict.event, attempt.ticket, now, failure)
        if verdict.event is AddressEvent.ANSWERED:
            self._recent.settle(address, task)
        if isinstance(result, SavedFile):
            self._recorder.note_saved(task.clip_id, result)
        else:
            self._apply_failure(result, attempt, verdict)

    def put_off_shut_out(self) -> None:
        """Let clips that need the account wait for the next run, once the account is closed."""
        failure = self._queues.account.closed_by
        for task in self._queues.take_shut_out():
            if failure is not None:
                task.is_put_off = True
                put_off = Verdict("waiting", AddressEvent.NONE, Requeue.NEXT_RUN)
                self._recorder.note_failed(task.clip_id, failure, put_off, with_cookies=True)

    def _evidence(self, *, is_last: bool) -> Evidence:
        return Evidence(
            max_attempts=self._config.attempts,
            stops_at_refusal=self._config.on_throttle == "stop",
            has_account=self._queues.has_account,
            num_addresses=len(self._queues.guests.addresses),
            is_last=is_last,
            unknown_in_a_row=self._unknown_in_a_row,
        )

    def _apply_failure(self, failure: Failure, attempt: Attempt, verdict: Verdict) -> None:
        task, address = attempt.task, attempt.address
        if verdict.event is not AddressEvent.NONE:
            with_cookies = attempt.ticket.uses_cookies
            self._recorder.note_failed(task.clip_id, failure, verdict, with_cookies=with_cookies)
        task.attempts += verdict.charged
        task.suspected = verdict.suspected or task.suspected
        if verdict.may_be_given_back:
            self._recent.add(address, task, self._num_begun)
        if verdict.is_refusal:
            task.note_refusal(address)
        if verdict.closes_account:
            self._queues.close_account(failure)
        self._requeue(task, verdict)
        if verdict.gives_back:
            self._give_back(address)
        if verdict.ends_run is not None:
            raise verdict.ends_run

    def _requeue(self, task: Task, verdict: Verdict) -> None:
        match verdict.requeue:
            case Requeue.NOW:
                self._queues.add(task)
            case Requeue.WITH_ACCOUNT:
                task.needs_account = True
                self._queues.add(task)
            case Requeue.LATER:
                self._queues.add_later(task)
            case Requeue.NEXT_RUN:
                task.is_put_off = True
        if verdict.state == "gone":
            for clip_id in self._recorder.replace(task.clip_id):
                self._queues.add(Task(clip_id))

    def _give_back(self, address: Address) -> None:
        """Take back what clips were charged while the network failed."""
        for task in self._recent.take(address):
            self._recorder.give_back(task.clip_id)
            task.attempts -= 1
            if task.is_put_off:
                task.is_put_off = False
                self._queues.add_later(task)
