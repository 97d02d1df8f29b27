"""What is known of a clip and of its file, as one type: the journal's and both tables' row.

An output folder may come from a colleague or from the internet, and what its tables say decides
which files are read, moved and removed: so their values are checked here before they are believed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, fields, replace
from operator import attrgetter

from audioset_dl.catalog.clips import YTID_PATTERN, Clip
from audioset_dl.storage.tables import BadRow


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A WAV file that was written and checked."""

    file_name: str
    """Relative to the folder of the dataset, with ``/``."""
    num_samples: int
    sample_rate: int
    channels: int
    num_bytes: int
    """Size of the file; 0 where it is not known, as in a manifest."""
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
    track: str = ""
    """What is known of the audio track, such as ``original``; empty for files of version 0.1.0."""


FILE_COLUMNS = {field.name: str if field.type == "str" else int for field in fields(SavedFile)}
"""The fields of a `SavedFile` and their types: columns of the journal."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a dataset knows of a clip: one row of the journal, of manifest.csv or of failures.csv.

    A row of manifest.csv is ``saved`` and has a `file`; one of failures.csv has neither labels nor
    a subset of its clip, and no file.
    """

    clip: Clip
    _: KW_ONLY
    file: SavedFile | None = None
    """The file, where the clip is saved."""
    classes: tuple[str, ...] = ()
    """MIDs of the classes that want the clip."""
    wanted: bool = True
    """True if the config of the last run wants the clip."""
    state: str = "waiting"
    """``waiting``, ``saved`` or ``gone``."""
    code: str | None = None
    """Code of the last failure."""
    detail: str | None = None
    """The tool's own words about the last failure."""
    attempts: int = 0
    """Failed attempts that were charged to the clip, in all runs."""
    updated_at: str = ""
    """ISO 8601, UTC."""
    proof: str | None = None
    """How it is known that the clip is gone: ``said``, ``found`` or ``twice``."""
    asked_as: str | None = None
    """Who met the last failure: ``guest`` or ``account``; None where that is not known."""
    reopened: str | None = None
    """Code by which version 0.1.0 took the clip as gone, if it waits again for that: vague words,
    which prove nothing by themselves."""
    source_sha256: str = ""
    """SHA-256 of the file that `file` was processed from; empty for a downloaded file."""
    known_from: str | None = None
    """Name of the list (``clips.known_gone``) by which the clip was taken as gone, without asking.
    The journal holds no such row."""

    @property
    def clip_id(self) -> str:
        """Id of the clip."""
        return self.clip.clip_id

    @property
    def ytid(self) -> str:
        """Id of the clip's video."""
        return self.clip.ytid

    @property
    def labels(self) -> tuple[str, ...]:
        """MIDs of all labels of the clip."""
        return self.clip.labels

    @property
    def file_name(self) -> str:
        """File of the clip, relative to the folder of the dataset; empty where there is none."""
        return self.file.file_name if self.file else ""

    @property
    def audio_hash(self) -> str:
        """The same for clips with the same sound; empty where the sound is not known."""
        return self.source_sha256 or (self.file.sha256 if self.file else "")

    @property
    def saved_file(self) -> SavedFile:
        """The file of a clip that is saved; `ValueError` for any other."""
        if self.file is None:
            raise ValueError(f"{self.clip_id} is not saved")
        return self.file

    def as_saved(self, file: SavedFile) -> Row:
        """Return the row of the clip once it is saved."""
        return replace(
            self, file=file, state="saved", code=None, detail=None, updated_at=file.saved_at,
            proof=None, asked_as=None, known_from=None,
        )  # fmt: skip


def join_names(mids: Iterable[str], names: Mapping[str, str]) -> str:
    """Return the display names of MIDs, joined with ``;``; a MID where there is no name."""
    return ";".join(names.get(mid, mid) for mid in mids)


def split_joined(text: str) -> tuple[str, ...]:
    """Return what is joined with ``;`` in one cell."""
    return tuple(text.split(";")) if text else ()


def add_known_gone(rows: Iterable[Row], known_gone: Iterable[Row]) -> Iterator[Row]:
    """Yield rows of the journal and rows that have a `Row.known_from` together, sorted by clip_id.

    Where the journal has a row of the same clip, which waits after an attempt of an earlier run,
    the other takes its place and keeps its number of attempts.

    Parameters
    ----------
    rows : iterable of Row
        Sorted by clip_id.
    known_gone : iterable of Row
        In any order.
    """
    clip_id = attrgetter("clip_id")
    taken = sorted(known_gone, key=clip_id)
    attempts = dict.fromkeys(map(clip_id, taken), 0)
    # A stable merge: of two rows of a clip the journal's comes first.
    for row in heapq.merge(rows, taken, key=clip_id):
        if row.known_from is not None:
            yield replace(row, attempts=attempts[row.clip_id])
        elif row.clip_id in attempts:
            attempts[row.clip_id] = row.attempts
        else:
            yield row


def check_clip(clip: Clip) -> None:
    """Raise `ValueError` unless this can be a row of a segment CSV."""
    if not isinstance(clip.ytid, str) or not YTID_PATTERN.fullmatch(clip.ytid):
        raise ValueError(f"ytid {clip.ytid!r:.40}")
    # float() reads "nan" and "inf" as well, and SQLite keeps a text in a column of numbers.
    start_s, end_s = clip.start_s, clip.end_s
    are_numbers = isinstance(start_s, float | int) and isinstance(end_s, float | int)
    if not are_numbers or not 0 <= start_s < end_s < math.inf:
        raise ValueError(f"times {(start_s, end_s)!r:.60}")


def check_types(file: SavedFile) -> None:
    """Raise `TypeError` unless all is of its type: SQLite keeps a text in a column of numbers."""
    for name, kind in FILE_COLUMNS.items():
        value = getattr(file, name)
        if not isinstance(value, kind):
            raise TypeError(f"{name} {value!r:.40}")


def check_saved_file(file: SavedFile) -> None:
    """Raise `ValueError` unless this can be a file below the ``wav`` of a folder."""
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
