"""What must lie apart, and what must lie inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audioset_dl.errors import ConfigError, Problem


def check_apart(key: str, folder: Path, others: Mapping[str, Path]) -> None:
    """Refuse to write a folder that is, or lies in, one that is only read.

    Parameters
    ----------
    key : str
        Of the config, that names the folder.
    folder : Path
        Where is to be written.
    others : mapping of str to Path
        The folders that are only read, by their keys.

    Raises
    ------
    ConfigError
        Which of them it is or lies in.
    """
    for other_key, other in others.items():
        if folder.resolve().is_relative_to(other.resolve()):
            words = f"{folder} is not apart from {other} ({other_key}), which is only read here"
            raise ConfigError(Problem(key, f"{words}; name a folder beside it"))
