"""Runs `audioset-dl` and kills it within the saving of the n-th clip: killed.py MOMENT N ARGUMENTS.

Run by test_crash.py, in a process of its own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

from audioset_dl import cli
from audioset_dl.dataset.journal import Journal
from audioset_dl.storage import files

Function = Callable[..., Any]


def is_clip(descriptor: int) -> bool:
    return ".wav." in Path(f"/proc/self/fd/{descriptor}").readlink().name


def is_temporary_clip(path: Path, *_: Any) -> bool:
    return ".wav." in path.name


def is_folder_of_clips(folder: Path) -> bool:
    return folder.parent.name == "wav"


def always(*_: Any) -> bool:
    return True


STEPS: dict[str, tuple[Any, str, Function]] = {
    "fsync": (os, "fsync", is_clip),
    "rename": (Path, "replace", is_temporary_clip),
    "folder": (files, "sync_folder", is_folder_of_clips),
    "journal": (Journal, "record_saved", always),
    "put": (Journal, "put", always),
}
"""The steps of saving a clip: where the function lies, its name, and which calls are meant."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(moment: str, number: int) -> None:
    """Arrange for the end: ``writing``, or before or after a step, as in ``after rename``."""
    if moment == "writing":
        Path.open = die_writing(Path.open, number)
        return
    when, step = moment.split()
    owner, name, is_meant = STEPS[step]
    setattr(owner, name, die_around(getattr(owner, name), when, is_meant, number))


def die_around(function: Function, when: str, is_meant: Function, number: int) -> Function:
    calls = count(1)

    @wraps(function)
    def deadly(*args: Any, **kwargs: Any) -> Any:
        is_last = is_meant(*args, **kwargs) and next(calls) == number
        if is_last and when == "before":
            die()
        result = function(*args, **kwargs)
        if is_last:
            die()
        return result

    return deadly


def die_writing(open_path: Function, number: int) -> Function:
    """Die when half of a clip is written."""
    calls = count(1)

    def deadly(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        file = open_path(path, mode, *args, **kwargs)
        if mode != "xb" or not is_temporary_clip(path) or next(calls) != number:
            return file
        return HalfWritten(file)

    return deadly


class HalfWritten:
    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: bytes) -> None:
        self._file.write(content[: len(content) // 2])
        self._file.flush()
        die()


if __name__ == "__main__":
    die_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["audioset-dl", *sys.argv[3:]]
    cli.main()
