"""Nothing is written outside the output folder: what stands in the places of our files is ours."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import as_output_error


def check_places(folder: OutputFolder) -> None:
    """Refuse an output folder in which links, pipes or the like stand where we would write.

    The folder itself may be a link. A link in the place of a WAV file is no danger: it is replaced,
    and never written through.

    Raises
    ------
    OutputError
        What stands where.
    """
    for path, is_folder in _places(folder):
        with as_output_error(path):
            mode = _mode_of(path)
        if mode and stat.S_ISLNK(mode):
            raise OutputError(
                f"{path} is a link to {path.readlink()}: nothing is written through links; "
                "remove it, or name the place that is meant as output.dir"
            )
        if mode and not (stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)):
            expected = "a folder" if is_folder else "a file"
            raise OutputError(f"{path} is not {expected}; move it away, or name another output.dir")


def _places(folder: OutputFolder) -> Iterator[tuple[Path, bool]]:
    """Yield where we write, and whether that is a folder."""
    journal = folder.journal
    companions = (journal.with_name(journal.name + end) for end in ("-wal", "-shm", "-journal"))
    holder = folder.lock.with_name(f"{folder.lock.name}-holder.json")
    files = (folder.lock, holder, journal, *companions, folder.manifest, folder.failures)
    yield from ((path, False) for path in (*files, folder.run))
    yield from ((path, True) for path in (folder.scratch, folder.wav))
    with as_output_error(folder.wav):
        entries = list(os.scandir(folder.wav)) if folder.wav.is_dir() else []
    # Other files than folders are the user's own: they are named by verify.
    yield from ((Path(entry.path), True) for entry in entries if not entry.is_file())


def _mode_of(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0
