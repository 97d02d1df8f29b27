"""The time of day as it is written into files."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> str:
    """Return the time of day, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
