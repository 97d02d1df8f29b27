"""A clip that is still wanted, and an attempt at it: what a run has seen of them.

All times are seconds of a monotonic clock that the caller reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audioset_dl.catalog.clips import YTID_LENGTH, Clip
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, Ticket
from audioset_dl.download.hearings import Hearing, Look
from audioset_dl.outcomes import KINDS, Failure


@dataclass(eq=False)
class Task:
    """A clip that is still wanted, and what this run has seen of it."""

    clip_id: str
    ytid: str = ""
    attempts: int = 0
    """Failed attempts that were charged to it."""
    found: str | None = None
    """Code of what the program found once; it has to be found twice."""
    hearings: list[Hearing] = field(default_factory=list)
    """Vague words about it: those that count, and the last if it may yet."""
    heard_by: Address | None = None
    """The address that had the last of them."""
    last_vague: Failure | None = None
    num_looks: int = 0
    """Answers that it met, of whatever kind."""
    due_at: float = float("-inf")
    """When it may be looked at again, after vague words."""
    refused_by: Address | None = None
    """The address that was last refused, or not reached, with this clip."""
    delivered_at_refusal: int = 0
    """Videos that this address had delivered until then."""
    num_refusals: int = 0
    """Attempts that met words which may be meant for the address or for the clip."""
    is_lone: bool = False
    """True once it was refused while the same address delivered others."""
    not_by: list[Address] = field(default_factory=list)
    """Addresses in places where YouTube does not show the video."""
    needs_account: bool = False
    """True if guests are refused: ask with cookies."""
    for_guests: Failure | None = None
    """Why they are."""
    number: int = 0
    """Of its last attempt, among all of the run in the order of their beginning."""
    is_put_off: bool = False
    """True once it waits for the next run."""
    saved: SavedFile | None = None
    """Its file, where it is saved and only its audio track is in doubt."""
    witness: Clip | None = None
    """Set where it is no clip of the dataset, but a video that should play."""

    @property
    def has_open_hearing(self) -> bool:
        """True while it is not known whether the last vague words count."""
        return any(hearing.counts is None for hearing in self.hearings)

    @property
    def is_heard_twice(self) -> bool:
        """True if it had vague words twice, and may be gone."""
        return len(self.hearings) > 1

    @property
    def settles_at(self) -> float:
        """When something has to be asked for it: at once, where it waits for a witness only."""
        return float("-inf") if self.is_heard_twice else self.due_at

    def note_refusal(self, address: Address) -> None:
        """Note that an address was refused, or not reached, with this clip."""
        self.refused_by, self.delivered_at_refusal = address, address.num_delivered
        self.num_refusals += 1


@dataclass(frozen=True)
class Attempt:
    """A video that is being asked for, and by which address."""

    task: Task
    address: Address
    ticket: Ticket
    look: Look


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
    return Task(clip_id, clip_id[:YTID_LENGTH], found=last_code, needs_account=needs_account)


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
