"""Verify a dataset: what `audioset-dl verify` does, for the command and for a notebook."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, overload

from audioset_dl.catalog.catalog import find_class_names
from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.repair import Repair, repair_folder
from audioset_dl.dataset.verify import Verification, verify_folder
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.storage.clock import utc_now


def _nothing() -> None:
    pass


@overload
def verify(
    source: ConfigSource,
    *,
    deep: bool = ...,
    repair: Literal[False] = ...,
    on_file: Callable[[], object] = ...,
) -> Verification: ...


@overload
def verify(
    source: ConfigSource,
    *,
    deep: bool = ...,
    repair: bool,
    on_file: Callable[[], object] = ...,
) -> Verification | Repair: ...


def verify(
    source: ConfigSource,
    *,
    deep: bool = False,
    repair: bool = False,
    on_file: Callable[[], object] = _nothing,
) -> Verification | Repair:
    """Check every file of a dataset against its manifest, and repair it if asked.

    Parameters
    ----------
    source : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config; or the output folder itself.
    deep : bool
        Decode each file, besides hashing it and reading its header.
    repair : bool
        Remove what is bad, so that the next download fetches it again, and write the manifest
        from the journal. Needs a config.
    on_file : callable
        Called after each file, for a progress bar.

    Returns
    -------
    Verification or Repair
        A Repair if `repair` is set: it holds the verification as ``found``, and what was done. Both
        have the command's ``exit_code``.

    Raises
    ------
    OutputError
        There is no manifest, or with `repair` no journal, or the folder can't be read or written.
    OutputLockedError
        A run is under way in the folder; only with `repair`.
    ConfigError
        `repair` is set and `source` is a folder: the names of the classes are not known.

    Examples
    --------
    In the folder that ``audioset-dl demo .`` makes:

    >>> from audioset_dl import verify
    >>> checked = verify("audioset", deep=True)
    >>> checked.num_files, checked.faults
    (39, ())
    """
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        if repair:
            found = f"{source} is a folder, and a repair needs the names of the classes"
            raise ConfigError(Problem("", found, "give the config in its place"))
        return verify_folder(OutputFolder(Path(source)), deep=deep, on_file=on_file)
    config = as_config(source)
    folder = OutputFolder(config.output.dir)
    if not repair:
        return verify_folder(folder, deep=deep, on_file=on_file)
    names = find_class_names(config)
    return repair_folder(folder, names, now=utc_now(), deep=deep, on_file=on_file)
