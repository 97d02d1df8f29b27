"""Files appear under their name whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from audioset_dl.errors import OutputError, find_resource_error
from audioset_dl.storage.disk import find_advice

TEMPORARY_SUFFIX = ".tmp"
_TEMPORARY = re.compile(rf"\.(.+)\.\d+-[0-9a-f]{{8}}{re.escape(TEMPORARY_SUFFIX)}", re.DOTALL)
_CANT_SYNC = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems answer that can't flush a file or folder, such as some of FUSE and CIFS."""
KEPT = "fix that and run again: what is saved is kept"


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
    with as_output_error(path, num_bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path)
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                # Without it a power failure may leave the new name with an empty file:
                # https://man7.org/linux/man-pages/man2/fsync.2.html
                _sync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


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
    with as_output_error(path):
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)


def temporary_path(path: Path) -> Path:
    """Return a hidden name beside a file that no other process or thread uses."""
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{path.name}.{token}{TEMPORARY_SUFFIX}")


def is_temporary(path: Path) -> bool:
    """Return True for a file that is being written, or that a dead run left behind."""
    return _TEMPORARY.fullmatch(path.name) is not None


def name_to_be(path: Path) -> str:
    """Return the name that a temporary file is to get; empty: it is none."""
    match = _TEMPORARY.fullmatch(path.name)
    return match[1] if match else ""


@contextmanager
def as_output_error(path: Path, num_bytes: int | None = None) -> Iterator[None]:
    """Turn errors of the file system into an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        if limit := find_resource_error(error):
            raise limit from error
        # The file that the error is about: not the temporary one, which no user knows.
        name = error.filename
        is_known = isinstance(name, str) and not name.endswith(TEMPORARY_SUFFIX)
        size = f" ({num_bytes:,} bytes)" if num_bytes is not None else ""
        advice = find_advice(error.errno, path)
        found = f"{name if is_known else path} can't be written{size}: {error.strerror}{advice}"
        raise OutputError(found, fix=KEPT) from error


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the file system can and we may read it."""
    with suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANT_SYNC:
            raise
