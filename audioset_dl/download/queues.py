"""Clips that are still to be asked for, in their order, and the addresses to ask by.

There is a queue for guests and one for the account. A clip that failed waits for the next pass,
when all others had their turn. All times are seconds of a monotonic clock that the caller reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audioset_dl.download.address import Address
from audioset_dl.download.backlog import Backlog
from audioset_dl.download.tasks import Task
from audioset_dl.outcomes import Failure

LONGEST_BACKOFF_S = 60.0
"""Longest wait between two passes; it doubles from one second."""

AFTER_OTHERS = 5
"""Clips that are asked for before one that was refused is asked for again."""
ONE_IN = 3
"""Share of second looks among first looks: one of so many."""


@dataclass
class Queue:
    """Tasks in their order, and the addresses by which to ask for them."""

    addresses: Sequence[Address]
    tasks: Backlog = field(default_factory=Backlog)
    suspects: list[Task] = field(default_factory=list)
    """Clips with vague words against them. Each waits for its second look, or until it is known
    what its hearings are worth."""
    closed_by: Failure | None = None
    """Why its addresses are of no more use in this run."""
    _num_taken: int = 0

    @property
    def open_addresses(self) -> list[Address]:
        """Those that are of use, in the order in which to ask by them."""
        return sorted(
            self._still_open(), key=lambda address: (address.pauses.is_silent, address.ready_at)
        )

    @property
    def locked(self) -> list[Address]:
        """Its paused addresses, unless it is closed."""
        return [address for address in self._still_open() if address.pauses.until is not None]

    def ready_at(self, *, is_end: bool) -> float:
        """Return the earliest time to ask for something; infinite: not before an outcome.

        Parameters
        ----------
        is_end : bool
            True if no task waits for another pass.
        """
        times = [self._ready_at(address, is_end=is_end) for address in self.open_addresses]
        return min(times, default=float("inf"))

    def pop(self, now: float, *, is_end: bool) -> tuple[Task, Address] | None:
        """Return what may be asked for now, and by which address; None if nothing may."""
        for address in self.open_addresses:
            if address.ready_at > now or self._holds_workers(address):
                continue
            if self.needs_witness(address, now, is_end=is_end):
                clip = None if address.num_in_flight else address.witnesses.next()
                if clip is not None:
                    return Task(clip.clip_id, clip.ytid, witness=clip), address
            elif task := self._take(address, now):
                return task, address
        return None

    def _holds_workers(self, address: Address) -> bool:
        """Tell whether another attempt might only hold a worker until it times out.

        An address that has not answered yet, or not of late, is asked for one video at a time; and
        of those that fell silent only one at a time, while others answer.
        """
        others = [other for other in self._still_open() if other is not address]
        if not others:
            return False
        if address.num_in_flight and (address.pauses.is_silent or not address.num_answers):
            return True
        return address.pauses.is_silent and any(
            other.pauses.is_silent and other.num_in_flight for other in others
        )

    def needs_witness(self, address: Address, now: float, *, is_end: bool) -> bool:
        """Tell whether a video that should play is the next to ask for by an address."""
        return self._witness_at(address, is_end=is_end) <= now

    def _witness_at(self, address: Address, *, is_end: bool) -> float:
        """Return from when on a witness is the next to ask for; infinite: others are."""
        if address.witnesses.is_wanted or address.hearings.needs_witness:
            return float("-inf")
        if self.tasks:
            needs = _tells_nothing(self.tasks.first(), address)
            return float("-inf") if needs else float("inf")
        if not is_end or address.num_in_flight:
            return float("inf")
        if any(self._lacks_witness(task, address) for task in self.suspects):
            # The later, the more hearings it settles at once.
            return max(task.settles_at for task in self.suspects)
        return float("inf")

    def _still_open(self) -> list[Address]:
        if self.closed_by is not None:
            return []
        return [address for address in self.addresses if address.closed_by is None]

    def _lacks_witness(self, task: Task, address: Address) -> bool:
        if task.has_open_hearing:
            return address.hearings.is_open(task.hearings[-1])
        return self._may_ask(task, address) and not address.hearings.would_follow_media(task.ytid)

    def _ready_at(self, address: Address, *, is_end: bool) -> float:
        if self._holds_workers(address):
            return float("inf")
        witness_at = self._witness_at(address, is_end=is_end)
        if witness_at == float("-inf"):
            return float("inf") if address.num_in_flight else address.ready_at
        if any(self._may_ask(task, address) for task in self.tasks):
            return address.ready_at
        due = [task.due_at for task in self.suspects if self._is_second_look(task, address)]
        return max(address.ready_at, min([witness_at, *due]))

    def _take(self, address: Address, now: float) -> Task | None:
        due = next(
            (
                task
                for task in self.suspects
                if task.due_at <= now and self._is_second_look(task, address)
            ),
            None,
        )
        first = next((task for task in self.tasks if self._may_ask(task, address)), None)
        if due is not None and (first is None or self._num_taken % ONE_IN == ONE_IN - 1):
            self.suspects.remove(due)
            first = due
        elif first is not None:
            self.tasks.remove(first)
        self._num_taken += first is not None
        return first

    def _is_second_look(self, task: Task, address: Address) -> bool:
        is_ready = not (task.has_open_hearing or task.is_heard_twice)
        follows = address.hearings.would_follow_media(task.ytid)
        return is_ready and follows and self._may_ask(task, address)

    def _may_ask(self, task: Task, address: Address) -> bool:
        """Tell whether a task is for an address: another one, where there is one, looks again."""
        if address in task.not_by:
            return False
        others = [other for other in self.open_addresses if other is not address]
        return task.heard_by is not address or all(other.is_paused for other in others)


def _tells_nothing(task: Task, address: Address) -> bool:
    """Tell whether a refusal of a clip would say nothing of its address, or of the clip.

    It would not if the clip was refused there before. A witness is asked for in its place: as the
    probe of a refused address, and for a clip that others have shown to be refused alone.
    """
    if task.refused_by is not address:
        return False
    if address.pauses.is_silent:
        return True
    if address.pauses.is_refused:
        return not address.pauses.is_refused_by_status
    return task.is_lone and address.num_delivered == task.delivered_at_refusal


class AccountQueue(Queue):
    """The queue of what needs cookies.

    YouTube soon locks an account that seems to move from place to place: it keeps to the first
    address that is not paused.
    """

    @property
    def open_addresses(self) -> list[Address]:
        """The first address that is not paused; all, if each is."""
        free = [address for address in self._still_open() if not address.is_paused]
        return free[:1] or super().open_addresses


class Queues:
    """All tasks of a run that are not under way.

    Parameters
    ----------
    guests : sequence of Address
        Addresses for what needs no account.
    account : sequence of Address
        The same with cookies; empty without an account.
    """

    def __init__(self, guests: Sequence[Address], account: Sequence[Address] = ()) -> None:
        self.guests = Queue(guests)
        self.account = AccountQueue(account)
        self._next_pass: list[Task] = []
        self._pass_starts_at: float | None = None
        self._num_passes = 0

    @property
    def is_empty(self) -> bool:
        """True if nothing is left to ask for in this run."""
        suspects = self.guests.suspects or self.account.suspects
        return not (self._has_tasks or self._next_pass or suspects)

    @property
    def has_account(self) -> bool:
        """True if there are cookies, whether or not YouTube still accepts them."""
        return bool(self.account.addresses)

    @property
    def locked(self) -> list[Address]:
        """Addresses that are paused: the guests', or if none is, the account's."""
        return self.guests.locked or self.account.locked

    @property
    def _has_tasks(self) -> bool:
        return bool(self.guests.tasks or self.account.tasks)

    def of(self, task: Task) -> Queue:
        """Return the queue of a task."""
        return self.account if task.needs_account else self.guests

    def add(self, task: Task) -> None:
        """Append a task to its queue, to be asked for in this pass."""
        self.of(task).tasks.append(task)

    def add_soon(self, task: Task) -> None:
        """Let a task be asked for in this pass, after a few others."""
        self.of(task).tasks.insert(AFTER_OTHERS, task)

    def add_later(self, task: Task) -> None:
        """Let a task wait for the next pass."""
        self._next_pass.append(task)

    def close_account(self, failure: Failure) -> None:
        """Ask no more with cookies in this run."""
        self.account.closed_by = failure

    def take_shut_out(self) -> Iterator[Task]:
        """Remove and yield the tasks that need the account, once it is closed."""
        account = self.account
        while account.closed_by is not None and (account.tasks or account.suspects):
            yield account.tasks.popleft() if account.tasks else account.suspects.pop()

    def lacking_witness(self, now: float) -> Iterator[tuple[Queue, Address]]:
        """Yield the addresses that need a witness while none is left."""
        for queue in (self.account, self.guests):
            for address in queue.open_addresses:
                needs = queue.needs_witness(address, now, is_end=not self._next_pass)
                if needs and not address.num_in_flight and address.witnesses.next() is None:
                    yield queue, address

    def start_pass(self, now: float) -> None:
        """Once all others had their turn, wait a little and begin again with those that failed."""
        if self._has_tasks or not self._next_pass:
            return
        if self._pass_starts_at is None:
            self._pass_starts_at = now + min(2.0**self._num_passes, LONGEST_BACKOFF_S)
        if now >= self._pass_starts_at:
            failed, self._next_pass = self._next_pass, []
            for task in failed:
                self.add(task)
            self._num_passes += 1
            self._pass_starts_at = None

    def pop(self, now: float) -> tuple[Task, Address] | None:
        """Return a task that may be asked for now, and by which address; None without one."""
        is_end = not self._next_pass
        return self.account.pop(now, is_end=is_end) or self.guests.pop(now, is_end=is_end)

    def ready_at(self, *, has_free_worker: bool) -> float | None:
        """Return when there is something to do; infinite: not before an outcome; None: never."""
        is_end = not self._next_pass
        asks_at = min(queue.ready_at(is_end=is_end) for queue in (self.guests, self.account))
        if self._pass_starts_at is not None:
            asks_at = min(asks_at, self._pass_starts_at)
        if has_free_worker and not self.is_empty:
            return asks_at
        return self._pass_starts_at
