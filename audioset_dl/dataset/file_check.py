"""The check of one file against what is known of it."""

from __future__ import annotations

import errno
import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.audio.wav import BadWavError, WavFormat, check_format, check_samples, read_format
from audioset_dl.dataset.rows import Row
from audioset_dl.storage.guards import is_inside

# A file is read whole. Ten seconds of 384 kHz stereo in doubles are 61 MB; a larger file than this
# is none of a run's, and would only fill the memory.
MAX_FILE_BYTES = 1 << 30

OnFile = Callable[[], object]
"""Called after each file that was checked, for a progress bar."""


@dataclass(frozen=True)
class FileFault:
    """One file that is not as the manifest says."""

    file_name: str
    """Relative to the output folder."""
    clip_id: str | None
    """None for a file that is in no row."""
    code: str
    """``missing``, ``changed`` (by its hash), ``format`` (its header says other than the manifest),
    ``undecodable``, ``duplicate`` (in several rows), ``outside`` (of the folder) or ``stray``.
    A repair also finds what differs from the journal: ``unlisted`` (in no row, but known to it),
    ``unknown`` (to the journal), ``unreadable`` (the manifest itself)."""
    detail: str


def fault_of(row: Row, code: str, detail: str) -> FileFault:
    """Return a fault of the file of a row."""
    return FileFault(row.saved_file.file_name, row.clip_id, code, detail)


def check_file(root: Path, row: Row, *, deep: bool = False) -> FileFault | None:
    """Check one file; None if all is well. The parameters are those of `read_checked`."""
    found = read_checked(root, row, deep=deep)
    return found if isinstance(found, FileFault) else None


def read_checked(root: Path, row: Row, *, deep: bool = False) -> bytes | FileFault:
    """Read one file and check its hash and header; return its content, or what is wrong.

    Parameters
    ----------
    root : Path
        The output folder.
    row : Row
        What is known of the file.
    deep : bool
        Decode it as well.
    """
    file = row.saved_file
    # Before anything is opened: a table of somebody else may name any file of this user.
    if not is_inside(root, root / file.file_name):
        return fault_of(row, "outside", "lies outside the output folder")
    try:
        content = _read(root / file.file_name)
    except FileNotFoundError:
        return fault_of(row, "missing", "is not there")
    except OSError as error:
        return fault_of(row, "missing", f"can't be read: {error.strerror}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return fault_of(row, "changed", f"{_describe(content)}; its SHA-256 is another")
    try:
        check_format(content, WavFormat(file.num_samples, file.sample_rate, file.channels))
    except BadWavError as error:
        return fault_of(row, "format", str(error))
    try:
        if deep:
            check_samples(content)
    except BadWavError as error:
        return fault_of(row, "undecodable", str(error))
    return content


def _read(path: Path) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no file")  # reading a FIFO would never end
    if status.st_size > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, f"{status.st_size:,} bytes are far too many")
    return path.read_bytes()


def _describe(content: bytes) -> str:
    try:
        return f"a WAV file of {read_format(content)}"
    except BadWavError as error:
        return f"{len(content):,} bytes, {error}"
