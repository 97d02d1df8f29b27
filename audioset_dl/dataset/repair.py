"""Repair of what `verify` finds: bad files are removed, their clips wait for the next download.

The journal is the truth: a file is bad if it is not as the journal says, and the manifest is
written anew from it. Files that the journal does not know are reported and left where they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.dataset.guard import check_places
from audioset_dl.dataset.journal import Journal, open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest, write_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.verify import FileFault, Verification, check_file, verify_rows
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import remove_file
from audioset_dl.storage.guards import is_inside
from audioset_dl.storage.lock import hold_folder

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

    @property
    def exit_code(self) -> int:
        """0 if nothing is left to do, else 1: clips to fetch again, or files to look at."""
        return 1 if {REQUEUED, UNLISTED, LEFT} & self.by_action().keys() else 0

    def by_action(self) -> dict[str, int]:
        """Return how many faults were repaired in each way."""
        return dict(Counter(one.action for one in self.repaired))


def repair_folder(
    folder: OutputFolder,
    names: Mapping[str, str],
    *,
    now: str,
    deep: bool = False,
    on_file: Callable[[], object] = lambda: None,
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
    deep, on_file
        As in `audioset_dl.dataset.verify.verify_folder`.

    Raises
    ------
    OutputLockedError
        A run is under way.
    OutputError
        There is no journal, or the folder can't be read or written.
    """
    if not folder.journal.is_file():
        raise OutputError(
            f"{folder.path} holds no journal, the memory of what was saved, to repair it by",
            fix="`audioset-dl download` makes it again from the manifest",
        )
    check_places(folder)
    with hold_folder(folder.lock, now), open_journal(folder.journal) as journal:
        repair = _Repair(folder, journal, deep=deep)
        found = repair.look(on_file)
        repaired = [Repaired(fault, repair.repair(fault, now)) for fault in found.faults]
        write_manifest(folder.manifest, journal.rows("saved"), names)
        return Repair(found, tuple(repaired))


class _Repair:
    """One repair of a folder that is held."""

    def __init__(self, folder: OutputFolder, journal: Journal, *, deep: bool) -> None:
        self._folder = folder
        self._deep = deep
        self._journal = journal
        self._saved = {row.clip_id: row for row in journal.rows("saved")}
        self._bad: dict[str, FileFault] = {}

    def look(self, on_file: Callable[[], object]) -> Verification:
        """Verify by the manifest, and by the journal where the two differ or a fault was found."""
        rows, unreadable = _read_rows(self._folder)
        found = verify_rows(self._folder, rows, deep=self._deep, on_file=on_file)
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
                file_name = row.saved_file.file_name
                yield FileFault(file_name, row.clip_id, "unknown", "the journal says otherwise")


_Facts = tuple[str, str, int, int, int, str]


def _facts(row: Row) -> _Facts:
    """Return what both the journal and the manifest say of a file."""
    file = row.saved_file
    return (
        row.clip_id, file.file_name, file.num_samples, file.sample_rate, file.channels, file.sha256,
    )  # fmt: skip


def _read_rows(folder: OutputFolder) -> tuple[Sequence[Row], list[FileFault]]:
    """Read the manifest; one that can't be read is no more than a fault."""
    try:
        return read_manifest(folder.manifest, checked=False).rows, []
    except OutputError as error:
        return [], [FileFault(folder.manifest.name, None, "unreadable", str(error))]


def _as_unlisted(fault: FileFault, suspects: Mapping[str, Row]) -> FileFault:
    """Return a fault; a stray file that the journal knows is only not listed."""
    row = suspects.get(fault.file_name)
    if fault.clip_id is not None or row is None:
        return fault
    return FileFault(fault.file_name, row.clip_id, "unlisted", fault.detail)
