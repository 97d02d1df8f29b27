"""One segment CSV, read into a table.

Google's rows look like ``-0RWZT-miFs, 420.000, 430.000, "/m/03v3yw,/m/0k4j"``. pandas splits them;
times and label fields, of which there are few distinct ones, are parsed and checked once each. A
block with a row of another form, or a wrong one, is split line by line with the csv module, which
names the bad line. Owns the form of these files; knows nothing of the ontology.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from audioset_dl.catalog.clips import YTID_LENGTH, YTID_PATTERN
from audioset_dl.catalog.reading import BY_SPREADSHEET, DOWNLOAD_AGAIN, is_mid, open_binary
from audioset_dl.errors import MetadataError
from audioset_dl.storage.tables import BadRow

MAX_LINE_BYTES = 1 << 16
"""Longest line that is read; Google's longest has 171 bytes."""
MAX_TIME_MS = 2**31 - 1
"""Latest end of a clip, 24.8 days: the largest that its column of 32 bits holds."""

# Google's largest file has 101 MB; in blocks, only a few MB of it are in memory as text.
_BLOCK_BYTES = 1 << 22
_COLUMNS = ["ytid", "start_s", "end_s", "labels"]
_HEADER = re.compile(
    rb'\A(?:\xef\xbb\xbf)?(?:#.{0,%d}\n)*(?:"?ytid"?[ ,].*\n)?' % MAX_LINE_BYTES, re.IGNORECASE
)
# A row whose id is lost looks like a comment: a spreadsheet takes -0RWZT-miFs for a formula, and
# writes #NAME? in its place. A row that somebody commented out still has its id.
_LOST_ID = re.compile(
    rb"(?m)^(#(?! *%b *[,;\t])[^,;\t\n]*)[,;\t] *[-+.0-9eE]+ *[,;\t] *[-+.0-9eE]+ *[,;\t]"
    % YTID_PATTERN.pattern.encode()
)
_NUM_SEGS = re.compile(rb"\bnum_segs=([0-9]{1,12})\b")
_YTID = f"S{YTID_LENGTH}"
_NUMBER = re.compile(r" *[-+.0-9A-Za-z]{1,32} *")
_YTIDS = re.compile(rf"(?:{YTID_PATTERN.pattern}\n)*+")


class Rows(NamedTuple):
    """Rows of a segment CSV, in columns of one length."""

    ytids: NDArray[Any]
    """ASCII, 11 bytes each; the other columns are of int32."""
    start_ms: NDArray[Any]
    """Start, rounded to the millisecond as in clip_ids and in most of Google's numbers."""
    end_ms: NDArray[Any]
    set_codes: NDArray[Any]
    """Positions in `LabelSets.sets`."""


_NO_ROWS = Rows(np.empty(0, _YTID), *(np.empty(0, np.int32) for _ in range(3)))


def join_rows(tables: Iterable[Rows]) -> Rows:
    """Return the rows of several tables, one table after the other."""
    return Rows(*map(np.concatenate, zip(_NO_ROWS, *tables, strict=True)))


class LabelSets(dict[str, int]):
    """Numbers the distinct label fields of all files: 56,275 in Google's."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: list[tuple[str, ...]] = []
        """The MIDs of each number, in the order of the file, none twice."""

    def __missing__(self, text: str) -> int:
        if len(text) > MAX_LINE_BYTES // 2:
            raise BadRow(f"a label field of {len(text):,} bytes")
        self.sets.append(tuple(dict.fromkeys(map(_parse_label, text.split(",")))))
        code = self[text] = len(self.sets) - 1
        return code

    def code_of(self, mids: Sequence[str]) -> int:
        """Return the number of some labels, which may be none."""
        text = ",".join(mids)
        if not text and text not in self:
            self.sets.append(())
            self[text] = len(self.sets) - 1
        return self[text]


def read_rows(path: Path, label_sets: LabelSets, *, is_google: bool = False) -> tuple[Rows, str]:
    """Read a segment CSV, plain or compressed with gzip.

    The columns are YTID, start_seconds, end_seconds, positive_labels; nothing but comment lines
    that begin with ``#``, or a row with these names, stands above
    (https://research.google.com/audioset/download.html). The header of Google's own files also says
    how many rows they have.

    Returns
    -------
    rows : Rows
        In the file's order.
    sha256 : str
        Of just the bytes that were parsed, decompressed, in hex.

    Raises
    ------
    MetadataError
        The file can't be read, a row is malformed (named by its line), or rows are missing.
    """
    fix = DOWNLOAD_AGAIN if is_google else ""
    tables = []
    digest = hashlib.sha256()
    with open_binary(path) as file:
        blocks = _read_blocks(file, digest.update)
        first = next(blocks, b"")
        data = _HEADER.sub(b"", first)
        header = first.removesuffix(data)
        if lost := _LOST_ID.search(header):
            line = 1 + header[: lost.start()].count(b"\n")
            found = f"expected a YouTube id, found {lost[1][:40].decode('ascii', 'replace')!r}"
            raise MetadataError(found, path, line, fix=fix or BY_SPREADSHEET)
        line = 1 + header.count(b"\n")
        for block in chain([data], blocks):
            try:
                tables.append(parse_block(block, label_sets))
            except BadRow as error:
                where = line + error.number
                raise MetadataError(error.found, path, where, fix=fix or error.fix) from None
            line += block.count(b"\n")
    rows = join_rows(tables)
    num_segs = _NUM_SEGS.search(header)
    num_rows = len(rows.ytids)
    problem = "" if num_rows else "holds no segments"
    if is_google and num_segs and int(num_segs[1]) != num_rows:
        problem = (
            f"the file was cut short or changed: its header says {int(num_segs[1]):,} segments, "
            f"it holds {num_rows:,}"
        )
    if problem:
        raise MetadataError(problem, path, max(1, line - 1), fix=fix)
    return rows, digest.hexdigest()


def parse_block(block: bytes, label_sets: LabelSets) -> Rows:
    """Parse whole lines.

    Raises
    ------
    BadRow
        A row is malformed; its number is that of the line in the block, from 0.
    """
    if len(block) > MAX_LINE_BYTES and block.count(b"\n") > len(block) // 8:
        raise BadRow("hardly anything but empty lines: not a segment CSV")
    try:
        return _parse_columns(_split_block(block), label_sets)
    except ValueError:
        return _parse_columns(_split_lines(block, label_sets), label_sets)


def _split_block(block: bytes) -> pd.DataFrame:
    """Split lines with pandas; a ValueError where the csv module might find other fields."""
    lines = block.replace(b"\r\n", b"\n") if b"\r" in block else block
    _split_line(lines[: lines.index(b"\n")])  # has 4 fields: then pandas refuses lines with more
    rows = pd.read_csv(
        io.BytesIO(lines), header=None, names=_COLUMNS, dtype=object, lineterminator="\n",
        skipinitialspace=True, na_filter=False, low_memory=False,
    )  # fmt: skip
    characters = np.frombuffer(lines, np.uint8)
    is_quote, is_newline = characters == ord('"'), characters == ord("\n")
    num_closing = np.count_nonzero(is_quote[:-1] & is_newline[1:])
    if len(rows) != is_newline.sum() or is_quote.sum() != 2 * num_closing:
        raise BadRow("quotes or newlines where Google has none")
    if b"\0" in lines:
        raise BadRow("NUL, where pandas 2 ends the field")
    return rows


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


def _read_blocks(
    file: io.BufferedReader | gzip.GzipFile, watch: Callable[[bytes], object]
) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines; of a line without end, a part."""
    while chunk := file.read(_BLOCK_BYTES):
        block = chunk + file.readline(MAX_LINE_BYTES + 1)
        watch(block)
        yield block if block.endswith(b"\n") else block + b"\n"


def _split_lines(block: bytes, label_sets: LabelSets) -> pd.DataFrame:
    """Split lines with the csv module, and check each."""
    rows = []
    for index, line in enumerate(block.split(b"\n")):
        try:
            if stripped := line.strip(b" \t\r"):
                rows.append(_split_line(stripped))
                _check(rows[-1], label_sets)
        except BadRow as error:
            error.number = index
            raise
    return pd.DataFrame(rows, columns=_COLUMNS, dtype=object)


def _check(fields: Sequence[str], label_sets: LabelSets) -> None:
    ytid, start, end, labels = fields
    if not _YTIDS.fullmatch(f"{ytid}\n"):
        raise BadRow(
            f"expected a YouTube id ({YTID_LENGTH} of A-Z a-z 0-9 _ -), found {ytid[:40]!r}",
            fix=BY_SPREADSHEET if ytid.startswith(("#", "=")) else "",
        )
    start_ms, end_ms = parse_ms(start, "start_seconds"), parse_ms(end, "end_seconds")
    if end_ms <= start_ms:
        raise BadRow(
            f"end_seconds must come after start_seconds, found {start.strip()} and {end.strip()}"
        )
    label_sets[labels]


def _parse_columns(rows: pd.DataFrame, label_sets: LabelSets) -> Rows:
    ytids = "\n".join([*rows["ytid"].tolist(), ""])
    start_ms = _map_distinct(rows["start_s"], lambda text: parse_ms(text, "start_seconds"))
    end_ms = _map_distinct(rows["end_s"], lambda text: parse_ms(text, "end_seconds"))
    if not _YTIDS.fullmatch(ytids) or (end_ms <= start_ms).any():
        raise BadRow("an id or a time is malformed")
    lines = np.frombuffer(ytids.encode("ascii"), np.uint8).reshape(-1, YTID_LENGTH + 1)
    set_codes = _map_distinct(rows["labels"], label_sets.__getitem__)
    joined = np.ascontiguousarray(lines[:, :YTID_LENGTH]).reshape(-1).view(_YTID)
    return Rows(joined, start_ms, end_ms, set_codes)


def _map_distinct(values: Any, parse: Callable[[Any], int]) -> NDArray[np.int32]:
    codes, distinct = pd.factorize(values)
    return np.array([parse(value) for value in distinct], np.int32)[codes]


@lru_cache(maxsize=1 << 12)
def _parse_label(text: str) -> str:
    mid = text.strip(" ")
    if not is_mid(mid):
        raise BadRow(f"expected labels like /m/0bt9lr, found {mid[:40]!r}")
    return mid


def parse_ms(text: str, column: str) -> int:
    """Return a text of seconds in milliseconds; `BadRow` where it is no such number."""
    try:  # a bare float() takes 1_0, tabs and other scripts' digits as well
        milliseconds = 1000 * float(text if _NUMBER.fullmatch(text) else "")
    except ValueError as error:
        raise BadRow(f"{column} is not a number: {text[:40]!r}") from error
    if not math.isfinite(milliseconds):
        raise BadRow(f"{column} is not a finite number: {text[:40]!r}")
    if round(milliseconds) < 0:
        raise BadRow(f"{column} must not be negative, found {text.strip()}")
    if milliseconds > MAX_TIME_MS:
        raise BadRow(f"{column} is far beyond any video's length: {text.strip()}")
    return round(milliseconds)
