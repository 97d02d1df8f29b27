"""A trial of whether a folder can hold a dataset, with the means by which one is written.

The trial uses a folder of its own and removes it; the dataset is not touched.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.layout import LONGEST_SLUG, OutputFolder
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import TEMPORARY_SUFFIX, as_output_error, write_file
from audioset_dl.storage.lock import hold_folder

_LONGEST_FOLDER = "a" * LONGEST_SLUG
_CLIP = "Y-_aB3456789_120000.wav"
# Messages name the file itself and not one that is temporary: so here they name the folder around.
_PREFIX, _SUFFIX = ".doctor-", TEMPORARY_SUFFIX


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
    place = _nearest(output.path)
    if not place.is_dir():
        raise OutputError(
            f"{place} is not a folder", fix="move it away, or choose another output.dir"
        )
    with as_output_error(place):
        folder = tempfile.TemporaryDirectory(dir=place, prefix=_PREFIX, suffix=_SUFFIX)
    with folder as name:
        trial = OutputFolder(Path(name))
        with hold_folder(trial.lock, now), open_journal(trial.journal) as journal:
            journal.note("trial", now)
            write_file(trial.wav / _LONGEST_FOLDER / _CLIP, b"trial")
    return place


def _nearest(path: Path) -> Path:
    """Return the path itself, or the nearest one above it that exists."""
    absolute = path.absolute()
    return next(place for place in (absolute, *absolute.parents) if place.exists())
