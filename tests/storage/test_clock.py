"""The time of day as it is written into files."""

from datetime import UTC, datetime, timedelta

from audioset_dl.storage.clock import utc_now


def test_it_is_iso_8601_in_utc_to_the_second() -> None:
    now = datetime.fromisoformat(utc_now())
    assert now.utcoffset() == timedelta(0)
    assert now.microsecond == 0
    assert now <= datetime.now(UTC)
