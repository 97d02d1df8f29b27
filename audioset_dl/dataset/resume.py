"""Bring an output folder in order before a run: what an earlier one left there."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.files import TEMPORARY_SUFFIX, remove_file, told_as_output_error
from audioset_dl.dataset.journal import Journal, Record, SavedFile
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.manifest import read_clips
from audioset_dl.errors import OutputError


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


def adopt_files(journal: Journal, folder: OutputFolder) -> None:
    """Make the journal know the files that it does not, or remove them.

    A run that was killed may have put a file in its place and not noted it any more; and a journal
    may have been lost. What the manifest says of a file, if its hash is right, is believed. Another
    file in the place of a clip that the journal says is not saved is removed: the clip is got
    again. All else is none of ours, and left alone.
    """
    unknown = _unknown_files(journal, folder)
    if not unknown:
        return
    for clip, file in _clips_of_manifest(folder.manifest):
        path = unknown.get(clip.clip_id)
        if path is None or path != folder.path / file.file_name:
            continue
        with told_as_output_error(path):
            content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == file.sha256:
            journal.adopt(clip, replace(file, num_bytes=len(content)))
            del unknown[clip.clip_id]
    states = journal.states()
    for clip_id, path in unknown.items():
        if clip_id in states:
            remove_file(path)


def _unknown_files(journal: Journal, folder: OutputFolder) -> dict[str, Path]:
    """Return files with the name of a clip, by clip_id, that the journal does not say are saved."""
    saved = {clip_id for clip_id, (state, _) in journal.states().items() if state == "saved"}
    files = {path.stem[1:]: path for path in folder.wav.rglob("Y*.wav") if path.is_file()}
    return {clip_id: path for clip_id, path in files.items() if clip_id not in saved}


def _clips_of_manifest(manifest: Path) -> list[tuple[Clip, SavedFile]]:
    try:
        return read_clips(manifest)
    except OutputError:
        return []


def settle_files(journal: Journal, folder: OutputFolder, layout: Layout, now: str) -> None:
    """Make the saved clips that the config wants lie where it puts them.

    A file that is gone or has another size than was written is noted as lost, so that the clip is
    got again; a file in another place, from an earlier config, is moved.
    """
    for record in list(journal.records("saved")):
        if not record.wanted or record.file is None:
            continue
        place = layout.file_name(record.clip.clip_id, record.clip.labels)
        if _has_size(folder.path / record.file.file_name, record.file.num_bytes):
            _move(journal, folder, record, record.file, place)
        elif _is_copy(folder.path / place, record.file):
            # A run was killed after it had moved the file, and before it noted that.
            journal.record_moved(record.clip.clip_id, place)
        else:
            journal.record_lost(record.clip.clip_id, now)


def _move(
    journal: Journal, folder: OutputFolder, record: Record, file: SavedFile, place: str
) -> None:
    if place == file.file_name:
        return
    target = folder.path / place
    with told_as_output_error(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder.path / file.file_name).rename(target)
    journal.record_moved(record.clip.clip_id, place)


def _is_copy(path: Path, file: SavedFile) -> bool:
    return (
        _has_size(path, file.num_bytes)
        and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    )


def _has_size(path: Path, num_bytes: int) -> bool:
    try:
        return path.stat().st_size == num_bytes
    except OSError:
        return False
