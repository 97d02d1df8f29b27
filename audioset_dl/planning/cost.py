"""The cost of clips: bytes, requests to YouTube, and time at a pace."""

from __future__ import annotations

from dataclasses import dataclass

from audioset_dl.config import DownloadConfig

# Counted on the simulator: the page, two players (yt-dlp 2026.10.26), the head of the track, and
# the ten seconds.
REQUESTS_PER_CLIP = 5
# The page and two players. Where YouTube says no more than "unavailable", the clip is looked at
# again, and takes twice that.
REQUESTS_PER_GONE = 3
# A 10-second clip of a 4-minute Opus track (itag 251) took 201 to 211 kB on the simulator,
# depending on where it begins.
MEDIA_BYTES_PER_CLIP = 205_000
# https://github.com/yt-dlp/yt-dlp/wiki/Extractors#this-content-isnt-available-try-again-later
GUEST_PER_HOUR, ACCOUNT_PER_HOUR = 300, 2000
"""Videos an hour that YouTube allows a guest and an account, about."""


@dataclass(frozen=True)
class Times:
    """How long some videos take, in seconds."""

    configured: float | None
    """At the configured pace; None where there is no pace."""
    guest: float
    """At the pace that YouTube allows a guest."""
    account: float
    """At the pace that it allows an account."""


def times_of(num_videos: int, config: DownloadConfig, num_addresses: int) -> Times:
    """Return how long a number of videos takes that some addresses share."""
    of_each = -(-num_videos // num_addresses)
    return Times(
        configured=paced_seconds(of_each, config),
        guest=of_each / GUEST_PER_HOUR * 3600,
        account=of_each / ACCOUNT_PER_HOUR * 3600,
    )


def paced_seconds(num_videos: int, config: DownloadConfig) -> float | None:
    """Return how long a number of videos takes at the configured pace on one address."""
    last = max(0, num_videos - 1)
    if config.max_per_hour is None:
        return last * config.delay_s if config.delay_s else None
    hours, rest = divmod(last, config.max_per_hour)
    return max(last * config.delay_s, hours * 3600 + rest * config.delay_s)


def most_per_hour(config: DownloadConfig) -> float:
    """Return how many videos an hour the configured pace allows on one address."""
    by_delay = 3600 / config.delay_s if config.delay_s else float("inf")
    return min(by_delay, config.max_per_hour or float("inf"))
