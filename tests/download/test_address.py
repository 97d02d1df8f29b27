"""An address and its breakers, on a clock of the test's own."""

import pickle
import random

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.download.address import Address, AddressEvent, open_addresses
from audioset_dl.download.pauses import LOCKOUT_S, LONGEST_OUTAGE_S, LONGEST_PAUSE_S
from audioset_dl.download.tasks import Task
from audioset_dl.download.verdicts import Evidence, judge
from audioset_dl.outcomes import Failure

EVIDENCE = Evidence(
    max_attempts=5,
    stops_at_refusal=False,
    has_account=False,
    num_addresses=1,
    is_last=False,
    unknown_in_a_row=0,
)

REFUSAL = Failure("http_429", "Too Many Requests")
OUTAGE = Failure("offline", "Failed to establish a new connection")
DOUBT = Failure("session", "The page needs to be reloaded")


def make_address(**changes) -> Address:
    values = {"delay_s": 0, "max_per_hour": None, "throttle_wait_s": 60, **changes}
    return Address(None, DownloadConfig(**values), random.Random(0))


def refuse(address: Address, now: float, failure: Failure = REFUSAL) -> None:
    address.note(AddressEvent.REFUSED, address.start(now), now, failure)


def hear(address: Address, failure: Failure, now: float) -> None:
    """Let an address learn of an attempt as the engine does."""
    ticket = address.start(now)
    address.note(judge(failure, Task("clip"), address, EVIDENCE).event, ticket, now, failure)


def test_a_refused_address_pauses_probes_once_and_doubles() -> None:
    address = make_address()
    first = address.start(0)
    address.note(AddressEvent.REFUSED, first, 1, REFUSAL)
    assert address.ready_at == address.pauses.until == 61
    assert address.pauses.is_refused
    probe = address.start(61)
    assert address.ready_at == float("inf"), "a second probe would go out"
    address.note(AddressEvent.REFUSED, probe, 62, REFUSAL)
    assert address.ready_at == 62 + 120


def test_the_pause_doubles_up_to_half_an_hour_and_then_outlasts_a_lockout() -> None:
    """A lock-out of an hour that every request counts anew would never end otherwise."""
    address, now, pauses = make_address(), 0.0, []
    for _ in range(9):
        refuse(address, now)
        pauses.append(address.ready_at - now)
        now = address.ready_at
    assert pauses == [60, 120, 240, 480, 960, LONGEST_PAUSE_S, LOCKOUT_S, LOCKOUT_S, LOCKOUT_S]
    assert LONGEST_PAUSE_S == 1800 < 3600 < LOCKOUT_S


@pytest.mark.parametrize("retry_after_s", [0, 7, 59])
def test_what_the_site_asks_for_makes_no_pause_shorter(retry_after_s: float) -> None:
    """A site that says "now" would be asked at once, for ever."""
    address, now, pauses = make_address(), 0.0, []
    for _ in range(4):
        refuse(address, now, Failure(REFUSAL.code, "", retry_after_s=retry_after_s))
        pauses.append(address.ready_at - now)
        now = address.ready_at
    assert pauses == [60, 120, 240, 480]


def test_what_the_site_asks_for_makes_a_pause_longer() -> None:
    address = make_address()
    refuse(address, 0, Failure(REFUSAL.code, "", retry_after_s=100))
    assert address.ready_at == 100
    refuse(address, 100, Failure(REFUSAL.code, "", retry_after_s=5e9))
    assert address.ready_at == 100 + 24 * 3600, "a day is the longest that is believed"


def test_an_answer_to_the_probe_opens_the_address() -> None:
    address = make_address()
    refuse(address, 0)
    address.note(AddressEvent.ANSWERED, address.start(60), 60)
    assert address.pauses.until is None
    assert address.ready_at < 61


def test_after_the_old_pace_is_reached_again_the_pause_begins_anew() -> None:
    address = make_address(delay_s=1)
    refuse(address, 0)
    refuse(address, 60)
    now = 180.0
    for _ in range(3):
        address.note(AddressEvent.ANSWERED, address.start(now), now)
    refuse(address, now + 1)
    assert address.pauses.until == now + 1 + 120, "so soon again: what helped the last time"
    now = address.pauses.until
    while now < 2e5:
        address.note(AddressEvent.ANSWERED, address.start(now), now)
        now = max(now, address.ready_at)
    refuse(address, now)
    assert address.pauses.until == now + 60


def test_the_pause_that_helped_is_not_kept_for_longer_than_it_is_needed() -> None:
    """Probes that fail by chance would drive it up for ever."""
    address, now, pauses = make_address(delay_s=5), 0.0, []
    for number in range(40):
        refuse(address, now)
        if number % 5 == 4:
            refuse(address, address.pauses.until)
        pauses.append(address.pauses.until - now)
        now = address.pauses.until
        address.note(AddressEvent.ANSWERED, address.start(now), now)
        now += 10
    assert max(pauses) <= 60 + 120


def test_refusals_of_what_was_under_way_count_once() -> None:
    address = make_address()
    tickets = [address.start(0) for _ in range(8)]
    for ticket in tickets:
        address.note(AddressEvent.REFUSED, ticket, 1, REFUSAL)
    assert address.ready_at == 61


def test_a_late_answer_of_before_the_lockout_does_not_end_it() -> None:
    address = make_address()
    early, refused = address.start(0), address.start(0)
    address.note(AddressEvent.REFUSED, refused, 1, REFUSAL)
    address.note(AddressEvent.ANSWERED, early, 2)
    assert address.pauses.until == 61


def test_a_probe_that_said_nothing_is_made_again_after_the_same_pause() -> None:
    address = make_address()
    refuse(address, 0)
    address.note(AddressEvent.SILENT, address.start(60), 61)
    assert address.ready_at == 61 + 60


def test_vague_words_count_when_nothing_else_was_heard_since() -> None:
    address = make_address()
    hear(address, DOUBT, 0)
    assert address.pauses.until is None
    address.note(AddressEvent.ANSWERED, address.start(1), 1)
    hear(address, DOUBT, 2)
    assert address.pauses.until is None
    hear(address, DOUBT, 3)
    assert address.pauses.until == 63


def test_a_lost_network_is_looked_at_again_every_minute() -> None:
    address, now, tries = make_address(), 0.0, 0
    while now < 600:
        hear(address, OUTAGE, now)
        assert not address.pauses.is_refused
        tries += 1
        now = max(now, address.ready_at)
    assert tries <= 20
    assert address.ready_at - 600 <= LONGEST_OUTAGE_S == 60
    address.note(AddressEvent.ANSWERED, address.start(now), now)
    assert address.pauses.until is None
    assert address.ready_at <= now, "a lost network is no reason to go more slowly"


def test_a_probe_that_finds_no_network_keeps_the_lockout() -> None:
    address = make_address()
    refuse(address, 0)
    hear(address, OUTAGE, 60)
    assert address.ready_at == 65
    probe = address.start(65)
    assert address.ready_at == float("inf")
    address.note(AddressEvent.REFUSED, probe, 66, REFUSAL)
    assert address.ready_at == 66 + 120


def test_the_tickets_of_a_lockout_are_others_than_those_before() -> None:
    address = make_address()
    before = address.start(0)
    address.note(AddressEvent.REFUSED, before, 0, REFUSAL)
    assert address.start(60) != before
    assert pickle.loads(pickle.dumps(before)) == before, "it is sent to other machines"


def test_each_proxy_is_an_address_and_none_means_direct() -> None:
    proxies = ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert [a.proxy for a in open_addresses(DownloadConfig(proxies=proxies))] == list(proxies)
    assert [a.proxy for a in open_addresses(DownloadConfig())] == [None]


@pytest.mark.parametrize("delay_s", [0, 5])
def test_a_refusal_slows_only_once(delay_s) -> None:
    """What is refused while the address is paused says nothing about its pace."""
    address = make_address(delay_s=delay_s)
    now = 0.0
    for _ in range(50):
        address.note(AddressEvent.ANSWERED, address.start(now), now)
        now = max(now + 1, address.ready_at)
    refuse(address, now)
    slowed = address._pacer._mean_s
    refuse(address, address.ready_at)
    refuse(address, address.ready_at)
    assert address._pacer._mean_s == slowed > delay_s
