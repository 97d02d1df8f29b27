"""A lock that lets one run at a time write a folder."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from audioset_dl.errors import OutputLockedError
from audioset_dl.storage.files import as_output_error, write_file


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


@contextmanager
def hold_folder(lock: Path, now: str) -> Iterator[None]:
    """Hold a folder while the body runs.

    The operating system gives the lock back when its holder dies.

    Raises
    ------
    OutputLockedError
        Another run holds it: who, and since when.
    OutputError
        The folder can't be written.
    """
    with as_output_error(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file_lock = FileLock(lock, timeout=0)
        try:
            file_lock.acquire()
        except Timeout as error:
            # filelock reports a lock that can't be made, as in /proc, as one that is held.
            if not lock.exists():
                lock.touch()
            raise _locked_error(lock) from error
    try:
        holder = Holder(os.getpid(), socket.gethostname(), now)
        write_file(_holder_file(lock), json.dumps(asdict(holder)).encode())
        yield
    finally:
        with suppress(OSError):  # the disk may have failed meanwhile
            _holder_file(lock).unlink(missing_ok=True)
        file_lock.release()


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
        # The kind of lock that filelock takes on Unix (https://py-filelock.readthedocs.io), but a
        # shared one: several may read a folder at once, and no run can begin meanwhile.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise _locked_error(lock) from error
    finally:
        os.close(descriptor)


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
