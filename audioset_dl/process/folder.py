"""The files of a processed folder: their names, their columns, and what may stand there."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from audioset_dl.dataset.manifest import Manifest, read_manifest
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.storage.files import as_output_error
from audioset_dl.storage.guards import find_overlap

MANIFEST_COLUMNS = (
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples",
    "sample_rate", "channels", "classes", "labels", "label_names", "subset", "sha256",
    "source_sha256", "shape", "flags", "zero_share", "peak_db", "rms_db", "quiet_share",
    "clipped_share", "nan_share", "dc_offset", "length_error", "duplicate_of", "level_db", "offset",
    "gain",
)  # fmt: skip
"""Columns of the dataset's manifest that still hold, then what `process` found and did."""
DROPPED_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "classes", "labels", "dropped_for", "detail",
    "source_sha256", "flags", "zero_share", "peak_db", "rms_db", "quiet_share", "clipped_share",
    "nan_share", "dc_offset", "length_error", "duplicate_of",
)  # fmt: skip
_RUN_PROCESS = "run `audioset-dl process`, which writes it"


class ProcessedFolder:
    """The names of the files in a processed folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clips = path / "clips"
        """The folder of all processed clips."""
        self.manifest = path / "manifest.csv"
        """The processed clips."""
        self.dropped = path / "dropped.csv"
        """The clips that were left out."""
        self.settings = path / "process.json"
        """The settings and versions that the clips were made by."""
        self.statistics = path / "statistics.json"
        """Mean and deviation of the clips of the train split."""
        self.notes = path / ".records.jsonl"
        """Notes about each clip, so that a stopped run can be resumed."""
        self.lock = path / ".lock"

    def read_manifest(self) -> Manifest:
        """Read manifest.csv.

        Raises
        ------
        OutputError
            There is none, or it is not such a table.
        """
        return read_manifest(self.manifest, columns=MANIFEST_COLUMNS, fix=_RUN_PROCESS)

    def read_settings_sha256(self) -> str:
        """Read the hash of the settings that the clips here were made by.

        Raises
        ------
        OutputError
            There is no process.json, or it can't be read.
        """
        return str(self._read_document()["settings_sha256"])

    def read_settings(self) -> dict[str, Any]:
        """Read the settings that the clips here were made by.

        Raises
        ------
        OutputError
            There is no process.json, or it can't be read.
        """
        return dict(self._read_document()["settings"])

    def _read_document(self) -> dict[str, Any]:
        try:
            document = json.loads(self.settings.read_text("utf-8"))
            if not isinstance(document["settings"], dict) or "settings_sha256" not in document:
                raise ValueError("no settings")
        except FileNotFoundError as error:
            raise OutputError(f"{self.settings} does not exist", fix=_RUN_PROCESS) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{self.settings} can't be read ({error})",
                fix="remove the folder, and `audioset-dl process` makes it again",
            ) from error
        return dict(document)


def file_name_of(clip_id: str, suffix: str) -> str:
    """Return a clip's path relative to the processed folder, with ``/`` between its parts."""
    # 256 folders: file systems and file managers are slow with a hundred thousand files in one.
    shard = hashlib.sha256(clip_id.encode()).hexdigest()[:2]
    return str(PurePosixPath("clips", shard, f"Y{clip_id}{suffix}"))


def check_beside(processed: Path, dataset: Path) -> None:
    """Refuse a processed folder that is, holds or lies in the dataset's folder.

    Raises
    ------
    ConfigError
        For ``process.dir``.
    """
    if find_overlap([processed, dataset]) is not None:
        raise ConfigError(
            Problem(
                "process.dir",
                f"{processed} is, holds or lies in the downloaded dataset {dataset}, which is "
                "never written to",
                fix="name a folder beside it",
            )
        )


def check_ours(folder: ProcessedFolder) -> None:
    """Refuse a folder that `process` did not write, or that holds links where it writes.

    Raises
    ------
    OutputError
        What stands where.
    """
    files = (folder.manifest, folder.dropped, folder.settings, folder.statistics, folder.notes)
    with as_output_error(folder.clips):
        is_ours = folder.settings.exists()
        shards = list(folder.clips.iterdir()) if folder.clips.is_dir() else []
        for place in (*files, folder.clips, *shards):
            mode = place.lstat().st_mode if place.exists() or place.is_symlink() else 0
            # A link may lead into the dataset, which is never written to.
            if stat.S_ISLNK(mode):
                raise OutputError(
                    f"{place} is a link: nothing is written through links",
                    fix="remove it, or name another process.dir",
                )
            if mode and not is_ours:
                raise OutputError(
                    f"{folder.path} holds {place.name}, which `process` did not write (there is no "
                    f"{folder.settings.name})",
                    fix="name another process.dir, or remove this folder",
                )
