"""The merge of the parts of one dataset into one folder, every file checked by its hash.

Files are copied, never moved: the parts stay as they are, and nothing that the folder holds is
overwritten. What becomes of a clip is decided in `audioset_dl.sets.parts`.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from audioset_dl.dataset.beside import read_beside
from audioset_dl.dataset.failures import write_failures
from audioset_dl.dataset.file_check import FileFault, OnFiles, check_files, ignore
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.resume import (
    drop_pending,
    file_size,
    is_copy,
    write_pending,
)
from audioset_dl.dataset.rows import Row, SavedFile, add_known_gone
from audioset_dl.dataset.run_info import write_run_info
from audioset_dl.dataset.writing import list_saved, open_dataset
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.sets.parts import (
    Part,
    check_same_audio,
    find_other_metadata,
    make_part,
    merge_info,
    merge_order,
    read_part,
    unite,
)
from audioset_dl.storage.disk import find_free_space
from audioset_dl.storage.files import as_output_error, write_file
from audioset_dl.storage.guards import find_overlap, is_inside
from audioset_dl.storage.lock import keep_runs_out

CONFLICT = "conflict"
"""The clip has other audio in another part, or in OUT."""
IN_THE_WAY = "in_the_way"
"""Another file stands in OUT where the clip's would go."""


@dataclass(frozen=True)
class Trouble:
    """One file that was not merged."""

    clip_id: str
    path: str
    """The file."""
    code: str
    """`CONFLICT`, `IN_THE_WAY`, or a code of `audioset_dl.dataset.file_check.FileFault`."""
    detail: str


@dataclass(frozen=True)
class Merged:
    """What a merge did, and numbers of what the folder holds now."""

    copied: int
    present: int
    """Files of the parts that the folder held already."""
    saved: int
    """Clips that the folder holds."""
    gone: int
    waiting: int
    """Clips that no part has saved so far."""
    troubles: Sequence[Trouble]
    """Files that were not merged; each is left as it is."""
    other_metadata: Sequence[str]
    """Names of AudioSet's files that were not the same for all parts."""
    notes: Sequence[str] = ()
    """What OUT's journal did not know, as sentences."""

    @property
    def exit_code(self) -> int:
        """0 if all is merged, 1 if a file was not."""
        return 1 if self.troubles else 0


def merge_parts(
    out: OutputFolder, paths: Sequence[Path], *, now: str, on_files: OnFiles = ignore
) -> Merged:
    """Put the clips of several datasets into one, and what is known of clips that are gone.

    A clip that any part has saved is saved; else what is gone in a part is gone. The classes that
    it was drawn for are those of all parts. Interrupted anywhere, the same merge goes on.

    Parameters
    ----------
    out : OutputFolder
        New, or a dataset; held while it is written.
    paths : sequence of Path
        Output folders.
    now : str
        The time of day, ISO 8601.
    on_files : callable
        Told after some files how many these are, and how many bytes, for a progress bar.

    Raises
    ------
    ConfigError
        Parts are named twice, lie in each other, or hold audio of different forms.
    OutputLockedError
        A run is under way in one of the folders.
    OutputError
        A folder can't be read or written, or there is no room.
    """
    if overlap := find_overlap([path.resolve() for path in (out.path, *paths)]):
        fix = "name OUT, then the other folders, each once (what OUT holds stays there)"
        raise ConfigError(Problem("", f"{overlap[0]} and {overlap[1]} are not apart", fix))
    _check_is_ours(out)
    with ExitStack() as stack:
        # A part that a run still writes would be merged in halves.
        for path in paths:
            stack.enter_context(keep_runs_out(OutputFolder(path).lock))
        parts = [read_part(path) for path in paths]
        check_same_audio(parts)
        journal, taken_up = stack.enter_context(open_dataset(out, now))
        own = make_part(out, journal.rows())
        check_same_audio([own, *parts])
        merge = _Merge(own, parts, journal)
        merge.check_space()
        merge.copy_files(on_files)
        known_gone = merge.note_rows()
        merge.write_tables(known_gone, now)
        shutil.rmtree(out.scratch, ignore_errors=True)
        return replace(merge.report(known_gone), notes=taken_up.describe())


def _check_is_ours(out: OutputFolder) -> None:
    """Refuse a folder that holds other things than a dataset, or an interrupted merge into one."""
    # A mistyped OUT would be filled with tables and WAV files among the user's own.
    ours = (out.journal, out.manifest, out.run, out.lock, out.wav)
    if not out.path.is_dir() or any(path.exists() for path in ours):
        return
    if other := next(out.path.iterdir(), None):
        found = f"{out.path} is no dataset and not empty (there is {other.name})"
        fix = "name a new folder for OUT, or one that holds a dataset"
        raise ConfigError(Problem("", f"{found}: {fix}"))


class _Merge:
    """One merge into a folder that is held."""

    def __init__(self, own: Part, parts: Sequence[Part], journal: Journal) -> None:
        self._own = own
        self._out = own.folder
        self._parts = parts
        self._journal = journal
        self._order = merge_order([own, *parts])
        self._troubles: list[Trouble] = []
        self._num_copied = self._num_present = 0

    def check_space(self) -> None:
        """Refuse to begin what the disk can't hold."""
        missing: dict[str, Path] = {}
        for part, row in self._saved_in_parts():
            if self._known_file(row.clip_id) is None:
                path = part.folder.path / row.saved_file.file_name
                missing.setdefault(row.clip_id, path)
        needed = sum(file_size(path) or 0 for path in missing.values())
        space = find_free_space(self._out.path)
        if space is not None and needed > space.num_bytes:
            raise OutputError(
                f"{self._out.path}: {len(missing):,} files to copy have {needed:,} bytes, {space}",
                fix="make room, or choose another OUT",
            )

    def copy_files(self, on_files: OnFiles) -> None:
        """Copy file after file, each noted in the journal at once."""
        for part in self._parts:
            rows = [row for row in part.rows.values() if row.file is not None]
            faults = _find_faults(part.folder, rows, on_files)
            known = filter(None, (self._journal.find(row.clip_id) for row in rows))
            own_faults = _find_faults(self._out, [row for row in known if row.file], on_files)
            for row in rows:
                self._take(part, row, faults.get(row.clip_id), own_faults.get(row.clip_id))

    def note_rows(self) -> list[Row]:
        """Note what all parts know of each clip; return the rows that the journal does not hold.

        These are of clips that were taken as gone without asking.
        """
        self._journal.forget_num_wanted()  # by the config of one of them: it says nothing of all
        rows = []
        for clip_id in sorted({clip_id for part in self._parts for clip_id in part.rows}):
            file, known = self._known_file(clip_id), self._rows_of(clip_id)
            rows.append(unite(known, file, self._order))
        united = {row.clip_id for row in rows}
        only_own = (row for row in self._own.rows.values() if row.clip_id not in united)
        known_gone = [row for row in (*rows, *only_own) if row.known_from is not None]
        self._journal.put(row for row in rows if row.known_from is None)
        # The clip may have been tried by an earlier run, whose attempts are kept.
        self._journal.put(
            replace(row, known_from=None, wanted=False, state="waiting", code=None, detail=None)
            for row in known_gone
            if row.clip.labels
        )
        self._journal.note_known_gone(row.code or "" for row in known_gone)
        return known_gone

    def _saved_in_parts(self) -> Iterator[tuple[Part, Row]]:
        for part in self._parts:
            for row in part.rows.values():
                if row.file is not None:
                    yield part, row

    def _known_file(self, clip_id: str) -> SavedFile | None:
        known = self._journal.find(clip_id)
        return None if known is None else known.file

    def _rows_of(self, clip_id: str) -> list[Row]:
        known = [part.rows.get(clip_id) for part in (self._own, *self._parts)]
        return [row for row in known if row is not None]

    def _take(
        self, part: Part, row: Row, fault: FileFault | None, own_fault: FileFault | None
    ) -> None:
        """Take up one file of a part, given what is wrong with it, and with that in OUT."""
        path = part.folder.path / row.saved_file.file_name
        if fault is not None:
            self._leave(row, path, fault.code, fault.detail)
            return
        known = self._journal.find(row.clip_id)
        if known is None or known.file is None:
            self._copy(path, row, row.saved_file)
            return
        where = self._out.path / known.file.file_name
        if known.file.sha256 != row.saved_file.sha256:
            self._leave(row, path, CONFLICT, f"{where}, which is kept, has other audio")
            return
        if own_fault is None:
            self._num_present += 1
        elif own_fault.code == "missing":
            self._copy(path, row, known.file)
        else:
            self._leave(row, where, own_fault.code, f"{own_fault.detail}; see `verify --repair`")

    def _copy(self, path: Path, row: Row, file: SavedFile) -> None:
        """Copy a file that was found to be as its part says, and note it."""
        target = self._out.path / file.file_name
        if not is_inside(self._out.path, target.parent):
            self._leave(row, path, "outside", f"{target.parent} leads out of OUT")
            return
        with as_output_error(path):
            content = path.read_bytes()
        file = replace(file, num_bytes=len(content))
        if target.exists() or target.is_symlink():
            if not _holds(target, file):
                self._leave(row, path, IN_THE_WAY, f"{target} holds something else")
                return
            self._num_present += 1
        else:
            # A merge that is killed right after the file has its name is taken up by this note.
            write_pending(self._out, row.clip, file)
            write_file(target, content)
            self._num_copied += 1
        # Read back: the parts may be deleted after a merge that reported no error.
        if not _holds(target, file):
            raise OutputError(f"{target} is not what was written there: the disk fails")
        self._journal.put([unite(self._rows_of(row.clip_id), file, self._order)])
        drop_pending(self._out, row.clip_id)

    def _leave(self, row: Row, path: Path, code: str, detail: str) -> None:
        self._troubles.append(Trouble(row.clip_id, str(path), code, detail))

    def write_tables(self, known_gone: Sequence[Row], now: str) -> None:
        """Write manifest.csv, failures.csv and run.json."""
        names = {
            mid: name for part in (*self._parts, self._own) for mid, name in part.names.items()
        }
        beside = read_beside([part.folder for part in self._parts])
        list_saved(self._journal, self._out, names, beside)
        rows = add_known_gone(self._journal.rows(), known_gone)
        write_failures(self._out.failures, rows, names)
        info = merge_info(self._own, self._parts, names, now)
        if info is not None:
            write_run_info(self._out.run, info)

    def report(self, known_gone: Sequence[Row]) -> Merged:
        """Return what was done."""
        states = Counter(row.state for row in add_known_gone(self._journal.rows(), known_gone))
        return Merged(
            copied=self._num_copied,
            present=self._num_present,
            saved=states["saved"],
            gone=states["gone"],
            waiting=states["waiting"],
            troubles=tuple(self._troubles),
            other_metadata=find_other_metadata([self._own, *self._parts]),
        )


def _find_faults(
    folder: OutputFolder, rows: Sequence[Row], on_files: OnFiles
) -> dict[str | None, FileFault]:
    faults = check_files(folder.path, rows, on_files=on_files).faults
    return {fault.clip_id: fault for fault in faults}


def _holds(path: Path, file: SavedFile) -> bool:
    # A link is not the file: what it points to may be removed or changed.
    return not path.is_symlink() and is_copy(path, file)
