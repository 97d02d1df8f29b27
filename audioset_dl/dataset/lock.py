"""One run at a time on an output folder."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from audioset_dl.dataset.files import told_as_output_error, write_file
from audioset_dl.errors import OutputLockedError


@dataclass(frozen=True)
class Holder:
    """The run that holds an output folder."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC."""


@contextmanager
def hold_folder(lock: Path, now: str) -> Iterator[None]:
    """Hold an output folder while the body runs.

    The operating system gives the lock back when its holder dies.

    Raises
    ------
    OutputLockedError
        Another run holds it: who, and since when.
    OutputError
        The folder can't be written.
    """
    with told_as_output_error(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file_lock = FileLock(lock, timeout=0)
        try:
            file_lock.acquire()
        except Timeout as error:
            # filelock also waits for a file that can't be made, as in /proc.
            if not lock.exists():
                lock.touch()
            raise OutputLockedError(_words(lock)) from error
    try:
        write_file(_holder_file(lock), json.dumps(asdict(_this_run(now))).encode())
        yield
    finally:
        with suppress(OSError):  # the disk may have failed meanwhile
            _holder_file(lock).unlink(missing_ok=True)
        file_lock.release()


def find_holder(lock: Path) -> Holder | None:
    """Return the run that holds a folder, if it runs on this machine or can't be told."""
    try:
        holder = Holder(**json.loads(_holder_file(lock).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return holder if holder.host != socket.gethostname() or _is_alive(holder.pid) else None


def _words(lock: Path) -> str:
    holder = find_holder(lock)
    who = f"process {holder.pid} on {holder.host}, since {holder.since}" if holder else "unknown"
    return (
        f"another run holds {lock.parent} ({who}); wait until it has ended, "
        "see how it stands with `audioset-dl status`, or use another output.dir"
    )


def _this_run(now: str) -> Holder:
    return Holder(os.getpid(), socket.gethostname(), now)


def _holder_file(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}-holder.json")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
