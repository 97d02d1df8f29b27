"""How a file, the overrides of a command line or a dict become a :class:`Config`.

Owns the order of these steps. Must not know the sections, nor how YAML is read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from audioset_dl.config.document import Document, KeyPath, Place, quoted
from audioset_dl.config.models import Config
from audioset_dl.config.problems import keys_at, note_faults
from audioset_dl.config.yaml_text import read_yaml, read_yaml_file
from audioset_dl.errors import ConfigError, Problem

_OVERRIDE = "--set"


def load_config(path: Path | None, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file.

    Parameters
    ----------
    path : Path or None
        A YAML file. What it leaves out, or leaves empty, takes its default; None leaves out all.
    overrides : sequence of str
        ``key.path=value`` each, the value in YAML; they win over the file, later ones over earlier.

    Returns
    -------
    Config
        Its relative paths, those of overrides too, are taken from the file's folder, or without a
        file from the current one.

    Raises
    ------
    ConfigError
        With every fault of the file and the overrides, in the order in which they stand there.

    Examples
    --------
    >>> from audioset_dl import load_config
    >>> config = load_config(None, ["clips.per_class=20", "classes.include=[Dog]"])
    >>> config.clips.per_class, config.classes.include
    (20, ('Dog',))
    """
    folder = Path.cwd() if path is None else path.absolute().parent
    return _validated(_read(path, overrides), folder)


ConfigSource = Config | Mapping[str, Any] | str | os.PathLike[str]
"""What the functions of the library take for a config: see `as_config`."""


def as_config(source: ConfigSource) -> Config:
    """Return the configuration that a caller of the library names.

    Parameters
    ----------
    source : Config, mapping, str or path
        A configuration; or one as a dict of the keys of config.yaml; or the path of such a file.

    Returns
    -------
    Config
        Its relative paths are taken from the file's folder; those of a dict, or of a `Config` made
        in Python, from the current folder.

    Raises
    ------
    ConfigError
        With every fault of the file or the dict.

    Examples
    --------
    >>> as_config({"classes": {"include": ["Dog"]}}).clips.per_class
    10
    >>> as_config({"clips": {"per_clas": 20}})
    Traceback (most recent call last):
    ...
    audioset_dl.errors.ConfigError: config: clips.per_clas: unknown key; did you mean per_class?
    """
    if isinstance(source, Config):
        return source.resolved(Path.cwd())
    if isinstance(source, Mapping):
        return _validated(Document("config", value=source), Path.cwd())
    return load_config(Path(source))


def locate(error: ConfigError, path: Path | None, overrides: Sequence[str] = ()) -> ConfigError:
    """Return the same error with the place where each key was written.

    For what is only found wrong when a value is used, such as a class that does not exist.

    Parameters
    ----------
    error : ConfigError
        Its problems name keys.
    path, overrides
        As they were given to `load_config`.
    """
    places = _read(path, overrides).places

    def with_place(problem: Problem) -> Problem:
        key = _path(problem.key)
        # A key that was not written, nor anything around it, has no line.
        written = next((key[:end] for end in range(len(key), 0, -1) if key[:end] in places), None)
        source = str(places[written]) if written else ""
        return replace(problem, source=problem.source or source)

    return ConfigError(*map(with_place, error.problems))


def _path(key: str) -> KeyPath:
    """Return the path of a key in the form ``classes.include[2]``."""
    parts = re.findall(r"[^.\[\]]+", key)
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _read(path: Path | None, overrides: Sequence[str]) -> Document:
    """Return what a file and the overrides say, with what is wrong with their YAML."""
    document = Document("") if path is None else read_yaml_file(path)
    for (*around, key), mapping in document.blanks.items():
        if key in keys_at(tuple(around)) and mapping.get(str(key)) is None:
            mapping.pop(str(key), None)
    for override in overrides:
        _override(document, override)
    return document


def _override(document: Document, override: str) -> None:
    """Write one ``key.path=value`` into a document."""
    key, equals, text = override.partition("=")
    path = tuple(key.strip().split("."))
    refuse = partial(document.refuse, place=Place(_OVERRIDE))
    if not equals or not all(path):
        found = "" if "@" in override else f", found {quoted(override)}"  # "@": perhaps a login
        refuse((), f"expected key.path=value, such as clips.per_class=20{found}")
    elif len(path) == 1 and keys_at(path):
        refuse(path, "a section", "set its keys one by one")
    elif not text.strip():
        refuse(path, "nothing after the =", "write a value, or null")
    else:
        document.put(read_yaml(text, _OVERRIDE, path))


def _validated(document: Document, folder: Path) -> Config:
    """Return the configuration that a document says, or raise all that is wrong with it."""
    try:
        config = Config.model_validate(document.value, context=folder)
    except ValidationError as error:
        note_faults(error, document)
        raise document.error() from None  # the cause quotes keys, and a proxy may stand as a key
    if document.faults:
        raise document.error()
    return config
