"""MPEG transport streams (ISO/IEC 13818-1), which HLS segments consist of."""

from __future__ import annotations

from pathlib import Path

_SYNC, _PACKET_BYTES = b"\x47", 188
_CHUNK_BYTES = _PACKET_BYTES << 12


class BrokenStreamError(Exception):
    """The stream holds something else than media."""


def name_by_content(file: Path) -> Path:
    """Rename a file of joined HLS segments to ``.ts`` if it is a transport stream.

    yt-dlp names all HLS "mp4", and writes whatever it received for a segment into the file. ffmpeg
    would skip a page in the place of a segment, and all after it would come too early. Such a page
    lacks the sync byte that begins each packet (§2.4.3.2).

    Raises
    ------
    BrokenStreamError
        The file begins as a transport stream but does not continue as one.
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
