"""Google's files of strong labels: events in clips, and the display names of their classes.

Rows look like ``--PJHxphWEs_30000<tab>0.000<tab>2.627<tab>/t/dd00143``. Owns the form of these
files; knows nothing of the ontology.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.clips import CLIP_ID_PATTERN
from audioset_dl.catalog.ontology import MISSPELT_MIDS
from audioset_dl.catalog.reading import DOWNLOAD_AGAIN, is_mid, open_binary, read_small
from audioset_dl.catalog.segment_csv import MAX_LINE_BYTES, MAX_TIME_MS, parse_ms
from audioset_dl.errors import MetadataError
from audioset_dl.storage.tables import BadRow

STRONG_HEADER = "segment_id\tstart_time_seconds\tend_time_seconds\tlabel"
SEGMENT_MS = 10_000
"""Length of a segment, as the file does not say it; those of shorter videos end with the video."""
_ROUNDING_MS = 1


class StrongRows(NamedTuple):
    """The events of a file, in its order."""

    segment_ids: list[str]
    """Each segment once, by first event."""
    segments: NDArray[Any]
    """Position in `segment_ids` of each event; the other columns are as long."""
    onset_ms: NDArray[Any]
    offset_ms: NDArray[Any]
    codes: NDArray[Any]
    """Position in `mids`."""
    lines: NDArray[Any]
    """Number of the line, from 1."""
    mids: list[str]
    sha256: str
    """Of the bytes that were parsed, decompressed."""


def is_strong_file(path: Path) -> bool:
    """Return True if a file has the header of strong labels."""
    with open_binary(path) as file:
        return _text(file.readline(MAX_LINE_BYTES)) == STRONG_HEADER


def read_strong(path: Path, *, is_google: bool = False) -> StrongRows:
    """Read a file of strong labels, plain or compressed with gzip.

    Tab-separated, with the header ``segment_id start_time_seconds end_time_seconds label``; a
    segment_id is a clip_id, times are seconds from the start of the segment
    (https://research.google.com/audioset/download_strong.html).

    Raises
    ------
    MetadataError
        The file can't be read, or a row is malformed (named by its line): another form, an onset
        that is not before the offset, an event beyond the 10 s of a segment.
    """
    fix = DOWNLOAD_AGAIN if is_google else ""
    segments: dict[str, int] = {}
    mids: dict[str, int] = {}
    columns = [array("i") for _ in range(5)]
    digest = hashlib.sha256()
    with open_binary(path) as file:
        for number, line in enumerate(_lines(file, digest), 1):
            try:
                if number == 1:
                    _check_header(_text(line))
                elif text := _text(line):
                    segment_id, onset, offset, mid = _parse_event(text)
                    values = (
                        segments.setdefault(segment_id, len(segments)), onset, offset,
                        mids.setdefault(mid, len(mids)), number,
                    )  # fmt: skip
                    for column, value in zip(columns, values, strict=True):
                        column.append(value)
            except BadRow as error:
                raise MetadataError(error.found, path, number, fix=fix or error.fix) from None
    if not segments:
        raise MetadataError("holds no events", path, 1, fix=fix)
    of_segments, onset_ms, offset_ms, codes, lines = (
        np.array(column, np.int32) for column in columns
    )
    return StrongRows(
        list(segments), of_segments, onset_ms, offset_ms, codes, lines, list(mids),
        digest.hexdigest(),
    )  # fmt: skip


def read_display_names(path: Path) -> dict[str, str]:
    """Read ``mid_to_display_name.tsv``: MID, tab, name; no header.

    Returns
    -------
    dict of str to str
        Names by MID, as the ontology writes it.

    Raises
    ------
    MetadataError
        The file can't be read, or a row is malformed or its MID stands there twice.
    """
    names: dict[str, str] = {}
    for number, line in enumerate(read_small(path).splitlines(), 1):
        if not line.strip():
            continue
        given, _, name = line.partition("\t")
        mid = MISSPELT_MIDS.get(given.strip(), given.strip())
        name = name.strip()
        if not is_mid(mid) or not name or "\t" in name or not name.isprintable():
            found = f"expected a MID, a tab and a name, found {line[:60]!r}"
            raise MetadataError(found, path, number, fix=DOWNLOAD_AGAIN)
        if mid in names:
            raise MetadataError(f"{mid} stands in the file twice", path, number)
        names[mid] = name
    return names


def _lines(file: Any, digest: Any) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 1):
        digest.update(line)
        yield line


def _text(line: bytes) -> str:
    if len(line) > MAX_LINE_BYTES:
        raise BadRow(f"a line of more than {MAX_LINE_BYTES:,} bytes: no strong labels")
    return line.removeprefix(b"\xef\xbb\xbf").decode("ascii", "replace").strip("\r\n ")


def _check_header(line: str) -> None:
    if line != STRONG_HEADER:
        raise BadRow(f"expected the header {STRONG_HEADER!r}, found {line[:80]!r}")


def _parse_event(line: str) -> tuple[str, int, int, str]:
    cells = line.split("\t")
    if len(cells) != 4:
        raise BadRow(f"expected 4 columns, with tabs, found {len(cells)}: {line[:60]!r}")
    segment_id, onset, offset, label = cells
    match = CLIP_ID_PATTERN.fullmatch(segment_id)
    if match is None or int(match[2]) + SEGMENT_MS > MAX_TIME_MS:
        raise BadRow(
            "expected a segment_id like --PJHxphWEs_30000 (YouTube id and start in ms), "
            f"found {segment_id[:40]!r}"
        )
    onset_ms, offset_ms = _parse_time(onset), _parse_time(offset)
    if onset_ms >= offset_ms:
        raise BadRow(f"an event must end after it starts, found {onset} to {offset}")
    if offset_ms > SEGMENT_MS + _ROUNDING_MS:
        raise BadRow(f"an event must end within the segment's 10 s, found {onset} to {offset}")
    return segment_id, onset_ms, min(offset_ms, SEGMENT_MS), _parse_mid(label)


@lru_cache(maxsize=1 << 15)
def _parse_time(text: str) -> int:
    return parse_ms(text, "a time")


@lru_cache(maxsize=1 << 12)
def _parse_mid(text: str) -> str:
    mid = text.strip()
    if not is_mid(mid):
        raise BadRow(f"expected a label like /m/0bt9lr, found {mid[:40]!r}")
    return MISSPELT_MIDS.get(mid, mid)
