"""What follows from an attempt: for the clip, for the address, and for the run.

`judge` is pure: it reads what is known of task and address, and changes nothing. The engine applies
what it returns. The policy of each failure code stands in `audioset_dl.outcomes`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Address, AddressEvent
from audioset_dl.download.hearings import Distrust, Heard
from audioset_dl.download.messages import (
    machine_error,
    refused_error,
    throttled_error,
    unknown_error,
)
from audioset_dl.download.tasks import Task
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure, Proof, Scope

MANY_UNKNOWN = 20
"""Unknown failures in a row that end the run: YouTube has probably changed, and yt-dlp not yet."""


MANY_SILENT = 3
"""Attempts in a row to which nothing came, after which an address that answered before is dead for
the time being."""
MOST_LOOKS = 6
"""Vague answers to one clip in a run after which it waits for the next run."""
MOST_REFUSALS = 12
"""Pauses in a row for the same reason that close an address: some seven hours of waiting."""
MOST_PLACES = 3
"""Addresses that are asked for a clip which YouTube does not show everywhere."""


class Requeue(StrEnum):
    """When a clip is asked for again."""

    NEVER = "never"
    """It is saved or gone."""
    NOW = "now"
    """In this pass: the attempt said nothing about it."""
    SOON = "soon"
    """In this pass, after a few others: they show whether it alone is refused."""
    LATER = "later"
    """In the next pass, when all others had their turn."""
    SECOND_LOOK = "second look"
    """After ``download.throttle_wait_s``, once other videos were delivered."""
    ELSEWHERE = "elsewhere"
    """Now, by another address."""
    WITH_ACCOUNT = "with account"
    """Now, with cookies: guests are refused."""
    NEXT_RUN = "next run"
    """This run asks for it no more."""


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
    """Addresses of guests, or of all if every request carries cookies, that are of use."""
    is_last: bool
    """True if no other clip is waiting or under way."""
    unknown_in_a_row: int
    """Unknown failures since the last answer, with this one: see `count_unknown`."""
    believed: frozenset[str] = frozenset()
    """Vague codes that the user takes for true (``--believe``)."""


@dataclass(frozen=True)
class Verdict:
    """What follows from one attempt."""

    state: Literal["saved", "gone", "waiting"]
    event: AddressEvent
    requeue: Requeue = Requeue.NEVER
    heard: Heard = Heard.NOTHING
    """What the address delivered."""
    charged: bool = False
    """True if it counts as a failed attempt of the clip."""
    found: str | None = None
    """Code of what was found, and has to be found once more."""
    is_refusal: bool = False
    """True for a refusal, or a silence, that may be meant for the address or for the clip."""
    is_lone: bool = False
    """True if words that are meant for addresses were heard by this clip alone."""
    wants_witness: bool = False
    """True if a video that should play is to be asked for next."""
    proof: Proof | None = None
    """How it is known that a clip is gone."""
    closes_account: bool = False
    """True if the cookies are of no more use in this run."""
    may_be_given_back: bool = False
    """True if a network that is about to fail would explain the failure."""
    gives_back: bool = False
    """True if the network failed: what may be given back of this address is."""
    closes_address: AudiosetDlError | None = None
    """Why the address is of no more use in this run."""
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
        return Verdict("saved", AddressEvent.ANSWERED, heard=Heard.MEDIA)
    if outcome.is_echo:
        return Verdict("waiting", AddressEvent.NONE, Requeue.NOW)
    match outcome.kind.scope:
        case Scope.GONE if outcome.kind.is_vague:
            return _judge_vague(outcome, task, address, evidence)
        case Scope.GONE:
            return _judge_gone(outcome, task, address, evidence)
        case Scope.TRANSIENT if outcome.is_silence and not outcome.is_of_media:
            return _judge_silence(outcome, task, address, evidence)
        case Scope.TRANSIENT:
            return _judge_transient(outcome, task, evidence)
        case Scope.ADDRESS:
            return _judge_refusal(outcome, task, address, evidence)
        case _:
            return _judge_machine(outcome, address, evidence)


def judge_witness(
    outcome: SavedFile | Failure, clip: Clip, address: Address, evidence: Evidence
) -> Verdict:
    """Return what follows from an attempt at a witness: it is of no clip, but of the address.

    Parameters
    ----------
    outcome, address, evidence
        As for `judge`.
    clip : Clip
        The part of the witness that was asked for.
    """
    if isinstance(outcome, SavedFile):
        return Verdict("saved", AddressEvent.ANSWERED, heard=Heard.MEDIA)
    if outcome.is_echo:
        return Verdict("waiting", AddressEvent.NONE)
    kind = outcome.kind
    if kind.scope is Scope.MACHINE:
        return _judge_machine(outcome, address, evidence)
    if kind.is_outage or (outcome.is_silence and not outcome.is_of_media):
        return Verdict("waiting", AddressEvent.UNREACHABLE, gives_back=True)
    if kind.scope is Scope.TRANSIENT:
        return Verdict("waiting", AddressEvent.SILENT)
    if kind.scope is Scope.GONE and not kind.is_vague:
        return Verdict("waiting", AddressEvent.PROVEN_NOTHING, heard=Heard.WORDS)
    heard = Heard.VAGUE if kind.is_vague else Heard.NOTHING
    if kind.is_vague and not address.witnesses.is_last_word(clip):
        return Verdict("waiting", AddressEvent.PROVEN_NOTHING, heard=heard, wants_witness=True)
    return Verdict(
        "waiting",
        AddressEvent.REFUSED,
        heard=heard,
        wants_witness=True,
        **_end_of_refusal(outcome, address, evidence),
    )


def judge_hearings(task: Task, address: Address, evidence: Evidence) -> Verdict:
    """Return what follows for a clip once it is settled what its vague words are worth.

    Parameters
    ----------
    task : Task
        With the `Task.hearings` that count.
    address : Address
        The one that had the last of them.
    evidence : Evidence
        What the run knows besides.
    """
    if not task.is_heard_twice:
        return Verdict("waiting", AddressEvent.NONE, Requeue.SECOND_LOOK)
    if address.hearings.is_distrusted(task.hearings[-1].code, evidence.believed):
        return Verdict("waiting", AddressEvent.NONE, Requeue.NEXT_RUN)
    return Verdict("gone", AddressEvent.NONE, charged=True, proof=Proof.TWICE)


def _judge_vague(failure: Failure, task: Task, address: Address, evidence: Evidence) -> Verdict:
    """Judge words that may be meant for the address: they count if another video was delivered."""
    verdict = Verdict(
        "waiting",
        AddressEvent.PROVEN_NOTHING,
        Requeue.SECOND_LOOK,
        heard=Heard.VAGUE,
        wants_witness=address.pauses.is_refused,
    )
    if address.hearings.is_distrusted(failure.code, evidence.believed):
        if address.hearings.distrust is Distrust.TOO_MANY:
            return replace(verdict, requeue=Requeue.NEXT_RUN)
        return replace(verdict, requeue=_requeue_charged(task, evidence), charged=True)
    if task.num_looks + 1 >= MOST_LOOKS:
        return replace(verdict, requeue=Requeue.NEXT_RUN)
    return verdict


def _judge_gone(failure: Failure, task: Task, address: Address, evidence: Evidence) -> Verdict:
    kind = failure.kind
    # A refused address has such words too: they do not show that it is refused no more.
    is_proof = not address.pauses.is_refused or address.pauses.is_refused_by_status
    event = AddressEvent.ANSWERED if is_proof else AddressEvent.PROVEN_NOTHING
    again = Verdict("waiting", event, heard=Heard.WORDS)
    if kind.cookies_help and evidence.has_account and not task.needs_account:
        return replace(again, requeue=Requeue.WITH_ACCOUNT)
    if kind.is_of_place and len(task.not_by) + 1 < min(MOST_PLACES, evidence.num_addresses):
        return replace(again, requeue=Requeue.ELSEWHERE)
    if kind.proof is Proof.FOUND and task.found != failure.code:
        return replace(again, requeue=Requeue.LATER, found=failure.code)
    return replace(again, state="gone", charged=True, proof=kind.proof)


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


def _judge_silence(failure: Failure, task: Task, address: Address, evidence: Evidence) -> Verdict:
    """Judge that nothing came within the time: a few times in a row, the address is dead.

    A clip that alone gets no answer, while the same address delivers others, pays for it.
    """
    verdict = _judge_transient(failure, task, evidence)
    is_lone = task.refused_by is address and address.num_delivered > task.delivered_at_refusal
    is_dead = address.pauses.num_silent + 1 >= (MANY_SILENT if address.num_answers else 1)
    if is_lone or not is_dead:
        return replace(verdict, is_refusal=True)
    return Verdict(
        "waiting", AddressEvent.UNREACHABLE, Requeue.NOW, is_refusal=True, gives_back=True
    )


def _judge_refusal(failure: Failure, task: Task, address: Address, evidence: Evidence) -> Verdict:
    """Judge a refusal of the address, or its silence: it costs the clip nothing.

    Unless the words may also be meant for the clip, and the same address delivers others, or there
    are no others left to ask for.
    """
    kind = failure.kind
    if kind.shuts_out == "account" and address.is_account:
        return Verdict("waiting", AddressEvent.NONE, Requeue.NOW, closes_account=True)
    if _is_suspect(failure, task, address, evidence):
        is_refused = kind.is_ambiguous and _counts_at_once(failure, address)
        return Verdict(
            "waiting",
            _refusal_event(failure) if is_refused else AddressEvent.DOUBTED,
            _requeue_charged(task, evidence),
            charged=True,
            is_refusal=True,
            is_lone=not kind.is_ambiguous,
            gives_back=is_refused and kind.is_outage,
        )
    if not _counts_at_once(failure, address):
        return Verdict("waiting", AddressEvent.DOUBTED, Requeue.LATER, is_refusal=True)
    if address.has_met_lone_refusal and not (kind.is_status or kind.is_ambiguous):
        # Some clips alone are refused here. Whether all are by now, a witness tells at once.
        event, requeue = AddressEvent.DOUBTED, Requeue.LATER
        return Verdict("waiting", event, requeue, is_refusal=True, wants_witness=True)
    return _refused(failure, address, evidence)


def _refused(failure: Failure, address: Address, evidence: Evidence) -> Verdict:
    kind, event = failure.kind, _refusal_event(failure)
    requeue = Requeue.NOW if kind.is_status else Requeue.SOON
    requeue = Requeue.LATER if kind.is_ambiguous else requeue
    verdict = Verdict("waiting", event, requeue, is_refusal=True, gives_back=kind.is_outage)
    if event is AddressEvent.UNREACHABLE:
        return verdict
    may_be_alone = not (address.is_account or address.pauses.is_refused or kind.is_status)
    if evidence.stops_at_refusal and may_be_alone and address.witnesses.next() is not None:
        event, requeue = AddressEvent.DOUBTED, Requeue.LATER
        return replace(verdict, event=event, requeue=requeue, wants_witness=True)
    return replace(verdict, **_end_of_refusal(failure, address, evidence))


def _end_of_refusal(failure: Failure, address: Address, evidence: Evidence) -> dict[str, Any]:
    """Return what a refusal ends, as fields of the verdict."""
    if evidence.stops_at_refusal:
        if address.is_account:
            return {"closes_account": True}
        return {"ends_run": throttled_error(failure)}
    if address.pauses.num_refusals_with(failure) >= MOST_REFUSALS:
        return {"closes_address": refused_error(failure, address)}
    return {}


def _refusal_event(failure: Failure) -> AddressEvent:
    return AddressEvent.UNREACHABLE if failure.kind.is_outage else AddressEvent.REFUSED


def _counts_at_once(failure: Failure, address: Address) -> bool:
    """Tell whether words are taken as meant for the address, though one clip alone heard them."""
    may_be_the_clip = failure.kind.is_ambiguous or (
        address.has_met_lone_refusal and not failure.kind.is_status
    )
    return not may_be_the_clip or address.is_doubtful or address.pauses.until is not None


def _is_suspect(failure: Failure, task: Task, address: Address, evidence: Evidence) -> bool:
    """Tell whether a clip that is refused again may itself be the reason."""
    kind = failure.kind
    is_outage_for_all = kind.is_outage and not failure.is_of_media
    if task.refused_by is None or is_outage_for_all or kind.is_status:
        return False
    if task.refused_by is address and address.num_delivered > task.delivered_at_refusal:
        return True
    is_used_up = evidence.is_last or task.num_refusals > evidence.max_attempts
    return kind.is_ambiguous and is_used_up


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
