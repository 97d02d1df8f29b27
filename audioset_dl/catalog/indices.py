"""The nodes of the ontology that occur as labels, and their customary indices.

Owns the form of ``class_labels_indices.csv``.
"""

from __future__ import annotations

from pathlib import Path

from audioset_dl.catalog.reading import parse_count, parse_mid, read_table
from audioset_dl.errors import MetadataError


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
    indices: dict[str, int] = {}
    seen: set[int] = set()
    for line, row in read_table(path, ["index", "mid", "display_name"]):
        index = parse_count(row[0], "index", path, line)
        mid = parse_mid(row[1], "mid", path, line)
        if mid in indices or index in seen:
            twice = mid if mid in indices else f"index {index}"
            raise MetadataError(f"{twice} stands in the file twice", path, line)
        indices[mid] = index
        seen.add(index)
    return indices
