"""Notes of files that are about to be written, and the files of saved clips put in their places.

Between the moment at which a file gets its name and that at which journal and manifest are sure to
list it, a run may be killed, and the journal's last changes lost with it. A pending note, written
before, lets the next run take the file up.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.journal_reader import read_states
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.rows import Row, SavedFile, check_clip, check_saved_file, check_types
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import as_output_error, sync_folder

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
    """Remove a note, once the manifest lists the clip.

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
            google_labels = tuple(found["clip"].pop("google_labels", ()))
            clip = Clip(**found["clip"], labels=labels, google_labels=google_labels)
            file = SavedFile(**found["file"])
            check_clip(clip)
            check_types(file)
            check_saved_file(file)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
        yield clip, file


def _pending_path(folder: OutputFolder, clip_id: str) -> Path:
    return folder.scratch / f"Y{clip_id}{_PENDING_SUFFIX}"


def known_states(folder: OutputFolder) -> Iterator[tuple[str, str, str | None]]:
    """Yield clip_id, state and failure code of what is known, without changing anything.

    As the journal has them; where it is lost, what the manifest lists is saved.
    """
    if file_size(folder.journal) or not folder.manifest.is_file():
        yield from read_states(folder.journal)
        return
    for row in read_manifest(folder.manifest, checked=False).rows:
        yield row.clip_id, "saved", None


def settle_files(journal: Journal, folder: OutputFolder, layout: Layout, now: str) -> None:
    """Make the saved clips that the config wants lie where it puts them.

    A file that is gone or has another size than was written is noted as lost, so that the clip is
    fetched again; a file in another place, from an earlier config, is moved.

    Raises
    ------
    OutputError
        Another file lies where a clip is to be moved to; or the folder can't be written.
    """
    saved = journal.saved_values(("clip_id", "labels", "wanted", "file_name", "num_bytes"))
    there = {hash(file) for file in find_files(folder)}
    # Mostly none is wrong. To act on a row changes the journal that is being read.
    wrong = [
        clip_id
        for clip_id, labels, wanted, file_name, num_bytes in saved
        if wanted
        and not (
            file_name == layout.file_name(clip_id, labels.split(";"))
            # The size alone: to read and hash all files at every start is left to `verify`.
            and hash((file_name, num_bytes)) in there
        )
    ]
    settle_clips(wrong, journal, folder, layout, now=now)


def find_files(folder: OutputFolder) -> Iterator[tuple[str, int]]:
    """Yield name and number of bytes of each file below ``wav``, folder by folder.

    Raises
    ------
    OutputError
        A folder can't be read.
    """
    if not folder.wav.is_dir():
        return
    with as_output_error(folder.wav), ThreadPoolExecutor() as pool:
        folders = [entry.path for entry in os.scandir(folder.wav) if entry.is_dir()]
        for path, files in zip(folders, pool.map(_list_folder, folders), strict=True):
            name = Path(path).name
            yield from ((f"wav/{name}/{file}", num_bytes) for file, num_bytes in files)


def _list_folder(path: str) -> list[tuple[str, int]]:
    with os.scandir(path) as entries:
        return [(entry.name, size) for entry in entries if (size := _size_of(entry)) is not None]


def _size_of(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:  # a link to nowhere
        return None


def settle_clips(
    clip_ids: Iterable[str], journal: Journal, folder: OutputFolder, layout: Layout, *, now: str
) -> list[str]:
    """Do what `settle_files` does with some clips; return those that are not on the disk."""
    settling = _Settling(journal, folder, layout, now)
    return [
        clip_id
        for clip_id in clip_ids
        if (row := journal.find(clip_id)) is None or not settling.settle(row)
    ]


class _Settling:
    def __init__(self, journal: Journal, folder: OutputFolder, layout: Layout, now: str) -> None:
        self._journal = journal
        self._folder = folder
        self._layout = layout
        self._now = now

    def _is_there(self, file: SavedFile) -> bool:
        return file_size(self._folder.path / file.file_name) == file.num_bytes

    def settle(self, row: Row) -> bool:
        """Make one clip lie in its place; return False if it is not on the disk."""
        if row.file is None:
            return False
        place = self._layout.file_name(row.clip_id, row.clip.labels)
        if self._is_there(row.file):
            self._move(row.file, place)
            if row.file.file_name != place:
                self._journal.record_moved(row.clip_id, place)
        elif is_copy(self._folder.path / place, row.file):
            # A run was killed after it had moved the file, and before it noted that.
            self._journal.record_moved(row.clip_id, place)
        elif found := self._find_elsewhere(row.clip_id, row.file):
            # A power failure took back a move, or the user made one.
            self._move(replace(row.file, file_name=found), place)
            self._journal.record_moved(row.clip_id, place)
        else:
            self._journal.record_lost(row.clip_id, self._now)
            return False
        return True

    def _find_elsewhere(self, clip_id: str, file: SavedFile) -> str | None:
        paths = self._paths.get(f"Y{clip_id}.wav", ())
        found = next((path for path in paths if is_copy(path, file)), None)
        return found.relative_to(self._folder.path).as_posix() if found else None

    @cached_property
    def _paths(self) -> Mapping[str, Sequence[Path]]:
        paths: dict[str, list[Path]] = {}
        for path in self._folder.wav.glob("*/Y*.wav"):
            paths.setdefault(path.name, []).append(path)
        return paths

    def _move(self, file: SavedFile, place: str) -> None:
        source, target = self._folder.path / file.file_name, self._folder.path / place
        if source != target:
            _check_way_is_free(source, target, file)
            with as_output_error(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                source.rename(target)
                # On the disk before the journal says so: a power failure could take it back.
                sync_folder(target.parent)
                sync_folder(source.parent)
            with suppress(OSError):  # it is not empty
                source.parent.rmdir()


def _check_way_is_free(source: Path, target: Path, file: SavedFile) -> None:
    if not os.path.lexists(target) or (target.exists() and target.samefile(source)):
        return
    if not is_copy(target, file):
        raise OutputError(
            f"{target} is not the clip's own file, which is to be moved there from {source}",
            fix="move it away, then run again",
        )


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
