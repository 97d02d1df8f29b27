"""The engine: draws a clip, has it fetched, records what became of it, draws the next.

All decisions are made in one thread, which alone touches the draw, the journal and the addresses;
one worker or many is the same loop. It knows neither yt-dlp nor ffmpeg.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, Ticket
from audioset_dl.download.fetcher import Job
from audioset_dl.download.messages import PauseNote, machine_error, throttled_words, unknown_words
from audioset_dl.download.queues import (
    AccountLane,
    Lane,
    Task,
    is_known_to_need_account,
    proof_of,
)
from audioset_dl.download.workers import Interrupt, Outcome, Workers
from audioset_dl.errors import (
    AudiosetDlError,
    Interrupted,
    OutputError,
    ThrottledError,
)
from audioset_dl.outcomes import Failure, Scope
from audioset_dl.selection.draw import Draw
from audioset_dl.storage.clock import utc_now

LONGEST_BACKOFF_S = 60
ABANDON_AFTER_S: dict[type[BaseException], float] = {Interrupted: 4.0, OutputError: 1.5}
"""How long a run that ends early waits for what is under way, by why it ends."""
MANY_UNKNOWN = 20
"""So many failures in a row that nobody knows point at a yt-dlp that YouTube has outrun."""


@dataclass(frozen=True)
class Standing:
    """How a run stands, for the progress bar."""

    wanted: int
    saved: int
    gone: int
    pause: str | None = None
    """What is being waited for, and until when."""

    @property
    def waiting(self) -> int:
        """Clips still to be got."""
        return self.wanted - self.saved


Watch = Callable[[Standing], None]


class Engine:
    """Runs one download to its end.

    Parameters
    ----------
    draw : Draw
        Started, and told of all clips known to be gone.
    journal : Journal
        Knows all clips that are wanted.
    addresses : sequence of Address
        Ways out to YouTube.
    account : sequence of Address
        Ways out with the cookies of an account, for what guests may not have.
    workers : Workers
        Who fetch.
    config : DownloadConfig
        ``workers``, ``attempts``, ``on_throttle``.
    make_job : callable
        Makes the job of a clip and a ticket.
    want : callable
        Notes newly drawn clips in the journal, and returns those that are not on the disk already.
    watch : callable
        Told how the run stands, after each change.
    on_noted : callable
        Given the clip_id once the journal knows that a clip is saved.
    clock : callable
        Monotonic, in seconds.
    """

    def __init__(
        self,
        *,
        draw: Draw,
        journal: Journal,
        addresses: Sequence[Address],
        workers: Workers,
        config: DownloadConfig,
        make_job: Callable[[str, Ticket], Job],
        want: Callable[[Sequence[str]], Sequence[str]],
        watch: Watch,
        on_noted: Callable[[str], object] = lambda _clip_id: None,
        account: Sequence[Address] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._draw = draw
        self._journal = journal
        self._main = Lane(addresses)
        self._account = AccountLane(account)
        self._workers = workers
        self._config = config
        self._make_job = make_job
        self._want = want
        self._watch = watch
        self._on_noted = on_noted
        self._clock = clock
        self._next_pass: list[Task] = []
        self._pass_starts_at: float | None = None
        self._num_passes = 0
        self._in_flight: dict[str, tuple[Task, Address, Ticket]] = {}
        self._num_saved = 0
        self._num_unknown = 0
        self._num_begun = 0
        self._charged_in_doubt: dict[Address, list[tuple[int, Task]]] = {}
        """What the network may have been the reason of, and how many attempts were begun then."""
        self._pause = PauseNote(journal, len(addresses))

    def run(self, drawn: Sequence[str], states: Mapping[str, tuple[str, str | None]]) -> None:
        """Fetch all that is wanted and not saved yet.

        Parameters
        ----------
        drawn : sequence of str
            The clips that are wanted, in the order in which they are to be fetched.
        states : mapping of str to (state, code)
            What the journal knows of the clips.

        Raises
        ------
        Interrupted
            By a signal; what could be finished is recorded.
        ThrottledError
            An address was refused, and ``on_throttle`` is ``stop``.
        AudiosetDlError
            Something is wrong with this machine.
        """
        self._take_up(drawn, states)
        self._tell()
        try:
            while self._has_todo() or self._next_pass or self._in_flight:
                self._start_pass()
                self._dispatch()
                self._await_outcome()
        except Interrupted as interrupted:
            self._abandon(ABANDON_AFTER_S[Interrupted])
            done = f": {self._num_saved:,} of {self._draw.num_wanted:,} clips are saved"
            raise Interrupted(interrupted.exit_code - 128, done) from None
        except BaseException as error:
            self._abandon(ABANDON_AFTER_S.get(type(error), ABANDON_AFTER_S[Interrupted]))
            raise
        finally:
            self._pause.clear()

    def _take_up(self, drawn: Sequence[str], states: Mapping[str, tuple[str, str | None]]) -> None:
        for clip_id in drawn:
            state, code = states[clip_id]
            if state == "saved":
                self._num_saved += 1
            else:
                needs_account = self._account.is_open and is_known_to_need_account(code)
                self._queue(Task(clip_id, suspected=code, needs_account=needs_account))

    def _has_todo(self) -> bool:
        return bool(self._main.todo or self._account.todo)

    def _queue(self, task: Task) -> None:
        account = self._account
        if not task.needs_account:
            self._main.todo.append(task)
        elif account.closed_by is None:
            account.todo.append(task)
        else:
            self._put_off(task, account.closed_by)

    def _start_pass(self) -> None:
        """Once all clips had their turn, wait a little and begin again with those that failed."""
        if self._has_todo() or self._in_flight or not self._next_pass:
            return
        if self._pass_starts_at is None:
            backoff_s = min(2.0**self._num_passes, LONGEST_BACKOFF_S)
            self._pass_starts_at = self._clock() + backoff_s
        if self._clock() >= self._pass_starts_at:
            for task in self._next_pass:
                self._queue(task)
            self._next_pass.clear()
            self._num_passes += 1
            self._pass_starts_at = None

    def _dispatch(self) -> None:
        while len(self._in_flight) < self._config.workers:
            now = self._clock()
            lanes = [lane for lane in (self._account, self._main) if lane.ready_at <= now]
            if not lanes:
                return
            address, task = lanes[0].address, lanes[0].todo.popleft()
            ticket = address.start(now)
            self._num_begun += 1
            task.number = self._num_begun
            self._in_flight[task.clip_id] = (task, address, ticket)
            self._workers.submit(self._make_job(task.clip_id, ticket))

    def _await_outcome(self) -> None:
        outcome = self._workers.next_outcome(self._patience_s())
        if isinstance(outcome, Interrupt):
            raise Interrupted(outcome.signal_number)
        if outcome is not None:
            self._record(outcome)
        locked = self._main.locked or self._account.locked
        self._pause.update(locked, self._clock(), closed_by=self._account.closed_by)
        self._tell()

    def _patience_s(self) -> float | None:
        """Return how long there is nothing to do but wait; None: until the next outcome."""
        if self._has_todo() and len(self._in_flight) < self._config.workers:
            wait_until = min(self._main.ready_at, self._account.ready_at)
        elif self._pass_starts_at is not None:
            wait_until = self._pass_starts_at
        else:
            return None if self._in_flight else 0
        return None if wait_until == float("inf") else max(0.0, wait_until - self._clock())

    def _record(self, outcome: Outcome) -> None:
        task, address, ticket = self._in_flight.pop(outcome.job.clip.clip_id)
        result = outcome.result
        if isinstance(result, Exception):
            raise result
        if isinstance(result, SavedFile):
            self._note_answer(task, address, ticket)
            self._note_saved(task, result)
        elif result.scope is Scope.GONE:
            self._note_answer(task, address, ticket)
            self._record_gone(task, result, "account" if ticket.uses_cookies else "guest")
        elif result.scope is Scope.TRANSIENT:
            address.told_nothing(ticket, self._clock())
            self._record_transient(task, result, address)
        elif result.scope is Scope.ADDRESS:
            self._record_refused(task, result, address, ticket)
        elif result.code == "proxy" and len(self._main.addresses) > 1:
            self._record_shut_out(task, result, address, ticket)
        elif result.code == "cookies" and address.is_account:
            self._close_account(result)
            self._queue(task)
        else:
            raise machine_error(result, address)

    def _note_saved(self, task: Task, file: SavedFile) -> None:
        self._journal.record_saved(task.clip_id, file)
        self._on_noted(task.clip_id)
        self._num_saved += 1

    def _note_answer(self, task: Task, address: Address, ticket: Ticket) -> None:
        address.answered(ticket, self._clock())
        self._num_unknown = 0
        # What was begun before a failure says nothing of the network after it.
        doubts = self._charged_in_doubt.pop(address, [])
        self._charged_in_doubt[address] = [doubt for doubt in doubts if doubt[0] >= task.number]

    def _record_gone(self, task: Task, failure: Failure, asked_as: str) -> None:
        if failure.kind.cookies_help and self._account.addresses and not task.needs_account:
            self._note_failed(task, failure, "waiting", charged=False, asked_as=asked_as)
            task.needs_account = True
            self._queue(task)
            return
        if failure.kind.needs_second_look and task.suspected != failure.code:
            task.suspected = failure.code
            self._next_pass.append(task)
            self._note_failed(task, failure, "waiting", charged=False, asked_as=asked_as)
            return
        self._note_failed(task, failure, "gone", charged=True, asked_as=asked_as)
        refills = self._draw.replace(task.clip_id)
        missing = self._want(refills)
        self._num_saved += len(refills) - len(missing)
        for clip_id in missing:
            self._queue(Task(clip_id))

    def _close_account(self, failure: Failure) -> None:
        """Ask no more with cookies in this run: what needs them waits, and guests go on."""
        for task in self._account.close(failure):
            self._put_off(task, failure)

    def _put_off(self, task: Task, failure: Failure) -> None:
        task.is_put_off = True
        self._note_failed(task, failure, "waiting", charged=False)

    def _record_transient(self, task: Task, failure: Failure, address: Address) -> None:
        self._note_failed(task, failure, "waiting", charged=True)
        if failure.code == "network":
            self._charged_in_doubt.setdefault(address, []).append((self._num_begun, task))
        self._charge(task)
        self._num_unknown = self._num_unknown + 1 if failure.code == "unknown" else 0
        if self._num_unknown >= MANY_UNKNOWN:
            raise AudiosetDlError(unknown_words(failure, MANY_UNKNOWN))

    def _charge(self, task: Task) -> None:
        task.attempts += 1
        task.is_put_off = task.attempts >= self._config.attempts
        if not task.is_put_off:
            self._next_pass.append(task)

    def _record_refused(
        self, task: Task, failure: Failure, address: Address, ticket: Ticket
    ) -> None:
        """Note that an address was refused, or not reached: it costs the clip nothing.

        Unless the words may also be meant for the clip, and it can't be told otherwise: YouTube
        answers others by the same address, or there are no others left to ask for.
        """
        kind = failure.kind
        refuse = address.refused_vaguely if kind.is_vague else address.refused
        refuse(ticket, failure, self._clock())
        charged = kind.is_vague and self._is_suspect(task, failure, address)
        task.refused_by, task.answers_at_refusal = address, address.num_answers
        task.num_refusals += 1
        self._note_failed(task, failure, "waiting", charged=charged)
        if charged:
            self._charge(task)
        elif kind.is_vague:
            self._next_pass.append(task)
        else:
            self._queue(task)
        if address.is_refused and self._config.on_throttle == "stop":
            if not address.is_account:
                raise ThrottledError(throttled_words(failure))
            self._close_account(failure)
        if kind.is_outage and address.locked_until is not None:
            self._refund(address)

    def _record_shut_out(
        self, task: Task, failure: Failure, address: Address, ticket: Ticket
    ) -> None:
        """Note that a proxy wants another login: the others go on without it."""
        address.unreachable(ticket, failure, self._clock())
        self._note_failed(task, failure, "waiting", charged=False)
        self._queue(task)

    def _refund(self, address: Address) -> None:
        """Take back what clips were charged while the network went: that was no fault of theirs."""
        for _, task in self._charged_in_doubt.pop(address, ()):
            self._journal.refund(task.clip_id)
            task.attempts -= 1
            if task.is_put_off:
                task.is_put_off = False
                self._next_pass.append(task)

    def _is_suspect(self, task: Task, failure: Failure, address: Address) -> bool:
        """Tell whether a clip that is refused again may itself be the reason."""
        is_outage_for_all = failure.kind.is_outage and not failure.is_of_media
        if task.refused_by is None or is_outage_for_all:
            return False
        if task.refused_by is address and address.num_answers > task.answers_at_refusal:
            return True
        return self._is_last() or task.num_refusals > self._config.attempts

    def _is_last(self) -> bool:
        return not (self._has_todo() or self._next_pass or self._in_flight)

    def _note_failed(
        self, task: Task, failure: Failure, state: str, *, charged: bool, asked_as: str = ""
    ) -> None:
        self._journal.record_failed(
            task.clip_id,
            state=state,
            code=failure.code,
            detail=failure.detail,
            charged=charged,
            now=utc_now(),
            proof=proof_of(failure) if state == "gone" else None,
            asked_as=asked_as or None,
        )

    def _abandon(self, patience_s: float) -> None:
        """Give up what is under way; keep what is finished all the same."""
        self._workers.give_up()
        deadline = self._clock() + patience_s
        while self._in_flight and (left_s := deadline - self._clock()) > 0:
            outcome = self._workers.next_outcome(left_s)
            if isinstance(outcome, Outcome):
                task, _, _ = self._in_flight.pop(outcome.job.clip.clip_id)
                if isinstance(outcome.result, SavedFile):
                    self._note_saved(task, outcome.result)

    def _tell(self) -> None:
        draw = self._draw
        self._watch(Standing(draw.num_wanted, self._num_saved, draw.num_gone, self._pause.text))
