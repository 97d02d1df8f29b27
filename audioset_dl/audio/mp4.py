"""The index of a fragmented MP4 (ISO/IEC 14496-12): the ``sidx`` box, and what a decoder needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction

from audioset_dl.audio.index import (
    BadIndexError,
    Element,
    Fragment,
    TrackIndex,
    check_fragments,
    find_elements,
    keep_inside,
)

MAX_TRAILER_BYTES = 64 << 10
"""Most that may follow the last fragment: a ``mfra`` box (§8.8.9)."""
# More means that the index covers only a part: small files with several sidx boxes exist whose
# first one ends after 8 of 20 seconds.

_REFERENCE = struct.Struct(">III")
_BEFORE_FRAGMENT = (b"emsg", b"styp", b"prft", b"free", b"skip", b"sidx")
"""Boxes that may stand before a fragment (ISO/IEC 23009-1 §5.10.3.3, ISO/IEC 14496-12)."""


def read_mp4_index(head: bytes, track_size: int) -> TrackIndex:
    """Read the index of a track from its first bytes.

    Parameters
    ----------
    head : bytes
        The beginning of the track.
    track_size : int
        Size of the whole track, in bytes.

    Raises
    ------
    MoreNeededError
        The index goes on beyond `head`.
    BadIndexError
        The file is not a single AAC track with one flat ``sidx`` for all of it.
    """
    boxes = _boxes(head, 0, len(head))
    media = {b"moof", b"mdat"}
    found = find_elements(head, track_size, boxes, needed={b"moov", b"sidx"}, media=media)
    return _make_index(head, found[b"moov"], found[b"sidx"], track_size)


def _make_index(head: bytes, moov: Element, sidx: Element, track_size: int) -> TrackIndex:
    fragments, end = _read_sidx(head, sidx)
    end_offset = end.offset
    if not track_size - MAX_TRAILER_BYTES <= end_offset <= track_size:
        raise BadIndexError(f"the sidx ends at {end_offset:,}, the track at {track_size:,}")
    check_fragments(fragments, end_offset)
    return TrackIndex(
        container="mp4",
        sample_rate=_sample_rate(head, moov),
        header=_without_edits(head, moov),
        fragments=tuple(fragments),
        end=end.start,
        end_offset=end_offset,
        delay=_edit_delay(head, moov),
    )


def _read_sidx(head: bytes, box: Element) -> tuple[list[Fragment], Fragment]:
    """Read a SegmentIndexBox (§8.16.3); also return where the last fragment ends."""
    version = head[box.body] if box.body < box.end else -1
    if version not in {0, 1}:
        raise BadIndexError(f"a sidx of version {version}")
    layout = struct.Struct(">IIIIIHH" if version == 0 else ">IIIQQHH")
    if box.body + layout.size > box.end:
        raise BadIndexError("the sidx is cut short")
    _, _, timescale, earliest, first_offset, _, count = layout.unpack_from(head, box.body)
    at = box.body + layout.size
    if timescale == 0 or at + count * _REFERENCE.size > box.end:
        raise BadIndexError("the sidx is malformed")
    fragments, time, offset = [], earliest, box.end + first_offset
    for size, duration, _ in _REFERENCE.iter_unpack(head[at : at + count * _REFERENCE.size]):
        if size >> 31:  # reference_type 1: another sidx
            raise BadIndexError("the sidx points to others")
        fragments.append(Fragment(Fraction(time, timescale), offset))
        time, offset = time + duration, offset + size
    return fragments, Fragment(Fraction(time, timescale), offset)


def _sample_rate(head: bytes, moov: Element) -> int:
    """Return the rate of the only track: the timescale of its MediaHeaderBox (§8.4.2)."""
    tracks = [box for box in _inside(head, moov) if box.kind == b"trak"]
    if len(tracks) != 1:
        raise BadIndexError(f"expected one track, found {len(tracks)}")
    mdhd = _find(head, tracks[0], b"mdia", b"mdhd")
    if mdhd is None or mdhd.end - mdhd.body < 24:
        raise BadIndexError("no media header")
    at = mdhd.body + (20 if head[mdhd.body] == 1 else 12)
    rate: int = struct.unpack_from(">I", head, at)[0]
    if not 8000 <= rate <= 192_000:
        raise BadIndexError(f"a timescale of {rate} Hz, which is no sample rate")
    check_plain_aac(_audio_config(head, tracks[0]), rate)
    return rate


def _audio_config(head: bytes, track: Element) -> bytes:
    """Return the AudioSpecificConfig of a track of sound.

    It lies in a chain of descriptors (ISO/IEC 14496-1, §7.2.6) in the ``esds`` box of the sample
    entry ``mp4a`` (ISO/IEC 14496-14, §5.6).
    """
    hdlr = _find(head, track, b"mdia", b"hdlr")
    if hdlr is None or head[hdlr.body + 8 : hdlr.body + 12] != b"soun":
        raise BadIndexError("the track is none of sound")
    stsd = _find(head, track, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(_boxes(head, stsd.body + 8, stsd.end), None) if stsd is not None else None
    if entry is None or entry.kind != b"mp4a" or entry.end > len(head):
        raise BadIndexError("the track is none of AAC")
    esds = next((box for box in _boxes(head, entry.body + 28, entry.end) if box.kind == b"esds"),
                None)  # fmt: skip
    inside = head[esds.body + 4 : esds.end] if esds is not None else b""
    return _find_descriptor(inside, _DECODER_SPECIFIC)


_DECODER_SPECIFIC = 0x05
_DESCRIPTOR_FIELDS = {0x03: 3, 0x04: 13}
"""Bytes before the inner descriptors of an ES_Descriptor and a DecoderConfigDescriptor."""


def _find_descriptor(data: bytes, wanted: int) -> bytes:
    at = 0
    while at + 2 <= len(data):
        tag, at, size = data[at], at + 1, 0
        for _ in range(4):  # at most four bytes, each with seven bits of the size
            if at >= len(data):
                break
            byte, at = data[at], at + 1
            size = size << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        if tag == wanted:
            return data[at : at + size]
        at += _DESCRIPTOR_FIELDS.get(tag, size)
    return b""


_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
          8_000, 7_350)  # fmt: skip
_AAC_LC = 2
_HIGHEST_CORE_RATE = 24_000
"""Rates up to this may be those of the core of HE-AAC, which a decoder doubles."""


def check_plain_aac(config: bytes, timescale: int) -> None:
    """Raise `BadIndexError` unless decoded samples are those that the track counts.

    HE-AAC (itags 139 and 599) counts at half the rate at which it is decoded, whether or not it
    says so. Such a track is fetched whole.

    Parameters
    ----------
    config : bytes
        AudioSpecificConfig (ISO/IEC 14496-3, §1.6.2.1); empty where the file has none.
    timescale : int
        Rate at which the track counts, in Hz.
    """
    object_type, rate = _AAC_LC, timescale
    if config:
        first = int.from_bytes(config[:2].ljust(2, b"\0"), "big")
        object_type, number = first >> 11, first >> 7 & 0x0F
        rate = _RATES[number] if number < len(_RATES) else 0
    if object_type != _AAC_LC or rate != timescale or rate <= _HIGHEST_CORE_RATE:
        raise BadIndexError(f"AAC of type {object_type} at {rate} Hz, counted at {timescale} Hz")


def read_fragment_time(data: bytes) -> int:
    """Return the media time of a fragment's first sample, from its TrackFragmentDecodeTimeBox.

    See §8.8.12. The time is that before an edit list; writers differ in whether the times in a sidx
    count the edit list in.

    Raises
    ------
    BadIndexError
        The bytes do not begin with a fragment of one track.
    """
    boxes = _boxes(data, 0, len(data))
    moof = next((box for box in boxes if box.kind not in _BEFORE_FRAGMENT), None)
    if moof is None or moof.kind != b"moof" or moof.end > len(data):
        raise BadIndexError("no fragment where the index says that there is one")
    tfdt = _find(data, moof, b"traf", b"tfdt")
    if tfdt is None or tfdt.end - tfdt.body < 8:
        raise BadIndexError("a fragment without a time")
    layout = ">Q" if data[tfdt.body] == 1 and tfdt.end - tfdt.body >= 12 else ">I"
    return int(struct.unpack_from(layout, data, tfdt.body + 4)[0])


def _without_edits(head: bytes, moov: Element) -> bytes:
    """Return the header in which the edit list is made a ``free`` box (§8.1.2).

    A decoder then gives every sample of a fragment, whichever fragment it is.
    """
    header = bytearray(head[: moov.end])
    edts = _find(head, moov, b"trak", b"edts")
    if edts is not None:
        header[edts.start + 4 : edts.start + 8] = b"free"
    return bytes(header)


def _edit_delay(head: bytes, moov: Element) -> int:
    """Return the media time at which an EditListBox (§8.6.6) begins, 0 where there is none."""
    elst = _find(head, moov, b"trak", b"edts", b"elst")
    if elst is None:
        return 0
    version = head[elst.body] if elst.body < elst.end else -1
    entry = struct.Struct(">QqI" if version == 1 else ">IiI")
    if elst.body + 8 + entry.size > elst.end:
        raise BadIndexError("the edit list is cut short")
    (count,) = struct.unpack_from(">I", head, elst.body + 4)
    _, media_time, _ = entry.unpack_from(head, elst.body + 8)
    if count != 1 or media_time < 0:
        raise BadIndexError("an edit list that does more than cut off the beginning")
    return int(media_time)


def _find(head: bytes, parent: Element, *kinds: bytes) -> Element | None:
    for kind in kinds:
        found = next((box for box in _inside(head, parent) if box.kind == kind), None)
        if found is None:
            return None
        parent = found
    return parent


def _inside(head: bytes, parent: Element) -> Iterator[Element]:
    return keep_inside(parent, _boxes(head, parent.body, parent.end))


def _boxes(data: bytes, at: int, end: int) -> Iterator[Element]:
    """Yield the boxes (§4.2) from `at` on, the last of which may reach beyond `end`."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            if at + 16 > end:
                return
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        if size < body - at:
            raise BadIndexError(f"a box {kind!r} of {size} bytes")
        yield Element(kind, at, body, at + size)
        at += size
