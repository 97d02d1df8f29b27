"""What follows from an attempt: the policy of each code, and what else is weighed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.download.address import Address, AddressEvent, open_account
from audioset_dl.download.hearings import Distrust, Heard, Hearing
from audioset_dl.download.tasks import Task
from audioset_dl.download.verdicts import (
    MANY_UNKNOWN,
    MOST_REFUSALS,
    Evidence,
    Requeue,
    count_unknown,
    judge,
    judge_hearings,
    judge_witness,
)
from audioset_dl.download.witnesses import canary_clip
from audioset_dl.errors import AudiosetDlError, ConfigError, OutputError, ThrottledError
from audioset_dl.outcomes import FAILURE_KINDS, KINDS, VAGUE_CODES, Failure, Proof, Scope

CONFIG = DownloadConfig(delay_s=0, max_per_hour=None)
EVIDENCE = Evidence(
    max_attempts=5,
    stops_at_refusal=False,
    has_account=False,
    num_addresses=1,
    is_last=False,
    unknown_in_a_row=0,
)
DOUBTED, REFUSED, NONE = AddressEvent.DOUBTED, AddressEvent.REFUSED, AddressEvent.NONE
PROVEN_NOTHING = AddressEvent.PROVEN_NOTHING
ANSWERED, SILENT, UNREACHABLE = (
    AddressEvent.ANSWERED,
    AddressEvent.SILENT,
    AddressEvent.UNREACHABLE,
)

# What follows when a clip that nobody has asked for meets a code at a fresh address.
FIRST_HEARING = {
    Scope.GONE: ("gone", ANSWERED, Requeue.NEVER, True),
    Scope.TRANSIENT: ("waiting", SILENT, Requeue.LATER, True),
    Scope.ADDRESS: ("waiting", REFUSED, Requeue.SOON, False),
    Scope.MACHINE: ("waiting", NONE, Requeue.NEVER, False),
}
VAGUE = set(VAGUE_CODES)
AMBIGUOUS = {"session", "sign_in", "offline", "proxy_down"}
FOUND = {kind.code for kind in FAILURE_KINDS if kind.proof is Proof.FOUND}
OTHERWISE = {
    **dict.fromkeys(VAGUE, ("waiting", PROVEN_NOTHING, Requeue.SECOND_LOOK, False)),
    **dict.fromkeys(FOUND, ("waiting", ANSWERED, Requeue.LATER, False)),
    **dict.fromkeys(AMBIGUOUS, ("waiting", DOUBTED, Requeue.LATER, False)),
    "http_429": ("waiting", REFUSED, Requeue.NOW, False),
}
GONE = [kind.code for kind in FAILURE_KINDS if kind.scope is Scope.GONE]
REFUSALS = [kind.code for kind in FAILURE_KINDS if kind.scope is Scope.ADDRESS]


def fail(code: str, **changes) -> Failure:
    return Failure(code, "its words", **changes)


def new_address() -> Address:
    return Address(None, CONFIG)


def refuse(address: Address, code: str = "http_429") -> Address:
    address.note(REFUSED, address.start(0), 0, fail(code))
    return address


@pytest.mark.parametrize("code", KINDS)
def test_each_code_at_its_first_hearing(code: str) -> None:
    verdict = judge(fail(code), Task("clip"), new_address(), EVIDENCE)
    found = verdict.state, verdict.event, verdict.requeue, verdict.charged
    assert found == OTHERWISE.get(code, FIRST_HEARING[KINDS[code].scope])


def test_what_is_saved_is_an_answer(make_saved) -> None:
    verdict = judge(make_saved(), Task("clip"), new_address(), EVIDENCE)
    assert (verdict.state, verdict.event, verdict.requeue) == ("saved", ANSWERED, Requeue.NEVER)


@pytest.mark.parametrize("code", GONE)
def test_how_it_is_known_that_a_clip_is_gone(code: str) -> None:
    task = Task("clip", found=code, needs_account=True)
    verdict = judge(fail(code), task, new_address(), EVIDENCE)
    if code in VAGUE:
        assert verdict.state == "waiting"
        verdict = judge_hearings(heard_twice(code), new_address(), EVIDENCE)
    assert (verdict.state, verdict.proof) == ("gone", KINDS[code].proof)


def heard_twice(code: str) -> Task:
    return Task("clip", hearings=[Hearing("clip", "video", code, at, 0) for at in (0, 60)])


def test_two_findings_must_be_of_the_same_code() -> None:
    verdict = judge(fail("out_of_range"), Task("clip", found="no_audio"), new_address(), EVIDENCE)
    assert (verdict.state, verdict.found) == ("waiting", "out_of_range")


@pytest.mark.parametrize(
    ("distrust", "believed", "expected"),
    [
        (None, (), "gone"),
        (Distrust.FLIPS, (), "waiting"),
        (Distrust.FLIPS, ("drm",), "waiting"),
        (Distrust.TOO_MANY, (), "waiting"),
        (Distrust.TOO_MANY, ("unavailable",), "waiting"),
        (Distrust.TOO_MANY, ("drm",), "gone"),
    ],
)
def test_no_clip_is_gone_by_words_that_prove_nothing(distrust, believed, expected) -> None:
    address = new_address()
    address.hearings.distrust = distrust
    evidence = replace(EVIDENCE, believed=frozenset(believed))
    assert judge_hearings(heard_twice("drm"), address, evidence).state == expected


@pytest.mark.parametrize("code", ["private", "unavailable"])
def test_words_about_a_video_do_not_show_that_an_address_is_refused_no_more(code: str) -> None:
    refused = refuse(new_address(), "bot_check")
    assert judge(fail(code), Task("clip"), refused, EVIDENCE).event is PROVEN_NOTHING
    assert judge(fail("private"), Task("clip"), refuse(new_address()), EVIDENCE).event is ANSWERED


@pytest.mark.parametrize(("num_addresses", "not_by", "state"), [(1, 0, "gone"), (2, 0, "waiting"),
                         (2, 1, "gone"), (5, 1, "waiting"), (5, 2, "gone")])  # fmt: skip
def test_up_to_two_other_places_are_asked(num_addresses: int, not_by: int, state: str) -> None:
    task = Task("clip", not_by=[new_address() for _ in range(not_by)])
    evidence = replace(EVIDENCE, num_addresses=num_addresses)
    verdict = judge(fail("geo"), task, new_address(), evidence)
    assert verdict.state == state
    assert (verdict.requeue is Requeue.ELSEWHERE) == (state == "waiting")


def test_what_another_clip_was_refused_says_nothing_of_this_one() -> None:
    verdict = judge(fail("bot_check", is_echo=True), Task("clip"), new_address(), EVIDENCE)
    assert (verdict.event, verdict.requeue, verdict.charged) == (NONE, Requeue.NOW, False)


@pytest.mark.parametrize("code", [code for code in REFUSALS if not KINDS[code].is_outage])
def test_the_twelfth_refusal_in_the_same_words_closes_an_address(code: str) -> None:
    address = new_address()
    for _ in range(MOST_REFUSALS - 1):
        assert not judge(fail(code), Task("clip"), address, EVIDENCE).closes_address
        refuse(address, code)
    assert judge(fail(code), Task("clip"), address, EVIDENCE).closes_address
    assert not judge(fail("blocked" if code != "blocked" else "session"), Task("clip"), address,
                     EVIDENCE).closes_address  # fmt: skip


CLIP = canary_clip("jNQXAC9IVRw")


@pytest.mark.parametrize(
    ("code", "event", "heard"),
    [
        ("private", PROVEN_NOTHING, Heard.WORDS),
        ("out_of_range", PROVEN_NOTHING, Heard.WORDS),
        ("unavailable", REFUSED, Heard.VAGUE),
        ("bot_check", REFUSED, Heard.NOTHING),
        ("restricted", REFUSED, Heard.NOTHING),
        ("offline", AddressEvent.UNREACHABLE, Heard.NOTHING),
        ("network", AddressEvent.SILENT, Heard.NOTHING),
        ("unknown", AddressEvent.SILENT, Heard.NOTHING),
    ],
)
def test_what_a_witness_says_of_an_address(code: str, event: AddressEvent, heard: Heard) -> None:
    address = new_address()
    address.witnesses.others = [CLIP]
    verdict = judge_witness(fail(code), CLIP, address, EVIDENCE)
    assert (verdict.event, verdict.heard, verdict.charged) == (event, heard, False)
    stops = replace(EVIDENCE, stops_at_refusal=True)
    ends_run = judge_witness(fail(code), CLIP, address, stops).ends_run
    assert isinstance(ends_run, ThrottledError) == (event is REFUSED)


def test_an_old_witness_with_vague_words_may_itself_be_gone(make_saved) -> None:
    address = new_address()
    address.witnesses.others = [CLIP, canary_clip("other-video")]
    verdict = judge_witness(fail("unavailable"), CLIP, address, EVIDENCE)
    assert (verdict.event, verdict.wants_witness) == (PROVEN_NOTHING, True)
    address.witnesses.add(CLIP)
    verdict = judge_witness(fail("unavailable"), CLIP, address, EVIDENCE)
    assert verdict.event is REFUSED, "the address delivered it in this run"
    assert judge_witness(make_saved(), CLIP, address, EVIDENCE).event is ANSWERED


@pytest.mark.parametrize(
    ("needs_account", "expected"), [(False, Requeue.WITH_ACCOUNT), (True, Requeue.NEVER)]
)
def test_the_account_asks_once_for_what_guests_are_refused(needs_account, expected) -> None:
    evidence = replace(EVIDENCE, has_account=True)
    task = Task("clip", needs_account=needs_account)
    assert judge(fail("age"), task, new_address(), evidence).requeue is expected
    assert judge(fail("private"), task, new_address(), evidence).state == "gone"


def test_the_last_attempt_waits_for_the_next_run() -> None:
    used_up = Task("clip", attempts=EVIDENCE.max_attempts - 1)
    assert judge(fail("network"), used_up, new_address(), EVIDENCE).requeue is Requeue.NEXT_RUN


@pytest.mark.parametrize("code", REFUSALS)
def test_what_is_heard_while_in_doubt_pauses_the_address(code: str) -> None:
    address = new_address()
    address.note(DOUBTED, address.start(0), 0, fail("session"))
    event = UNREACHABLE if KINDS[code].is_outage else REFUSED
    verdict = judge(fail(code), Task("clip"), address, EVIDENCE)
    assert verdict.event is event
    assert verdict.gives_back == KINDS[code].is_outage


@pytest.mark.parametrize("code", REFUSALS)
def test_where_the_config_says_stop_a_refusal_ends_the_run_and_an_outage_does_not(code) -> None:
    evidence = replace(EVIDENCE, stops_at_refusal=True)
    guest = refuse(new_address(), "blocked")
    verdict = judge(fail(code), Task("clip"), guest, evidence)
    assert isinstance(verdict.ends_run, ThrottledError) == (not KINDS[code].is_outage)
    (account,) = open_account([guest], CONFIG)
    verdict = judge(fail(code), Task("clip"), refuse(account), evidence)
    assert verdict.ends_run is None
    assert verdict.closes_account == (not KINDS[code].is_outage)


def suspect(address: Address, **changes) -> Task:
    values = {"refused_by": address, "delivered_at_refusal": 0, "num_refusals": 1, **changes}
    return Task("clip", **values)


@pytest.mark.parametrize(
    ("task", "num_answers", "evidence", "charged"),
    [
        ({}, 0, {}, False),
        ({}, 1, {}, True),  # others were answered meanwhile
        ({"delivered_at_refusal": 1}, 1, {}, False),
        ({"refused_by": None}, 1, {}, False),
        ({}, 0, {"is_last": True}, True),
        ({"num_refusals": 5}, 0, {}, False),
        ({"num_refusals": 6}, 0, {}, True),  # it can't wait for ever
    ],
)
def test_when_vague_words_are_charged_to_the_clip(task, num_answers, evidence, charged) -> None:
    address = new_address()
    for _ in range(num_answers):
        address.num_delivered += 1
    found = judge(fail("session"), suspect(address, **task), address, replace(EVIDENCE, **evidence))
    assert found.charged == charged


@pytest.mark.parametrize(("of_media", "charged"), [(False, False), (True, True)])
def test_an_outage_is_charged_only_where_one_server_of_media_is_away(of_media, charged) -> None:
    address = new_address()
    failure = fail("offline", is_of_media=of_media)
    evidence = replace(EVIDENCE, is_last=True)
    assert judge(failure, suspect(address), address, evidence).charged == charged


@pytest.mark.parametrize(
    ("code", "error"), [("disk", OutputError), ("cookies", ConfigError), ("proxy", ConfigError)]
)
def test_what_is_wrong_with_the_machine_ends_the_run(code: str, error: type) -> None:
    verdict = judge(fail(code), Task("clip"), new_address(), EVIDENCE)
    assert isinstance(verdict.ends_run, error)


def test_others_go_on_without_a_proxy_or_an_account() -> None:
    verdict = judge(fail("proxy"), Task("clip"), new_address(), replace(EVIDENCE, num_addresses=2))
    assert (verdict.event, verdict.requeue, verdict.ends_run) == (UNREACHABLE, Requeue.NOW, None)
    (account,) = open_account([new_address()], CONFIG)
    verdict = judge(fail("cookies"), Task("clip"), account, EVIDENCE)
    assert (verdict.closes_account, verdict.requeue) == (True, Requeue.NOW)
    assert verdict.ends_run is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [("unknown", 3), ("network", 0), ("private", 0), ("http_429", 2), ("disk", 2)],
)
def test_unknown_failures_are_counted_until_there_is_an_answer(code: str, expected: int) -> None:
    assert count_unknown(2, fail(code)) == expected


def test_what_is_saved_ends_a_row_of_unknown_failures(make_saved) -> None:
    assert count_unknown(2, make_saved()) == 0


@pytest.mark.parametrize("in_a_row", [MANY_UNKNOWN - 1, MANY_UNKNOWN])
def test_many_unknown_failures_in_a_row_end_the_run(in_a_row: int) -> None:
    evidence = replace(EVIDENCE, unknown_in_a_row=in_a_row)
    ends_run = judge(fail("unknown"), Task("clip"), new_address(), evidence).ends_run
    assert (type(ends_run) is AudiosetDlError) == (in_a_row == MANY_UNKNOWN)


def test_judging_changes_nothing() -> None:
    address, task = refuse(new_address()), Task("clip")
    before = vars(address).copy(), vars(task).copy()
    for code in KINDS:
        judge(fail(code), task, address, replace(EVIDENCE, has_account=True))
    assert (vars(address), vars(task)) == before
