"""Files appear under their name whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audioset_dl.errors import OutputError

TEMPORARY_SUFFIX = ".tmp"
KEPT = "mend that and run again: what is saved is kept"


def write_file(path: Path, content: bytes) -> None:
    """Write a file by a temporary one in the same folder, flushed to the disk and then renamed.

    The folder is made if need be. After a crash there is the old file, the new one, or none; and
    perhaps a temporary one, which is hidden and ends in `TEMPORARY_SUFFIX`.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    with told_as_output_error(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path)
        try:
            with temporary.open("xb") as file:
                file.write(content)
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
            f"{error.filename or path} can't be written{size}: {error.strerror}; {KEPT}"
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
