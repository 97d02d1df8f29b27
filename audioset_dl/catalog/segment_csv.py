"""One segment CSV, read into columns.

Google's rows look like ``-0RWZT-miFs, 420.000, 430.000, "/m/03v3yw,/m/0k4j"``. Blocks in which
every row does are taken apart with a handful of whole-block operations, and times and label fields,
of which few differ, are parsed and checked once each. A block with anything else in it goes through
the csv module row by row, which also names the line that is wrong. Owns the form of these files;
knows nothing of the ontology.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.reading import DOWNLOAD_AGAIN, is_mid, open_binary
from audioset_dl.errors import MetadataError

YTID_LENGTH = 11
MAX_LINE_BYTES = 1 << 16
"""Longest line that is read; Google's longest has 171 bytes."""
MAX_TIME_MS = 2**31 - 1
"""Latest end of a clip: 24.8 days."""

_BLOCK_BYTES = 1 << 16  # stays in the processor's cache: 1 MiB takes twice as long
_HEAD_BYTES = 1 + YTID_LENGTH
_BOM = b"\xef\xbb\xbf"
_NUM_SEGS = re.compile(rb"\bnum_segs=([0-9]{1,12})\b")
_NUMBER = re.compile(r" *[-+.0-9A-Za-z]{1,32} *")
_YTID = re.compile(rf"[A-Za-z0-9_-]{{{YTID_LENGTH}}}")
_IN_YTID = np.array([re.fullmatch(r"[A-Za-z0-9_-]", chr(code)) is not None for code in range(256)])
_HEADER_ROW = re.compile(rb'"?ytid"?[ ,]', re.IGNORECASE)


class BadRow(ValueError):
    """A row is malformed; the message says how, the caller knows where."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one file or block, in its order."""

    ytids: NDArray[np.bytes_]
    """Video ids, dtype ``S11``."""
    times_ms: NDArray[np.int64]
    """Start and end in milliseconds, packed by `pack_times`."""
    set_codes: NDArray[np.int32]
    """Which labels: positions in `LabelSets.sets`."""

    def __len__(self) -> int:
        return len(self.ytids)


class Mids(dict[str, str]):
    """Remembers which texts, but for spaces around them, are MIDs."""

    def __missing__(self, text: str) -> str:
        mid = text.strip(" ")
        if not is_mid(mid):
            raise BadRow(f"expected labels like /m/0bt9lr, found {mid[:40]!r}")
        self[text] = mid
        return mid


class LabelSets(dict[bytes, int]):
    """Numbers the distinct label fields of all files; each is parsed and checked once.

    2,084,320 clips have 56,275 distinct ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sets: list[tuple[str, ...]] = []
        """The MIDs of each number, in the order of the file, none twice."""
        self._mids = Mids()

    def __missing__(self, text: bytes) -> int:
        if len(text) > MAX_LINE_BYTES // 2:
            raise BadRow(f"a label field of {len(text):,} bytes")
        mids = map(self._mids.__getitem__, text.decode("ascii", "replace").split(","))
        self.sets.append(tuple(dict.fromkeys(mids)))
        code = self[text] = len(self.sets) - 1
        return code


class Times(dict[bytes, int]):
    """Remembers what ``, 420.000, 430.000, `` means, packed by `pack_times`."""

    def __missing__(self, text: bytes) -> int:
        fields = text.decode("ascii", "replace").split(",")
        if len(text) > 200 or len(fields) != 4 or fields[0] or fields[3].strip(" "):
            raise BadRow("not a start and an end between commas")
        if len(self) > 100_000:
            self.clear()
        packed = self[text] = pack_times(fields[1], fields[2])
        return packed


@dataclass(frozen=True)
class Memory:
    """What is shared between the blocks and the files that are read together."""

    label_sets: LabelSets = field(default_factory=LabelSets)
    times: Times = field(default_factory=Times)


def pack_times(start: str, end: str) -> int:
    """Return start and end, given in seconds, as milliseconds in one integer.

    The start is in the upper 32 bits and the end in the lower. Both are rounded to the millisecond:
    that is how exact clip_ids and Google's numbers are.

    Raises
    ------
    BadRow
        Not numbers; a start below 0 or not before the end; an end after `MAX_TIME_MS`.
    """
    start_ms, end_ms = _parse_ms(start, "start_seconds"), _parse_ms(end, "end_seconds")
    if start_ms < 0:
        raise BadRow(f"start_seconds must not be negative, found {start.strip()}")
    if end_ms <= start_ms:
        raise BadRow(
            f"end_seconds must come after start_seconds, found {start.strip()} and {end.strip()}"
        )
    if end_ms > MAX_TIME_MS:
        raise BadRow(f"end_seconds is far beyond any video's length: {end.strip()}")
    return start_ms << 32 | end_ms


def read_rows(path: Path, memory: Memory, *, is_google: bool = False) -> Rows:
    """Read a segment CSV.

    The columns are YTID, start_seconds, end_seconds, positive_labels; nothing but comment lines
    that begin with ``#``, or a row with these names, stands above
    (https://research.google.com/audioset/download.html). May be compressed with gzip.

    Parameters
    ----------
    path : Path
        The file.
    memory : Memory
        What is shared with other files; receives the label sets.
    is_google : bool
        Whether it is one of Google's own files: then the header says how many rows it has, and a
        short one is an error.

    Raises
    ------
    MetadataError
        The file can't be read, a row is malformed (named by its line), or rows are missing.
    """
    advice = f"; {DOWNLOAD_AGAIN}" if is_google else ""
    blocks: list[Rows] = []
    with open_binary(path) as file:
        line, num_segs = _skip_header(file, path)
        for block in _read_blocks(file):
            try:
                rows = parse_plain_block(block, memory)
            except BadRow:
                rows = _parse_odd_block(block, memory, path, line, advice)
            blocks.append(rows)
            line += block.count(b"\n")
    rows = _concatenate(blocks)
    if is_google and num_segs not in {None, len(rows)}:
        raise MetadataError(
            f"the file was cut short or changed: its header says {num_segs:,} segments, "
            f"it holds {len(rows):,}{advice}",
            path,
            max(1, line - 1),
        )
    if not len(rows):
        raise MetadataError(f"holds no segments{advice}", path, max(1, line - 1))
    return rows


def parse_plain_block(block: bytes, memory: Memory) -> Rows:
    """Parse a block in which all rows are written as Google writes them.

    Raises
    ------
    BadRow
        Some row is not; it may be well-formed all the same.
    """
    lines = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    *parts, tail = (b"\n" + lines.removesuffix(b"\n")).split(b'"')
    heads, labels = parts[0::2], parts[1::2]
    starts = b"".join([head[:_HEAD_BYTES] for head in heads])
    if tail or len(heads) != len(labels) or len(starts) != len(heads) * _HEAD_BYTES:
        raise BadRow("a row is written in another way")
    characters = np.frombuffer(starts, np.uint8).reshape(-1, _HEAD_BYTES)
    if (characters[:, 0] != ord("\n")).any() or not _IN_YTID[characters[:, 1:]].all():
        raise BadRow("a row is written in another way")
    times = map(memory.times.__getitem__, [head[_HEAD_BYTES:] for head in heads])
    set_codes = map(memory.label_sets.__getitem__, labels)
    return Rows(
        ytids=np.ascontiguousarray(characters[:, 1:]).view(f"S{YTID_LENGTH}").reshape(-1),
        times_ms=np.fromiter(times, np.int64, len(heads)),
        set_codes=np.fromiter(set_codes, np.int32, len(heads)),
    )


def parse_line(line: bytes, memory: Memory) -> tuple[bytes, int, int]:
    """Parse one row in any of the ways that CSV allows.

    Returns
    -------
    ytid, times_ms, set_code : bytes, int, int
        As in `Rows`.

    Raises
    ------
    BadRow
        The row is malformed.
    """
    ytid, start, end, labels = _split_line(line)
    if not _YTID.fullmatch(ytid):
        raise BadRow(
            f"expected a YouTube id ({YTID_LENGTH} of A-Z a-z 0-9 _ -), found {ytid[:40]!r}"
        )
    return ytid.encode(), pack_times(start, end), memory.label_sets[labels.encode()]


def find_label(path: Path, mid: str) -> int | None:
    """Return the first line of a segment CSV that carries a label, None if no line does."""
    pattern = re.compile(re.escape(mid.encode()) + rb"(?![0-9a-z_])")
    with open_binary(path) as file:
        for number, line in enumerate(file, 1):
            if not line.startswith(b"#") and pattern.search(line):
                return number
    return None


def _parse_ms(text: str, column: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise BadRow(f"{column} is not a number: {text[:40]!r}")
    try:
        seconds = float(text)
    except ValueError as error:
        raise BadRow(f"{column} is not a number: {text[:40]!r}") from error
    if not math.isfinite(seconds):
        raise BadRow(f"{column} is not a finite number: {text[:40]!r}")
    return round(seconds * 1000)


def _split_line(line: bytes) -> list[str]:
    if len(line) > MAX_LINE_BYTES:
        raise BadRow(f"a line of more than {MAX_LINE_BYTES:,} bytes: not a segment CSV")
    if b"\0" in line:
        raise BadRow("holds NUL bytes: the file is damaged, or is no text")
    try:
        fields = next(csv.reader([line.decode("ascii")], skipinitialspace=True, strict=True))
    except UnicodeDecodeError as error:
        raise BadRow("holds characters outside ASCII: not a segment CSV") from error
    except csv.Error as error:
        raise BadRow(f"not a CSV row ({error}): {line[:60].decode()!r}") from error
    if len(fields) == 4:
        return fields
    unquoted = len(fields) > 4 and fields[3].startswith("/")
    hint = '; several labels must be one quoted field: "/m/09x0r,/t/dd00088"' if unquoted else ""
    raise BadRow(
        "expected the 4 columns YTID, start_seconds, end_seconds, positive_labels, "
        f"found {len(fields)}: {line[:60].decode()!r}{hint}"
    )


def _parse_odd_block(block: bytes, memory: Memory, path: Path, line: int, advice: str) -> Rows:
    rows: list[tuple[bytes, int, int]] = []
    for number, text in enumerate(block.split(b"\n"), line):
        stripped = text.strip(b" \t\r")
        if not stripped:
            continue
        try:
            rows.append(parse_line(stripped, memory))
        except BadRow as error:
            raise MetadataError(f"{error}{advice}", path, number) from None
    ytids, times_ms, set_codes = zip(*rows, strict=True) if rows else ((), (), ())
    return Rows(
        ytids=np.array(ytids, f"S{YTID_LENGTH}"),
        times_ms=np.array(times_ms, np.int64),
        set_codes=np.array(set_codes, np.int32),
    )


def _skip_header(file: io.BufferedReader | gzip.GzipFile, path: Path) -> tuple[int, int | None]:
    """Read over the header; return the number of the line after it, and its ``num_segs``."""
    line, num_segs = 1, None
    if file.peek(len(_BOM)).startswith(_BOM):
        file.read(len(_BOM))
    while file.peek(1).startswith(b"#"):
        text = file.readline(MAX_LINE_BYTES)
        if len(text) == MAX_LINE_BYTES:
            raise MetadataError(f"a line of more than {MAX_LINE_BYTES:,} bytes", path, line)
        found = _NUM_SEGS.search(text)
        num_segs = int(found[1]) if found else num_segs
        line += 1
    if _HEADER_ROW.match(file.peek(8)):
        file.readline(MAX_LINE_BYTES)
        line += 1
    return line, num_segs


def _read_blocks(file: io.BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    """Yield the rest of a file in blocks of whole lines; a line without end ends the reading."""
    rest = b""
    while chunk := file.read(_BLOCK_BYTES):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = b""
        rest += chunk[end:]
        if len(rest) > MAX_LINE_BYTES:
            break
    if rest:
        yield rest


def _concatenate(blocks: list[Rows]) -> Rows:
    if not blocks:
        return Rows(np.empty(0, f"S{YTID_LENGTH}"), np.empty(0, np.int64), np.empty(0, np.int32))
    return Rows(
        ytids=np.concatenate([rows.ytids for rows in blocks]),
        times_ms=np.concatenate([rows.times_ms for rows in blocks]),
        set_codes=np.concatenate([rows.set_codes for rows in blocks]),
    )
