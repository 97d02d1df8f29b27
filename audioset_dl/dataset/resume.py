"""Take up what an earlier run left: its pending notes, files that were not noted, half-done files.

Between the moment at which a file gets its name and that at which the journal notes it, a run may
be killed. A pending note, written before, lets the next run take the file up.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.journal_reader import read_states
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.rows import Row, SavedFile, check_clip, check_saved_file
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import TEMPORARY_SUFFIX, as_output_error

# As version 0.1.0 called them, so that what it left is still found.
_PENDING_SUFFIX = ".claim.json"


def write_pending(folder: OutputFolder, clip: Clip, file: SavedFile) -> None:
    """Note which file is about to be written.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    path = _pending_path(folder, clip.clip_id)
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
    path = _pending_path(folder, clip_id)
    with as_output_error(path):
        path.unlink(missing_ok=True)


def read_pending(folder: OutputFolder) -> Iterator[tuple[Clip, SavedFile]]:
    """Yield what the notes of a killed run say; a note that it did not write whole is left out."""
    for path in folder.scratch.glob(f"*{_PENDING_SUFFIX}"):
        try:
            found = json.loads(path.read_text("utf-8"))
            labels = tuple(found["clip"].pop("labels"))
            clip, file = Clip(**found["clip"], labels=labels), SavedFile(**found["file"])
            check_clip(clip)
            check_saved_file(file)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
        yield clip, file


def _pending_path(folder: OutputFolder, clip_id: str) -> Path:
    return folder.scratch / f"Y{clip_id}{_PENDING_SUFFIX}"


def clear_leftovers(folder: OutputFolder) -> None:
    """Remove what dead runs left half-done, and make the folder ready. The caller holds the lock.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    with as_output_error(folder.path):
        # After `adopt_files`, as the pending notes lie in there.
        shutil.rmtree(folder.scratch, ignore_errors=True)
        folder.scratch.mkdir(parents=True, exist_ok=True)
        folder.wav.mkdir(exist_ok=True)
        for leftover in folder.path.rglob(f".*{TEMPORARY_SUFFIX}"):
            leftover.unlink(missing_ok=True)


def adopt_files(journal: Journal, folder: OutputFolder) -> None:
    """Note in the journal the files that it lacks: a run was killed, or the journal was lost.

    A file is believed to be what a pending note or the manifest says if its hash is right. All
    other files are the user's, and are left alone.
    """
    unknown = _unknown_files(journal, folder)
    # Mostly there are none, and then a long manifest need not be read.
    if not unknown:
        return
    for clip, file in (*read_pending(folder), *_files_of_manifest(folder.manifest)):
        path = folder.path / file.file_name
        if path not in unknown:
            continue
        with as_output_error(path):
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
    rows = read_manifest(folder.manifest, checked=False).rows
    return {row.clip_id: ("saved", None) for row in rows}


def _unknown_files(journal: Journal, folder: OutputFolder) -> set[Path]:
    """Return files with the name of a clip that the journal does not say is saved."""
    saved = {clip_id for clip_id, (state, _) in journal.states().items() if state == "saved"}
    files = (path for path in folder.wav.rglob("Y*.wav") if path.is_file())
    return {path for path in files if path.stem[1:] not in saved}


def _files_of_manifest(manifest: Path) -> Iterator[tuple[Clip, SavedFile]]:
    with suppress(OutputError):
        yield from ((row.clip, row.saved_file) for row in read_manifest(manifest).rows)


def settle_files(journal: Journal, folder: OutputFolder, layout: Layout, now: str) -> None:
    """Make the saved clips that the config wants lie where it puts them.

    A file that is gone or has another size than was written is noted as lost, so that the clip is
    fetched again; a file in another place, from an earlier config, is moved.
    """
    for row in list(journal.rows("saved")):
        if row.wanted:
            _settle(journal, folder, layout, row, now)


def settle_clips(
    clip_ids: Iterable[str], journal: Journal, folder: OutputFolder, layout: Layout, *, now: str
) -> list[str]:
    """Do what `settle_files` does with some clips; return those that are not on the disk."""
    return [
        clip_id
        for clip_id in clip_ids
        if (row := journal.find(clip_id)) is None or not _settle(journal, folder, layout, row, now)
    ]


def _settle(journal: Journal, folder: OutputFolder, layout: Layout, row: Row, now: str) -> bool:
    if row.file is None:
        return False
    place = layout.file_name(row.clip_id, row.clip.labels)
    # The size alone: to read and hash all files at every start is left to `verify`.
    if file_size(folder.path / row.file.file_name) == row.file.num_bytes:
        _move(journal, folder, row, place)
    elif is_copy(folder.path / place, row.file):
        # A run was killed after it had moved the file, and before it noted that.
        journal.record_moved(row.clip_id, place)
    else:
        journal.record_lost(row.clip_id, now)
        return False
    return True


def _move(journal: Journal, folder: OutputFolder, row: Row, place: str) -> None:
    if place == row.saved_file.file_name:
        return
    source, target = folder.path / row.saved_file.file_name, folder.path / place
    with as_output_error(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    with suppress(OSError):  # it is not empty
        source.parent.rmdir()
    journal.record_moved(row.clip_id, place)


def is_copy(path: Path, file: SavedFile) -> bool:
    """Return True if a path holds the bytes of a file.

    Raises
    ------
    OutputError
        It can't be read.
    """
    with as_output_error(path):
        return (
            path.is_file()
            and file_size(path) == file.num_bytes
            and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        )


def file_size(path: Path) -> int | None:
    """Return the number of bytes of a file; None where there is none that can be asked."""
    try:
        return path.stat().st_size
    except OSError:
        return None
