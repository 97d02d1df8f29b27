"""The engine: draws a clip, has it fetched, records what became of it, draws the next.

All decisions are made in one thread, which alone touches the draw, the journal and the addresses;
one worker or many is the same loop. It knows neither yt-dlp nor ffmpeg.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.files import KEPT
from audioset_dl.dataset.journal import Journal, SavedFile
from audioset_dl.dataset.status import PAUSE_NOTE
from audioset_dl.errors import (
    AudiosetDlError,
    ConfigError,
    Interrupted,
    OutputError,
    Problem,
    ThrottledError,
)
from audioset_dl.fetch import Job, utc_now
from audioset_dl.selection.draw import Draw
from audioset_dl.workers import Interrupt, Outcome, Workers
from audioset_dl.youtube.address import Address, Ticket
from audioset_dl.youtube.failures import Failure, Scope

LONGEST_BACKOFF_S = 60
ABANDON_AFTER_S = 5
"""How long an interrupted run waits for what is under way."""


@dataclass
class Task:
    """A clip that is still wanted, and what this run has seen of it."""

    clip_id: str
    attempts: int = 0
    """Failed attempts that were charged to it."""
    suspected: str | None = None
    """Code of a failure that has to be seen twice."""
    answers_at_refusal: int | None = None
    """How often its address had been answered when it was refused with this clip."""


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
    workers : Workers
        Who fetch.
    config : DownloadConfig
        ``workers``, ``attempts``, ``on_throttle``.
    make_job : callable
        Makes the job of a clip and a ticket.
    want : callable
        Notes newly drawn clips in the journal.
    watch : callable
        Told how the run stands, after each change.
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
        want: Callable[[Iterable[str]], None],
        watch: Watch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._draw = draw
        self._journal = journal
        self._addresses = addresses
        self._workers = workers
        self._config = config
        self._make_job = make_job
        self._want = want
        self._watch = watch
        self._clock = clock
        self._todo: deque[Task] = deque()
        self._next_pass: list[Task] = []
        self._pass_starts_at: float | None = None
        self._num_passes = 0
        self._in_flight: dict[str, tuple[Task, Address, Ticket]] = {}
        self._num_saved = 0
        self._locked_until: float | None = None
        self._refusal: Failure | None = None
        self._pause: str | None = None

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
            while self._todo or self._next_pass or self._in_flight:
                self._start_pass()
                self._dispatch()
                self._await_outcome()
        except Interrupted as interrupted:
            self._abandon()
            done = f": {self._num_saved:,} of {self._draw.num_wanted:,} clips are saved"
            raise Interrupted(interrupted.exit_code - 128, done) from None
        except BaseException:
            self._abandon()
            raise
        finally:
            self._note_pause(None)

    def _take_up(self, drawn: Sequence[str], states: Mapping[str, tuple[str, str | None]]) -> None:
        for clip_id in drawn:
            state, code = states[clip_id]
            if state == "saved":
                self._num_saved += 1
            else:
                self._todo.append(Task(clip_id, suspected=code))

    def _start_pass(self) -> None:
        """Once all clips had their turn, wait a little and begin again with those that failed."""
        if self._todo or self._in_flight or not self._next_pass:
            return
        if self._pass_starts_at is None:
            backoff_s = min(2.0**self._num_passes, LONGEST_BACKOFF_S)
            self._pass_starts_at = self._clock() + backoff_s
        if self._clock() >= self._pass_starts_at:
            self._todo.extend(self._next_pass)
            self._next_pass.clear()
            self._num_passes += 1
            self._pass_starts_at = None

    def _dispatch(self) -> None:
        while self._todo and len(self._in_flight) < self._config.workers:
            now = self._clock()
            address = min(self._addresses, key=lambda address: address.ready_at)
            if address.ready_at > now:
                return
            task = self._todo.popleft()
            ticket = address.start(now)
            self._in_flight[task.clip_id] = (task, address, ticket)
            self._workers.submit(self._make_job(task.clip_id, ticket))

    def _await_outcome(self) -> None:
        outcome = self._workers.next_outcome(self._patience_s())
        if isinstance(outcome, Interrupt):
            raise Interrupted(outcome.signal_number)
        if outcome is not None:
            self._record(outcome)
        self._note_pause(self._next_opening())
        self._tell()

    def _patience_s(self) -> float | None:
        """Return how long there is nothing to do but wait; None: until the next outcome."""
        if self._todo and len(self._in_flight) < self._config.workers:
            wait_until = min(address.ready_at for address in self._addresses)
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
            address.answered(ticket)
            self._journal.record_saved(task.clip_id, result)
            self._num_saved += 1
        elif result.scope is Scope.GONE:
            address.answered(ticket)
            self._record_gone(task, result)
        elif result.scope is Scope.TRANSIENT:
            address.told_nothing(ticket)
            self._record_transient(task, result)
        elif result.scope is Scope.ADDRESS:
            self._record_refused(task, result, address, ticket)
        else:
            raise _machine_error(result)

    def _record_gone(self, task: Task, failure: Failure) -> None:
        if failure.kind.needs_second_look and task.suspected != failure.code:
            task.suspected = failure.code
            self._next_pass.append(task)
            self._note_failed(task, failure, "waiting", charged=False)
            return
        self._note_failed(task, failure, "gone", charged=True)
        refills = self._draw.replace(task.clip_id)
        self._want(refills)
        self._todo.extend(map(Task, refills))

    def _record_transient(self, task: Task, failure: Failure) -> None:
        self._note_failed(task, failure, "waiting", charged=True)
        task.attempts += 1
        if task.attempts < self._config.attempts:
            self._next_pass.append(task)

    def _record_refused(
        self, task: Task, failure: Failure, address: Address, ticket: Ticket
    ) -> None:
        """Note that an address was refused: it costs the clip nothing.

        Unless the words may also be meant for the clip, and it can't be told otherwise: YouTube
        answers others by the same address, or there are no others left to ask for.
        """
        is_vague = failure.code == "session"
        if is_vague:
            address.refused_vaguely(ticket, self._clock())
        else:
            address.refused(ticket, self._clock())
        if address.locked_until is not None and self._config.on_throttle == "stop":
            raise ThrottledError(_throttled_words(failure))
        charged = is_vague and self._is_suspect(task, address)
        task.answers_at_refusal = address.num_answers
        self._refusal = failure
        self._note_failed(task, failure, "waiting", charged=charged)
        task.attempts += charged
        if task.attempts < self._config.attempts:
            (self._next_pass if is_vague else self._todo).append(task)

    def _is_suspect(self, task: Task, address: Address) -> bool:
        """Tell whether a clip that is refused again may itself be the reason."""
        if task.answers_at_refusal is None:
            return False
        return address.num_answers > task.answers_at_refusal or self._is_last(task)

    def _is_last(self, task: Task) -> bool:
        return not (self._todo or self._next_pass or self._in_flight.keys() - {task.clip_id})

    def _note_failed(self, task: Task, failure: Failure, state: str, *, charged: bool) -> None:
        self._journal.record_failed(
            task.clip_id,
            state=state,
            code=failure.code,
            detail=failure.detail,
            charged=charged,
            now=utc_now(),
        )

    def _abandon(self) -> None:
        """Give up what is under way; keep what is finished all the same."""
        self._workers.give_up()
        deadline = self._clock() + ABANDON_AFTER_S
        while self._in_flight and (left_s := deadline - self._clock()) > 0:
            outcome = self._workers.next_outcome(left_s)
            if isinstance(outcome, Outcome):
                task, _, _ = self._in_flight.pop(outcome.job.clip.clip_id)
                if isinstance(outcome.result, SavedFile):
                    self._journal.record_saved(task.clip_id, outcome.result)
                    self._num_saved += 1

    def _next_opening(self) -> float | None:
        """Return when the first address opens again; None where one is open."""
        locked = [address.locked_until for address in self._addresses]
        times = [until for until in locked if until is not None]
        return min(times) if len(times) == len(locked) else None

    def _note_pause(self, locked_until: float | None) -> None:
        if locked_until == self._locked_until:
            return
        self._locked_until = locked_until
        self._pause = None
        if locked_until is not None:
            left = timedelta(seconds=max(0, locked_until - self._clock()))
            until = datetime.now().astimezone() + left
            why = f"{self._refusal.code}: {self._refusal.detail}" if self._refusal else ""
            self._pause = (
                f"YouTube refuses this address; next try at {until:%H:%M:%S %Z} ({why:.100})"
            )
        self._journal.note(PAUSE_NOTE, self._pause or "")

    def _tell(self) -> None:
        draw = self._draw
        self._watch(Standing(draw.num_wanted, self._num_saved, draw.num_gone, self._pause))


def _machine_error(failure: Failure) -> AudiosetDlError:
    if failure.code == "cookies":
        return ConfigError(Problem("download.cookies", f"{failure.detail}; export them anew"))
    return OutputError(f"{failure.detail}; {KEPT}")


def _throttled_words(failure: Failure) -> str:
    return (
        f"YouTube refuses this address for now ({failure.code}: {failure.detail}); "
        "run again later, or set download.on_throttle to wait"
    )
