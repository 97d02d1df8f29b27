"""What is still to be asked for, and by which ways: a lane for guests, one for the account."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from audioset_dl.download.address import Address
from audioset_dl.outcomes import ALL_CLASSES, OUT_OF_RANGE, Failure

_NEEDS_ACCOUNT = frozenset(
    {"cookies", *(code for code, kind in ALL_CLASSES.items() if kind.cookies_help)}
)


@dataclass
class Task:
    """A clip that is still wanted, and what this run has seen of it."""

    clip_id: str
    attempts: int = 0
    """Failed attempts that were charged to it."""
    suspected: str | None = None
    """Code of a failure that has to be seen twice."""
    refused_by: Address | None = None
    """The address that was last refused, or not reached, with this clip."""
    answers_at_refusal: int = 0
    """How often that one had been answered then."""
    num_refusals: int = 0
    """How often it met words that may be meant for the address or for itself."""
    is_put_off: bool = False
    """Whether it waits for another run, its attempts being used up."""
    needs_account: bool = False
    """Whether it is to be asked for with cookies: guests may not have it."""
    number: int = 0
    """Of its last attempt, among all of the run in the order in which they were begun."""


@dataclass
class Lane:
    """Tasks in their order, and the addresses by which they may be asked for."""

    addresses: Sequence[Address]
    todo: deque[Task] = field(default_factory=deque)
    closed_by: Failure | None = None
    """Why its addresses are of no more use in this run."""

    @property
    def is_open(self) -> bool:
        """Whether there is a way that may be used."""
        return bool(self.addresses) and self.closed_by is None

    @property
    def address(self) -> Address:
        """The one by which to ask next."""
        return min(self.addresses, key=lambda address: address.ready_at)

    @property
    def ready_at(self) -> float:
        """The earliest time to ask for the next task; infinite without one."""
        return self.address.ready_at if self.todo else float("inf")

    def close(self, failure: Failure) -> list[Task]:
        """Let nothing more be asked for; return what was to be."""
        self.closed_by = failure
        left = list(self.todo)
        self.todo.clear()
        return left

    @property
    def locked(self) -> list[Address]:
        """Its addresses that are paused, and that something will yet be asked by."""
        if self.closed_by is not None:
            return []
        return [address for address in self.addresses if address.locked_until is not None]


class AccountLane(Lane):
    """The lane of what is asked for with cookies.

    An account that seems to move from place to place is soon locked: it keeps to the first address
    that is not paused.
    """

    @property
    def address(self) -> Address:
        """The one by which to ask next."""
        free = [address for address in self.addresses if not address.is_paused]
        return free[0] if free else super().address


def is_known_to_need_account(code: str | None) -> bool:
    """Tell whether an earlier run found out that a clip can be had with cookies only."""
    return code in _NEEDS_ACCOUNT


def is_refused_to_guest(code: str | None, asked_as: str | None) -> bool:
    """Return True if a clip is gone for guests, and was not asked for with cookies."""
    kind = ALL_CLASSES.get(code or "")
    return kind is not None and kind.cookies_help and asked_as != "account"


def proof_of(failure: Failure) -> str:
    """Return how it is known that a clip is gone: ``said``, ``found`` or ``twice``."""
    if failure.kind.needs_second_look:
        return "twice"
    return "found" if failure.code == OUT_OF_RANGE.code else "said"
