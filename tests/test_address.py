"""The pace of an address and its breaker, on a clock of the test's own."""

import random

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.youtube.address import LONGEST_PAUSE_S, Address, open_addresses


def make_address(**changes) -> Address:
    values = {"delay_s": 0, "max_per_hour": None, "throttle_wait_s": 60, **changes}
    return Address(None, DownloadConfig(**values), random.Random(0))


def test_the_delay_is_jittered_around_its_mean() -> None:
    address = make_address(delay_s=10)
    waits, now = [], 0.0
    for _ in range(2000):
        address.start(now)
        waits.append(address.ready_at - now)
        now = address.ready_at
    assert min(waits) >= 5
    assert max(waits) <= 15
    assert sum(waits) / len(waits) == pytest.approx(10, rel=0.03)


def test_no_hour_has_more_videos_than_the_cap() -> None:
    address = make_address(max_per_hour=30, delay_s=1)
    starts, now = [], 0.0
    while now < 4 * 3600:
        address.start(now)
        starts.append(now)
        now = max(now, address.ready_at)
    for start in starts:
        assert sum(start <= other < start + 3600 for other in starts) <= 30
    assert len(starts) >= 4 * 30


def test_a_refused_address_pauses_probes_once_and_doubles() -> None:
    address = make_address()
    first = address.start(0)
    address.refused(first, 1)
    assert address.ready_at == address.locked_until == 61
    probe = address.start(61)
    assert address.ready_at == float("inf"), "a second probe would go out"
    address.refused(probe, 62)
    assert address.ready_at == 62 + 120


def test_the_pause_ends_growing_at_half_an_hour() -> None:
    address, now = make_address(), 0.0
    for _ in range(10):
        address.refused(address.start(now), now)
        pause = address.ready_at - now
        now = address.ready_at
    assert pause == LONGEST_PAUSE_S == 1800


def test_an_answer_to_the_probe_opens_the_address_and_forgets_the_pause() -> None:
    address = make_address()
    address.refused(address.start(0), 0)
    address.answered(address.start(60))
    assert address.ready_at <= 60
    assert address.locked_until is None
    address.refused(address.start(100), 100)
    assert address.ready_at == 160


def test_refusals_of_what_was_under_way_count_once() -> None:
    address = make_address()
    tickets = [address.start(0) for _ in range(8)]
    for ticket in tickets:
        address.refused(ticket, 1)
    assert address.ready_at == 61


def test_a_late_answer_of_before_the_lockout_does_not_end_it() -> None:
    address = make_address()
    early, refused = address.start(0), address.start(0)
    address.refused(refused, 1)
    address.answered(early)
    assert address.locked_until == 61


def test_a_probe_that_told_nothing_lets_another_go() -> None:
    address = make_address()
    address.refused(address.start(0), 0)
    probe = address.start(60)
    address.told_nothing(probe)
    assert address.ready_at == 60


def test_each_proxy_is_an_address_and_none_means_direct() -> None:
    proxies = ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert [a.proxy for a in open_addresses(DownloadConfig(proxies=proxies))] == list(proxies)
    assert [a.proxy for a in open_addresses(DownloadConfig())] == [None]
