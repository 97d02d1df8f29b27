"""A lock that lets one run at a time write a folder.

It is the kernel's own (``flock``): given back when its holder dies, whatever it dies of. Where a
file system has none, a file that says who holds the folder stands for it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from audioset_dl.errors import OutputLockedError
from audioset_dl.storage.files import as_output_error, write_file

_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
"""What file systems without locks answer, such as Lustre without ``-o flock``, or NFS without a
lock daemon."""

_HELD_BYTE = 1 << 62
"""SQLite's own locks lie at 1 GiB (https://www.sqlite.org/lockingv3.html)."""


@dataclass(frozen=True)
class Holder:
    """The run that holds a folder."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC."""

    def __str__(self) -> str:
        since = datetime.fromisoformat(self.since).astimezone()
        return f"process {self.pid} on {self.host}, since {since:%Y-%m-%d %H:%M:%S %Z}"


class FolderLock:
    """A lock that is held.

    Parameters
    ----------
    lock : Path
        The file.
    descriptor : int
        Of the open file that is locked.
    """

    def __init__(self, lock: Path, descriptor: int) -> None:
        self._lock = lock
        self._held = os.fstat(descriptor)

    def check(self) -> None:
        """Raise unless the lock is still there for others to see.

        Raises
        ------
        OutputLockedError
            Somebody removed the file, or put another in its place: another run could begin.
        """
        with suppress(FileNotFoundError):
            if os.path.samestat(self._lock.stat(), self._held):
                return
        raise OutputLockedError(
            f"{self._lock} was removed or replaced while this run held {self._lock.parent} by it",
            fix="make sure that no other run writes the folder, then run again: what is saved is "
            "kept",
        )


@contextmanager
def hold_folder(lock: Path, now: str) -> Iterator[FolderLock]:
    """Hold a folder while the body runs.

    Raises
    ------
    OutputLockedError
        Another run holds it: who, and since when.
    OutputError
        The folder can't be written.
    """
    with as_output_error(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        if not _lock(descriptor, lock, fcntl.LOCK_EX):
            _check_no_holder(lock)
        holder = Holder(os.getpid(), socket.gethostname(), now)
        write_file(_holder_file(lock), json.dumps(asdict(holder)).encode())
        try:
            yield FolderLock(lock, descriptor)
        finally:
            with suppress(OSError):  # the disk may have failed meanwhile
                _holder_file(lock).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Hold a file itself, made if need be, against a run that found the folder without its lock.

    By one byte far beyond its end, so that who reads or writes it is not kept from it; and by a
    lock that belongs to the open file and not to the process, which loses its other locks on a file
    as soon as it closes it anywhere (``F_OFD_SETLK``:
    https://man7.org/linux/man-pages/man2/fcntl_locking.2.html). Nothing where there is none.

    Raises
    ------
    OutputLockedError
        Another run holds it.
    OutputError
        It can't be written.
    """
    with as_output_error(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        if sys.platform == "linux":
            # struct flock of the kernel: type, whence, start, length, and a pid that must be 0.
            one_byte = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _HELD_BYTE, 1, 0)
            try:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, one_byte)
            except (BlockingIOError, PermissionError) as error:
                raise OutputLockedError(
                    f"another run writes {path}, though the lock beside it is free: somebody "
                    "removed the one that it held",
                    fix="wait until that run has ended",
                ) from error
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
        yield
    finally:
        os.close(descriptor)


@contextmanager
def keep_runs_out(lock: Path) -> Iterator[None]:
    """Let no run begin in a folder while the body reads it. Nothing is written there.

    Raises
    ------
    OutputLockedError
        A run is under way there: who, and since when.
    """
    if not lock.is_file():
        yield
        return
    with as_output_error(lock):
        descriptor = os.open(lock, os.O_RDONLY)
    try:
        # A shared lock: several may read a folder at once.
        if not _lock(descriptor, lock, fcntl.LOCK_SH):
            _check_no_holder(lock)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, lock: Path, kind: int) -> bool:
    """Lock an open file; return False where the file system has no locks."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise _locked_error(lock) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            with as_output_error(lock):
                raise
        return False
    return True


def _check_no_holder(lock: Path) -> None:
    """Refuse a folder whose file system has no locks, if a file says that a run holds it."""
    # Earlier versions wrote into the lock itself there.
    named = next(
        (path for path in (_holder_file(lock), lock) if path.exists() and path.stat().st_size), None
    )
    if named is None or (named != lock and not find_holder(lock)):
        return
    raise OutputLockedError(
        f"another run seems to hold {lock.parent} ({find_holder(lock) or 'unknown'}); its file "
        "system has no locks, so that can't be known for sure",
        fix=f"if that run has ended, delete {named}",
    )


def find_holder(lock: Path) -> Holder | None:
    """Return the run that holds a folder: one that is alive, or on another machine."""
    try:
        holder = Holder(**json.loads(_holder_file(lock).read_text("utf-8")))
        datetime.fromisoformat(holder.since)
        is_held = holder.host != socket.gethostname() or _is_alive(holder.pid)
    except (OSError, ValueError, TypeError, OverflowError):
        return None
    return holder if is_held else None


def _locked_error(lock: Path) -> OutputLockedError:
    return OutputLockedError(
        f"another run holds {lock.parent} ({find_holder(lock) or 'unknown'})",
        fix="wait until it has ended, or use another folder (`audioset-dl status` shows how a "
        "download stands)",
    )


def _holder_file(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}-holder.json")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # it is another user's
    return True
