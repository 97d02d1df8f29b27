"""The files in an output folder against its manifest."""

from __future__ import annotations

import hashlib
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
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import ManifestRow, read_manifest


@dataclass(frozen=True)
class Fault:
    """One file that is not as the manifest says."""

    file_name: str
    """Relative to the output folder."""
    clip_id: str | None
    """None for a file that is in no row."""
    code: str
    """``missing``, ``changed`` (by its hash), ``format`` (its header says other than the manifest),
    ``undecodable``, ``duplicate`` (in several rows), ``outside`` (of the folder) or ``stray``."""
    detail: str


@dataclass(frozen=True)
class Verification:
    """What `verify_folder` found."""

    num_files: int
    """Rows of the manifest, each of which was checked."""
    deep: bool
    """Whether each file was decoded as well."""
    faults: Sequence[Fault]

    @property
    def exit_code(self) -> int:
        """0 if all is well, else 1."""
        return 1 if self.faults else 0

    def by_code(self) -> dict[str, int]:
        """Return how many faults there are of each kind."""
        return dict(Counter(fault.code for fault in self.faults))


def verify_folder(
    folder: OutputFolder, *, deep: bool = False, on_file: Callable[[], object] = lambda: None
) -> Verification:
    """Check every file of the manifest, and look for files that are in none of its rows.

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
    rows = read_manifest(folder.manifest)
    faults = list(_repeated(rows))
    for row in rows:
        fault = _check_file(folder.path, row, deep)
        if fault is not None:
            faults.append(fault)
        on_file()
    faults.extend(_strays(folder, {row.file_name for row in rows}))
    return Verification(len(rows), deep, tuple(faults))


def _check_file(root: Path, row: ManifestRow, deep: bool) -> Fault | None:
    path = root / row.file_name
    if not _is_inside(root, path):
        return _fault(row, "outside", "lies outside the output folder")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _fault(row, "missing", "is not there")
    except OSError as error:
        return _fault(row, "missing", f"can't be read: {error.strerror}")
    if hashlib.sha256(content).hexdigest() != row.sha256:
        return _fault(row, "changed", f"{_describe(content)}; its SHA-256 is another")
    try:
        check_format(content, WavFormat(row.num_samples, row.sample_rate, row.channels))
    except BadWavError as error:
        return _fault(row, "format", str(error))
    try:
        if deep:
            check_samples(content)
    except BadWavError as error:
        return _fault(row, "undecodable", str(error))
    return None


def _describe(content: bytes) -> str:
    try:
        return f"a WAV file of {read_format(content)}"
    except BadWavError as error:
        return f"{len(content):,} bytes, {error}"


def _repeated(rows: Sequence[ManifestRow]) -> Iterator[Fault]:
    counts = Counter(row.file_name for row in rows)
    for row in rows:
        if counts[row.file_name] > 1:
            yield _fault(row, "duplicate", f"stands in {counts[row.file_name]} rows")


def _strays(folder: OutputFolder, known: set[str]) -> Iterator[Fault]:
    for path in sorted(folder.wav.rglob("*")):
        name = path.relative_to(folder.path).as_posix()
        if path.is_file() and name not in known:
            yield Fault(name, None, "stray", "is in no row of the manifest")


def _is_inside(root: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _fault(row: ManifestRow, code: str, detail: str) -> Fault:
    return Fault(row.file_name, row.clip_id, code, detail)
