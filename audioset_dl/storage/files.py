"""Files appear under their name whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from audioset_dl.errors import OutputError

TEMPORARY_SUFFIX = ".tmp"
KEPT = "mend that and run again: what is saved is kept"


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; see `writing_file`.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    with writing_file(path, num_bytes=len(content)) as file:
        file.write(content)


@contextmanager
def writing_file(path: Path, *, num_bytes: int | None = None) -> Iterator[IO[bytes]]:
    """Give a file to write that gets its name when the body has ended without an error.

    It is a temporary one in the same folder, flushed to the disk and then renamed. The folder is
    made if need be. After a crash there is the old file, the new one, or none; and perhaps a
    temporary one, which is hidden and ends in `TEMPORARY_SUFFIX`.

    Parameters
    ----------
    path : Path
        The file, which is replaced.
    num_bytes : int, optional
        How many bytes it will have, for the message of an error.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    with told_as_output_error(path, num_bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path)
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there, for good: also a power failure does not bring it back.

    Of a link the link is removed. A folder is left where it is.

    Raises
    ------
    OutputError
        The folder is read-only, or permission is denied.
    """
    if path.is_dir() and not path.is_symlink():
        return
    with told_as_output_error(path):
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            _sync_folder(path.parent)


def temporary_path(path: Path) -> Path:
    """Return a hidden name beside a file that no other process or thread uses."""
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name}.{token}{TEMPORARY_SUFFIX}")


def is_temporary(path: Path) -> bool:
    """Tell whether a file is one that is being written, or that a dead run left behind."""
    return path.name.startswith(".") and path.suffix == TEMPORARY_SUFFIX


@contextmanager
def told_as_output_error(path: Path, num_bytes: int | None = None) -> Iterator[None]:
    """Turn errors of the file system into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        size = f" ({num_bytes:,} bytes)" if num_bytes is not None else ""
        raise OutputError(
            f"{_named(error, path)} can't be written{size}: {error.strerror}"
            f"{find_advice(error.errno, path)}; {KEPT}"
        ) from error


@dataclass(frozen=True)
class Room:
    """What this user may still write to a disk."""

    num_bytes: int
    num_files: int | None
    """None where the file system does not count them."""

    @property
    def is_full(self) -> bool:
        """Whether hardly anything can be written."""
        return self.num_bytes < _LEAST_ROOM or self.num_files == 0

    def __str__(self) -> str:
        files = " and 0 files" if self.num_files == 0 else ""
        return f"{self.num_bytes:,} bytes{files} are free there"


def find_room(path: Path) -> Room | None:
    """Return the room where a file or folder lies, or would lie; None where that can't be told."""
    for folder in (path, *path.absolute().parents):
        try:
            found = os.statvfs(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
        if not found.f_blocks:  # /proc and the like, where there is nothing to be full
            return None
        return Room(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)
    return None


def find_advice(error_number: int | None, path: Path) -> str:
    """Return what to do about an error of the file system, in brackets; empty if that is plain."""
    room = find_room(path)
    is_full = room is not None and room.is_full and error_number in _MAY_BE_FULL
    if error_number == errno.ENOSPC or is_full:
        how_much = f"{room}; " if room is not None else ""
        return f" ({how_much}make room, or choose another folder)"
    advice = _ADVICE.get(error_number or 0)
    return f" ({advice})" if advice else ""


_LEAST_ROOM = 1 << 16
_MAY_BE_FULL = (errno.EIO, errno.ENOENT)
"""Numbers that also stand for what SQLite says of a full disk."""
_ADVICE = {
    errno.EDQUOT: "this user's quota is used up: make room, or choose another folder",
    errno.EROFS: "the disk is mounted read-only: choose another folder",
    errno.EACCES: "make it writable for this user, or choose another folder",
    errno.EPERM: "make it writable for this user, or choose another folder",
    errno.ENOENT: "see that the folder is there and writable for this user",
    errno.EFBIG: "the limit on the size of a file; see `ulimit -f`",
    errno.EIO: "a quota or limit is reached, or the disk fails: see the system's log",
}
"""What to do about an error of the file system."""


def _named(error: OSError, path: Path) -> str | Path:
    """Return the file that an error is about: not the temporary one, of which nobody knows."""
    name = error.filename
    return name if isinstance(name, str) and not is_temporary(Path(name)) else path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
