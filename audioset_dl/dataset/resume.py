"""Bring an output folder in order before a run: what an earlier one left there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.journal import Journal, Record, SavedFile, read_states
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.manifest import read_clips, read_manifest
from audioset_dl.dataset.pending import read_claims
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import TEMPORARY_SUFFIX, told_as_output_error


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
    """Make the journal know the files that it does not: a run was killed, or the journal lost.

    What a claim or the manifest says of a file is believed if its hash is right. All else is none
    of ours, and left alone.
    """
    unknown = _unknown_files(journal, folder)
    told = chain(read_claims(folder), _clips_of_manifest(folder.manifest)) if unknown else ()
    for clip, file in told:
        path = folder.path / file.file_name
        if path not in unknown:
            continue
        with told_as_output_error(path):
            content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == file.sha256:
            journal.adopt(clip, replace(file, num_bytes=len(content)))
            unknown.remove(path)


def known_states(folder: OutputFolder) -> dict[str, tuple[str, str | None]]:
    """Return state and failure code by clip_id, without changing anything.

    As the journal has them; where it is lost, what the manifest lists is saved.
    """
    if folder.journal.is_file() or not folder.manifest.is_file():
        return read_states(folder.journal)
    return {row.clip_id: ("saved", None) for row in read_manifest(folder.manifest)}


def _unknown_files(journal: Journal, folder: OutputFolder) -> set[Path]:
    """Return files with the name of a clip that the journal does not say is saved."""
    saved = {clip_id for clip_id, (state, _) in journal.states().items() if state == "saved"}
    files = (path for path in folder.wav.rglob("Y*.wav") if path.is_file())
    return {path for path in files if path.stem[1:] not in saved}


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
        if record.wanted:
            _settle(journal, folder, layout, record, now)


def settle_clips(
    clip_ids: Iterable[str], journal: Journal, folder: OutputFolder, layout: Layout, *, now: str
) -> list[str]:
    """Do what `settle_files` does with some clips; return those that are not on the disk."""
    return [
        clip_id
        for clip_id in clip_ids
        if (record := journal.find(clip_id)) is None
        or not _settle(journal, folder, layout, record, now)
    ]


def _settle(
    journal: Journal, folder: OutputFolder, layout: Layout, record: Record, now: str
) -> bool:
    if record.file is None:
        return False
    place = layout.file_name(record.clip.clip_id, record.clip.labels)
    if _has_size(folder.path / record.file.file_name, record.file.num_bytes):
        _move(journal, folder, record, record.file, place)
    elif _is_copy(folder.path / place, record.file):
        # A run was killed after it had moved the file, and before it noted that.
        journal.record_moved(record.clip.clip_id, place)
    else:
        journal.record_lost(record.clip.clip_id, now)
        return False
    return True


def _move(
    journal: Journal, folder: OutputFolder, record: Record, file: SavedFile, place: str
) -> None:
    if place == file.file_name:
        return
    target = folder.path / place
    with told_as_output_error(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder.path / file.file_name).rename(target)
    with suppress(OSError):  # it is not empty
        (folder.path / file.file_name).parent.rmdir()
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
