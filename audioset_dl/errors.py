"""The exceptions that end a run, ordered by what a caller would do about them.

::

    AudiosetDlError            1   anything below
    ├─ ResourceError           1   give the process more memory or open files
    ├─ ConfigError             2   correct config.yaml (every problem of the file at once)
    ├─ MetadataError           3   correct or download again one of Google's files
    ├─ ToolMissingError        4   install a tool
    ├─ ThrottledError          5   come back later: YouTube said no and the config says not to wait
    ├─ OutputLockedError       6   wait for the other run on the same folder
    ├─ OutputError             7   make room on the disk, or make the folder writable
    └─ Interrupted       130, 143   run again to resume

The number is the exit code of the command. What happens to a single clip is an outcome
(:mod:`audioset_dl.youtube.classify`), never one of these.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class AudiosetDlError(Exception):
    """Base of all errors that the program raises on purpose.

    Parameters
    ----------
    found : str
        What was found, and what was expected.
    fix : str, optional
        What to do about it.
    """

    exit_code: int = 1

    def __init__(self, found: str, *, fix: str = "") -> None:
        super().__init__(join_fix(found, fix))
        self.found = found
        self.fix = fix


def join_fix(found: str, fix: str) -> str:
    """Return a message of what was found and what to do about it."""
    return f"{found}; {fix}" if fix else found


@dataclass(frozen=True)
class Problem:
    """One fault of a configuration, with the place where it stands."""

    key: str
    """Dotted key path, e.g. ``classes.min_quality``; empty for the file as a whole."""
    found: str
    """What was found, and what was expected."""
    fix: str = ""
    """What to do about it."""
    source: str = ""
    """Where the key was read: ``config.yaml:12``, or ``--set``."""

    @property
    def message(self) -> str:
        """What was found and what to do, without the place."""
        return join_fix(self.found, self.fix)

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.key, self.message) if part)


class ConfigError(AudiosetDlError):
    """The configuration can't be used; carries every problem that was found in it."""

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems: Sequence[Problem] = problems


class MetadataError(AudiosetDlError):
    """One of AudioSet's files is missing, short or malformed.

    Parameters
    ----------
    found : str
        What was found, and what was expected.
    path : Path, optional
        The file.
    line : int, optional
        The line in it, counted from 1.
    fix : str, optional
        What to do about it.
    """

    exit_code = 3

    def __init__(
        self, found: str, path: Path | None = None, line: int | None = None, *, fix: str = ""
    ) -> None:
        where = "" if path is None else f"{path}:{line}: " if line else f"{path}: "
        super().__init__(where + found, fix=fix)
        self.path = path
        self.line = line


class ToolMissingError(AudiosetDlError):
    """A program that the work needs is missing or unusable; the message says how to install it."""

    exit_code = 4


class ThrottledError(AudiosetDlError):
    """YouTube refuses this address for now, and ``download.on_throttle`` is ``stop``."""

    exit_code = 5


class OutputLockedError(AudiosetDlError):
    """Another run holds the output folder."""

    exit_code = 6


class OutputError(AudiosetDlError):
    """The output folder can't be written: disk full, read-only, or permission denied."""

    exit_code = 7


class ResourceError(AudiosetDlError):
    """The system gives this process no more memory, threads or open files."""


_FEWER = "or lower download.workers"
_RESOURCES = {
    errno.EMFILE: ("open files", f"raise the limit (`ulimit -n`), {_FEWER}"),
    errno.ENFILE: ("open files to anybody", "end other programs"),
    errno.ENOMEM: ("memory", f"raise the limit (`ulimit -v`), end other programs, {_FEWER}"),
    errno.EAGAIN: ("processes or threads", f"raise the limits (`ulimit -u -v`), {_FEWER}"),
}


def find_resource_error(error: BaseException) -> ResourceError | None:
    """Return what an error means that comes of a limit of the system; None for any other error."""
    number = getattr(error, "errno", None)
    # A library that is loaded late may find no room.
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        number = errno.ENOMEM
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        number = errno.EAGAIN
    if number not in _RESOURCES:
        return None
    what, fix = _RESOURCES[number]
    words = str(error) or os.strerror(number)
    return ResourceError(f"the system gives this process no more {what} ({words})", fix=fix)


class Interrupted(AudiosetDlError):
    """A signal ended the run; it can be resumed."""

    def __init__(self, signal_number: int, done: str = "") -> None:
        super().__init__(f"Interrupted{done}; run the same command again to resume")
        self.exit_code = 128 + signal_number
        self._done = done

    def but(self, words: str) -> Interrupted:
        """Return the same with more words on what was done."""
        return Interrupted(self.exit_code - 128, f"{self._done}, {words}")
