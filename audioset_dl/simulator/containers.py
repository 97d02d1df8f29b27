"""Packets to containers and back: what ffmpeg needs to mux a track, and where its index lies then.

Owns the little that is needed of Ogg and ADTS (streams to hand packets to ffmpeg, which writes the
real containers) and of WebM and MP4 (to find the index). Knows nothing of tones or of HTTP.
"""

from __future__ import annotations

import re
import struct
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from audioset_dl.audio.ffmpeg import find_ffmpeg, run_ffmpeg
from audioset_dl.simulator.tone_packets import (
    OPUS_PACKET,
    OPUS_PRE_SKIP,
    OPUS_RATE,
)

_PAGE_PACKETS = 50
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))

_SEGMENT, _CUES = 0x18538067, 0x1C53BB6B  # RFC 9559, sections 5.1 and 5.1.5


def mux_webm(packets: Sequence[bytes], num_samples: int) -> bytes:
    """Return a WebM of Opus packets with its Cues before the first Cluster, as YouTube has it."""
    webm = ["-f", "webm", "-cues_to_front", "1", "-cluster_time_limit", "10000"]
    return _mux("ogg", _ogg(packets, num_samples), webm)


def mux_mp4(frames: Sequence[bytes]) -> bytes:
    """Return a fragmented MP4 of AAC frames: ftyp moov sidx (moof mdat)*, as YouTube has it."""
    mp4 = ["-bsf:a", "aac_adtstoasc", "-f", "mp4", "-frag_duration", "10000000"]
    return _mux("aac", _adts(frames), [*mp4, "-movflags", "+dash+global_sidx+skip_trailer"])


def mux_webm_unindexed(packets: Sequence[bytes], num_samples: int) -> bytes:
    """Return a WebM with its Cues behind the last Cluster, as most programs write it."""
    return _mux("ogg", _ogg(packets, num_samples), ["-f", "webm"])


def mux_mp4_unindexed(frames: Sequence[bytes]) -> bytes:
    """Return a plain MP4: ftyp moov mdat, with neither a sidx nor fragments."""
    mp4 = ["-bsf:a", "aac_adtstoasc", "-f", "mp4", "-movflags", "+faststart"]
    return _mux("aac", _adts(frames), mp4)


def mux_segments(frames: Sequence[bytes], segment_s: float) -> list[tuple[float, bytes]]:
    """Return the length in seconds and the MPEG-TS of each HLS segment of AAC frames."""
    with tempfile.TemporaryDirectory(prefix="audioset-dl-simulator-") as folder:
        playlist = Path(folder, "playlist.m3u8")
        hls = ["-f", "hls", "-hls_time", f"{segment_s:g}", "-hls_playlist_type", "vod"]
        copy = ["-f", "aac", "-i", "pipe:0", "-c", "copy", "-fflags", "+bitexact"]
        run_ffmpeg(find_ffmpeg(), [*copy, *hls, str(playlist)], stdin=_adts(frames))
        listed = re.findall(r"#EXTINF:([\d.]+),\n(.+)", playlist.read_text("utf-8"))
        return [(float(length), Path(folder, name).read_bytes()) for length, name in listed]


def find_webm_index(webm: bytes) -> tuple[int, int]:
    """Return the first byte of the Cues element and the first byte after it."""
    at = 0
    while at < len(webm):
        identity, at_size = _vint(webm, at, keep_marker=True)
        size, at_payload = _vint(webm, at_size)
        if identity == _CUES:
            return at, at_payload + size
        at = at_payload if identity == _SEGMENT else at_payload + size
    raise ValueError("no Cues in this WebM")


def find_mp4_index(mp4: bytes) -> tuple[int, int]:
    """Return the first byte of the sidx box and the first byte after it."""
    for name, at, size in mp4_boxes(mp4):
        if name == b"sidx":
            return at, at + size
    raise ValueError("no sidx in this MP4")


def mp4_boxes(mp4: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset and size of each box of the top level (ISO/IEC 14496-12, 4.2)."""
    at = 0
    while at < len(mp4):
        size, name = struct.unpack_from(">I4s", mp4, at)
        yield name, at, size
        at += size


def _mux(demuxer: str, stream: bytes, arguments: list[str]) -> bytes:
    """Return what ffmpeg makes of a stream; by a file, since it goes back to write the index."""
    with tempfile.TemporaryDirectory(prefix="audioset-dl-simulator-") as folder:
        target = Path(folder, "track")
        copy = ["-f", demuxer, "-i", "pipe:0", "-c", "copy", "-fflags", "+bitexact"]
        run_ffmpeg(find_ffmpeg(), [*copy, *arguments, str(target)], stdin=stream)
        return target.read_bytes()


def _vint(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int, int]:
    """Return an EBML variable-size integer and the offset after it (RFC 8794, section 4)."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_marker else value & (1 << 7 * length) - 1, at + length


def _adts(frames: Sequence[bytes]) -> bytes:
    return b"".join(_adts_header(len(frame)) + frame for frame in frames)


def _adts_header(size: int) -> bytes:
    """Return the header of an AAC-LC frame, 44.1 kHz, stereo (ISO/IEC 14496-3, 1.A.2.2)."""
    length = size + 7
    return bytes(
        (0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC)
    )


def _ogg(packets: Sequence[bytes], num_samples: int) -> bytes:
    """Return an Ogg Opus stream (RFC 7845) that plays for `num_samples` at 48 kHz."""
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, OPUS_PRE_SKIP, OPUS_RATE, 0, 0)
    tags = struct.pack("<8sI9sI", b"OpusTags", 9, b"simulator", 0)
    pages = [_ogg_page([head], 0, 0, 2), _ogg_page([tags], 0, 1, 0)]
    for at in range(0, len(packets), _PAGE_PACKETS):
        held = packets[at : at + _PAGE_PACKETS]
        is_last = at + _PAGE_PACKETS >= len(packets)
        end = OPUS_PRE_SKIP + num_samples if is_last else (at + len(held)) * OPUS_PACKET
        pages.append(_ogg_page(held, end, len(pages), 4 if is_last else 0))
    return b"".join(pages)


def _ogg_page(packets: Sequence[bytes], granule: int, number: int, flags: int) -> bytes:
    """Return one page of whole packets (RFC 3533, section 6)."""
    lacing = b"".join(
        b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets
    )
    fields = struct.pack("<4sBBqII", b"OggS", 0, flags, granule, 1, number)
    rest = bytes((len(lacing),)) + lacing + b"".join(packets)
    return fields + struct.pack("<I", _ogg_checksum(fields + bytes(4) + rest)) + rest


def _ogg_checksum(page: bytes) -> int:
    """Return the CRC of RFC 3533: zlib's polynomial, bits the other way round, zero at both ends.

    A checksum in pure Python would take a second a track.
    """
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
