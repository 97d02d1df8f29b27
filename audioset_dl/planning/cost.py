"""What clips cost: bytes, requests to YouTube, and time at a pace."""

from __future__ import annotations

from dataclasses import dataclass

from audioset_dl.config import DownloadConfig

REQUESTS_PER_CLIP = 5
"""Page, two players (yt-dlp 2026.10.26), the beginning of the track and the ten seconds; counted on
the simulator."""
REQUESTS_PER_GONE = 3
"""Page and two players; twice that where YouTube says no more than "unavailable", which is looked
at again; counted on the simulator."""
MEDIA_BYTES_PER_CLIP = 205_000
"""Of a 10-second clip of a 4-minute Opus track (itag 251): 201 to 211 kB on the simulator,
depending on where the clips begin."""
GUEST_PER_HOUR, ACCOUNT_PER_HOUR = 300, 2000
"""Videos an hour that YouTube lets a guest and an account have, about
(https://github.com/yt-dlp/yt-dlp/wiki/Extractors#this-content-isnt-available-try-again-later)."""


@dataclass(frozen=True)
class Times:
    """How long some videos take, in seconds."""

    configured: float | None
    """At the configured pace; None where nothing is paced."""
    guest: float
    """At what YouTube lets a guest have."""
    account: float
    """At what it lets an account have."""


def times_of(num_videos: int, config: DownloadConfig, num_addresses: int) -> Times:
    """Return how long a number of videos takes, shared by a number of addresses."""
    of_each = -(-num_videos // num_addresses)
    return Times(
        configured=paced_seconds(of_each, config),
        guest=of_each / GUEST_PER_HOUR * 3600,
        account=of_each / ACCOUNT_PER_HOUR * 3600,
    )


def paced_seconds(num_videos: int, config: DownloadConfig) -> float | None:
    """Return how long the configured pace makes a number of videos last, on one address."""
    last = max(0, num_videos - 1)
    if config.max_per_hour is None:
        return last * config.delay_s if config.delay_s else None
    hours, rest = divmod(last, config.max_per_hour)
    return max(last * config.delay_s, hours * 3600 + rest * config.delay_s)


def most_per_hour(config: DownloadConfig) -> float:
    """Return how many videos an hour the configured pace lets one address ask for."""
    by_delay = 3600 / config.delay_s if config.delay_s else float("inf")
    return min(by_delay, config.max_per_hour or float("inf"))
