"""A body that trickles is given up; one that is merely slow is not."""

import io

import pytest
from urllib3.exceptions import HTTPError

from audioset_dl.youtube.deadline import LEAST_BYTES_PER_S, PatientReader


class Slow(io.BytesIO):
    """Gives a few bytes at a time, and each time a second passes."""

    def __init__(self, content: bytes, bytes_per_s: int) -> None:
        super().__init__(content)
        self.bytes_per_s = bytes_per_s
        self.now = 0.0

    def read1(self, amount: int = -1, /) -> bytes:
        self.now += 1
        return super().read(min(amount, self.bytes_per_s))


def read(num_bytes: int, bytes_per_s: int, amount: int | None) -> tuple[bytes, float]:
    source = Slow(bytes(num_bytes), bytes_per_s)
    return PatientReader(source, 60, lambda: source.now).read(amount), source.now


def test_a_byte_a_second_is_given_up_after_the_timeout() -> None:
    source = Slow(bytes(100_000), 1)
    with pytest.raises(HTTPError, match=r"timed out: 61 bytes came in 61 s"):
        PatientReader(source, 60, lambda: source.now).read(100_000)


@pytest.mark.parametrize("amount", [None, 1_000_000, 2_000_000])
def test_a_slow_line_is_waited_for(amount) -> None:
    data, seconds = read(1_000_000, LEAST_BYTES_PER_S, amount)
    assert len(data) == 1_000_000
    assert seconds > 200


def test_no_more_is_read_than_was_asked_for() -> None:
    source = Slow(bytes(1000), 100)
    reader = PatientReader(source, 60, lambda: source.now)
    assert len(reader.read(250)) == 250
    assert source.tell() == 250
    assert len(reader.read()) == 750
    assert not reader.closed, "all else is the source's"


def test_a_source_without_read1_serves_too() -> None:
    class Plain:
        def __init__(self) -> None:
            self.left = [b"ab", b"c"]

        def read(self, amount: int) -> bytes:
            return self.left.pop(0) if self.left else b""

    assert PatientReader(Plain(), 60).read() == b"abc"


@pytest.mark.parametrize(("num_bytes", "is_too_large"), [(1000, False), (1001, True)])
def test_an_answer_is_no_larger_than_it_may_be(num_bytes: int, is_too_large: bool) -> None:
    source = Slow(bytes(num_bytes), 10_000)
    reader = PatientReader(source, 60, lambda: source.now, max_bytes=1000)
    if is_too_large:
        with pytest.raises(HTTPError, match="an answer of more than 1,000 bytes"):
            reader.read()
    else:
        assert len(reader.read()) == num_bytes
