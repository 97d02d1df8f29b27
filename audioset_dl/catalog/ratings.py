"""The quality of each class's labels, as Google's raters found it.

Owns the form of ``qa_true_counts.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audioset_dl.catalog.reading import parse_count, parse_mid, read_table
from audioset_dl.errors import MetadataError


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
    ratings: dict[str, Rating] = {}
    for line, row in read_table(path, ["label_id", "num_rated", "num_true"]):
        mid = parse_mid(row[0], "label_id", path, line)
        rating = Rating(
            num_rated=parse_count(row[1], "num_rated", path, line),
            num_true=parse_count(row[2], "num_true", path, line),
        )
        if rating.num_true > rating.num_rated:
            raise MetadataError(
                f"{mid}: num_true {rating.num_true} exceeds num_rated {rating.num_rated}",
                path,
                line,
            )
        if mid in ratings:
            raise MetadataError(f"{mid} stands in the file twice", path, line)
        ratings[mid] = rating
    return ratings
