"""Folders that must lie apart, and paths that must lie inside of one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from audioset_dl.errors import ConfigError, Problem


def is_inside(root: Path, path: Path) -> bool:
    """Return True if a path, links followed, lies in a folder or is it."""
    try:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
    except ValueError:  # the path holds a NUL
        return False


def find_overlap(folders: Sequence[Path]) -> tuple[Path, Path] | None:
    """Return the first two folders that are the same, or of which one lies in the other."""
    for one, other in combinations(folders, 2):
        if is_inside(one, other) or is_inside(other, one):
            return one, other
    return None


def check_apart(key: str, folder: Path, others: Mapping[str, Path]) -> None:
    """Refuse to write a folder that is, or lies in, one that is only read.

    Parameters
    ----------
    key : str
        Key of the config that names the folder.
    folder : Path
        The folder to write.
    others : mapping of str to Path
        The folders that are only read, by their keys.

    Raises
    ------
    ConfigError
        Which of them it is or lies in.
    """
    for other_key, other in others.items():
        if is_inside(other, folder):
            words = f"{folder} is not apart from {other} ({other_key}), which is only read here"
            raise ConfigError(Problem(key, words, fix="name a folder beside it"))
