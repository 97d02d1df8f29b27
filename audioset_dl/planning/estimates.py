"""What to expect of YouTube: how many videos are gone, and what the others cost.

Costs are bytes, requests, and time at a pace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audioset_dl.config import DownloadConfig
from audioset_dl.selection.clip_csv import read_clip_csv, read_clip_id
from audioset_dl.storage.tables import Cells

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
USUAL_LOSS = 0.2
"""Share of AudioSet's videos that are no longer on YouTube."""
# Others counted 15 to 16 % in March 2023 and 17 % in February 2025, so that 15 to 25 % are to be
# expected in 2026.
_PRIOR_CLIPS = 10
"""Imagined clips of the usual loss that are added to those that were tried."""
# With them, two of two gone do not mean that all are.


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


@dataclass(frozen=True)
class Losses:
    """Expected shares of gone videos, 0..1."""

    share: float = USUAL_LOSS
    """Of any class that `by_class` does not name."""
    by_class: Mapping[str, float] = field(default_factory=dict)
    """Of single classes, by MID."""
    source: str = "--expect-gone"
    """The file or option that they come from, for people."""

    def of(self, mid: str) -> float:
        """Return the expected share of gone videos of a class."""
        return self.by_class.get(mid, self.share)


def read_losses(path: Path, key: str) -> Losses:
    """Return the losses to expect after what others, or an earlier run, found.

    Parameters
    ----------
    path : Path
        The CSV of ``audioset-dl status --availability --csv``: columns ``clip_id``, ``state``,
        ``labels``. A failures.csv does not serve, as it does not list what was saved.
    key : str
        The key or option that names it, for messages.

    Raises
    ------
    ConfigError
        The file can't be read, or is no such table; with the line.
    """
    saved, gone = Counter[str](), Counter[str]()
    counters = {"saved": saved, "gone": gone}
    for state, labels in read_clip_csv(path, key, _read_labels, columns=("state", "labels")):
        if state in counters:
            counters[state].update({"", *labels})
    return expect_losses(saved, gone, str(path))


def expect_losses(saved: Counter[str], gone: Counter[str], source: str = "") -> Losses:
    """Return the losses to expect after how many clips of each label (MID) were saved and gone.

    The empty text stands for all clips. `source` names what they were counted in, for people.
    """

    def expected_share(mid: str, prior: float) -> float:
        return (gone[mid] + _PRIOR_CLIPS * prior) / (saved[mid] + gone[mid] + _PRIOR_CLIPS)

    share = expected_share("", USUAL_LOSS)
    mids = sorted((saved.keys() | gone.keys()) - {""})
    return Losses(share, {mid: expected_share(mid, share) for mid in mids}, source)


def _read_labels(cells: Cells) -> tuple[str, tuple[str, ...]]:
    read_clip_id(cells)
    return cells["state"].strip(), tuple(filter(None, cells["labels"].split(";")))
