"""What a journal or a manifest says, checked before it is believed.

An output folder may come from a colleague or from the internet: what its tables say decides which
files are read, moved and removed.
"""

from __future__ import annotations

import math
from dataclasses import fields

from audioset_dl.catalog.clips import YTID_PATTERN, Clip
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.storage.tables import BadRow

_FIELDS = {field.name: str if field.type == "str" else int for field in fields(SavedFile)}


def check_clip(clip: Clip) -> None:
    """Raise `ValueError` unless this can be a row of a segment CSV."""
    if not isinstance(clip.ytid, str) or not YTID_PATTERN.fullmatch(clip.ytid):
        raise ValueError(f"ytid {clip.ytid!r:.40}")
    # float() reads "nan" and "inf" as well, and SQLite keeps a text in a column of numbers.
    times = (clip.start_s, clip.end_s)
    if not all(isinstance(time, float | int) and math.isfinite(time) for time in times):
        raise ValueError(f"times {times!r:.60}")
    if not 0 <= clip.start_s < clip.end_s:
        raise ValueError(f"times {times!r:.60}")


def check_file(file: SavedFile) -> None:
    """Raise `ValueError` or `TypeError` unless this can be a file below the ``wav`` of a folder."""
    for name, kind in _FIELDS.items():
        value = getattr(file, name)
        if not isinstance(value, kind):
            raise TypeError(f"{name} {value!r:.40}")
    check_file_name(file.file_name)
    if not file.file_name.startswith("wav/"):
        raise BadRow(f"file_name {file.file_name!r:.100}")
    if file.sample_rate < 1 or file.channels < 1 or file.num_samples < 0:
        raise ValueError(f"form of audio of {file.file_name!r:.100}")


def check_file_name(file_name: str) -> None:
    """Raise `ValueError` unless the file lies inside the folder that its name is relative to."""
    # Not by pathlib, which takes half the time of reading a manifest. An absolute path has an empty
    # first part; a NUL ends a path for the operating system, so that another file would be opened.
    parts = file_name.split("/")
    if not parts[0] or ".." in parts or "\0" in file_name:
        raise BadRow(f"file_name {file_name!r:.100}")
