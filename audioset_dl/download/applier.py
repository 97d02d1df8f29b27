"""Applies verdicts: to the address, the clip, and the run. Decides nothing.

What follows for the clip is in `audioset_dl.download.clip_notes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audioset_dl.catalog.clips import Clip
from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, AddressEvent
from audioset_dl.download.clip_notes import ClipNotes
from audioset_dl.download.hearings import Heard, Hearing
from audioset_dl.download.messages import PauseNote, no_witness_error
from audioset_dl.download.queues import Queue, Queues
from audioset_dl.download.recorder import Recorder
from audioset_dl.download.suspects import Suspects
from audioset_dl.download.tasks import Attempt, RecentFailures, Task
from audioset_dl.download.verdicts import Evidence, Verdict, count_unknown, judge, judge_witness
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure


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
    pause : PauseNote
        Notes pauses.
    believed : iterable of str
        Vague codes that are taken for true, however many clips they are heard of.
    """

    def __init__(
        self,
        queues: Queues,
        recorder: Recorder,
        config: DownloadConfig,
        *,
        pause: PauseNote,
        believed: Iterable[str] = (),
    ) -> None:
        self._queues = queues
        self._pause = pause
        self._config = config
        self._believed = frozenset(believed)
        self._recent = RecentFailures()
        self._num_begun = 0
        self._unknown_in_a_row = 0
        self.suspects = Suspects(
            queues, recorder, wait_s=config.throttle_wait_s, believed=self._believed
        )
        self._clips = ClipNotes(queues, recorder, self.suspects)

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
            _note_on_witness(task.witness, address, verdict)
        else:
            self._clips.note(result, attempt, verdict, now)
        if verdict.may_be_given_back:
            self._recent.add(address, task, self._num_begun)
        is_explained = verdict.may_be_given_back and address.was_lost_since(attempt.ticket)
        if verdict.gives_back or is_explained:
            self._clips.give_back(self._recent.take(address))
        self._clips.settle(address, settled, self._evidence(is_last=False))
        self._end(address, verdict, result)

    def put_off_shut_out(self, now: float) -> None:
        """Let clips wait for the next run that nobody can ask for in this one."""
        self._clips.put_off_shut_out()
        for queue, address in list(self._queues.lacking_witness(now)):
            self._close(queue, address, no_witness_error(address))

    def _note_on_address(
        self, result: SavedFile | Failure, attempt: Attempt, verdict: Verdict, now: float
    ) -> Sequence[Hearing]:
        """Note what an attempt says about its address; return the hearings it settles."""
        address, task, event = attempt.address, attempt.task, verdict.event
        failure = result if isinstance(result, Failure) else None
        address.note(event, attempt.ticket, now, failure)
        if event in (AddressEvent.ANSWERED, AddressEvent.PROVEN_NOTHING):
            self._recent.settle(address, task)
        if verdict.heard is Heard.MEDIA:
            address.num_delivered += 1
            address.witnesses.note_played()
        if verdict.is_lone:
            address.note_lone_refusal()
        address.witnesses.is_wanted |= verdict.wants_witness
        settled = address.hearings.end(attempt.look, verdict.heard)
        if event in (AddressEvent.REFUSED, AddressEvent.UNREACHABLE) and failure is not None:
            self._pause.record(address, failure, now)
        if event is AddressEvent.REFUSED:
            settled += address.hearings.drop_open()
        return settled

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
            why = address.pauses.last_refusal or Failure("unlisted", str(error))
            self._queues.close_account(why)
        elif not queue.open_addresses:
            raise error

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


def _note_on_witness(clip: Clip, address: Address, verdict: Verdict) -> None:
    """Note which witness to ask for next."""
    witnesses = address.witnesses
    if verdict.event is AddressEvent.REFUSED:
        witnesses.note_refused(clip)
    elif verdict.heard is Heard.WORDS:
        witnesses.drop(clip)
    elif verdict.heard is Heard.VAGUE:
        witnesses.note_doubted(clip)
    elif verdict.event is AddressEvent.SILENT:
        witnesses.note_failed(clip)
