"""What clips cost in time, and how many videos are expected to be gone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import CAT, DOG

from audioset_dl.config import DownloadConfig
from audioset_dl.planning.estimates import (
    USUAL_LOSS,
    expect_losses,
    most_per_hour,
    paced_seconds,
    read_losses,
    times_of,
)


@pytest.mark.parametrize(
    ("videos", "delay_s", "cap", "addresses", "seconds"),
    [
        (0, 5, 300, 1, 0),
        (1, 5, 300, 1, 0),
        (11, 5, 300, 1, 50),
        (301, 5, 300, 1, 3600),
        (400, 5, 300, 1, 3600 + 99 * 5),
        (400, 20, 300, 1, 399 * 20),
        (602, 5, 300, 2, 3600),
        (100, 0, None, 1, None),
    ],
)
def test_time_at_the_configured_pace(videos, delay_s, cap, addresses, seconds) -> None:
    config = DownloadConfig(delay_s=delay_s, max_per_hour=cap)
    times = times_of(videos, config, addresses)
    assert times.configured == seconds
    assert times.guest == pytest.approx(-(-videos // addresses) * 12)
    assert times.account == pytest.approx(-(-videos // addresses) * 1.8)
    assert paced_seconds(-(-videos // addresses), config) == seconds


def test_the_fastest_pace_is_what_delay_and_cap_both_allow() -> None:
    assert most_per_hour(DownloadConfig(delay_s=36, max_per_hour=300)) == 100
    assert most_per_hour(DownloadConfig(delay_s=0, max_per_hour=300)) == 300


TABLE = f"""\
clip_id,state,code,labels
00000000000_0,gone,private,{DOG};{CAT}
00000000001_0,gone,geo,{DOG}
00000000002_0,gone,age,{DOG}
00000000003_0,waiting,network,{DOG}
00000000004_0,saved,,{DOG}
00000000005_0,gone,removed,{CAT}
00000000005_0,saved,,{CAT}
00000000006_0,gone,bot_check,{CAT}
"""


@given(st.integers(0, 500), st.floats(0, 1))
def test_losses_of_what_was_tried_lie_between_it_and_the_usual(tried: int, share: float) -> None:
    gone = round(tried * share)
    num_saved, num_gone = (Counter({"": n, DOG: n}) for n in (tried - gone, gone))
    losses = expect_losses(num_saved, num_gone)
    found = gone / tried if tried else USUAL_LOSS
    for loss in (losses.share, losses.of(DOG)):
        assert min(found, USUAL_LOSS) - 1e-9 <= loss <= max(found, USUAL_LOSS) + 1e-9
    assert losses.of(CAT) == losses.share
    assert losses.of(DOG) < 1


def test_losses_by_label_and_in_all(tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    path.write_text(TABLE)
    losses = read_losses(path, "--availability")
    dog_and_cat = Counter({"": 2, DOG: 1, CAT: 1}), Counter({"": 5, DOG: 3, CAT: 3})
    assert losses == expect_losses(*dog_and_cat, str(path))
    assert losses.share == pytest.approx((5 + 10 * 0.2) / (2 + 5 + 10))
    assert losses.of(DOG) == pytest.approx((3 + 10 * losses.share) / (1 + 3 + 10))
    assert losses.source == str(path)
