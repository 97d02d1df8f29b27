"""The rows of a manifest.csv as the check of its files needs them, read by who checks them.

Quick, and for tables that are as we write them: what else there is `audioset_dl.dataset.manifest`
reads, and says what is wrong with it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from audioset_dl.audio.wav_header import WavFormat
from audioset_dl.dataset.file_check import Facts
from audioset_dl.storage.tables import BadRow

_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "file_name", "sha256",
    "num_samples", "sample_rate", "channels", "bytes_fetched", "track",
)  # fmt: skip
_ROWS = 250


@dataclass(frozen=True)
class ListedFacts:
    """Some rows of a manifest, as text; iterate over it for what is known of each file.

    Raises
    ------
    ValueError, OverflowError
        When iterated over: a row can't be used.
    """

    header: tuple[str, ...]
    lines: bytes

    def __iter__(self) -> Iterator[Facts]:
        """Yield what each row says."""
        pick = itemgetter(*map(self.header.index, _COLUMNS))
        width = len(self.header)
        for row in csv.reader(io.StringIO(self.lines.decode(), newline="")):
            if len(row) == width:
                yield _read_facts(pick(row))
            elif row:
                raise BadRow(f"expected {width} cells, found {len(row)}")


def _read_facts(cells: Sequence[str]) -> Facts:
    (clip_id, ytid, start_s, end_s, file_name, sha256,
     num_samples, sample_rate, channels, bytes_fetched, track) = cells  # fmt: skip
    (float(end_s), int(bytes_fetched))  # not needed, but a row without them is none of ours
    if clip_id != f"{ytid}_{round(float(start_s) * 1000)}":
        raise BadRow(f"clip_id {clip_id!r:.40} of ytid {ytid!r:.40}")
    form = WavFormat(int(num_samples), int(sample_rate), int(channels))
    return Facts(clip_id, file_name, sha256, form, track)


def read_listed(path: Path) -> Iterator[ListedFacts]:
    """Yield the rows of a manifest, some hundreds at a time.

    Raises
    ------
    OSError, ValueError
        It can't be read, or is no such table.
    """
    with path.open("rb") as file:
        header = tuple(next(csv.reader([file.readline().decode("utf-8-sig")]), ()))
        if missing := set(_COLUMNS) - set(header):
            raise ValueError(", ".join(sorted(missing)))
        lines: list[bytes] = []
        num_quotes = 0
        for line in file:
            lines.append(line)
            num_quotes += line.count(b'"')
            if len(lines) >= _ROWS and num_quotes % 2 == 0:  # not within a quoted cell
                yield ListedFacts(header, b"".join(lines))
                lines.clear()
        yield ListedFacts(header, b"".join(lines))
