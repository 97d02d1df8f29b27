"""What two small tables say of the classes: the quality of their labels, and their indices.

Owns the forms of ``qa_true_counts.csv`` and ``class_labels_indices.csv``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from audioset_dl.catalog.reading import DOWNLOAD_AGAIN, is_mid, read_small
from audioset_dl.errors import MetadataError
from audioset_dl.storage.tables import BadRow, Cells

_COUNT = re.compile(r"[0-9]{1,9}")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Rating:
    """The result of raters who listened to some clips of a class."""

    num_rated: int
    """Number of clips that they heard; 9 or 10 for most classes, 0 for 70."""
    num_true: int
    """Number of these in which the class was present."""

    @property
    def quality(self) -> float | None:
        """Share of rated clips whose label is right, 0..1; None if none was rated."""
        return self.num_true / self.num_rated if self.num_rated else None


def read_ratings(path: Path) -> dict[str, Rating]:
    """Read ``qa_true_counts.csv``.

    The columns are ``label_id,num_rated,num_true``
    (https://research.google.com/audioset/download.html, "Dataset quality"). 70 of its 527 classes
    have ``num_rated`` 0.

    Returns
    -------
    dict of str to Rating
        By MID, in the order of the file.

    Raises
    ------
    MetadataError
        A malformed row, more true than rated, or a class twice.
    """

    def read(cells: Cells) -> Rating:
        rating = Rating(_read_count(cells, "num_rated"), _read_count(cells, "num_true"))
        if rating.num_true > rating.num_rated:
            raise BadRow(
                f"{cells['label_id']}: num_true {rating.num_true} exceeds "
                f"num_rated {rating.num_rated}"
            )
        return rating

    return _read_table(path, ["label_id", "num_rated", "num_true"], "label_id", read)


def read_class_indices(path: Path) -> dict[str, int]:
    """Read ``class_labels_indices.csv``: the 527 classes that occur as labels.

    The columns are ``index,mid,display_name``
    (https://research.google.com/audioset/download.html). Models that are trained on AudioSet
    customarily use the index as the position of the class in their output.

    Returns
    -------
    dict of str to int
        Index by MID, in the order of the file.

    Raises
    ------
    MetadataError
        A malformed row, or a MID or an index twice.
    """
    seen: set[int] = set()

    def read(cells: Cells) -> int:
        index = _read_count(cells, "index")
        if index in seen:
            raise BadRow(f"index {index} stands in the file twice")
        seen.add(index)
        return index

    return _read_table(path, ["index", "mid", "display_name"], "mid", read)


def _read_table(
    path: Path, columns: Sequence[str], key: str, read_row: Callable[[Cells], Value]
) -> dict[str, Value]:
    """Return what becomes of each row of a CSV with just these columns, by the MID in one."""
    reader = csv.reader(io.StringIO(read_small(path), newline=""), strict=True)
    values: dict[str, Value] = {}
    try:
        _check_header(next(reader, []), columns, path)
        for row in filter(None, reader):
            if len(row) != len(columns):
                raise BadRow(f"expected {len(columns)} columns, found {len(row)}")
            cells = dict(zip(columns, row, strict=True))
            mid = cells[key]
            if not is_mid(mid):
                raise BadRow(f"{key}: expected an id like /m/0bt9lr, found {mid[:40]!r}")
            if mid in values:
                raise BadRow(f"{mid} stands in the file twice")
            values[mid] = read_row(cells)
    except BadRow as error:
        raise MetadataError(error.found, path, reader.line_num) from error
    except csv.Error as error:
        raise MetadataError(f"not a CSV row: {error}", path, reader.line_num) from error
    if not values:
        raise MetadataError("holds no rows", path, reader.line_num, fix=DOWNLOAD_AGAIN)
    return values


def _check_header(header: Sequence[str], columns: Sequence[str], path: Path) -> None:
    if list(header) != list(columns):
        expected, found = ",".join(columns), ",".join(header)[:60]
        words = f"expected the columns {expected}, found {found!r}"
        raise MetadataError(words, path, 1, fix=DOWNLOAD_AGAIN)


def _read_count(cells: Cells, column: str) -> int:
    if not _COUNT.fullmatch(cells[column]):
        raise BadRow(f"{column}: expected a whole number, found {cells[column][:40]!r}")
    return int(cells[column])
