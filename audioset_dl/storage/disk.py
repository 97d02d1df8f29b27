"""What the disk still takes, and what to do when it takes no more."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

# A disk with less is as good as full: a clip of ten seconds alone has some 320 kB.
_LEAST_BYTES = 1 << 16
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


@dataclass(frozen=True)
class FreeSpace:
    """What this user may still write to a disk."""

    num_bytes: int
    num_files: int | None
    """None where the file system does not count them."""

    @property
    def is_full(self) -> bool:
        """True if hardly anything can be written."""
        return self.num_bytes < _LEAST_BYTES or self.num_files == 0

    def __str__(self) -> str:
        files = " and 0 files" if self.num_files == 0 else ""
        return f"{self.num_bytes:,} bytes{files} are free there"


def find_free_space(path: Path) -> FreeSpace | None:
    """Return the space where a file or folder lies, or would lie; None where it is not known."""
    for folder in (path, *path.absolute().parents):
        try:
            found = os.statvfs(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return None
        if not found.f_blocks:  # /proc and the like, which have no size to be full
            return None
        # f_bavail and f_favail leave out what is reserved for the superuser:
        # https://man7.org/linux/man-pages/man3/statvfs.3.html
        num_files = found.f_favail if found.f_files else None
        return FreeSpace(found.f_bavail * found.f_frsize, num_files)
    return None


def find_advice(error_number: int | None, path: Path) -> str:
    """Return what to do about an error of the file system, in brackets; empty if that is plain."""
    space = find_free_space(path)
    is_full = space is not None and space.is_full and error_number in _MAY_BE_FULL
    if error_number == errno.ENOSPC or is_full:
        how_much = f"{space}; " if space is not None else ""
        return f" ({how_much}make room, or choose another folder)"
    advice = _ADVICE.get(error_number or 0)
    return f" ({advice})" if advice else ""
