"""The check of the files in an output folder against its manifest."""

from __future__ import annotations

import errno
import hashlib
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.audio.wav import (
    BadWavError,
    WavFormat,
    check_format,
    check_samples,
    read_format,
)
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import is_temporary
from audioset_dl.storage.guards import is_inside

# A file is read whole. Ten seconds of 384 kHz stereo in doubles are 61 MB; a larger file than this
# is none of a run's, and would only fill the memory.
MAX_FILE_BYTES = 1 << 30


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


@dataclass(frozen=True)
class Verification:
    """What `verify_folder` found."""

    num_files: int
    """Number of files of the manifest and the journal, all of which were checked."""
    deep: bool
    """True if each file was decoded as well."""
    faults: Sequence[FileFault]

    @property
    def exit_code(self) -> int:
        """0 if all is well, else 1."""
        return 1 if self.faults else 0

    def by_code(self) -> dict[str, int]:
        """Return the number of faults of each kind."""
        return dict(Counter(fault.code for fault in self.faults))


def verify_folder(
    folder: OutputFolder, *, deep: bool = False, on_file: Callable[[], object] = lambda: None
) -> Verification:
    """Check every file of the manifest, and look for files that are in none of its rows.

    What the journal knows is saved and the manifest does not list yet, as after a run was killed or
    while one goes on, is checked as well.

    Parameters
    ----------
    folder : OutputFolder
        The output folder.
    deep : bool
        Decode each file, besides hashing it and reading its header.
    on_file : callable
        Called after each file, for a progress bar.

    Raises
    ------
    OutputError
        There is no manifest, or it can't be read.
    """
    rows = read_manifest(folder.manifest, checked=False).rows
    listed = {row.clip_id for row in rows}
    more = [row for row in _rows_of_journal(folder) if row.clip_id not in listed]
    return verify_rows(folder, [*rows, *more], deep=deep, on_file=on_file)


def _rows_of_journal(folder: OutputFolder) -> list[Row]:
    try:
        with read_journal(folder.journal) as journal:
            return list(journal.rows("saved"))
    except OutputError:
        return []


def verify_rows(
    folder: OutputFolder,
    rows: Sequence[Row],
    *,
    deep: bool = False,
    on_file: Callable[[], object] = lambda: None,
) -> Verification:
    """Do what `verify_folder` does, with rows that were read already."""
    faults = list(_repeated(rows))
    for row in rows:
        fault = check_file(folder.path, row, deep=deep)
        if fault is not None:
            faults.append(fault)
        on_file()
    faults.extend(_strays(folder, {row.saved_file.file_name for row in rows}))
    return Verification(len(rows), deep, tuple(faults))


def check_file(root: Path, row: Row, *, deep: bool = False) -> FileFault | None:
    """Check one file against what is known of it; None if all is well.

    Parameters
    ----------
    root : Path
        The output folder.
    row : Row
        What is known of the file.
    deep : bool
        Decode it as well.
    """
    content = read_checked(root, row)
    if isinstance(content, FileFault):
        return content
    try:
        if deep:
            check_samples(content)
    except BadWavError as error:
        return _fault(row, "undecodable", str(error))
    return None


def read_checked(root: Path, row: Row) -> bytes | FileFault:
    """Read one file and check its hash and header; return its content, or what is wrong.

    Parameters
    ----------
    root : Path
        The output folder.
    row : Row
        What is known of the file.
    """
    file = row.saved_file
    # Before anything is opened: a table of somebody else may name any file of this user.
    if not is_inside(root, root / file.file_name):
        return _fault(row, "outside", "lies outside the output folder")
    try:
        content = _read(root / file.file_name)
    except FileNotFoundError:
        return _fault(row, "missing", "is not there")
    except OSError as error:
        return _fault(row, "missing", f"can't be read: {error.strerror}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return _fault(row, "changed", f"{_describe(content)}; its SHA-256 is another")
    try:
        check_format(content, WavFormat(file.num_samples, file.sample_rate, file.channels))
    except BadWavError as error:
        return _fault(row, "format", str(error))
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


def _repeated(rows: Sequence[Row]) -> Iterator[FileFault]:
    counts = Counter(row.saved_file.file_name for row in rows)
    for row in rows:
        number = counts[row.saved_file.file_name]
        if number > 1:
            yield _fault(row, "duplicate", f"stands in {number} rows")


def _strays(folder: OutputFolder, known: set[str]) -> Iterator[FileFault]:
    # A temporary file is being written by a run, or the next run removes it.
    for path in sorted(folder.wav.rglob("*")):
        name = path.relative_to(folder.path).as_posix()
        if path.is_file() and name not in known and not is_temporary(path):
            yield FileFault(name, None, "stray", "is in no row of the manifest")


def _fault(row: Row, code: str, detail: str) -> FileFault:
    return FileFault(row.saved_file.file_name, row.clip_id, code, detail)
