"""The check of one file against what is known of it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from audioset_dl.audio.wav import BadWavError, WavFormat, check_format, check_samples, read_format
from audioset_dl.dataset.rows import Row
from audioset_dl.storage.guards import is_inside
from audioset_dl.storage.parallel import run_parallel

# A file is read whole. Ten seconds of 384 kHz stereo in doubles are 61 MB; a larger file than this
# is none of a run's, and would only fill the memory.
MAX_FILE_BYTES = 1 << 30

_MANY = 4000
"""Fewer files are checked sooner than other processes are there."""
_BATCH = 500

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
    return _Checker(root, deep=deep).read(_facts_of(row))


def check_files(
    root: Path, rows: Sequence[Row], *, deep: bool = False, on_file: OnFile = lambda: None
) -> list[FileFault]:
    """Check many files, by all cores.

    Parameters
    ----------
    root, deep
        As for `read_checked`.
    rows : sequence of Row
        What is known of each file.
    on_file : callable
        Called in this process for each file that was checked.

    Returns
    -------
    list of FileFault
        In the order of the rows.
    """
    facts = [_facts_of(row) for row in rows]
    if len(facts) < _MANY:
        checker = _Checker(root, deep=deep)
        found = []
        for one in facts:
            found.append(checker.check(one))
            on_file()
        return [fault for fault in found if fault is not None]
    batches = [
        _Batch(root, start, facts[start : start + _BATCH], deep)
        for start in range(0, len(facts), _BATCH)
    ]
    faults: dict[int, list[FileFault]] = {}
    for batch_start, of_batch in run_parallel(_check_batch, batches, None):
        faults[batch_start] = of_batch
        for _ in facts[batch_start : batch_start + _BATCH]:
            on_file()
    return [fault for start in sorted(faults) for fault in faults[start]]


class _Facts(NamedTuple):
    """What is known of a file: of a row, only what a check needs, as it is sent to processes."""

    clip_id: str
    file_name: str
    sha256: str
    format: WavFormat


def _facts_of(row: Row) -> _Facts:
    file = row.saved_file
    form = WavFormat(file.num_samples, file.sample_rate, file.channels)
    return _Facts(row.clip_id, file.file_name, file.sha256, form)


class _Batch(NamedTuple):
    root: Path
    start: int
    facts: Sequence[_Facts]
    deep: bool


def _check_batch(batch: _Batch) -> tuple[int, list[FileFault]]:
    checker = _Checker(batch.root, deep=batch.deep)
    found = map(checker.check, batch.facts)
    return batch.start, [fault for fault in found if fault is not None]


class _Checker:
    """Checks files of one folder, in one go: its folders are not moved meanwhile."""

    def __init__(self, root: Path, *, deep: bool) -> None:
        self._root = os.fspath(root)
        self._deep = deep
        self._are_inside: dict[str, bool] = {}

    def check(self, facts: _Facts) -> FileFault | None:
        found = self.read(facts)
        return found if isinstance(found, FileFault) else None

    def read(self, facts: _Facts) -> bytes | FileFault:
        def fault(code: str, detail: str) -> FileFault:
            return FileFault(facts.file_name, facts.clip_id, code, detail)

        path = os.path.join(self._root, facts.file_name)  # noqa: PTH118 - half of the time else
        # Before anything is opened: a table of somebody else may name any file of this user.
        if not self._is_inside(path):
            return fault("outside", "lies outside the output folder")
        try:
            content = _read(path)
        except FileNotFoundError:
            return fault("missing", "is not there")
        except OSError as error:
            return fault("missing", f"can't be read: {error.strerror}")
        problem = self._find_problem(content, facts)
        return fault(*problem) if problem else content

    def _find_problem(self, content: bytes, facts: _Facts) -> tuple[str, str] | None:
        """Return the code and the words of what is wrong with a content."""
        if hashlib.sha256(content).hexdigest() != facts.sha256:
            return "changed", f"{_describe(content)}; its SHA-256 is another"
        try:
            check_format(content, facts.format)
        except BadWavError as error:
            return "format", str(error)
        try:
            if self._deep:
                check_samples(content)
        except BadWavError as error:
            return "undecodable", str(error)
        return None

    def _is_inside(self, path: str) -> bool:
        folder = os.path.dirname(path)  # noqa: PTH120
        if folder not in self._are_inside:
            self._are_inside[folder] = is_inside(Path(self._root), Path(folder))
        try:
            is_link = stat.S_ISLNK(os.lstat(path).st_mode)
        except (OSError, ValueError):  # it is not there, or no path at all
            is_link = True
        if is_link or path.endswith("/.."):
            return is_inside(Path(self._root), Path(path))
        return self._are_inside[folder]


def _read(path: str) -> bytes:
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        if status.st_size > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"{status.st_size:,} bytes are far too many")
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    # To open a FIFO that nobody writes would never end.
    return os.open(path, flags | os.O_NONBLOCK)


def _describe(content: bytes) -> str:
    try:
        return f"a WAV file of {read_format(content)}"
    except BadWavError as error:
        return f"{len(content):,} bytes, {error}"
