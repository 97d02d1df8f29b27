"""Bring an output folder in order before a run: what an earlier one left there."""

from __future__ import annotations

import shutil
from pathlib import Path

from audioset_dl.dataset.files import TEMPORARY_SUFFIX, told_as_output_error
from audioset_dl.dataset.journal import Journal, Record, SavedFile
from audioset_dl.dataset.layout import Layout, OutputFolder


def clear_leftovers(folder: OutputFolder) -> None:
    """Remove what dead runs left half-done, and make the folder ready. The caller holds the lock.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    with told_as_output_error(folder.path):
        shutil.rmtree(folder.scratch, ignore_errors=True)
        folder.scratch.mkdir(parents=True, exist_ok=True)
        folder.wav.mkdir(exist_ok=True)
        for leftover in folder.path.rglob(f".*{TEMPORARY_SUFFIX}"):
            leftover.unlink(missing_ok=True)


def settle_files(journal: Journal, folder: OutputFolder, layout: Layout, now: str) -> None:
    """Make the saved clips that the config wants lie where it puts them.

    A file that is gone or has another size than was written is noted as lost, so that the clip is
    got again; a file in another place, from an earlier config, is moved.
    """
    for record in list(journal.records("saved")):
        if not record.wanted or record.file is None:
            continue
        if not _has_size(folder.path / record.file.file_name, record.file.num_bytes):
            journal.record_lost(record.clip.clip_id, now)
        else:
            _move(journal, folder, record, record.file, layout)


def _move(
    journal: Journal, folder: OutputFolder, record: Record, file: SavedFile, layout: Layout
) -> None:
    place = layout.file_name(record.clip.clip_id, record.clip.labels)
    if place == file.file_name:
        return
    target = folder.path / place
    with told_as_output_error(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder.path / file.file_name).rename(target)
    journal.record_moved(record.clip.clip_id, place)


def _has_size(path: Path, num_bytes: int) -> bool:
    try:
        return path.stat().st_size == num_bytes
    except OSError:
        return False
