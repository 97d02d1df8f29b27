"""What stands in a processed folder, and where."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.storage.files import as_output_error, write_file

MANIFEST_COLUMNS = (
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples",
    "sample_rate", "channels", "classes", "labels", "label_names", "subset", "sha256",
    "source_sha256", "shape", "flags", "zero_share", "peak_db", "rms_db", "quiet_share",
    "clipped_share", "nan_share", "dc_offset", "length_error", "duplicate_of", "level_db", "offset",
    "gain",
)  # fmt: skip
"""Those of the dataset's manifest that still hold, then what `process` found and did."""
DROPPED_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "classes", "labels", "dropped_for", "detail",
    "source_sha256", "flags", "zero_share", "peak_db", "rms_db", "quiet_share", "clipped_share",
    "nan_share", "dc_offset", "length_error", "duplicate_of",
)  # fmt: skip
RUN_AGAIN = "run `audioset-dl process`, which writes it"


@dataclass(frozen=True)
class ProcessedFolder:
    """The names of the files in a processed folder."""

    path: Path

    @property
    def clips(self) -> Path:
        """The folder of all processed clips."""
        return self.path / "clips"

    @property
    def manifest(self) -> Path:
        """manifest.csv: the processed clips."""
        return self.path / "manifest.csv"

    @property
    def dropped(self) -> Path:
        """dropped.csv: the clips that were left out."""
        return self.path / "dropped.csv"

    @property
    def settings(self) -> Path:
        """process.json: by which settings and versions the clips were made."""
        return self.path / "process.json"

    @property
    def statistics(self) -> Path:
        """statistics.json."""
        return self.path / "statistics.json"

    @property
    def records(self) -> Path:
        """What is known of each clip, so that a stopped run can be resumed."""
        return self.path / ".records.jsonl"

    @property
    def lock(self) -> Path:
        """The lock file."""
        return self.path / ".lock"

    def read_manifest(self) -> list[dict[str, str]]:
        """Read manifest.csv, a mapping a row.

        Raises
        ------
        OutputError
            There is none, or it is not such a table.
        """
        try:
            text = self.manifest.read_text("utf-8")
        except FileNotFoundError as error:
            raise OutputError(f"{self.manifest} does not exist; {RUN_AGAIN}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise OutputError(f"{self.manifest} can't be read: {error}") from error
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        if any(None in row or None in row.values() for row in rows) or not text.startswith(
            ",".join(MANIFEST_COLUMNS)
        ):
            raise OutputError(f"{self.manifest} is no manifest of `process`; {RUN_AGAIN}")
        return rows

    def read_settings_sha256(self) -> str:
        """Read the hash of the settings that the clips here were made by.

        Raises
        ------
        OutputError
            There is no process.json, or it can't be read.
        """
        return str(self._read_about("settings_sha256"))

    def read_settings(self) -> dict[str, Any]:
        """Read the settings that the clips here were made by.

        Raises
        ------
        OutputError
            There is no process.json, or it can't be read.
        """
        return dict(self._read_about("settings"))

    def _read_about(self, key: str) -> Any:
        try:
            return json.loads(self.settings.read_text("utf-8"))[key]
        except FileNotFoundError as error:
            raise OutputError(f"{self.settings} does not exist; {RUN_AGAIN}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{self.settings} can't be read ({error}); remove the folder, and "
                "`audioset-dl process` makes it anew"
            ) from error


def file_name_of(clip_id: str, suffix: str) -> str:
    """Return a clip's path relative to the processed folder, with ``/`` between its parts."""
    shard = hashlib.sha256(clip_id.encode()).hexdigest()[:2]
    return str(PurePosixPath("clips", shard, f"Y{clip_id}{suffix}"))


def check_apart(processed: Path, dataset: Path) -> None:
    """Refuse a processed folder that is the dataset's, lies inside it, or around it.

    Raises
    ------
    ConfigError
        For ``process.dir``.
    """
    ours, theirs = processed.resolve(), dataset.resolve()
    if ours == theirs or ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise ConfigError(
            Problem(
                "process.dir",
                f"{processed} is, holds or lies in the downloaded dataset {dataset}, which is "
                "never written to; name a folder beside it",
            )
        )


def check_places(folder: ProcessedFolder) -> None:
    """Refuse a folder in which links stand where we would write, or that is somebody else's.

    Raises
    ------
    OutputError
        What stands where.
    """
    files = (folder.manifest, folder.dropped, folder.settings, folder.statistics, folder.records)
    with as_output_error(folder.clips):
        is_ours = folder.settings.exists()
        shards = list(folder.clips.iterdir()) if folder.clips.is_dir() else []
        for place in (*files, folder.clips, *shards):
            mode = place.lstat().st_mode if place.exists() or place.is_symlink() else 0
            if stat.S_ISLNK(mode):
                raise OutputError(
                    f"{place} is a link: nothing is written through links; remove it, or name "
                    "another process.dir"
                )
            if mode and not is_ours:
                raise OutputError(
                    f"{folder.path} holds {place.name}, which `process` did not write (there is no "
                    f"{folder.settings.name}); name another process.dir, or remove this folder"
                )


def claim_folder(
    folder: ProcessedFolder, settings: Mapping[str, Any], about: Mapping[str, object]
) -> str:
    """Write process.json, or see that the one that is there has the same settings; return the hash.

    Parameters
    ----------
    folder : ProcessedFolder
        Where.
    settings : mapping
        What decides how a processed clip comes out.
    about : mapping
        What else process.json is to say: versions, the numbers of the preset.

    Raises
    ------
    OutputError
        process.json can't be read or written.
    ConfigError
        The folder was made by other settings: which.
    """
    sha256 = hash_settings(settings)
    if not folder.settings.exists():
        document = {"settings": settings, "settings_sha256": sha256, **about}
        write_file(folder.settings, (json.dumps(document, indent=2) + "\n").encode())
    elif folder.read_settings_sha256() != sha256:
        raise ConfigError(_other_settings(folder, settings))
    return sha256


def check_settings(folder: ProcessedFolder, settings: Mapping[str, Any]) -> None:
    """Refuse a folder whose clips were made by other settings than some.

    Raises
    ------
    OutputError
        process.json is not there, or can't be read.
    ConfigError
        Which settings differ.
    """
    there = folder.read_settings()
    if any(there.get(key) != value for key, value in settings.items()):
        raise ConfigError(_other_settings(folder, settings))


def hash_settings(settings: Mapping[str, Any]) -> str:
    """Return the SHA-256 of settings as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table whole, with the columns of each row that are named."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_file(path, text.getvalue().encode())


def _other_settings(folder: ProcessedFolder, settings: Mapping[str, Any]) -> Problem:
    try:
        before = json.loads(folder.settings.read_text("utf-8"))["settings"]
        changed = [
            f"{key}: {_told(before.get(key))} there, {_told(value)} now"
            for key, value in settings.items()
            if before.get(key) != value
        ]
    except (OSError, ValueError, KeyError, AttributeError):
        changed = []
    return Problem(
        "process.dir",
        f"{folder.path} was made by other settings ({'; '.join(changed) or 'which, is not known'});"
        " name another folder, or remove this one to make it anew",
    )


def _told(value: object) -> str:
    return json.dumps(value)
