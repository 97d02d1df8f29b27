"""What follows from an attempt: for the clip, for the address, and for the run.

`judge` is pure: it reads what is known of task and address, and changes nothing. The engine applies
what it returns. The policy of each failure code stands in `audioset_dl.outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, AddressEvent
from audioset_dl.download.messages import machine_error, throttled_error, unknown_error
from audioset_dl.download.queues import Task
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure, Scope

MANY_UNKNOWN = 20
"""Unknown failures in a row that end the run: YouTube has probably changed, and yt-dlp not yet."""


class Requeue(StrEnum):
    """When a clip is asked for again."""

    NEVER = "never"
    """It is saved or gone."""
    NOW = "now"
    """In this pass: the attempt said nothing about it."""
    LATER = "later"
    """In the next pass, when all others had their turn."""
    WITH_ACCOUNT = "with account"
    """Now, with cookies: guests are refused."""
    NEXT_RUN = "next run"
    """Its attempts of this run are used up."""


@dataclass(frozen=True)
class Evidence:
    """What the run knows besides the task and the address."""

    max_attempts: int
    """``download.attempts``."""
    stops_at_refusal: bool
    """True for ``download.on_throttle: stop``."""
    has_account: bool
    """True if there are cookies to ask with where guests are refused."""
    num_addresses: int
    """Addresses of guests, or of all if every request carries cookies."""
    is_last: bool
    """True if no other clip is waiting or under way."""
    unknown_in_a_row: int
    """Unknown failures since the last answer, with this one: see `count_unknown`."""


@dataclass(frozen=True)
class Verdict:
    """What follows from one attempt."""

    state: Literal["saved", "gone", "waiting"]
    event: AddressEvent
    requeue: Requeue = Requeue.NEVER
    charged: bool = False
    """True if it counts as a failed attempt of the clip."""
    suspected: str | None = None
    """Code that has to be heard once more."""
    is_refusal: bool = False
    """True for a refusal, or a silence, that may be meant for the address or for the clip."""
    proof: str | None = None
    """How it is known that a clip is gone: ``said`` by YouTube, ``found`` by the program, or heard
    ``twice``."""
    closes_account: bool = False
    """True if the cookies are of no more use in this run."""
    may_be_given_back: bool = False
    """True if a network that is about to fail would explain the failure."""
    gives_back: bool = False
    """True if the network failed: what may be given back of this address is."""
    ends_run: AudiosetDlError | None = None


def count_unknown(so_far: int, outcome: SavedFile | Failure) -> int:
    """Return the number of unknown failures since the last answer, with this outcome."""
    scope = None if isinstance(outcome, SavedFile) else outcome.kind.scope
    if scope in (Scope.ADDRESS, Scope.MACHINE):
        return so_far
    return so_far + 1 if isinstance(outcome, Failure) and outcome.kind.is_unexpected else 0


def judge(
    outcome: SavedFile | Failure, task: Task, address: Address, evidence: Evidence
) -> Verdict:
    """Return what follows from an attempt.

    Parameters
    ----------
    outcome : SavedFile or Failure
        What the worker returned.
    task : Task
        The clip, as it was before the attempt.
    address : Address
        The address by which it was asked for, before it learns of the attempt.
    evidence : Evidence
        What the run knows besides.
    """
    if isinstance(outcome, SavedFile):
        return Verdict("saved", AddressEvent.ANSWERED)
    match outcome.kind.scope:
        case Scope.GONE:
            return _judge_gone(outcome, task, evidence)
        case Scope.TRANSIENT:
            return _judge_transient(outcome, task, evidence)
        case Scope.ADDRESS:
            return _judge_refusal(outcome, task, address, evidence)
        case _:
            return _judge_machine(outcome, address, evidence)


def _judge_gone(failure: Failure, task: Task, evidence: Evidence) -> Verdict:
    kind, event = failure.kind, AddressEvent.ANSWERED
    if kind.cookies_help and evidence.has_account and not task.needs_account:
        return Verdict("waiting", event, Requeue.WITH_ACCOUNT)
    if kind.needs_second_look and task.suspected != failure.code:
        return Verdict("waiting", event, Requeue.LATER, suspected=failure.code)
    proof = "twice" if kind.needs_second_look else "found" if kind.is_found else "said"
    return Verdict("gone", event, charged=True, proof=proof)


def _judge_transient(failure: Failure, task: Task, evidence: Evidence) -> Verdict:
    unknown = evidence.unknown_in_a_row
    return Verdict(
        "waiting",
        AddressEvent.SILENT,
        _requeue_charged(task, evidence),
        charged=True,
        may_be_given_back=failure.kind.network_may_explain,
        ends_run=unknown_error(failure, unknown) if unknown >= MANY_UNKNOWN else None,
    )


def _judge_refusal(failure: Failure, task: Task, address: Address, evidence: Evidence) -> Verdict:
    """Judge a refusal of the address, or its silence: it costs the clip nothing.

    Unless the words may also be meant for the clip, and either YouTube answers other clips by the
    same address, or there are no others left to ask for.
    """
    kind = failure.kind
    counts = not kind.is_vague or address.is_doubtful or address.locked_until is not None
    refused = AddressEvent.UNREACHABLE if kind.is_outage else AddressEvent.REFUSED
    event = refused if counts else AddressEvent.DOUBTED
    charged = kind.is_vague and _is_suspect(failure, task, address, evidence)
    if charged:
        requeue = _requeue_charged(task, evidence)
    else:
        requeue = Requeue.LATER if kind.is_vague else Requeue.NOW
    stops = evidence.stops_at_refusal and event is AddressEvent.REFUSED
    return Verdict(
        "waiting",
        event,
        requeue,
        charged=charged,
        is_refusal=True,
        closes_account=stops and address.is_account,
        gives_back=event is AddressEvent.UNREACHABLE,
        ends_run=throttled_error(failure) if stops and not address.is_account else None,
    )


def _is_suspect(failure: Failure, task: Task, address: Address, evidence: Evidence) -> bool:
    """Tell whether a clip that is refused again may itself be the reason."""
    is_outage_for_all = failure.kind.is_outage and not failure.is_of_media
    if task.refused_by is None or is_outage_for_all:
        return False
    if task.refused_by is address and address.num_answers > task.answers_at_refusal:
        return True
    return evidence.is_last or task.num_refusals > evidence.max_attempts


def _judge_machine(failure: Failure, address: Address, evidence: Evidence) -> Verdict:
    """Judge a fault of this machine: it ends the run, unless others can go on without it."""
    if failure.kind.shuts_out == "address" and evidence.num_addresses > 1:
        event = AddressEvent.UNREACHABLE
        return Verdict("waiting", event, Requeue.NOW)
    if failure.kind.shuts_out == "account" and address.is_account:
        return Verdict(
            "waiting",
            AddressEvent.NONE,
            Requeue.NOW,
            closes_account=True,
        )
    return Verdict("waiting", AddressEvent.NONE, ends_run=machine_error(failure, address))


def _requeue_charged(task: Task, evidence: Evidence) -> Requeue:
    is_used_up = task.attempts + 1 >= evidence.max_attempts
    return Requeue.NEXT_RUN if is_used_up else Requeue.LATER
