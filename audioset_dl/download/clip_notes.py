"""What follows from an attempt for its clip: queue, journal, and the clip in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audioset_dl.catalog.clips import YTID_LENGTH
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, AddressEvent
from audioset_dl.download.hearings import Hearing
from audioset_dl.download.queues import Queues
from audioset_dl.download.recorder import Recorder
from audioset_dl.download.suspects import Suspects
from audioset_dl.download.tasks import Attempt, Task
from audioset_dl.download.verdicts import Evidence, Requeue, Verdict, judge_hearings
from audioset_dl.outcomes import Failure

_PUT_OFF = Verdict("waiting", AddressEvent.NONE, Requeue.NEXT_RUN)


class ClipNotes:
    """Applies verdicts to clips.

    Parameters
    ----------
    queues : Queues
        Clips that are not under way.
    recorder : Recorder
        Notes what becomes of them.
    suspects : Suspects
        Clips with vague words against them.
    """

    def __init__(self, queues: Queues, recorder: Recorder, suspects: Suspects) -> None:
        self._queues = queues
        self._recorder = recorder
        self._suspects = suspects

    def note(
        self, result: SavedFile | Failure, attempt: Attempt, verdict: Verdict, now: float
    ) -> None:
        """Note what became of a clip, and when it is asked for again."""
        task, address = attempt.task, attempt.address
        if task.saved is not None:
            self._note_saved_before(task, task.saved, result, verdict)
            return
        code = result.code if isinstance(result, Failure) else ""
        self._suspects.note_look(task, address, verdict.heard, code)
        if isinstance(result, SavedFile):
            address.witnesses.add(self._recorder.note_saved(task.clip_id, result))
            return
        self._record(result, attempt, verdict)
        task.attempts += verdict.charged
        task.found = verdict.found or task.found
        task.is_lone |= verdict.is_lone
        if verdict.is_refusal:
            task.note_refusal(address)
        match verdict.requeue:
            case Requeue.SECOND_LOOK:
                self._suspects.hear(task, address, attempt.look, result, now)
            case Requeue.WITH_ACCOUNT:
                task.needs_account, task.for_guests = True, result
            case Requeue.ELSEWHERE:
                task.not_by.append(address)
        self._requeue(task, verdict)

    def _note_saved_before(
        self, task: Task, saved: SavedFile, result: SavedFile | Failure, verdict: Verdict
    ) -> None:
        """Note the audio track of a clip that is saved; whatever fails, it stays saved."""
        if isinstance(result, SavedFile):
            self._recorder.note_saved(task.clip_id, result, is_new=False)
            return
        task.attempts += verdict.charged
        if result.code == "dubbed" and task.found == result.code:
            self._recorder.note_saved(task.clip_id, replace(saved, track=result.code), is_new=False)
        task.found = verdict.found or task.found
        if verdict.requeue in (Requeue.NOW, Requeue.SOON, Requeue.LATER):
            self._queues.add_later(task)

    def settle(self, address: Address, settled: Sequence[Hearing], evidence: Evidence) -> None:
        """Take up what vague words are worth: some clips are gone by them."""
        for task in self._suspects.settle(settled):
            verdict = judge_hearings(task, address, evidence)
            is_gone = verdict.state == "gone" and not self._suspects.is_stopped(task)
            self._suspects.release(task)
            if is_gone and task.last_vague is not None:
                self._note_gone(task, task.last_vague, address, verdict)
            else:
                task.is_put_off = True

    def put_off_shut_out(self) -> None:
        """Let clips that need the account wait for the next run, once the account is closed."""
        failure = self._queues.account.closed_by
        for task in self._queues.take_shut_out():
            if failure is not None:
                task.is_put_off = True
                # A locked account changes nothing of what guests were told.
                for_guests = task.for_guests if failure.code == "account_locked" else None
                self._recorder.note_failed(
                    task.clip_id,
                    for_guests or failure,
                    _PUT_OFF,
                    with_cookies=for_guests is None,
                )

    def give_back(self, tasks: Iterable[Task]) -> None:
        """Take back what clips were charged while the network failed."""
        for task in tasks:
            self._recorder.give_back(task.clip_id)
            task.attempts -= 1
            if task.is_put_off:
                task.is_put_off = False
                self._queues.add_later(task)

    def _note_gone(self, task: Task, failure: Failure, address: Address, verdict: Verdict) -> None:
        with_cookies = address.uses_cookies
        if task.for_guests is not None:
            failure, with_cookies = task.for_guests, False
            verdict = replace(verdict, proof=failure.kind.proof)
        self._recorder.note_failed(task.clip_id, failure, verdict, with_cookies=with_cookies)
        self._suspects.note_gone(task, address)
        self._refill(task)

    def _record(self, failure: Failure, attempt: Attempt, verdict: Verdict) -> None:
        task = attempt.task
        if verdict.event is AddressEvent.NONE:
            return
        with_cookies = attempt.ticket.uses_cookies
        if failure.kind.is_vague and task.for_guests is not None:
            # The account's vague words do not change what guests were told of the video.
            failure, with_cookies = task.for_guests, False
        self._recorder.note_failed(task.clip_id, failure, verdict, with_cookies=with_cookies)

    def _requeue(self, task: Task, verdict: Verdict) -> None:
        match verdict.requeue:
            case Requeue.NOW | Requeue.ELSEWHERE | Requeue.WITH_ACCOUNT:
                self._queues.add(task)
            case Requeue.SOON:
                self._queues.add_soon(task)
            case Requeue.LATER:
                self._queues.add_later(task)
            case Requeue.SECOND_LOOK if not self._suspects.is_stopped(task):
                self._suspects.wait(task)
            case Requeue.SECOND_LOOK | Requeue.NEXT_RUN:
                task.is_put_off = True
        if verdict.state == "gone":
            self._refill(task)

    def _refill(self, task: Task) -> None:
        for clip_id in self._recorder.replace(task.clip_id, self._suspects.stopped_classes):
            self._queues.add(Task(clip_id, clip_id[:YTID_LENGTH]))
