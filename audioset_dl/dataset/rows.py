"""What is known of a clip and of its file: the rows of the journal, as values."""

from __future__ import annotations

from dataclasses import dataclass

from audioset_dl.catalog.clips import Clip

HEARSAY = "known from "
"""How the detail of a clip begins that was taken as gone without asking."""


@dataclass(frozen=True)
class SavedFile:
    """A WAV file that was written and checked."""

    file_name: str
    """Relative to the output folder, with ``/``."""
    num_samples: int
    sample_rate: int
    channels: int
    num_bytes: int
    """Size of the file."""
    sha256: str
    """Of the file's bytes."""
    source_format: str
    """Itag, codec, bitrate."""
    method: str
    """How it was fetched."""
    bytes_fetched: int
    """Media bytes."""
    saved_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True)
class Record:
    """What the journal knows of a clip."""

    clip: Clip
    classes: tuple[str, ...]
    """MIDs of the classes that want it."""
    wanted: bool
    """Whether the config of the last run wants it."""
    state: str
    """``waiting``, ``saved`` or ``gone``."""
    code: str | None
    """Of the last failure."""
    detail: str | None
    attempts: int
    """Failed attempts that were charged to the clip, in all runs."""
    updated_at: str
    file: SavedFile | None
    """Where it is saved."""

    @property
    def is_hearsay(self) -> bool:
        """Whether it was taken as gone without asking."""
        return self.state == "gone" and (self.detail or "").startswith(HEARSAY)


@dataclass(frozen=True)
class Count:
    """How many clips are in the same case."""

    state: str
    wanted: bool
    code: str | None
    number: int
    example: str | None
    """The tool's words about one of the failures."""
