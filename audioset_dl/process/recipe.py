"""What decides how a processed clip comes out, as it stands in process.json."""

from __future__ import annotations

from dataclasses import asdict
from importlib import metadata
from typing import Any

import numpy as np
import soundfile

from audioset_dl.config import ProcessConfig
from audioset_dl.errors import ToolMissingError
from audioset_dl.process.folder import ProcessedFolder, check_settings
from audioset_dl.process.presets import PRESETS
from audioset_dl.process.scale import TARGETS_DB
from audioset_dl.versions import __version__

FORMAT = 1
"""Counted up when the same settings begin to give other files."""


def settings_of(config: ProcessConfig) -> dict[str, Any]:
    """Return what decides how a processed clip comes out, with the versions of the libraries.

    Raises
    ------
    ToolMissingError
        A library that is needed is not installed.
    """
    libraries = {name: _version_of(name) for name in _libraries(config)}
    return {**_recipe_of(config), "libraries": libraries}


def check_made_by(folder: ProcessedFolder, config: ProcessConfig) -> None:
    """Refuse a processed folder that was made by other settings; libraries may be others since.

    Raises
    ------
    OutputError
        process.json is not there, or can't be read.
    ConfigError
        Which settings differ.
    """
    check_settings(folder, _recipe_of(config))


def _recipe_of(config: ProcessConfig) -> dict[str, Any]:
    target_db = config.scale_target_db
    return {
        "format": FORMAT,
        "form": config.form,
        "preset": config.preset,
        "scale": config.scale,
        "scale_target_db": TARGETS_DB.get(config.scale) if target_db is None else target_db,
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


def _version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError as error:
        raise ToolMissingError(
            f"{name} is needed for this and not installed; run: pip install 'audioset-dl[process]'"
        ) from error


def about(config: ProcessConfig) -> dict[str, object]:
    """Return what process.json says besides: the numbers of the preset, and versions."""
    preset = None if config.preset is None else asdict(PRESETS[config.preset])
    versions = {
        "audioset-dl": __version__,
        "numpy": np.__version__,
        "soundfile": soundfile.__version__,
    }
    return {"preset": preset, "versions": versions}
