"""What is on the disk: AudioSet's files, and the folder for the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from audioset_dl.audio.wav import estimate_wav_bytes
from audioset_dl.catalog.catalog import load_catalog, name_files
from audioset_dl.catalog.files import FILES, hash_content, locate_file
from audioset_dl.catalog.relabel import find_corrections
from audioset_dl.config import Config
from audioset_dl.dataset.guard import check_places, try_folder
from audioset_dl.dataset.journal_reader import read_states
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.doctor.check import Check, error, ok, warning
from audioset_dl.errors import MetadataError
from audioset_dl.selection.known import find_known
from audioset_dl.selection.select import Selection, select
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.disk import find_free_space
from audioset_dl.storage.lock import find_holder
from audioset_dl.words import count, size


@dataclass
class MetadataCheck:
    """Checks AudioSet's files, and keeps what the config chooses from them."""

    config: Config
    selection: Selection | None = None
    """None before `choose`, and if a file is missing or malformed."""
    _missing: list[str] = field(default_factory=list)

    def read(self) -> Iterator[Check]:
        """Check that the files are there and are Google's of 2017 to 2022; download nothing.

        Raises
        ------
        MetadataError
            A CSV of the user's own is missing, or a file can't be read.
        """
        folder = self.config.metadata.dir
        names = dict.fromkeys(name_files(self.config))
        paths = {name: path for name in names if (path := self._find(name))}
        changed = [
            path.name
            for name, path in paths.items()
            if name in FILES and FILES[name].sha256 not in {None, hash_content(path)}
        ]
        if changed:
            found = f"not the copies of 2017-2022 that are known: {', '.join(changed)}"
            fix = (
                "changed by Google, or here: other clips may be drawn than elsewhere; delete them "
                "to download them again"
            )
            yield warning("metadata", found, fix)
        if self._missing:
            missing = ", ".join(self._missing)
            found = f"not in {folder} yet: {missing}; downloaded when first needed"
            yield ok("metadata", found)
        elif not changed:
            yield ok("metadata", f"{count(len(paths), 'file')} in {folder}, as they are known")

    def choose(self) -> Iterator[Check]:
        """Check what the config chooses; return nothing if a file is missing.

        Raises
        ------
        MetadataError
            A file is short or malformed.
        ConfigError
            The config names classes that do not exist, or none is left.
        """
        if self._missing:
            return
        segments = [str(entry) for entry in self.config.metadata.segments]
        corrections = find_corrections(self.config)
        catalog = load_catalog(self.config.metadata.dir, segments, corrections=corrections)
        self.selection = select(catalog, self.config)
        found = f"{count(len(self.selection.classes), 'class', 'classes')} chosen"
        yield ok("classes", found)

    def _find(self, name: str) -> Path | None:
        try:
            return locate_file(self.config.metadata.dir, name)
        except MetadataError:
            if name not in FILES:
                raise
            self._missing.append(FILES[name].file_name)
            return None


def check_folder(output: OutputFolder) -> Check:
    """Check that the output folder can hold a dataset.

    Raises
    ------
    OutputError
        It can't.
    """
    tried = try_folder(output, utc_now())
    check_places(output)
    means = "locks, writes, renames and a journal work"
    if tried == output.path.absolute():
        return ok("output", f"{output.path}: {means}")
    return ok("output", f"{output.path} will be created; in {tried} {means}")


def check_lock(output: OutputFolder) -> Check:
    """Check that no other run holds the output folder."""
    holder = find_holder(output.lock)
    if holder is None:
        return ok("lock", "no run is under way there")
    found = f"a run is under way ({holder})"
    fix = "wait until it has ended; `audioset-dl status` shows its progress"
    return error("lock", found, fix)


def check_room(output: OutputFolder, config: Config, selection: Selection | None) -> Check:
    """Check that what is still to be downloaded fits on the disk.

    Raises
    ------
    OutputError
        The journal is damaged.
    """
    room = find_free_space(output.path)
    if room is None:
        return warning("room", "the free space can't be found out", "check it with `df -h`")
    free = f"{size(room.num_bytes)} free"
    if room.is_full:
        return error("room", str(room), "make room, or choose another output.dir")
    if selection is None:
        return ok("room", f"{free}; what is needed is known once metadata and classes are right")
    known = find_known(selection.table, read_states(output.journal))
    drawn = selection.draw().start(np.flatnonzero(known.is_gone))
    missing = drawn[~known.is_saved[drawn]]
    needed = estimate_wav_bytes(selection.table.durations_s(missing), config.audio)
    found = f"{count(len(missing), 'clip')} to fetch need {size(needed)}, {free}"
    if needed > room.num_bytes:
        fix = "make room, lower clips.per_class, or choose another output.dir"
        return error("room", found, fix)
    return ok("room", found)
