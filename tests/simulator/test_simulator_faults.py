from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from audioset_dl.simulator.faults import (
    FAULTS,
    PAGE_FAULTS,
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
    assert [fault for fault in FAULTS if is_fault(fault, of_page=True)] == list(PAGE_FAULTS)
    assert all(is_fault(fault, of_page=False) for fault in (*FAULTS, "http_503", "reset:head"))
