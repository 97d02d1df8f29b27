"""What a journal or a manifest says, checked before it is believed.

An output folder may come from a colleague or from the internet: what its tables say decides which
files are read, moved and removed.
"""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import PurePosixPath

from audioset_dl.catalog.clips import YTID_PATTERN, Clip
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.storage.tables import BadRow


def check_clip(clip: Clip) -> None:
    """Raise `ValueError` unless this can be a row of a segment CSV."""
    if not isinstance(clip.ytid, str) or not YTID_PATTERN.fullmatch(clip.ytid):
        raise ValueError(f"ytid {clip.ytid!r:.40}")
    times = (clip.start_s, clip.end_s)
    if not all(isinstance(time, float | int) and math.isfinite(time) for time in times):
        raise ValueError(f"times {times!r:.60}")
    if not 0 <= clip.start_s < clip.end_s:
        raise ValueError(f"times {times!r:.60}")


def check_file(file: SavedFile) -> None:
    """Raise `ValueError` or `TypeError` unless this can be a file below the ``wav`` of a folder."""
    for field in fields(file):
        value = getattr(file, field.name)
        if not isinstance(value, str if field.type == "str" else int):
            raise TypeError(f"{field.name} {value!r:.40}")
    check_file_name(file.file_name)
    if PurePosixPath(file.file_name).parts[0] != "wav":
        raise BadRow(f"file_name {file.file_name!r:.100}")
    if file.sample_rate < 1 or file.channels < 1 or file.num_samples < 0:
        raise ValueError(f"form of audio of {file.file_name!r:.100}")


def check_file_name(file_name: str) -> None:
    """Raise `ValueError` unless the file lies inside the folder that its name is relative to."""
    path = PurePosixPath(file_name)
    # A NUL ends a path for the operating system, so that another file would be opened.
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in file_name:
        raise BadRow(f"file_name {file_name!r:.100}")
