"""What clips cost in time."""

from __future__ import annotations

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.planning.cost import most_per_hour, paced_seconds, times_of


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
