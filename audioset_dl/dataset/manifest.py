"""manifest.csv and failures.csv: what the journal knows, as tables for pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.checks import check_clip, check_file
from audioset_dl.dataset.journal import Record, SavedFile
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import write_file

MANIFEST_COLUMNS = (
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples",
    "sample_rate", "channels", "classes", "labels", "label_names", "subset", "sha256",
    "source_format", "method", "bytes_fetched", "saved_at",
)  # fmt: skip
FAILURES_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "classes", "state", "code", "detail", "attempts",
    "updated_at",
)  # fmt: skip

Row = TypeVar("Row")
WRITTEN_ANEW = "`audioset-dl download` and `verify --repair` write it anew from the journal"


def write_manifest(path: Path, records: Iterable[Record], names: Mapping[str, str]) -> None:
    """Write one row for each saved clip, sorted by clip_id.

    The column ``classes`` is empty where only an earlier config wanted the clip.

    Parameters
    ----------
    path : Path
        manifest.csv; replaced whole.
    records : iterable of Record
        Saved clips.
    names : mapping of str to str
        Display names by MID.
    """
    rows = (
        _manifest_row(record, record.file, names) for record in records if record.file is not None
    )
    _write_table(path, MANIFEST_COLUMNS, rows)


def write_failures(path: Path, records: Iterable[Record], names: Mapping[str, str]) -> None:
    """Write one row for each clip whose last attempt failed, with why, sorted by clip_id."""
    rows = (
        (record.clip.clip_id, record.clip.ytid, record.clip.start_s, record.clip.end_s,
         _join_names(record.classes, names), record.state, record.code, record.detail,
         record.attempts, record.updated_at)
        for record in records
        if record.code is not None
    )  # fmt: skip
    _write_table(path, FAILURES_COLUMNS, rows)


@dataclass(frozen=True)
class ManifestRow:
    """What `verify` needs to know of a row of manifest.csv."""

    file_name: str
    clip_id: str
    num_samples: int
    sample_rate: int
    channels: int
    sha256: str


def row_of(clip_id: str, file: SavedFile) -> ManifestRow:
    """Return what the row of a saved clip says."""
    return ManifestRow(
        file.file_name, clip_id, file.num_samples, file.sample_rate, file.channels, file.sha256
    )


def read_manifest(path: Path) -> list[ManifestRow]:
    """Read manifest.csv, as far as `verify` needs it.

    Raises
    ------
    OutputError
        There is none, or it is not such a table; with the line.
    """
    return _read_rows(path, _read_row)


@dataclass(frozen=True)
class Listing:
    """All that a row of manifest.csv says."""

    clip: Clip
    file: SavedFile
    """The manifest does not hold its size: 0."""
    names: Mapping[str, str]
    """Display names of the clip's labels, by MID."""
    classes: tuple[str, ...]
    """MIDs of the classes that it was drawn for; empty where only an earlier config wanted it."""


def read_listings(path: Path) -> list[Listing]:
    """Read manifest.csv, one entry a clip.

    Raises
    ------
    OutputError
        There is none, or it is not such a table; with the line.
    """
    return _read_rows(path, _read_listing)


@dataclass(frozen=True)
class FailureRow:
    """A row of failures.csv."""

    clip: Clip
    """Without labels and subset, which the table does not hold."""
    state: str
    """``gone`` or ``waiting``."""
    code: str
    detail: str
    attempts: int
    updated_at: str


def read_failures(path: Path) -> list[FailureRow]:
    """Read failures.csv; nothing where there is none.

    Raises
    ------
    OutputError
        It is not such a table; with the line.
    """
    if not path.exists():
        return []
    return _read_rows(path, _read_failure, FAILURES_COLUMNS)


def read_clips(path: Path) -> list[tuple[Clip, SavedFile]]:
    """Read what manifest.csv says of each clip and its file, whose size it does not hold (0).

    Raises
    ------
    OutputError
        There is none, or it is not such a table; with the line.
    """
    return _read_rows(path, _read_clip)


def read_texts(path: Path) -> list[tuple[Clip, SavedFile, Mapping[str, str]]]:
    """Read what `read_clips` reads, and each row as the text that stands there, by its column.

    Raises
    ------
    OutputError
        There is none, or it is not such a table; with the line.
    """
    return _read_rows(path, lambda row: (*_read_clip(row), dict(row)))


def _read_rows(
    path: Path,
    read_row: Callable[[Mapping[str, str]], Row],
    columns: Sequence[str] = MANIFEST_COLUMNS,
) -> list[Row]:
    what = "manifest" if columns is MANIFEST_COLUMNS else "failures.csv"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise OutputError(
            f"{path} does not exist; run `audioset-dl download`, which writes it, "
            "or name the config whose output.dir you mean"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path} can't be read: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            raise OutputError(
                f"{path}:1: expected the columns of a {what}, not found: "
                f"{', '.join(sorted(missing)[:3])} ...; {WRITTEN_ANEW}"
            )
        return [read_row(row) for row in reader]
    except csv.Error as error:
        raise OutputError(
            f"{path}:{reader.line_num}: not a CSV row ({error}); {WRITTEN_ANEW}"
        ) from error
    except (AttributeError, TypeError, ValueError) as error:
        words = f"{path}:{reader.line_num}: not a row of a {what}, or not whole"
        raise OutputError(f"{words}; {WRITTEN_ANEW}") from error


def _read_row(row: Mapping[str, str]) -> ManifestRow:
    return ManifestRow(
        file_name=row["file_name"],
        clip_id=row["clip_id"],
        num_samples=int(row["num_samples"]),
        sample_rate=int(row["sample_rate"]),
        channels=int(row["channels"]),
        sha256=row["sha256"],
    )


def _read_clip(row: Mapping[str, str]) -> tuple[Clip, SavedFile]:
    clip = Clip(
        ytid=row["ytid"],
        start_s=float(row["start_s"]),
        end_s=float(row["end_s"]),
        labels=tuple(row["labels"].split(";")),
        subset=row["subset"],
    )
    file = SavedFile(
        file_name=row["file_name"],
        num_samples=int(row["num_samples"]),
        sample_rate=int(row["sample_rate"]),
        channels=int(row["channels"]),
        num_bytes=0,
        sha256=row["sha256"],
        source_format=row["source_format"],
        method=row["method"],
        bytes_fetched=int(row["bytes_fetched"]),
        saved_at=row["saved_at"],
    )
    check_clip(clip)
    check_file(file)
    return clip, file


def _read_listing(row: Mapping[str, str]) -> Listing:
    clip, file = _read_clip(row)
    if row["clip_id"] != clip.clip_id:
        raise ValueError(row["clip_id"])
    names = dict(zip(clip.labels, row["label_names"].split(";"), strict=True))
    mids = {name: mid for mid, name in names.items()}
    named = filter(None, row["classes"].split(";"))
    return Listing(clip, file, names, tuple(mids[name] for name in named if name in mids))


def _read_failure(row: Mapping[str, str]) -> FailureRow:
    if row["state"] not in ("gone", "waiting") or not row["code"]:
        raise ValueError(row["state"])
    clip = Clip(row["ytid"], float(row["start_s"]), float(row["end_s"]), (), "")
    check_clip(clip)
    attempts, updated_at = int(row["attempts"]), row["updated_at"]
    return FailureRow(clip, row["state"], row["code"], row["detail"], attempts, updated_at)


def _manifest_row(record: Record, file: SavedFile, names: Mapping[str, str]) -> tuple[object, ...]:
    clip = record.clip
    duration_s = round(file.num_samples / file.sample_rate, 6)
    classes = _join_names(record.classes, names) if record.wanted else ""
    return (
        file.file_name, clip.clip_id, clip.ytid, clip.start_s, clip.end_s, duration_s,
        file.num_samples, file.sample_rate, file.channels, classes,
        ";".join(clip.labels), _join_names(clip.labels, names), clip.subset, file.sha256,
        file.source_format, file.method, file.bytes_fetched, file.saved_at,
    )  # fmt: skip


def _join_names(mids: Iterable[str], names: Mapping[str, str]) -> str:
    return ";".join(names.get(mid, mid) for mid in mids)


def _write_table(path: Path, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_file(path, text.getvalue().encode())
