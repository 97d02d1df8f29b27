from __future__ import annotations

import pytest

from audioset_dl.simulator import Budget


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ask(budget: Budget, ytid: str) -> bool:
    """Ask for page and player, as yt-dlp does."""
    page = budget.admits(ytid, is_page=True)
    return budget.admits(ytid, is_page=False) and page


def test_a_video_is_paid_for_once_a_visit(clock: Clock) -> None:
    budget = Budget(3, 0, 60, clock=clock)
    assert [ask(budget, f"video{n}") for n in range(4)] == [True, True, True, False]
    assert budget.num_admitted == 3


def test_a_page_is_a_visit_of_its_own(clock: Clock) -> None:
    budget = Budget(2, 0, 60, clock=clock)
    assert [ask(budget, "same") for _ in range(3)] == [True, True, False]


def test_the_player_api_is_paid_for_where_no_page_came(clock: Clock) -> None:
    budget = Budget(1, 0, 60, visit_s=10, clock=clock)
    assert [budget.admits("one", is_page=False) for _ in range(2)] == [True, True]
    clock.now += 11
    assert not budget.admits("one", is_page=False)


def test_the_bucket_is_refilled_and_never_overflows(clock: Clock) -> None:
    budget = Budget(2, 0.1, 5, clock=clock)
    assert [budget.admits(f"a{n}", is_page=True) for n in range(2)] == [True, True]
    clock.now += 10
    assert budget.admits("b", is_page=True)
    clock.now += 1000
    assert [budget.admits(f"c{n}", is_page=True) for n in range(3)] == [True, True, False]


def test_asking_while_locked_out_prolongs_it(clock: Clock) -> None:
    budget = Budget(1, 1.0, 60, clock=clock)
    assert budget.admits("a", is_page=True)
    assert not budget.admits("b", is_page=True)
    clock.now += 59
    assert budget.is_locked
    assert not budget.admits("a", is_page=False), "a visit is over once locked out"
    clock.now += 59
    assert budget.is_locked
    clock.now += 2
    assert not budget.is_locked
    assert budget.admits("b", is_page=True)
    assert (budget.num_admitted, budget.num_refused) == (2, 2)


def test_who_keeps_to_the_rate_is_never_refused(clock: Clock) -> None:
    budget = Budget(1, 300 / 3600, 3600, clock=clock)
    for number in range(600):
        assert ask(budget, f"video{number}")
        clock.now += 12


def test_the_refusal_must_be_a_behaviour() -> None:
    with pytest.raises(ValueError, match="refusal"):
        Budget(1, 1, 1, refusal="nonsense")
