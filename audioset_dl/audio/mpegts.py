"""MPEG transport streams (ISO/IEC 13818-1), of which HLS segments are put together."""

from __future__ import annotations

from pathlib import Path

_SYNC, _PACKET_BYTES = b"\x47", 188
_CHUNK_BYTES = _PACKET_BYTES << 12


class BrokenStreamError(Exception):
    """Something else than media stands in the stream."""


def name_by_content(file: Path) -> Path:
    """Give HLS segments that were put together the extension of what they are.

    yt-dlp calls all HLS "mp4", and writes into the file whatever came for a segment. A page in the
    place of a segment would be skipped by ffmpeg, and all after it be heard too early; it shows by
    the first byte of each packet (§2.4.3.2).

    Raises
    ------
    BrokenStreamError
        The file begins as a transport stream and does not go on as one.
    """
    with file.open("rb") as content:
        packets = content.read(_CHUNK_BYTES)
        if packets[:1] != _SYNC:
            return file
        while packets:
            if len(packets) % _PACKET_BYTES or packets[::_PACKET_BYTES].strip(_SYNC):
                raise BrokenStreamError("something else than media in a segment")
            packets = content.read(_CHUNK_BYTES)
    return file.rename(file.with_suffix(".ts"))
