"""The error for a journal that can't be used: is it the disk, another program, or damage?"""

from __future__ import annotations

import errno
from pathlib import Path

from audioset_dl.errors import OutputError
from audioset_dl.storage.disk import find_advice
from audioset_dl.storage.files import KEPT

BEGIN_ANEW = (
    "move it away and run `audioset-dl download` again: it then begins anew, with the files that "
    "manifest.csv names"
)
_ERRORS = (
    ("SQLITE_FULL", errno.ENOSPC),
    ("SQLITE_READONLY", errno.EACCES),
    ("SQLITE_CANTOPEN", errno.ENOENT),
    ("SQLITE_PERM", errno.EACCES),
    ("SQLITE_IOERR", errno.EIO),
)
"""SQLite's result codes (https://www.sqlite.org/rescode.html) that are about the disk and not about
the journal, and the error of the file system that means the same."""


def unusable_error(path: Path, error: Exception) -> OutputError:
    """Return the error for a journal that SQLite could not read or write.

    Parameters
    ----------
    path : Path
        The journal.
    error : sqlite3.Error
        Its ``sqlite_errorname`` says if the disk is full or read-only, or the journal damaged.
    """
    name = getattr(error, "sqlite_errorname", None) or ""
    words = next(
        (find_advice(number, path) for start, number in _ERRORS if name.startswith(start)), ""
    )
    if words:
        return OutputError(f"the journal {path} can't be written: {error}{words}", fix=KEPT)
    if name == "SQLITE_BUSY":
        return OutputError(
            f"the journal {path} can't be used: {error}; another program has it open",
            fix="end that one",
        )
    return OutputError(
        f"the journal {path} can't be used: {error}", fix=f"if it is damaged, {BEGIN_ANEW}"
    )
