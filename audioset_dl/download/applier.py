"""Applies verdicts: to the task, its address, the queues and the journal. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from audioset_dl.catalog.clips import YTID_LENGTH, Clip
from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, AddressEvent, Ticket
from audioset_dl.download.hearings import Heard, Hearing, Look
from audioset_dl.download.messages import no_witness_error
from audioset_dl.download.queues import Queue, Queues, RecentFailures, Task
from audioset_dl.download.recorder import Recorder
from audioset_dl.download.suspects import Suspects
from audioset_dl.download.verdicts import (
    Evidence,
    Requeue,
    Verdict,
    count_unknown,
    judge,
    judge_hearings,
    judge_witness,
)
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure

_PUT_OFF = Verdict("waiting", AddressEvent.NONE, Requeue.NEXT_RUN)


@dataclass(frozen=True)
class Attempt:
    """A video that is being asked for, and by which address."""

    task: Task
    address: Address
    ticket: Ticket
    look: Look


class Applier:
    """Has each attempt judged, and applies the verdict.

    Parameters
    ----------
    queues : Queues
        Clips that are not under way.
    recorder : Recorder
        Notes what becomes of them.
    config : DownloadConfig
        ``attempts``, ``on_throttle``, ``throttle_wait_s``.
    believed : iterable of str
        Vague codes that are taken for true, however many clips they are heard of.
    """

    def __init__(
        self,
        queues: Queues,
        recorder: Recorder,
        config: DownloadConfig,
        *,
        believed: Iterable[str] = (),
    ) -> None:
        self._queues = queues
        self._recorder = recorder
        self._config = config
        self._believed = frozenset(believed)
        self._recent = RecentFailures()
        self._num_begun = 0
        self._unknown_in_a_row = 0
        self.suspects = Suspects(
            queues, recorder, wait_s=config.throttle_wait_s, believed=self._believed
        )

    def begin(self, task: Task, address: Address, now: float) -> Attempt:
        """Note that a video is asked for now."""
        self._num_begun += 1
        task.number = self._num_begun
        ticket = address.start(now)
        if task.hearings and task.heard_by is address:
            ticket = replace(ticket, asks_more_clients=True)
        return Attempt(task, address, ticket, address.hearings.begin(task.ytid))

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
        evidence = self._evidence(is_last=is_last)
        if task.witness is not None:
            verdict = judge_witness(result, task.witness, address, evidence)
        else:
            verdict = judge(result, task, address, evidence)
        settled = self._note_on_address(result, attempt, verdict, now)
        if task.witness is not None:
            self._apply_to_witness(task.witness, address, verdict)
        else:
            self._apply_to_clip(result, attempt, verdict, now)
        self._settle(address, settled)
        self._end(address, verdict, result)

    def put_off_shut_out(self, now: float) -> None:
        """Let clips wait for the next run that nobody can ask for in this one."""
        failure = self._queues.account.closed_by
        for task in self._queues.take_shut_out():
            if failure is not None:
                # A locked account changes nothing of what guests were told.
                for_guests = task.for_guests if failure.code == "account_locked" else None
                self._put_off(task, for_guests or failure, with_cookies=for_guests is None)
        for queue, address in list(self._queues.lacking_witness(now)):
            self._close(queue, address, no_witness_error(address))

    def _note_on_address(
        self, result: SavedFile | Failure, attempt: Attempt, verdict: Verdict, now: float
    ) -> Sequence[Hearing]:
        """Note what an attempt says about its address; return the hearings it settles."""
        address, task = attempt.address, attempt.task
        failure = result if isinstance(result, Failure) else None
        address.note(verdict.event, attempt.ticket, now, failure)
        if verdict.event in (AddressEvent.ANSWERED, AddressEvent.PROVEN_NOTHING):
            self._recent.settle(address, task)
        address.num_delivered += verdict.heard is Heard.MEDIA
        if verdict.is_lone:
            address.note_lone_refusal()
        address.witnesses.is_wanted |= verdict.wants_witness
        settled = address.hearings.end(attempt.look, verdict.heard)
        if verdict.heard is Heard.MEDIA:
            address.witnesses.note_played()
        if verdict.event is AddressEvent.REFUSED:
            settled += address.hearings.drop_open()
        return settled

    def _apply_to_witness(self, clip: Clip, address: Address, verdict: Verdict) -> None:
        witnesses = address.witnesses
        if verdict.event is AddressEvent.REFUSED:
            witnesses.note_refused(clip)
        elif verdict.heard is Heard.WORDS:
            witnesses.drop(clip)
        elif verdict.heard is Heard.VAGUE:
            witnesses.note_doubted(clip)
        elif verdict.event is AddressEvent.SILENT:
            witnesses.note_failed(clip)
        if verdict.gives_back:
            self._give_back(address)

    def _apply_to_clip(
        self, result: SavedFile | Failure, attempt: Attempt, verdict: Verdict, now: float
    ) -> None:
        task, address = attempt.task, attempt.address
        code = result.code if isinstance(result, Failure) else ""
        self.suspects.note_look(task, address, verdict.heard, code)
        if isinstance(result, SavedFile):
            address.witnesses.add(self._recorder.note_saved(task.clip_id, result))
            return
        self._record(result, attempt, verdict)
        task.attempts += verdict.charged
        task.found = verdict.found or task.found
        task.is_lone |= verdict.is_lone
        if verdict.requeue is Requeue.SECOND_LOOK:
            self.suspects.hear(task, address, attempt.look, result, now)
        if verdict.may_be_given_back:
            self._recent.add(address, task, self._num_begun)
        if verdict.is_refusal:
            task.note_refusal(address)
        if verdict.requeue is Requeue.WITH_ACCOUNT:
            task.needs_account, task.for_guests = True, result
        if verdict.requeue is Requeue.ELSEWHERE:
            task.not_by.append(address)
        self._requeue(task, verdict)
        if verdict.gives_back:
            self._give_back(address)

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
            case Requeue.SECOND_LOOK if not self.suspects.is_stopped(task):
                self.suspects.wait(task)
            case Requeue.SECOND_LOOK | Requeue.NEXT_RUN:
                task.is_put_off = True
        if verdict.state == "gone":
            self._refill(task)

    def _refill(self, task: Task) -> None:
        for clip_id in self._recorder.replace(task.clip_id, self.suspects.stopped_classes):
            self._queues.add(Task(clip_id, clip_id[:YTID_LENGTH]))

    def _settle(self, address: Address, settled: Sequence[Hearing]) -> None:
        """Take up what vague words are worth: some clips are gone by them."""
        evidence = self._evidence(is_last=False)
        for task in self.suspects.settle(settled):
            verdict = judge_hearings(task, address, evidence)
            is_gone = verdict.state == "gone" and not self.suspects.is_stopped(task)
            self.suspects.release(task)
            failure = task.last_vague
            if not is_gone or failure is None:
                task.is_put_off = True
                continue
            with_cookies = address.uses_cookies
            if task.for_guests is not None:
                failure, with_cookies = task.for_guests, False
                verdict = replace(verdict, proof=failure.kind.proof)
            self._recorder.note_failed(task.clip_id, failure, verdict, with_cookies=with_cookies)
            self.suspects.note_gone(task, address)
            self._refill(task)

    def _end(self, address: Address, verdict: Verdict, result: SavedFile | Failure) -> None:
        """End what a verdict ends: the account, the address, or the run."""
        if verdict.closes_account and isinstance(result, Failure):
            self._queues.close_account(result)
        if verdict.closes_address is not None:
            queue = self._queues.account if address.is_account else self._queues.guests
            self._close(queue, address, verdict.closes_address)
        if verdict.ends_run is not None:
            raise verdict.ends_run

    def _close(self, queue: Queue, address: Address, error: AudiosetDlError) -> None:
        """Ask no more by an address; without another one the run ends."""
        address.closed_by = error
        self.suspects.settle(address.hearings.drop_open())
        if queue is self._queues.account:
            self._queues.close_account(address.last_refusal or Failure("unlisted", str(error)))
        elif not queue.open_addresses:
            raise error

    def _put_off(self, task: Task, failure: Failure, *, with_cookies: bool) -> None:
        task.is_put_off = True
        self._recorder.note_failed(task.clip_id, failure, _PUT_OFF, with_cookies=with_cookies)

    def _evidence(self, *, is_last: bool) -> Evidence:
        return Evidence(
            max_attempts=self._config.attempts,
            stops_at_refusal=self._config.on_throttle == "stop",
            has_account=self._queues.has_account,
            num_addresses=len(self._queues.guests.open_addresses),
            is_last=is_last,
            unknown_in_a_row=self._unknown_in_a_row,
            believed=self._believed,
        )

    def _give_back(self, address: Address) -> None:
        """Take back what clips were charged while the network failed."""
        for task in self._recent.take(address):
            self._recorder.give_back(task.clip_id)
            task.attempts -= 1
            if task.is_put_off:
                task.is_put_off = False
                self._queues.add_later(task)
