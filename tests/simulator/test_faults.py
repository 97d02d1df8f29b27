from __future__ import annotations

import random
import time
from collections import Counter
from email.utils import parsedate_to_datetime

import pytest

from audioset_dl.simulator.faults import (
    FAULTS,
    PAGE_FAULTS,
    RandomFaults,
    http_fault,
    is_fault,
    read_break,
    read_trickle,
)


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        ("http_503", (503, "")),
        ("http_429:7", (429, "7")),
        ("http_299", None),
        ("http_429:+7", None),
        ("truncate", None),
        ("", None),
    ],
)
def test_http_faults(fault: str, meaning: tuple[int, str] | None) -> None:
    assert http_fault(fault) == meaning


@pytest.mark.parametrize("after_s", [7, -60])
def test_a_retry_after_may_be_a_date(after_s: int) -> None:
    status, retry_after = http_fault(f"http_429:date{after_s:+d}")
    assert status == 429
    assert retry_after.endswith(" GMT")
    left_s = parsedate_to_datetime(retry_after).timestamp() - time.time()
    assert after_s - 5 < left_s <= after_s


@pytest.mark.parametrize(
    ("fault", "num_bytes"),
    [
        ("truncate", 500), ("reset", 500), ("stall", 0),
        ("truncate:0", 0), ("reset:1", 1), ("stall:300", 300),
        ("truncate:-1", 999), ("reset:-1000", 0), ("reset:-1001", 0), ("stall:1001", 1000),
        ("reset:head", 0),
    ],
)  # fmt: skip
def test_where_an_answer_is_broken_off(fault: str, num_bytes: int) -> None:
    found = read_break(fault)
    assert found.how == fault.partition(":")[0]
    assert found.num_bytes(1000) == num_bytes
    assert found.is_in_head == fault.endswith(":head")


@pytest.mark.parametrize(
    ("fault", "pace"),
    [("trickle", 1), ("trickle:1000", 1000), ("trickle:0", None), ("stall", None)],
)
def test_a_trickle_has_a_pace(fault: str, pace: int | None) -> None:
    assert read_trickle(fault) == pace


@pytest.mark.parametrize("fault", ["reset:", "reset:1.5", "reset:tail", "trickle:-1", "full_200:1"])
def test_what_is_no_fault(fault: str) -> None:
    assert not is_fault(fault, of_page=False)


def test_pages_have_some_of_the_faults() -> None:
    known = dict.fromkeys((*FAULTS, *PAGE_FAULTS))
    assert [fault for fault in known if is_fault(fault, of_page=True)] == list(PAGE_FAULTS)
    assert [fault for fault in known if is_fault(fault, of_page=False)] == list(FAULTS)
    assert all(is_fault(fault, of_page=False) for fault in (*FAULTS, "http_503", "reset:head"))


YTIDS = [f"video{number:06d}" for number in range(2000)]


def meet(faults: RandomFaults, requests: list[tuple[str, str]]) -> dict[tuple[str, str, int], str]:
    """Return what each request meets, by video, kind, and how often that was asked before."""
    asked = Counter()
    met = {}
    for request in requests:
        met[*request, asked[request]] = faults.next_fault(*request)
        asked[request] += 1
    return met


def test_faults_by_chance_are_as_frequent_as_told() -> None:
    faults = RandomFaults(0.1, ("http_429", "http_503"))
    met = Counter(faults.next_fault(ytid, "page") for ytid in YTIDS)
    assert set(met) == {"", "http_429", "http_503"}
    assert met["http_429"] == pytest.approx(100, abs=35)
    assert met["http_503"] == pytest.approx(100, abs=35)


@pytest.mark.parametrize(("share", "number"), [(0, 0), (1, 50)])
def test_none_and_all(share: float, number: int) -> None:
    faults = RandomFaults(share, ("reset:-1",))
    assert [faults.next_fault(ytid, "media") for ytid in YTIDS[:50]].count("reset:-1") == number


def test_the_same_seed_gives_the_same_faults_in_any_order() -> None:
    requests = [(ytid, kind) for ytid in YTIDS[:50] for kind in ("page", "player", "media") * 3]
    shuffled = random.Random(1).sample(requests, len(requests))
    one, same, other = (RandomFaults(0.3, ("http_503", "reset"), seed) for seed in (5, 5, 6))
    met = meet(one, requests)
    assert meet(same, shuffled) == met
    assert meet(other, requests) != met


def test_pages_do_not_meet_what_only_media_can_have() -> None:
    faults = RandomFaults(1, ("wrong_range",))
    assert [faults.next_fault(YTIDS[0], kind) for kind in ("page", "player")] == ["", ""]
    assert faults.next_fault(YTIDS[0], "media") == "wrong_range"


@pytest.mark.parametrize(
    ("share", "faults"), [(1.1, ("reset",)), (-0.1, ("reset",)), (0.5, ("nonsense",)), (0.5, ("",))]
)
def test_what_can_not_befall_is_refused(share: float, faults: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"share|faults"):
        RandomFaults(share, faults)
