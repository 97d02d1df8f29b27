"""The pace of an address, on a clock of the test's own, and on a budget that it does not know."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.download.address import Address, AddressEvent
from audioset_dl.download.pace import Pacer
from audioset_dl.outcomes import Failure
from audioset_dl.simulator import Budget

HOUR_S = 3600
REFUSAL = Failure("rate_limited", "try again later")


def make_pacer(delay_s: float = 0, max_per_hour: int | None = None) -> Pacer:
    return Pacer(delay_s, max_per_hour, random.Random(0))


def run(pacer: Pacer, now: float, until: float, *, least_s: float = 0.1) -> list[float]:
    """Ask and be answered at the pacer's pace; return when."""
    starts = []
    while now < until:
        pacer.start(now)
        pacer.answered()
        starts.append(now)
        now = max(now + least_s, pacer.ready_at)
    return starts


def mean_gap_s(starts: list[float]) -> float:
    return (starts[-1] - starts[0]) / (len(starts) - 1)


def test_the_delay_is_jittered_around_its_mean() -> None:
    starts = run(make_pacer(delay_s=10), 0, 20_000)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert min(gaps) >= 5
    assert max(gaps) <= 15
    assert mean_gap_s(starts) == pytest.approx(10, rel=0.03)


def test_no_hour_has_more_videos_than_the_cap() -> None:
    starts = run(make_pacer(delay_s=1, max_per_hour=30), 0, 4 * HOUR_S)
    for start in starts:
        assert sum(start <= other < start + HOUR_S for other in starts) <= 30
    assert len(starts) >= 4 * 30


@pytest.mark.parametrize("delay_s", [0, 1, 5])
def test_slower_after_a_refusal_and_soon_nearly_as_fast_as_before(delay_s: float) -> None:
    pacer = make_pacer(delay_s)
    before = mean_gap_s(run(pacer, 0, 500, least_s=0.5))
    pacer.refused(500)
    pacer.returned(600)
    after = run(pacer, 600, 5000, least_s=0.5)
    assert mean_gap_s(after[:10]) > 1.3 * before
    assert mean_gap_s(after[60:160]) < before / 0.85


def test_in_the_end_as_fast_as_configured_and_never_faster() -> None:
    pacer = make_pacer(5)
    run(pacer, 0, 500)
    pacer.refused(500)
    pacer.returned(560)
    assert pacer.is_slowed
    later = run(pacer, 560, 200_000)
    assert not pacer.is_slowed
    assert min(b - a for a, b in pairwise(later)) >= 2.5


def test_refused_at_its_very_first_video() -> None:
    pacer = make_pacer(5)
    pacer.refused(0)
    assert pacer.is_slowed


def test_an_address_that_gives_next_to_nothing_is_still_asked_now_and_then() -> None:
    pacer, now = make_pacer(5), 0.0
    for _ in range(20):
        run(pacer, now, now + 1)
        pacer.refused(now + 1)
        now += HOUR_S
        pacer.returned(now)
    assert mean_gap_s(run(pacer, now, now + 3 * HOUR_S)) <= 900
    run(pacer, now, now + 48 * HOUR_S)
    assert not pacer.is_slowed


def test_refusals_by_chance_do_not_slow_it_down_for_ever() -> None:
    """Every fifth video is refused however slowly it is asked for; a minute later all is well."""
    pacer, now, num_had = make_pacer(5), 0.0, 0
    while num_had < 1000:
        pacer.start(now)
        if num_had % 5 == 4:
            pacer.refused(now)
            now += 60
            pacer.returned(now)
        pacer.answered()
        num_had += 1
        now = max(now, pacer.ready_at)
    assert now / num_had < 5 + 60 / 5 + 60 / 5 * 1.5, "the delay costs more than the pauses"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def share_used(
    budget: Budget, clock: Clock, *, hours: float, capacity: float, rate: float, **config
):
    """Spend a budget that the address does not know; return what share of it was had."""
    address = Address(None, DownloadConfig(max_per_hour=None, **config), random.Random(1))
    num_had = asked = 0
    while clock.now < hours * HOUR_S:
        ticket = address.start(clock.now)
        asked += 1
        if budget.admits(f"video-{asked:05d}", is_page=True):
            address.note(AddressEvent.ANSWERED, ticket, clock.now)
            num_had += 1
        else:
            address.note(AddressEvent.REFUSED, ticket, clock.now, REFUSAL)
        clock.now = max(clock.now + 0.05, address.ready_at)
    return num_had / (capacity + rate * clock.now)


@pytest.mark.parametrize("delay_s", [9, 5, 1])
@pytest.mark.parametrize("lockout_s", [600, HOUR_S])
def test_a_budget_that_it_does_not_know_is_well_used(delay_s: float, lockout_s: float) -> None:
    """A day as a guest: 300 videos an hour, and a lock-out that every request prolongs."""
    clock, rate = Clock(), 300 / HOUR_S
    budget = Budget(300, rate, lockout_s, clock=clock)
    used = share_used(budget, clock, hours=24, capacity=300, rate=rate, delay_s=delay_s)
    assert used >= 0.8
