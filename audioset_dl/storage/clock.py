"""The time of day as it is written into files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def utc_now(after_s: float = 0) -> str:
    """Return the time of day, or that some seconds later: ISO 8601 in UTC, to the second."""
    time = datetime.now(UTC) + timedelta(seconds=after_s)
    return time.isoformat(timespec="seconds")
