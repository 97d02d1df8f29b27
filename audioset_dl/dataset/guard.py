"""The checks that a folder can hold a dataset: no links in the places of our files, and writable.

An output folder may come from somebody else, in an archive that also holds links, by which files
outside of it would be written.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.layout import LONGEST_SLUG, OutputFolder
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import TEMPORARY_SUFFIX, as_output_error, write_file
from audioset_dl.storage.lock import hold_folder

_TRIAL = ".doctor-"


def check_places(folder: OutputFolder) -> None:
    """Refuse an output folder in which links, pipes or the like stand where files are written.

    The folder itself may be a link. A link in the place of a WAV file is no danger: it is replaced,
    and never written through.

    Raises
    ------
    OutputError
        What was found where, and what to do.
    """
    for path, is_folder in _places(folder):
        mode = 0  # of what is not there
        with as_output_error(path), suppress(FileNotFoundError):
            mode = path.lstat().st_mode
        if mode and stat.S_ISLNK(mode):
            raise OutputError(
                f"{path} is a link to {path.readlink()}: nothing is written through links",
                fix="remove it, or name the place that is meant as output.dir",
            )
        if mode and not (stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)):
            expected = "a folder" if is_folder else "a file"
            raise OutputError(
                f"{path} is not {expected}", fix="move it away, or name another output.dir"
            )


def _places(folder: OutputFolder) -> Iterator[tuple[Path, bool]]:
    """Yield the places where files are written; True for a folder."""
    journal = folder.journal
    # SQLite's own files beside the journal: https://www.sqlite.org/tempfiles.html
    companions = (journal.with_name(journal.name + end) for end in ("-wal", "-shm", "-journal"))
    holder = folder.lock.with_name(f"{folder.lock.name}-holder.json")
    files = (folder.lock, holder, journal, *companions, folder.manifest, folder.failures)
    yield from ((path, False) for path in (*files, folder.run))
    yield from ((path, True) for path in (folder.scratch, folder.wav))
    with as_output_error(folder.wav):
        entries = list(os.scandir(folder.wav)) if folder.wav.is_dir() else []
    # Files here that are no folders are the user's own: `verify` names them.
    yield from ((Path(entry.path), True) for entry in entries if not entry.is_file())


def is_trial(path: Path) -> bool:
    """Return True for a folder that `try_folder` makes, and leaves if it is killed."""
    return path.name.startswith(_TRIAL) and path.suffix == TEMPORARY_SUFFIX and path.is_dir()


def try_folder(output: OutputFolder, now: str) -> Path:
    """Lock, write, flush, rename, and keep a journal where a dataset lies or would lie.

    Parameters
    ----------
    output : OutputFolder
        Where it does not exist yet, the nearest folder above it is tried; it is not made.
    now : str
        The time, ISO 8601 in UTC.

    Returns
    -------
    Path
        The folder that was tried.

    Raises
    ------
    OutputError
        What did not work, and what to do.
    """
    absolute = output.path.absolute()
    place = next(path for path in (absolute, *absolute.parents) if path.exists())
    if not place.is_dir():
        raise OutputError(
            f"{place} is not a folder", fix="move it away, or choose another output.dir"
        )
    # Messages name the folder around what has a temporary name.
    with as_output_error(place):
        folder = tempfile.TemporaryDirectory(dir=place, prefix=_TRIAL, suffix=TEMPORARY_SUFFIX)
    with folder as name:
        trial = OutputFolder(Path(name))
        with hold_folder(trial.lock, now), open_journal(trial.journal) as journal:
            journal.note("trial", now)
            # The longest folder of a class, and in it a name as clips have it.
            write_file(trial.wav / ("a" * LONGEST_SLUG) / "Y-_aB3456789_120000.wav", b"trial")
    return place
