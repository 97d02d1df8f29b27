"""Pending notes: what a worker leaves beside the files until the journal knows of a clip.

Between the moment at which a file gets its name and that at which the journal notes it, a run may
be killed. The note, written before, lets the next run take the file up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.checks import check_clip, check_file
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.storage.files import as_output_error

# As version 0.1.0 called them, so that what it left is still found.
_SUFFIX = ".claim.json"


def write_pending(folder: OutputFolder, clip: Clip, file: SavedFile) -> None:
    """Note which file is about to be written.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    path = _path_of(folder, clip.clip_id)
    # Not flushed to the disk: a note that a power failure takes costs fetching the clip again.
    with as_output_error(path):
        path.write_text(json.dumps({"clip": asdict(clip), "file": asdict(file)}), "utf-8")


def drop_pending(folder: OutputFolder, clip_id: str) -> None:
    """Remove a note, once the journal knows of the clip.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    path = _path_of(folder, clip_id)
    with as_output_error(path):
        path.unlink(missing_ok=True)


def read_pending(folder: OutputFolder) -> Iterator[tuple[Clip, SavedFile]]:
    """Yield what the notes of a killed run say; a note that it did not write whole is left out."""
    for path in folder.scratch.glob(f"*{_SUFFIX}"):
        try:
            found = json.loads(path.read_text("utf-8"))
            labels = tuple(found["clip"].pop("labels"))
            clip, file = Clip(**found["clip"], labels=labels), SavedFile(**found["file"])
            check_clip(clip)
            check_file(file)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
        yield clip, file


def _path_of(folder: OutputFolder, clip_id: str) -> Path:
    return folder.scratch / f"Y{clip_id}{_SUFFIX}"
