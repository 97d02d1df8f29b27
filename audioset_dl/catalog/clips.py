"""What a clip is: the unit of everything. Imports nothing, so that everything can use it."""

from __future__ import annotations

import re
from dataclasses import dataclass

YTID_LENGTH = 11
"""Characters of a YouTube id."""
_YTID = rf"[A-Za-z0-9_-]{{{YTID_LENGTH}}}"
YTID_PATTERN = re.compile(_YTID)
"""A YouTube id: as in base64 for URLs (RFC 4648 §5), it may begin with ``-`` and may hold ``_``. So
a clip_id is split by length, never at a ``_``."""
CLIP_ID_PATTERN = re.compile(rf"({_YTID})_(0|[1-9][0-9]{{0,9}})")
"""A clip_id: groups are the YouTube id and the start in ms."""
UNLABELLED = "unlabelled"
"""What stands for the class, and names the folder, of clips that carry no label."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of a segment CSV: some seconds of a YouTube video."""

    ytid: str
    """Id of the video; see `YTID_PATTERN`."""
    start_s: float
    """Where the clip starts in the video, in seconds, to the millisecond."""
    end_s: float
    """Where it ends."""
    labels: tuple[str, ...]
    """MIDs of all classes that it is labelled with, in the file's order."""
    subset: str
    """Name of the file that it was read from, e.g. ``eval``."""
    google_labels: tuple[str, ...] = ()
    """Google's own labels, where others have corrected them; see ``metadata.relabel``."""

    @property
    def clip_id(self) -> str:
        """``<ytid>_<start in ms>``, which is Google's own segment_id."""
        return f"{self.ytid}_{round(self.start_s * 1000)}"

    @property
    def duration_s(self) -> float:
        """Length in seconds, to the millisecond; 10.0 for most."""
        return round(self.end_s - self.start_s, 3)


def split_clip_id(clip_id: str) -> tuple[str, int]:
    """Return the YouTube id and the start in ms that a clip_id names.

    Raises
    ------
    ValueError
        It is no clip_id.
    """
    match = CLIP_ID_PATTERN.fullmatch(clip_id)
    if match is None:
        raise ValueError(f"clip_id {clip_id!r:.60}")
    return match[1], int(match[2])
