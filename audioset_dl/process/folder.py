"""A processed folder: its files, their columns, the settings they were made by, and its guards."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from pydantic import ValidationError

from audioset_dl.config import ProcessConfig
from audioset_dl.dataset.manifest import Manifest, read_manifest
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.process.clean import Figures
from audioset_dl.process.extra import find_version
from audioset_dl.process.spectrograms import PRESETS
from audioset_dl.process.transform import TARGETS_DB
from audioset_dl.storage.files import as_output_error, write_file
from audioset_dl.storage.guards import find_overlap, is_inside
from audioset_dl.versions import __version__
from audioset_dl.words import first_fault

# Increase when the same settings begin to give other files: folders made before are then refused.
FORMAT = 1
_FOUND = ("flags", *(field.name for field in fields(Figures)), "duplicate_of")
MANIFEST_COLUMNS = (
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples",
    "sample_rate", "channels", "classes", "labels", "label_names", "subset", "sha256",
    "source_sha256", "shape", *_FOUND, "level_db", "offset", "gain",
)  # fmt: skip
"""Columns of the dataset's manifest that still hold, then what `process` found and did."""
DROPPED_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "classes", "labels", "dropped_for", "detail",
    "source_sha256", *_FOUND,
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

    def read_array(self, file: SavedFile) -> npt.NDArray[np.float32]:
        """Read a processed file, WAV or .npy, checked by its hash.

        Returns
        -------
        array of float32
            As it was written: (num_samples,), (num_samples, channels) or (num_frames, n_mels).

        Raises
        ------
        OutputError
            It can't be read, is not as it was written, or lies outside the folder.
        """
        path = self.path / file.file_name
        if not is_inside(self.path, path):
            raise OutputError(f"{path} lies outside {self.path}", fix="run `audioset-dl process`")
        again = "run `audioset-dl process`, which makes it again"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise OutputError(f"{path} can't be read: {error.strerror}", fix=again) from error
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise OutputError(f"{path} is not as it was written: its SHA-256 is another", fix=again)
        if path.suffix == ".npy":
            array: npt.NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
            return array
        samples: npt.NDArray[np.float32] = soundfile.read(io.BytesIO(content), dtype="float32")[0]
        return samples

    def _read_document(self) -> dict[str, Any]:
        again = "remove the folder, and `audioset-dl process` makes it again"
        with reading(self.settings, missing=_RUN_PROCESS, broken=again):
            document = json.loads(self.settings.read_text("utf-8"))
            if not isinstance(document["settings"], dict) or "settings_sha256" not in document:
                raise ValueError("no settings")
        return dict(document)


@contextmanager
def reading(path: Path, *, missing: str, broken: str) -> Iterator[None]:
    """Turn errors of reading a JSON document into an `OutputError` that names the file.

    Parameters
    ----------
    path : Path
        The file.
    missing, broken : str
        What to do where the file does not exist, and where it can't be read.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise OutputError(f"{path} does not exist", fix=missing) from error
    except ValidationError as error:
        raise OutputError(f"{path} can't be read ({first_fault(error)})", fix=broken) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OutputError(f"{path} can't be read ({error})", fix=broken) from error


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
            # A link may lead into the dataset, which is never written to.
            if place.is_symlink():
                raise OutputError(
                    f"{place} is a link: nothing is written through links",
                    fix="remove it, or name another process.dir",
                )
            if place.exists() and not is_ours:
                raise OutputError(
                    f"{folder.path} holds {place.name}, which `process` did not write (there is no "
                    f"{folder.settings.name})",
                    fix="name another process.dir, or remove this folder",
                )


def settings_of(config: ProcessConfig) -> dict[str, Any]:
    """Return everything that decides how a processed clip comes out, with versions of libraries.

    Raises
    ------
    ToolMissingError
        A library that is needed is not installed.
    """
    # Other versions of these may give other samples; numpy and soundfile do not.
    needed = {
        "pyloudnorm": config.scale == "loudness",
        "soxr": config.preset is not None,
        "librosa": config.form == "logmel" and PRESETS[str(config.preset)].kind == "librosa",
    }
    libraries = {name: find_version(name) for name, is_needed in needed.items() if is_needed}
    return {**_settings_without_versions(config), "libraries": libraries}


def claim_folder(
    folder: ProcessedFolder, config: ProcessConfig, settings: Mapping[str, Any]
) -> None:
    """Write process.json, or refuse a folder whose clips were made by other settings.

    Parameters
    ----------
    folder : ProcessedFolder
        The folder.
    config : ProcessConfig
        Section of the config; process.json also holds the numbers of its preset.
    settings : mapping
        `settings_of` the config.

    Raises
    ------
    OutputError
        process.json can't be read or written.
    ConfigError
        The folder was made by other settings: which.
    """
    sha256 = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    if folder.settings.exists():
        if folder.read_settings_sha256() != sha256:
            raise _other_settings(folder, settings)
        return
    document = {
        "settings": settings,
        "settings_sha256": sha256,
        "preset": None if config.preset is None else asdict(PRESETS[config.preset]),
        "versions": {
            "audioset-dl": __version__,
            "numpy": np.__version__,
            "soundfile": soundfile.__version__,
        },
    }
    write_file(folder.settings, (json.dumps(document, indent=2) + "\n").encode())


def find_target_db(config: ProcessConfig) -> float | None:
    """Return the level that clips are scaled to, in dBFS or LUFS; None if there is none."""
    given = config.scale_target_db
    return TARGETS_DB.get(config.scale) if given is None else given


def _settings_without_versions(config: ProcessConfig) -> dict[str, Any]:
    version = PRESETS[config.preset].version if config.preset else 1
    return {
        "format": FORMAT,
        # Not where it is the first: folders of version 0.1.0 do not have it.
        **({"preset_version": version} if version > 1 else {}),
        "form": config.form,
        "preset": config.preset,
        "scale": config.scale,
        "scale_target_db": find_target_db(config),
        "short": config.short,
        "drop": sorted(config.drop),
    }


def _other_settings(folder: ProcessedFolder, settings: Mapping[str, Any]) -> ConfigError:
    before = folder.read_settings()
    changed = [
        f"{key}: {json.dumps(before.get(key))} there, {json.dumps(value)} now"
        for key, value in settings.items()
        if before.get(key) != value
    ]
    return ConfigError(
        Problem(
            "process.dir",
            f"{folder.path} was made by other settings "
            f"({'; '.join(changed) or 'which, is not known'})",
            fix="name another folder, or remove this one to make it again",
        )
    )
