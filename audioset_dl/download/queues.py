"""Clips that are still to be asked for, in their order, and the addresses to ask by.

There is a queue for guests and one for the account. A clip that failed waits for the next pass,
when all others had their turn. All times are seconds of a monotonic clock that the caller reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from audioset_dl.download.address import Address
from audioset_dl.outcomes import KINDS, Failure

LONGEST_BACKOFF_S = 60.0
"""Longest wait between two passes; it doubles from one second."""


@dataclass
class Task:
    """A clip that is still wanted, and what this run has seen of it."""

    clip_id: str
    attempts: int = 0
    """Failed attempts that were charged to it."""
    suspected: str | None = None
    """Code of a failure that has to be heard twice."""
    refused_by: Address | None = None
    """The address that was last refused, or not reached, with this clip."""
    answers_at_refusal: int = 0
    """Answers of that address until then."""
    num_refusals: int = 0
    """Attempts that met words which may be meant for the address or for the clip."""
    needs_account: bool = False
    """True if guests are refused: ask with cookies."""
    number: int = 0
    """Of its last attempt, among all of the run in the order of their beginning."""
    is_put_off: bool = False
    """True once it waits for the next run."""

    def note_refusal(self, address: Address) -> None:
        """Note that an address was refused, or not reached, with this clip."""
        self.refused_by, self.answers_at_refusal = address, address.num_answers
        self.num_refusals += 1


def make_task(clip_id: str, last_code: str | None, *, has_account: bool) -> Task:
    """Return the task of a clip that an earlier run left.

    Parameters
    ----------
    clip_id : str
        The clip.
    last_code : str or None
        Code of its last failure.
    has_account : bool
        True if there are cookies to ask with.
    """
    kind = KINDS.get(last_code or "")
    is_for_accounts = kind is not None and (kind.cookies_help or kind.shuts_out == "account")
    needs_account = has_account and is_for_accounts
    return Task(clip_id, suspected=last_code, needs_account=needs_account)


@dataclass
class Queue:
    """Tasks in their order, and the addresses by which to ask for them."""

    addresses: Sequence[Address]
    tasks: deque[Task] = field(default_factory=deque)
    closed_by: Failure | None = None
    """Why its addresses are of no more use in this run."""

    @property
    def address(self) -> Address:
        """The one by which to ask next."""
        return min(self.addresses, key=lambda address: address.ready_at)

    @property
    def ready_at(self) -> float:
        """The earliest time to ask for the next task; infinite without one."""
        return self.address.ready_at if self.tasks else float("inf")

    @property
    def locked(self) -> list[Address]:
        """Its paused addresses, unless it is closed."""
        if self.closed_by is not None:
            return []
        return [address for address in self.addresses if address.locked_until is not None]


class AccountQueue(Queue):
    """The queue of what needs cookies.

    YouTube soon locks an account that seems to move from place to place: it keeps to the first
    address that is not paused.
    """

    @property
    def address(self) -> Address:
        """The one by which to ask next."""
        free = [address for address in self.addresses if not address.is_paused]
        return free[0] if free else super().address


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
        return not (self._has_tasks or self._next_pass)

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

    def add(self, task: Task) -> None:
        """Append a task to its queue, to be asked for in this pass."""
        (self.account if task.needs_account else self.guests).tasks.append(task)

    def add_later(self, task: Task) -> None:
        """Let a task wait for the next pass."""
        self._next_pass.append(task)

    def close_account(self, failure: Failure) -> None:
        """Ask no more with cookies in this run."""
        self.account.closed_by = failure

    def take_shut_out(self) -> Iterator[Task]:
        """Remove and yield the tasks that need the account, once it is closed."""
        while self.account.closed_by is not None and self.account.tasks:
            yield self.account.tasks.popleft()

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
        for queue in (self.account, self.guests):
            if queue.ready_at <= now:
                return queue.tasks.popleft(), queue.address
        return None

    def ready_at(self, *, has_free_worker: bool) -> float | None:
        """Return when there is something to do; infinite: not before an outcome; None: never."""
        if self._has_tasks and has_free_worker:
            return min(self.guests.ready_at, self.account.ready_at)
        return self._pass_starts_at


class RecentFailures:
    """Failures that a network outage may explain, by address: given back if one follows."""

    def __init__(self) -> None:
        self._failures: dict[Address, list[tuple[Task, int]]] = {}
        """Each with the number of attempts that had begun in the run when it came."""

    def add(self, address: Address, task: Task, num_begun: int) -> None:
        """Note a failure that was charged to a clip."""
        self._failures.setdefault(address, []).append((task, num_begun))

    def settle(self, address: Address, task: Task) -> None:
        """Forget failures before an answer: the network was still there after them.

        An attempt that began before a failure says nothing about the network after it.
        """
        earlier = self._failures.get(address, ())
        self._failures[address] = [failure for failure in earlier if failure[1] >= task.number]

    def take(self, address: Address) -> list[Task]:
        """Return, and forget, the tasks whose charges an outage explains."""
        return [task for task, _ in self._failures.pop(address, ())]
