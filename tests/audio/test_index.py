"""The readers of sidx and Cues: what they find, and that hostile bytes only ever get our error."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.audio.index import MAX_INDEX_BYTES, BadIndexError, MoreNeededError
from audioset_dl.audio.mp4 import check_plain_aac, read_fragment_time, read_mp4_index
from audioset_dl.audio.webm import read_blocks, read_webm_index
from audioset_dl.simulator.tracks import Tracks

READERS = {"webm": (read_webm_index, 251), "mp4": (read_mp4_index, 140)}
TRACKS = Tracks()


def make_track(container: str, duration_s: float = 60) -> bytes:
    return TRACKS.track(READERS[container][1], "-a_cdefghi0", duration_s)


@pytest.mark.parametrize("container", READERS)
@pytest.mark.parametrize("duration_s", [3, 12, 240, 600])
def test_fragments_begin_where_the_index_says(container: str, duration_s: float) -> None:
    track = make_track(container, duration_s)
    index = READERS[container][0](track[: 16 << 10], len(track))
    marks = {"webm": b"\x1f\x43\xb6\x75", "mp4": b"moof"}
    for fragment in index.fragments:
        at = fragment.offset + (4 if container == "mp4" else 0)
        assert track[at : at + 4] == marks[container]
    assert track.count(marks[container]) == len(index.fragments)
    assert float(index.end) == pytest.approx(duration_s, abs=0.05)
    assert index.end_offset == len(track)


@pytest.mark.parametrize("container", READERS)
def test_an_index_that_is_cut_off_says_how_much_more_it_needs(container: str) -> None:
    track = make_track(container, 600)
    reader = READERS[container][0]
    whole = reader(track[: 16 << 10], len(track))
    lengths = [80]
    while lengths[-1] < whole.fragments[0].offset:
        with pytest.raises(MoreNeededError) as more:
            reader(track[: lengths[-1]], len(track))
        lengths.append(more.value.num_bytes)
        assert lengths[-2] < lengths[-1] <= MAX_INDEX_BYTES
    assert reader(track[: lengths[-1]], len(track)) == whole
    assert len(lengths) < 8


def make_sidx(version: int, references: list[tuple[int, int]], *, first_offset: int = 0) -> bytes:
    timing = struct.pack(">IIII" if version == 0 else ">IIQQ", 1, 44_100, 0, first_offset)
    body = bytes([version, 0, 0, 0]) + timing + struct.pack(">HH", 0, len(references))
    body += b"".join(
        struct.pack(">III", size, duration, 0x90000000) for size, duration in references
    )
    return struct.pack(">I4s", len(body) + 8, b"sidx") + body


def make_mp4(*middle: bytes) -> bytes:
    track = make_track("mp4")
    moov_end = track.index(b"sidx") - 4
    return track[:moov_end] + b"".join(middle)


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_first_offset_and_boxes_before(version: int) -> None:
    sidx = make_sidx(version, [(100, 44_100), (200, 22_050)], first_offset=7)
    free = struct.pack(">I4s", 24, b"free") + bytes(16)
    head = make_mp4(free, sidx)
    index = read_mp4_index(head, len(head) + 7 + 300)
    assert [fragment.offset for fragment in index.fragments] == [len(head) + 7, len(head) + 107]
    assert [fragment.start for fragment in index.fragments] == [0, 1]
    assert index.end == Fraction(3, 2)
    assert index.sample_rate == 44_100


def test_a_sidx_of_65535_references_is_read_quickly() -> None:
    head = make_mp4(make_sidx(1, [(1000, 441_344)] * 65_535))
    started = time.process_time()
    index = read_mp4_index(head, len(head) + 65_535_000)
    assert len(index.fragments) == 65_535
    assert time.process_time() - started < 5, "something is quadratic"


@pytest.mark.parametrize(
    ("middle", "size"),
    [
        (make_sidx(1, []), None),
        (make_sidx(1, [(0, 44_100), (0, 44_100)]), None),
        (make_sidx(1, [(100, 0), (100, 0)]), None),
        (make_sidx(1, [(100, 44_100)]), 100),
        (make_sidx(1, [(100, 44_100)]), 10**6),
        (make_sidx(1, [(0x80000064, 44_100)]), 10**9),
        (make_sidx(2, []), 10**9),
        (make_sidx(1, [(100, 1)])[:20] + bytes(40), 10**9),
        (struct.pack(">I4s", 3, b"free"), 10**9),
        (struct.pack(">I4s", 0xFFFFFFFF, b"free") + bytes(100), 10**12),
        (struct.pack(">I4sQ", 1, b"free", 1 << 62) + bytes(100), 10**12),
        (struct.pack(">I4s", 16, b"moof") + bytes(8), 10**9),
    ],
    ids=["no references", "no sizes", "no durations", "beyond the track", "of a part",
         "hierarchical", "version 2", "cut short", "box of 3 bytes", "box of 4 GB",
         "box of an exabyte", "no sidx"],
)  # fmt: skip
def test_bad_sidx(middle: bytes, size: int | None) -> None:
    head = make_mp4(middle)
    with pytest.raises(BadIndexError):
        read_mp4_index(head, size or len(head) + 200)


def element(identifier: str, body: bytes) -> bytes:
    return bytes.fromhex(identifier) + (1 << 56 | len(body)).to_bytes(8, "big") + body


@pytest.mark.e2e
def test_an_ebml_bomb_is_refused_in_no_time() -> None:
    """Elements within elements, cues without end, sizes of exabytes."""
    track = make_track("webm")
    cues_at = track.index(bytes.fromhex("1c53bb6b"))
    nested = b""
    for _ in range(5000):
        nested = element("b7", nested)
    tracemalloc.start()
    for bomb in (
        element("1c53bb6b", element("bb", nested)),
        element("1c53bb6b", element("bb", b"\xb3\x81\x00\xb7\x83\xf1\x81\x00") * 140_000),
        bytes.fromhex("1c53bb6b 01fffffffffffffe"),
        bytes.fromhex("ec 01ffffffffffffff") + bytes(1000),
        bytes.fromhex("ec 00"),
    ):
        with pytest.raises((BadIndexError, MoreNeededError)):
            read_webm_index(track[:cues_at] + bomb, 10**12)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20


def test_other_codecs_and_containers_are_left_to_others() -> None:
    track = make_track("webm")
    head = track[: 16 << 10].replace(b"A_OPUS", b"A_VORB")
    with pytest.raises(BadIndexError, match="expected Opus"):
        read_webm_index(head, len(track))
    for reader, _ in READERS.values():
        with pytest.raises(BadIndexError):
            reader(b"<!DOCTYPE html><html>try again later</html>" * 100, 10**6)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(READERS)), st.data())
def test_damaged_bytes_are_read_or_refused(container: str, data) -> None:
    track = make_track(container)
    head = bytearray(track[:2000])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, 1500))
        head[at : at + 1] = data.draw(st.binary(max_size=4))
    check_reader(container, bytes(head), len(track))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(READERS)), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(container: str, head: bytes) -> None:
    check_reader(container, head, 10**6)


def test_a_fuzz_of_seeded_damage() -> None:
    rng = random.Random(0)
    for container in READERS:
        track = make_track(container)
        for _ in range(1500):
            head = bytearray(track[:1500])
            for _ in range(rng.randint(1, 30)):
                head[rng.randrange(len(head))] = rng.randrange(256)
            check_reader(container, bytes(head), len(track))


def check_reader(container: str, head: bytes, size: int) -> None:
    try:
        index = READERS[container][0](head, size)
    except (BadIndexError, MoreNeededError):
        return
    starts = [fragment.start for fragment in index.fragments]
    assert starts == sorted(set(starts))
    assert all(0 <= fragment.offset < size for fragment in index.fragments)


def test_blocks_are_found_from_any_byte_on() -> None:
    track = make_track("webm")
    index = read_webm_index(track[: 16 << 10], len(track))
    whole = read_blocks(track, 0, index)
    times_ms = [block.time_ms for block in whole]
    assert times_ms[0] == 0
    assert len(whole) >= 60 * 50
    rng = random.Random(0)
    for _ in range(60):
        start = rng.randrange(index.fragments[0].offset, len(track) - 20_000)
        blocks = read_blocks(track[start : start + 20_000], start, index)
        assert 55 <= len(blocks) <= 62
        first = times_ms.index(blocks[0].time_ms)
        assert blocks == whole[first : first + len(blocks)]


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_damaged_blocks_are_read_or_refused(data) -> None:
    track = make_track("webm")
    index = read_webm_index(track[: 16 << 10], len(track))
    start = data.draw(st.integers(index.fragments[0].offset, len(track) - 4000))
    piece = bytearray(track[start : start + 4000])
    for _ in range(data.draw(st.integers(0, 5))):
        piece[data.draw(st.integers(0, len(piece) - 1))] = data.draw(st.integers(0, 255))
    try:
        blocks = read_blocks(bytes(piece), start, index)
    except BadIndexError:
        return
    times_ms = [block.time_ms for block in blocks]
    assert times_ms == sorted(set(times_ms))


def test_a_piece_of_a_thousand_false_beginnings_takes_no_time() -> None:
    """Chains of blocks that lead nowhere are walked once, not once from each of their blocks."""
    track = make_track("webm")
    index = read_webm_index(track[: 16 << 10], len(track))
    end = index.fragments[1].offset
    false = b"".join(b"\xa3\x84\x81" + n.to_bytes(2, "big") + b"\x80" for n in range(20_000))
    false += b"\x00"
    started = time.process_time()
    assert read_blocks(false, end - len(false), index) == []
    assert time.process_time() - started < 5


def aac_config(object_type: int, rate_number: int) -> bytes:
    """Return an AudioSpecificConfig (ISO/IEC 14496-3, §1.6.2.1) of two channels."""
    return (object_type << 11 | rate_number << 7 | 2 << 3).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("config", "timescale", "is_plain"),
    [
        (aac_config(2, 4), 44_100, True),
        (aac_config(2, 3), 48_000, True),
        (b"", 44_100, True),
        (aac_config(5, 7), 22_050, False),  # HE-AAC that says so: itag 139
        (aac_config(29, 7), 22_050, False),  # with parametric stereo
        (aac_config(2, 7), 22_050, False),  # may be HE-AAC that does not say so
        (aac_config(2, 4), 22_050, False),  # decoded at twice the rate that it counts at
        (aac_config(2, 15), 44_100, False),  # a rate of its own
        (b"", 22_050, False),
    ],
)
def test_only_plain_aac_is_cut_out_of_a_range(config: bytes, timescale: int, is_plain) -> None:
    if is_plain:
        check_plain_aac(config, timescale)
    else:
        with pytest.raises(BadIndexError, match="AAC of type"):
            check_plain_aac(config, timescale)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.mark.parametrize("before", [b"", b"emsg", b"styp", b"prft", b"free"])
def test_what_may_stand_before_a_fragment_is_passed_over(before: bytes) -> None:
    tfdt = box(b"tfdt", struct.pack(">II", 0, 1234))
    fragment = box(b"moof", box(b"traf", tfdt)) + box(b"mdat", b"x")
    data = (box(before, b"\0" * 20) if before else b"") + fragment
    assert read_fragment_time(data) == 1234
    with pytest.raises(BadIndexError, match="no fragment"):
        read_fragment_time(box(b"mdat", b"\0" * 20) + fragment)


def test_a_track_of_pictures_is_none_of_sound() -> None:
    whole = Tracks().track(140, "abcdefghijk", 12.0)
    with pytest.raises(BadIndexError, match="none of sound"):
        read_mp4_index(whole.replace(b"soun", b"vide", 1)[:16_384], len(whole))
