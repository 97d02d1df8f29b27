"""The files of clips that are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SegmentSource:
    """A segment CSV to read."""

    path: Path
    subset: str
    """Name of the subset that its clips are a part of, e.g. ``eval``."""
    is_google: bool = False
    """True for Google's own files, whose header says how many rows there must be."""
    is_strong: bool = False
    """True for a file of events, from which a clip gets the labels of all its events."""
