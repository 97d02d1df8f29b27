"""A split that is given: a JSON file of class names."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path

from audioset_dl.catalog.ontology import Ontology, UnknownClass
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import ConfigError, Problem

_KEY = "fewshot.given"
_FORM = '{"train": [...], "validation": [...], "test": [...]}'
# More would push the first ones off the screen.
_MAX_PROBLEMS = 50


def read_given_split(path: Path, ontology: Ontology) -> dict[str, str]:
    """Read a JSON file ``{"train": [...], "validation": [...], "test": [...]}``.

    Entries are display names or MIDs; a split that is missing is empty.

    Returns
    -------
    dict of str to str
        Name of the split by MID.

    Raises
    ------
    ConfigError
        The file can't be read or has another form, names classes that do not exist, or one twice.
    """
    entries = _read_lists(path)
    problems: list[str] = []
    split_of: dict[str, str] = {}
    for name, classes in entries.items():
        for entry in classes:
            if not isinstance(entry, str):
                problems.append(f"{name}: expected class names, found {reprlib.repr(entry)}")
                continue
            try:
                mid = ontology.find(entry).mid
            except UnknownClass as error:
                problems.append(f"{name}: {error}")
                continue
            if mid in split_of:
                problems.append(f"{name}: {entry!r} is in {split_of[mid]} already; keep one")
            split_of.setdefault(mid, name)
    if problems:
        raise ConfigError(*(Problem(_KEY, f"{path}: {one}") for one in problems[:_MAX_PROBLEMS]))
    if not split_of:
        raise ConfigError(Problem(_KEY, f"{path} names no class; expected {_FORM}"))
    return split_of


def _read_lists(path: Path) -> Mapping[str, list[object]]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(Problem(_KEY, f"{path} can't be read: {error.strerror}")) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            Problem(_KEY, f"{path} is not JSON ({error}); expected {_FORM}")
        ) from error
    if not isinstance(value, dict):
        raise ConfigError(Problem(_KEY, f"{path}: expected {_FORM}"))
    odd = [key for key in value if key not in SPLITS]
    odd += [key for key in value if key in SPLITS and not isinstance(value[key], list)]
    if odd:
        words = f"{path}: {reprlib.repr(odd[0])} is not a split with a list; expected {_FORM}"
        raise ConfigError(Problem(_KEY, words))
    return {name: value.get(name, []) for name in SPLITS}
