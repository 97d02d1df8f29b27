"""What `verify` finds, mended: bad files are removed and their clips wait for the next download.

The journal is the truth: a file is bad if it is not as the journal says, and the manifest is
written anew from it. What the journal does not know of is named and left where it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from audioset_dl.dataset.guard import check_places
from audioset_dl.dataset.journal import Journal, Record, open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import ManifestRow, read_manifest, row_of, write_manifest
from audioset_dl.dataset.verify import Fault, Verification, check_file, is_inside, verify_rows
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import remove_file
from audioset_dl.storage.lock import hold_folder

REQUEUED = "requeued"
"""The file is removed; the next download gets the clip again."""
REMOVED = "removed"
"""The file is removed; the last run's config does not want the clip."""
RELISTED = "relisted"
"""The file is right; what the manifest said of it was not, and is written anew."""
UNLISTED = "unlisted"
"""The journal knows of no such file: its row is left out of the manifest, the file untouched."""
LEFT = "left"
"""A stray file, left where it is."""


@dataclass(frozen=True)
class Mended:
    """A fault, and what was done about it."""

    fault: Fault
    action: str
    """`REQUEUED`, `REMOVED`, `RELISTED`, `UNLISTED` or `LEFT`."""


@dataclass(frozen=True)
class Repair:
    """What `repair_folder` found and did."""

    found: Verification
    """With the faults that only the journal shows."""
    mended: Sequence[Mended]
    """One for each fault."""

    @property
    def exit_code(self) -> int:
        """0 if nothing is left to do, else 1: clips to be got again, or files to look at."""
        return 1 if {REQUEUED, UNLISTED, LEFT} & {one.action for one in self.mended} else 0

    def by_action(self) -> dict[str, int]:
        """Return how many faults were mended in each way."""
        return dict(Counter(one.action for one in self.mended))


def repair_folder(
    folder: OutputFolder,
    names: Mapping[str, str],
    *,
    now: str,
    deep: bool = False,
    on_file: Callable[[], object] = lambda: None,
) -> Repair:
    """Verify a folder, remove what is bad, have the next download get it, rewrite the manifest.

    Parameters
    ----------
    folder : OutputFolder
        The output folder; held while it is mended.
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
            f"{folder.path} holds no journal, the memory of what was saved, to repair it by; "
            "`audioset-dl download` makes it again from the manifest"
        )
    check_places(folder)
    with hold_folder(folder.lock, now), open_journal(folder.journal) as journal:
        repair = _Repair(folder, journal, deep=deep)
        found = repair.look(on_file)
        mended = [Mended(fault, repair.mend(fault, now)) for fault in found.faults]
        write_manifest(folder.manifest, journal.records("saved"), names)
        return Repair(found, tuple(mended))


class _Repair:
    """One repair of a folder that is held."""

    def __init__(self, folder: OutputFolder, journal: Journal, *, deep: bool) -> None:
        self._folder = folder
        self._deep = deep
        self._journal = journal
        self._saved = {record.clip.clip_id: record for record in journal.records("saved")}
        self._bad: dict[str, Fault] = {}

    def look(self, on_file: Callable[[], object]) -> Verification:
        """Verify by the manifest, and by the journal where the two differ or a fault was found."""
        rows, faults = _read_rows(self._folder)
        found = verify_rows(self._folder, rows, deep=self._deep, on_file=on_file)
        sound = set(rows) - _rows_of(found.faults, rows)
        suspects = {
            row.file_name: row for row in map(_row, self._saved.values()) if row not in sound
        }
        for row in suspects.values():
            fault = check_file(self._folder.path, row, deep=self._deep)
            if fault is not None:
                self._bad[row.clip_id] = fault
        by_manifest = [_known(fault, suspects) for fault in found.faults]
        told = {fault.clip_id for fault in by_manifest}
        by_journal = [fault for clip_id, fault in self._bad.items() if clip_id not in told]
        faults = [*faults, *by_manifest, *by_journal, *self._unknown(sound)]
        return Verification(len(rows), self._deep, tuple(faults))

    def mend(self, fault: Fault, now: str) -> str:
        """Do what can be done about a fault; return what it was."""
        record = self._saved.get(fault.clip_id or "")
        if fault.clip_id is None:
            return RELISTED if fault.code == "unreadable" else LEFT
        if record is None:
            return UNLISTED
        if fault.clip_id not in self._bad:
            return RELISTED
        self._give_up(record, now)
        return REQUEUED if record.wanted else REMOVED

    def _give_up(self, record: Record, now: str) -> None:
        # The file first: a crash in between leaves a clip without a file, which the next run
        # notices; the other way round it would leave a bad file that nothing speaks against.
        path = self._folder.path / _row(record).file_name
        if is_inside(self._folder.path, path.parent):
            remove_file(path)
        self._journal.record_lost(record.clip.clip_id, now)

    def _unknown(self, sound: Set[ManifestRow]) -> Iterator[Fault]:
        known = set(map(_row, self._saved.values()))
        for row in sorted(sound - known, key=lambda row: row.clip_id):
            if row.clip_id not in self._bad:
                yield Fault(row.file_name, row.clip_id, "unknown", "the journal says otherwise")


def _read_rows(folder: OutputFolder) -> tuple[list[ManifestRow], list[Fault]]:
    """Read the manifest; one that can't be read is no more than a fault."""
    try:
        return read_manifest(folder.manifest), []
    except OutputError as error:
        return [], [Fault(folder.manifest.name, None, "unreadable", str(error))]


def _rows_of(faults: Iterable[Fault], rows: Iterable[ManifestRow]) -> set[ManifestRow]:
    named = {fault.file_name for fault in faults}
    return {row for row in rows if row.file_name in named}


def _row(record: Record) -> ManifestRow:
    if record.file is None:
        raise ValueError(f"{record.clip.clip_id} is not saved")
    return row_of(record.clip.clip_id, record.file)


def _known(fault: Fault, suspects: Mapping[str, ManifestRow]) -> Fault:
    """Return a fault; a stray that the journal knows is only not listed."""
    row = suspects.get(fault.file_name)
    if fault.clip_id is not None or row is None:
        return fault
    return Fault(fault.file_name, row.clip_id, "unlisted", fault.detail)
