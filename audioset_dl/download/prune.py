"""Saved clips that the config no longer wants: which they are, and deleting them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.writing import list_saved, open_dataset
from audioset_dl.errors import OutputError
from audioset_dl.selection.known import find_known
from audioset_dl.selection.select import Selection, prepare
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.files import remove_file


@dataclass(frozen=True)
class Unwanted:
    """A saved clip that the config does not want."""

    clip_id: str
    file_name: str
    """Relative to the output folder."""
    num_bytes: int


@dataclass(frozen=True)
class Pruned:
    """What a prune found."""

    folder: str
    clips: tuple[Unwanted, ...]
    """Sorted by clip_id."""
    num_saved: int
    """Saved clips, with these."""
    is_deleted: bool
    """True if their files were deleted."""

    @property
    def num_bytes(self) -> int:
        """Bytes of their files."""
        return sum(clip.num_bytes for clip in self.clips)


def prune(
    config: ConfigSource,
    *,
    delete: bool = False,
    on_warning: Callable[[str], object] = warnings.warn,
) -> Pruned:
    """Find the saved clips that a config no longer wants, and delete them where that is asked for.

    A clip is wanted if `download` with this config would want it as things stand. What is deleted
    is fetched again as soon as a config wants it.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    delete : bool
        True to delete the files and take the clips off the manifest.
    on_warning : callable
        Called with each warning about AudioSet's files and the choice of classes.

    Raises
    ------
    ConfigError
        The config names classes that do not exist, or none is left.
    MetadataError
        One of AudioSet's files can't be fetched, or is malformed.
    OutputError
        There is no dataset in ``output.dir``, or it can't be written.
    OutputLockedError
        Another run holds the folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from audioset_dl import load_config
    >>> from audioset_dl.download.prune import prune
    >>> fewer = load_config(Path("config.yaml"), ["clips.per_class=2"])
    >>> prune(fewer).is_deleted
    False
    """
    config = as_config(config)
    folder = OutputFolder(config.output.dir)
    if not folder.journal.is_file():
        raise OutputError(
            f"{folder.path} holds no journal of a download",
            fix="name the config whose output.dir you mean",
        )
    prepared = prepare(config)
    for warning in prepared.warnings:
        on_warning(warning)
    if not delete:
        found, num_saved = _find_unwanted(prepared.selection, folder)
        return Pruned(str(folder.path), found, num_saved, is_deleted=False)
    with open_dataset(folder, utc_now()) as (journal, _):
        found, num_saved = _find_unwanted(prepared.selection, folder)
        for clip in found:
            remove_file(folder.path / clip.file_name)
            journal.forget(clip.clip_id)
        names = {node.mid: node.name for node in prepared.selection.catalog.ontology}
        list_saved(journal, folder, names)
    return Pruned(str(folder.path), found, num_saved, is_deleted=True)


def _find_unwanted(selection: Selection, folder: OutputFolder) -> tuple[tuple[Unwanted, ...], int]:
    """Return the saved clips that are not wanted, and how many are saved."""
    with read_journal(folder.journal) as journal:
        gone = np.flatnonzero(find_known(selection.table, journal.states()).is_gone)
        saved = list(journal.saved_values(("clip_id", "file_name", "num_bytes")))
        known = find_known(selection.table, journal.states())
    draw = selection.draw()
    left_out = selection.reported_gone(known)
    draw.start(np.append(gone, np.fromiter(left_out, np.int64)))
    rows = selection.table.find_all([clip_id for clip_id, _, _ in saved])
    is_wanted = (rows >= 0) & draw.are_drawn(np.maximum(rows, 0))
    unwanted = tuple(
        Unwanted(*values) for values, wanted in zip(saved, is_wanted, strict=True) if not wanted
    )
    return unwanted, len(saved)
