"""The gate of an address: Retry-After, and who is let through."""

from dataclasses import replace

import pytest

from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.gate import Gate, Gates, read_retry_after

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), (" 7 ", 7), ("0", 0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("²", None),
        ("Sun, 99 Nov 1994 08:50:37 GMT", None), ("9" * 5000, 999_999_999),
    ],
)  # fmt: skip
def test_retry_after_in_seconds_or_as_a_date(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, lambda: NOW) == seconds


def test_a_shut_gate_tells_why() -> None:
    gate = Gate()
    gate.check()
    failure = Failure("http_429", "Too Many Requests", 7)
    gate.shut(failure)
    with pytest.raises(VideoFailed) as caught:
        gate.check()
    assert caught.value.failure == replace(failure, is_echo=True)


def test_all_who_fetch_by_a_ticket_share_its_gate_and_a_lockout_brings_another() -> None:
    gates = Gates()
    before = gates.find(("proxy", 0), is_doubtful=False)
    before.shut(Failure("http_429", "Too Many Requests"))
    assert gates.find(("proxy", 0), is_doubtful=False) is before
    after = gates.find(("proxy", 1), is_doubtful=True)
    after.check()
    assert after.is_doubtful
    with pytest.raises(VideoFailed, match="http_429"):
        before.check()
