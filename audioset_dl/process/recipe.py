"""process.json: the settings and versions that the clips of a processed folder were made by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import soundfile

from audioset_dl.config import ProcessConfig
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.process.extra import find_version
from audioset_dl.process.folder import ProcessedFolder
from audioset_dl.process.presets import PRESETS
from audioset_dl.process.scale import TARGETS_DB
from audioset_dl.storage.files import write_file
from audioset_dl.versions import __version__

# Increase when the same settings begin to give other files: folders made before are then refused.
FORMAT = 1


def settings_of(config: ProcessConfig) -> dict[str, Any]:
    """Return everything that decides how a processed clip comes out, with versions of libraries.

    Raises
    ------
    ToolMissingError
        A library that is needed is not installed.
    """
    # Other versions of these may give other samples; numpy and soundfile do not.
    libraries = {name: find_version(name) for name in _libraries(config)}
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


def check_made_by(folder: ProcessedFolder, config: ProcessConfig) -> None:
    """Refuse a folder whose clips were made by other settings; versions of libraries may differ.

    Raises
    ------
    OutputError
        process.json is not there, or can't be read.
    ConfigError
        Which settings differ.
    """
    there, settings = folder.read_settings(), _settings_without_versions(config)
    if any(there.get(key) != value for key, value in settings.items()):
        raise _other_settings(folder, settings)


def find_target_db(config: ProcessConfig) -> float | None:
    """Return the level that clips are scaled to, in dBFS or LUFS; None if there is none."""
    given = config.scale_target_db
    return TARGETS_DB.get(config.scale) if given is None else given


def _settings_without_versions(config: ProcessConfig) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "form": config.form,
        "preset": config.preset,
        "scale": config.scale,
        "scale_target_db": find_target_db(config),
        "short": config.short,
        "drop": sorted(config.drop),
    }


def _libraries(config: ProcessConfig) -> list[str]:
    names = ["pyloudnorm"] if config.scale == "loudness" else []
    if config.preset is not None:
        names.append("soxr")
    if config.form == "logmel" and PRESETS[str(config.preset)].kind == "librosa":
        names.append("librosa")
    return names


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
