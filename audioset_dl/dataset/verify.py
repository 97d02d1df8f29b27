"""Verify a dataset, and repair it: what `audioset-dl verify` does.

A verification compares the files with the manifest. For a repair the journal is the truth: a file
is bad if it is not as the journal says. Bad files are removed, so that their clips wait for the
next download, and the manifest is written anew. Files that the journal does not know are reported
and left where they are.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, overload

from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.file_check import (
    Batch,
    Checked,
    FileFault,
    OnFiles,
    check_batches,
    check_file,
    check_files,
    fault_of,
    ignore,
)
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.listed import read_listed
from audioset_dl.dataset.manifest import hash_manifest, read_manifest, read_manifest_leniently
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.writing import list_saved, open_dataset
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.files import is_temporary, remove_file
from audioset_dl.storage.guards import is_inside

REQUEUED = "requeued"
"""The file is removed; the next download gets the clip again."""
REMOVED = "removed"
"""The file is removed; the last run's config does not want the clip."""
RELISTED = "relisted"
"""The file is right; what the manifest said of it was not, and is written anew."""
UNLISTED = "unlisted"
"""The journal knows no such file: its row is left out of the manifest, the file untouched."""
LEFT = "left"
"""A stray file, left where it is."""


@dataclass(frozen=True)
class Verification:
    """What `verify_folder` found."""

    num_files: int
    """Number of files of the manifest and the journal, all of which were checked."""
    deep: bool
    """True if each file was decoded as well."""
    faults: Sequence[FileFault]
    num_unknown_tracks: int = 0
    """Number of files of which it is not known whether they are the video's own sound: version
    0.1.0 did not look."""

    @property
    def exit_code(self) -> int:
        """0 if all is well, else 1."""
        return 1 if self.faults else 0

    def by_code(self) -> dict[str, int]:
        """Return the number of faults of each kind."""
        return dict(Counter(fault.code for fault in self.faults))


@dataclass(frozen=True)
class Repaired:
    """A fault, and what was done about it."""

    fault: FileFault
    action: str
    """`REQUEUED`, `REMOVED`, `RELISTED`, `UNLISTED` or `LEFT`."""


@dataclass(frozen=True)
class Repair:
    """What `repair_folder` found and did."""

    found: Verification
    """The faults, with those that only the journal shows."""
    repaired: Sequence[Repaired]
    """One for each fault."""
    notes: Sequence[str] = ()
    """What the journal did not know, and rows of the manifest that can't be used, as sentences."""

    @property
    def exit_code(self) -> int:
        """0 if nothing is left to do, else 1: clips to fetch again, or files to look at."""
        return 1 if {REQUEUED, UNLISTED, LEFT} & self.by_action().keys() else 0

    def by_action(self) -> dict[str, int]:
        """Return how many faults were repaired in each way."""
        return dict(Counter(one.action for one in self.repaired))


@overload
def verify(
    config: ConfigSource, *, deep: bool = ..., repair: Literal[False] = ..., on_files: OnFiles = ...
) -> Verification: ...


@overload
def verify(
    config: ConfigSource, *, deep: bool = ..., repair: bool, on_files: OnFiles = ...
) -> Verification | Repair: ...


def verify(
    config: ConfigSource,
    *,
    deep: bool = False,
    repair: bool = False,
    on_files: OnFiles = ignore,
) -> Verification | Repair:
    """Check every file of a dataset against its manifest, and repair it if asked.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config; or the output folder itself.
    deep : bool
        Decode each file, besides hashing it and reading its header.
    repair : bool
        Remove what is bad, so that the next download fetches it again, and write the manifest
        from the journal. Needs a config.
    on_files : callable
        Told after some files how many these are, and how many bytes, for a progress bar.

    Returns
    -------
    Verification or Repair
        A Repair if `repair` is set: it holds the verification as ``found``, and what was done. Both
        have the command's ``exit_code``.

    Raises
    ------
    OutputError
        There is no manifest, or with `repair` no journal, or the folder can't be read or written.
    OutputLockedError
        A run is under way in the folder; only with `repair`.
    ConfigError
        `repair` is set and `config` is a folder: the names of the classes are not known.

    Examples
    --------
    In the folder that ``audioset-dl demo .`` makes:

    >>> from audioset_dl import verify
    >>> checked = verify("audioset", deep=True)
    >>> checked.num_files, checked.faults
    (39, ())
    """
    if isinstance(config, str | os.PathLike) and Path(config).is_dir():
        if repair:
            found = f"{config} is a folder, and a repair needs the names of the classes"
            raise ConfigError(Problem("", found, "give the config in its place"))
        return verify_folder(OutputFolder(Path(config)), deep=deep, on_files=on_files)
    config = as_config(config)
    folder = OutputFolder(config.output.dir)
    if not repair:
        return verify_folder(folder, deep=deep, on_files=on_files)
    # Only a repair needs the catalog, which takes as long to import as thousands of files to check.
    from audioset_dl.catalog.catalog import find_class_names

    names = find_class_names(config)
    return repair_folder(folder, names, now=utc_now(), deep=deep, on_files=on_files)


def verify_folder(
    folder: OutputFolder, *, deep: bool = False, on_files: OnFiles = ignore
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
    on_files : callable
        Told after some files how many these are, and how many bytes, for a progress bar.

    Raises
    ------
    OutputError
        There is no manifest, or it can't be read.
    """
    checked = _check_listed(folder, deep=deep, on_files=on_files)
    listed = set(checked.clip_ids)
    # A lost journal is no fault of the files.
    with suppress(OutputError), read_journal(folder.journal) as journal:
        unlisted = [
            clip_id for (clip_id,) in journal.saved_values(("clip_id",)) if clip_id not in listed
        ]
        rows = list(filter(None, map(journal.find, unlisted)))
        checked.add(check_files(folder.path, rows, deep=deep, on_files=on_files))
    return _conclude(folder, checked, deep=deep)


def _check_listed(folder: OutputFolder, *, deep: bool, on_files: OnFiles) -> Checked:
    """Check the files of the manifest."""
    try:
        batches = (Batch(folder.path, facts, deep) for facts in read_listed(folder.manifest))
        return check_batches(batches, on_files)
    except (OSError, ValueError, OverflowError, csv.Error):  # the other reader says what it is
        rows = read_manifest(folder.manifest, checked=False).rows
        return check_files(folder.path, rows, deep=deep, on_files=on_files)


def _conclude(folder: OutputFolder, checked: Checked, *, deep: bool) -> Verification:
    faults = [*_repeated(checked), *checked.faults, *_strays(folder, set(checked.file_names))]
    return Verification(len(checked.file_names), deep, tuple(faults), checked.num_unknown_tracks)


def _repeated(checked: Checked) -> Iterator[FileFault]:
    if len(set(checked.file_names)) == len(checked.file_names):
        return
    counts = Counter(checked.file_names)
    for name, clip_id in zip(checked.file_names, checked.clip_ids, strict=True):
        if counts[name] > 1:
            yield FileFault(name, clip_id, "duplicate", f"stands in {counts[name]} rows")


def _strays(folder: OutputFolder, known: set[str]) -> Iterator[FileFault]:
    strays = []
    for root, _, names in os.walk(folder.wav):
        place = Path(root).relative_to(folder.path).as_posix()
        strays += [name for file in names if (name := f"{place}/{file}") not in known]
    for name in sorted(strays):
        path = folder.path / name
        # A temporary file is being written by a run, or the next run removes it.
        if path.is_file() and not is_temporary(path):
            yield FileFault(name, None, "stray", "is in no row of the manifest")


def repair_folder(
    folder: OutputFolder,
    names: Mapping[str, str],
    *,
    now: str,
    deep: bool = False,
    on_files: OnFiles = ignore,
) -> Repair:
    """Verify a folder, remove bad files so that their clips are fetched again, write the manifest.

    Parameters
    ----------
    folder : OutputFolder
        The output folder; held meanwhile.
    names : mapping of str to str
        Display names by MID, for the manifest.
    now : str
        The time of day, ISO 8601.
    deep, on_files
        As in `verify_folder`.

    Raises
    ------
    OutputLockedError
        A run is under way.
    OutputError
        There is no journal, or the folder can't be read or written.
    """
    if not folder.journal.is_file() and not folder.manifest.is_file():
        raise OutputError(
            f"{folder.path} holds neither a journal nor a manifest to repair it by",
            fix="run `audioset-dl download`, or name the config whose output.dir you mean",
        )
    with open_dataset(folder, now) as (journal, taken_up):
        repair = _Repair(folder, journal, deep=deep)
        found = repair.look(on_files)
        repaired = [Repaired(fault, repair.repair(fault, now)) for fault in found.faults]
        list_saved(journal, folder, names)
        return Repair(found, tuple(repaired), taken_up.describe())


class _Repair:
    """One repair of a folder that is held."""

    def __init__(self, folder: OutputFolder, journal: Journal, *, deep: bool) -> None:
        self._folder = folder
        self._deep = deep
        self._journal = journal
        self._saved = {row.clip_id: row for row in journal.rows("saved")}
        self._bad: dict[str, FileFault] = {}

    def look(self, on_files: OnFiles) -> Verification:
        """Verify by the manifest, and by the journal where the two differ or a fault was found."""
        rows, unreadable = _read_rows(self._folder)
        checked = check_files(self._folder.path, rows, deep=self._deep, on_files=on_files)
        found = _conclude(self._folder, checked, deep=self._deep)
        named = {fault.file_name for fault in found.faults}
        sound = {_facts(row): row for row in rows if row.saved_file.file_name not in named}
        suspects = {
            row.saved_file.file_name: row
            for row in self._saved.values()
            if _facts(row) not in sound
        }
        for row in suspects.values():
            fault = check_file(self._folder.path, row, deep=self._deep)
            if fault is not None:
                self._bad[row.clip_id] = fault
        by_manifest = [_as_unlisted(fault, suspects) for fault in found.faults]
        named_clips = {fault.clip_id for fault in by_manifest}
        by_journal = [fault for clip_id, fault in self._bad.items() if clip_id not in named_clips]
        faults = (*unreadable, *by_manifest, *by_journal, *self._unknown(sound))
        return Verification(len(rows), self._deep, faults)

    def repair(self, fault: FileFault, now: str) -> str:
        """Do what can be done about a fault; return what that was."""
        row = self._saved.get(fault.clip_id or "")
        if fault.clip_id is None:
            return RELISTED if fault.code == "unreadable" else LEFT
        if row is None:
            return UNLISTED
        if fault.clip_id not in self._bad:
            return RELISTED
        self._give_up(row, now)
        return REQUEUED if row.wanted else REMOVED

    def _give_up(self, row: Row, now: str) -> None:
        # The file first: a crash in between leaves a clip without a file, which the next run
        # notices; the other way round it would leave a bad file that nothing speaks against.
        path = self._folder.path / row.saved_file.file_name
        if is_inside(self._folder.path, path.parent):
            remove_file(path)
        self._journal.record_lost(row.clip_id, now)

    def _unknown(self, sound: Mapping[_Facts, Row]) -> Iterator[FileFault]:
        """Yield the sound files of which the journal says otherwise."""
        known = set(map(_facts, self._saved.values()))
        for facts in sorted(sound.keys() - known):
            row = sound[facts]
            if row.clip_id not in self._bad:
                yield fault_of(row, "unknown", "the journal says otherwise")


_Facts = tuple[str, str, int, int, int, str]


def _facts(row: Row) -> _Facts:
    """Return what both the journal and the manifest say of a file."""
    file = row.saved_file
    return (
        row.clip_id, file.file_name, file.num_samples, file.sample_rate, file.channels, file.sha256,
    )  # fmt: skip


def _read_rows(folder: OutputFolder) -> tuple[Sequence[Row], list[FileFault]]:
    """Read the manifest; rows that can't be read are no more than faults."""
    if not hash_manifest(folder.manifest):
        found = "does not exist, or is empty"
        return [], [FileFault(folder.manifest.name, None, "unreadable", found)]
    bad_rows: list[str] = []
    rows = list(read_manifest_leniently(folder.manifest, bad_rows.append, checked=False))
    return rows, [FileFault(folder.manifest.name, None, "unreadable", row) for row in bad_rows]


def _as_unlisted(fault: FileFault, suspects: Mapping[str, Row]) -> FileFault:
    """Return a fault; a stray file that the journal knows is only not listed."""
    row = suspects.get(fault.file_name)
    if fault.clip_id is not None or row is None:
        return fault
    return replace(fault, clip_id=row.clip_id, code="unlisted")
