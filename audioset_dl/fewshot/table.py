"""The clips that splits and episodes are made of: a manifest's, or the metadata's.

Owns which columns of a manifest are read, and the form of a list of clips that all of the room
takes. Knows nothing of splits.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from audioset_dl.errors import OutputError

if TYPE_CHECKING:
    from audioset_dl.catalog.segments import SegmentTable

MANIFEST = "manifest.csv"
_NEEDED = ("file_name", "clip_id", "ytid", "classes", "labels", "label_names", "sha256")
_CLIP_ID = re.compile(r"[A-Za-z0-9_-]{11}_\d{1,12}")
_AGAIN = "`audioset-dl download` (or `process`) writes it anew"


@dataclass(frozen=True)
class LabelledClip:
    """A clip with what splits go by."""

    clip_id: str
    ytid: str
    """Its video."""
    labels: tuple[str, ...]
    """MIDs of all its labels."""
    audio_hash: str = ""
    """Alike for clips with the same sound; empty where it is not known."""
    file_name: str = ""
    """Its file, from the folder of the manifest, with ``/``; empty where there is none."""


@dataclass(frozen=True)
class ClipTable:
    """Clips by clip_id, in that order, and where they come from."""

    clips: Mapping[str, LabelledClip]
    sha256: str = ""
    """Of the manifest; empty where there is none."""
    drawn_for: tuple[str, ...] = ()
    """MIDs of the classes that the manifest's clips were drawn for, in order of their names."""
    names: Mapping[str, str] | None = None
    """Display names by MID, of all labels in a manifest; None for the metadata."""


def list_metadata_clips(table: SegmentTable, mids: Iterable[str]) -> list[LabelledClip]:
    """Return the clips of AudioSet's metadata that carry any of some labels.

    For a look at a split before anything is downloaded; their sound is not known.
    """
    rows = sorted({int(row) for mid in mids for row in table.rows_of(mid)})
    clips = (table.clip(row) for row in rows)
    return [LabelledClip(one.clip_id, one.ytid, one.labels) for one in clips]


def read_clip_table(folder: Path) -> ClipTable:
    """Read the manifest.csv of a dataset, or of what `process` made of one.

    Two clips have the same sound if their ``source_sha256`` is the same, or ``sha256`` where there
    is no such column.

    Raises
    ------
    OutputError
        There is no manifest, or it is not such a table; with the line.
    """
    path = folder / MANIFEST
    content = _read_bytes(path)
    reader = csv.DictReader(io.StringIO(_decoded(content, path), newline=""))
    missing = sorted(set(_NEEDED) - set(reader.fieldnames or ()))
    if missing:
        raise OutputError(
            f"{path}:1: expected the columns of a manifest, not found: {', '.join(missing)}; "
            f"{_AGAIN}"
        )
    clips: dict[str, LabelledClip] = {}
    names: dict[str, str] = {}
    drawn_for: set[str] = set()
    try:
        for row in reader:
            clip = _read_row(row)
            if clip.clip_id in clips:
                raise ValueError(f"{clip.clip_id} stands in the file twice")
            clips[clip.clip_id] = clip
            names.update(zip(clip.labels, _split_list(row["label_names"]), strict=True))
            drawn_for.update(_split_list(row["classes"]))
    except (csv.Error, AttributeError, TypeError, ValueError) as error:
        raise OutputError(
            f"{path}:{reader.line_num}: not a row of a manifest ({error}); {_AGAIN}"
        ) from error
    mids = sorted((name, mid) for mid, name in names.items() if name in drawn_for)
    return ClipTable(
        dict(sorted(clips.items())),
        hashlib.sha256(content).hexdigest(),
        tuple(mid for _, mid in mids),
        names,
    )


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise OutputError(
            f"{path} does not exist; run `audioset-dl download` first, or name the config whose "
            "output.dir you mean"
        ) from error
    except OSError as error:
        raise OutputError(f"{path} can't be read: {error.strerror}") from error


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise OutputError(f"{path} is no text in UTF-8: {error}; {_AGAIN}") from error


def _read_row(row: Mapping[str, str]) -> LabelledClip:
    clip_id, ytid = row["clip_id"], row["ytid"]
    if not _CLIP_ID.fullmatch(clip_id) or not clip_id.startswith(f"{ytid}_"):
        raise ValueError(f"clip_id {clip_id!r:.40} of ytid {ytid!r:.40}")
    labels = _split_list(row["labels"])
    if not labels:
        raise ValueError(f"{clip_id} has no labels")
    check_file_name(row["file_name"])
    audio_hash = row.get("source_sha256") or row["sha256"]
    return LabelledClip(clip_id, ytid, tuple(labels), audio_hash, row["file_name"])


def check_file_name(file_name: str) -> None:
    """Raise `ValueError` unless a file's name stays within the folder that it is read from."""
    path = PurePosixPath(file_name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in file_name:
        raise ValueError(f"file_name {file_name!r:.100}")


def _split_list(text: str) -> Sequence[str]:
    return text.split(";") if text else []
