"""The check of one file against what is known of it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from audioset_dl.audio.wav_header import BadWavError, WavFormat, check_format, read_format
from audioset_dl.dataset.rows import Row
from audioset_dl.storage.guards import is_inside
from audioset_dl.storage.parallel import num_cores, run_here_too

# A file is read whole. Ten seconds of 384 kHz stereo in doubles are 61 MB; a larger file than this
# is none of a run's, and would only fill the memory.
MAX_FILE_BYTES = 1 << 30

_BATCH = 250
_MANY = 8
"""Batches. Fewer are checked sooner than other processes are there."""

_LARGE_BYTES = 100_000
"""From this size on a file is hashed for so long that threads do as well as processes."""

OnFiles = Callable[[int, int], object]
"""Told after some files were checked how many these are, and how many bytes, for a progress bar."""


def ignore(_num_files: int, _num_bytes: int) -> None:
    """Show no progress."""


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
    return _Checker(root, deep=deep).read(facts_of(row))


@dataclass
class Checked:
    """Files that were checked, in the order of their rows."""

    file_names: list[str] = field(default_factory=list)
    """Of all of them, sound or not."""
    clip_ids: list[str] = field(default_factory=list)
    faults: list[FileFault] = field(default_factory=list)
    num_bytes: int = 0
    num_unknown_tracks: int = 0
    """Number of files of which it is not known whether they are the video's own sound."""

    def add(self, other: Checked) -> None:
        """Take in files that come after these."""
        self.file_names += other.file_names
        self.clip_ids += other.clip_ids
        self.faults += other.faults
        self.num_bytes += other.num_bytes
        self.num_unknown_tracks += other.num_unknown_tracks


def check_files(
    root: Path, rows: Sequence[Row], *, deep: bool = False, on_files: OnFiles = ignore
) -> Checked:
    """Check files, by all cores where there are many.

    Parameters
    ----------
    root, deep
        As for `read_checked`.
    rows : sequence of Row
        What is known of each file.
    on_files : callable
        Told in this process how many files, and bytes of them, were checked.
    """
    parts = (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
    return check_batches((Batch(root, list(map(facts_of, part)), deep) for part in parts), on_files)


def check_batches(batches: Iterable[Batch], on_files: OnFiles = ignore) -> Checked:
    """Do the same with the files of some batches."""
    numbered = enumerate(batches)
    first = list(islice(numbered, _MANY))
    done: dict[int, Checked] = {}
    for number, checked in _check_all(first, numbered):
        done[number] = checked
        on_files(len(checked.file_names), checked.num_bytes)
    found = Checked()
    for number in sorted(done):
        found.add(done.pop(number))
    return found


def _check_all(
    first: Sequence[tuple[int, Batch]], others: Iterable[tuple[int, Batch]]
) -> Iterator[tuple[int, Checked]]:
    _lasting_checker.cache_clear()  # folders may have been moved since another check
    if len(first) < _MANY or (workers := num_cores()) == 1:
        yield from map(_check_batch, chain(first, others))
        return
    number, checked = _check_batch(first[0])
    yield number, checked
    are_large = checked.num_bytes > _LARGE_BYTES * len(checked.file_names)
    left = chain(first[1:], others)
    yield from run_here_too(_check_batch, left, workers, in_threads=are_large)


class Facts(NamedTuple):
    """What is known of a file: of a row, only what a check needs, as it is sent to processes."""

    clip_id: str
    file_name: str
    sha256: str
    format: WavFormat
    track: str


def facts_of(row: Row) -> Facts:
    """Return what a check needs of a row."""
    file = row.saved_file
    form = WavFormat(file.num_samples, file.sample_rate, file.channels)
    return Facts(row.clip_id, file.file_name, file.sha256, form, file.track)


class Batch(NamedTuple):
    """Some files to check in one go."""

    root: Path
    facts: Iterable[Facts]
    deep: bool


def _check_batch(numbered: tuple[int, Batch]) -> tuple[int, Checked]:
    number, batch = numbered
    checker, checked = _lasting_checker(batch.root, batch.deep), Checked()
    for facts in batch.facts:
        found = checker.check(facts)
        checked.file_names.append(facts.file_name)
        checked.clip_ids.append(facts.clip_id)
        checked.num_unknown_tracks += not facts.track
        if isinstance(found, FileFault):
            checked.faults.append(found)
        else:
            checked.num_bytes += found
    return number, checked


class _Checker:
    """Checks files of one folder, in one go: its folders are not moved meanwhile."""

    def __init__(self, root: Path, *, deep: bool) -> None:
        self._root = os.fspath(root)
        self._deep = deep
        self._are_inside: dict[str, bool] = {}

    def check(self, facts: Facts) -> int | FileFault:
        """Return the number of bytes of a sound file, which are given back at once."""
        found = self.read(facts)
        return found if isinstance(found, FileFault) else len(found)

    def read(self, facts: Facts) -> bytes | FileFault:
        def fault(code: str, detail: str) -> FileFault:
            return FileFault(facts.file_name, facts.clip_id, code, detail)

        path = f"{self._root}/{facts.file_name}"
        try:
            content = self._read(path)
        except _OutsideError:
            return fault("outside", "lies outside the output folder")
        except FileNotFoundError:
            return fault("missing", "is not there")
        except OSError as error:
            return fault("missing", f"can't be read: {error.strerror}")
        problem = self._find_problem(content, facts)
        return fault(*problem) if problem else content

    def _find_problem(self, content: bytes, facts: Facts) -> tuple[str, str] | None:
        """Return the code and the words of what is wrong with a content."""
        if hashlib.sha256(content).hexdigest() != facts.sha256:
            return "changed", f"{_describe(content)}; its SHA-256 is another"
        try:
            check_format(content, facts.format)
        except BadWavError as error:
            return "format", str(error)
        try:
            if self._deep:
                from audioset_dl.audio.wav import check_samples  # with numpy and soundfile

                check_samples(content)
        except BadWavError as error:
            return "undecodable", str(error)
        return None

    def _read(self, path: str) -> bytes:
        # Before anything is opened: a table of somebody else may name any file of this user.
        folder, _, name = path.rpartition("/")
        if folder not in self._are_inside:
            self._are_inside[folder] = is_inside(Path(self._root), Path(folder))
        if not self._are_inside[folder] or name in ("", ".", ".."):
            raise _OutsideError
        try:
            return _read(path, os.O_NOFOLLOW)
        except ValueError:  # no path at all
            raise _OutsideError from None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        if not is_inside(Path(self._root), Path(path)):
            raise _OutsideError
        return _read(path, 0)


@lru_cache(maxsize=1)
def _lasting_checker(root: Path, deep: bool) -> _Checker:
    return _Checker(root, deep=deep)


class _OutsideError(Exception):
    """A file lies outside its folder."""


def _read(path: str, flags: int) -> bytes:
    # To open a FIFO that nobody writes would never end.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        if status.st_size > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"{status.st_size:,} bytes are far too many")
        content = os.read(handle, status.st_size + 1)
        if len(content) == status.st_size:
            return content
        return content + b"".join(iter(lambda: os.read(handle, 1 << 20), b""))
    finally:
        os.close(handle)


def _describe(content: bytes) -> str:
    try:
        return f"a WAV file of {read_format(content)}"
    except BadWavError as error:
        return f"{len(content):,} bytes, {error}"
