"""Claims: what a worker leaves beside the files until the journal knows of a clip.

Between the moment at which a file gets its name and that at which the journal notes it, a run may
be killed. The claim, written before, lets the next run take the file up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.checks import check_clip, check_file
from audioset_dl.dataset.journal import SavedFile
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.storage.files import told_as_output_error

_SUFFIX = ".claim.json"


def write_claim(folder: OutputFolder, clip: Clip, file: SavedFile) -> None:
    """Say what is about to be written.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    path = _claim_path(folder, clip.clip_id)
    with told_as_output_error(path):
        path.write_text(json.dumps({"clip": asdict(clip), "file": asdict(file)}), "utf-8")


def drop_claim(folder: OutputFolder, clip_id: str) -> None:
    """Forget a claim: the journal knows.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    path = _claim_path(folder, clip_id)
    with told_as_output_error(path):
        path.unlink(missing_ok=True)


def read_claims(folder: OutputFolder) -> Iterator[tuple[Clip, SavedFile]]:
    """Yield the claims that a killed run left; one that it did not write whole is none."""
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


def _claim_path(folder: OutputFolder, clip_id: str) -> Path:
    return folder.scratch / f"Y{clip_id}{_SUFFIX}"
