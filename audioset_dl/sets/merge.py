"""The parts of one dataset put into one folder, every file checked by its hash.

Decides by what the journals of the parts and of the folder say; copies, and never moves: the parts
stay as they are, and nothing that the folder holds is overwritten.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from audioset_dl.dataset.guard import check_places
from audioset_dl.dataset.journal import Journal, open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import row_of, write_failures, write_manifest
from audioset_dl.dataset.pending import drop_claim, write_claim
from audioset_dl.dataset.resume import adopt_files, clear_leftovers
from audioset_dl.dataset.rows import Record, SavedFile
from audioset_dl.dataset.run_info import write_run_info
from audioset_dl.dataset.verify import check_file, is_inside
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.sets.parts import (
    Part,
    check_same_audio,
    find_other_metadata,
    make_part,
    merge_info,
    merge_order,
    read_part,
    saved,
)
from audioset_dl.storage.files import find_room, told_as_output_error, write_file
from audioset_dl.storage.lock import hold_folder, keep_runs_out

CONFLICT = "conflict"
"""The clip has other audio in another part, or in OUT."""
IN_THE_WAY = "in_the_way"
"""Another file stands in OUT where the clip's would go."""


@dataclass(frozen=True)
class Trouble:
    """A file that was not merged."""

    clip_id: str
    path: str
    """The file."""
    code: str
    """`CONFLICT`, `IN_THE_WAY`, or a code of `audioset_dl.dataset.verify.Fault`: what it is not
    as its own dataset says."""
    detail: str


@dataclass(frozen=True)
class Merged:
    """What a merge did, and what the folder holds now."""

    copied: int
    present: int
    """Files of the parts that the folder held already."""
    saved: int
    """Clips that the folder holds."""
    gone: int
    waiting: int
    """Clips that no part could get so far."""
    troubles: Sequence[Trouble]
    """Files that were not merged; each lies where it lay."""
    other_metadata: Sequence[str]
    """Names of AudioSet's files that were not the same for all parts."""

    @property
    def exit_code(self) -> int:
        """0 if all is merged, 1 if a file was not."""
        return 1 if self.troubles else 0


def merge_parts(
    out: OutputFolder,
    paths: Sequence[Path],
    *,
    now: str,
    on_file: Callable[[], object] = lambda: None,
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
    on_file : callable
        Called after each file of the parts.

    Raises
    ------
    ConfigError
        Parts are named twice, lie in each other, or hold audio of different forms.
    OutputLockedError
        A run is under way in one of the folders.
    OutputError
        A folder can't be read or written, or there is no room.
    """
    _check_apart(out.path, paths)
    _check_is_ours(out)
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(keep_runs_out(OutputFolder(path).lock))
        parts = [read_part(path) for path in paths]
        check_same_audio(parts)
        check_places(out)
        stack.enter_context(hold_folder(out.lock, now))
        journal = stack.enter_context(open_journal(out.journal))
        adopt_files(journal, out)
        clear_leftovers(out)
        own = make_part(out, journal.records())
        check_same_audio([own, *parts])
        merge = _Merge(own, parts, journal)
        merge.check_room()
        merge.run(on_file)
        merge.write_tables(now)
        shutil.rmtree(out.scratch, ignore_errors=True)
        return merge.report()


def _check_is_ours(out: OutputFolder) -> None:
    """Refuse a folder that holds other things than a dataset, or an interrupted merge into one."""
    ours = (out.journal, out.manifest, out.run, out.lock, out.wav)
    if not out.path.is_dir() or any(path.exists() for path in ours):
        return
    if other := next(out.path.iterdir(), None):
        raise ConfigError(
            Problem(
                "",
                f"{out.path} is no dataset and not empty (there is {other.name}): "
                "name a new folder for OUT, or one that holds a dataset",
            )
        )


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

    def check_room(self) -> None:
        """Refuse to begin what the disk can't hold."""
        missing: dict[str, Path] = {}
        for part, record in self._saved_in_parts():
            known = self._own.records.get(record.clip.clip_id)
            if known is None or known.file is None:
                path = part.folder.path / _file_of(record).file_name
                missing.setdefault(record.clip.clip_id, path)
        needed = sum(map(_size, missing.values()))
        room = find_room(self._out.path)
        if room is not None and needed > room.num_bytes:
            raise OutputError(
                f"{self._out.path}: {len(missing):,} files to copy have {needed:,} bytes, {room}; "
                "make room, or choose another OUT"
            )

    def run(self, on_file: Callable[[], object]) -> None:
        """Copy file after file, each noted at once; then note what all know of each clip."""
        for part, record in self._saved_in_parts():
            self._take(part, record)
            on_file()
        clip_ids = sorted({clip_id for part in self._parts for clip_id in part.records})
        self._journal.put([self._settled(clip_id) for clip_id in clip_ids])

    def _settled(self, clip_id: str) -> Record:
        known = self._journal.find(clip_id)
        if known is None or known.file is None:
            return self._verdict(clip_id)
        return saved(self._united(clip_id), known.file)

    def _saved_in_parts(self) -> Iterator[tuple[Part, Record]]:
        for part in self._parts:
            for record in part.records.values():
                if record.file is not None:
                    yield part, record

    def _take(self, part: Part, record: Record) -> None:
        """Take up one file of a part."""
        clip_id, file = record.clip.clip_id, _file_of(record)
        path = part.folder.path / file.file_name
        fault = check_file(part.folder.path, row_of(clip_id, file))
        if fault is not None:
            self._trouble(clip_id, path, fault.code, fault.detail)
            return
        known = self._journal.find(clip_id)
        if known is None or known.file is None:
            self._copy(path, record, file)
            return
        if known.file.sha256 != file.sha256:
            where = self._out.path / known.file.file_name
            self._trouble(clip_id, path, CONFLICT, f"{where}, which is kept, has other audio")
            return
        mine = check_file(self._out.path, row_of(clip_id, known.file))
        if mine is None:
            self._num_present += 1
        elif mine.code == "missing":
            self._copy(path, record, known.file)
        else:
            where = self._out.path / known.file.file_name
            self._trouble(clip_id, where, mine.code, f"{mine.detail}; see `verify --repair`")

    def _copy(self, path: Path, record: Record, file: SavedFile) -> None:
        """Copy a file that was found to be as its part says, and note it."""
        clip_id = record.clip.clip_id
        target = self._out.path / file.file_name
        if not is_inside(self._out.path, target.parent):
            self._trouble(clip_id, path, "outside", f"{target.parent} leads out of OUT")
            return
        with told_as_output_error(path):
            content = path.read_bytes()
        file = replace(file, num_bytes=len(content))
        if target.exists() or target.is_symlink():
            if not _holds(target, file):
                self._trouble(clip_id, path, IN_THE_WAY, f"{target} holds something else")
                return
            self._num_present += 1
        else:
            write_claim(self._out, record.clip, file)
            write_file(target, content)
            self._num_copied += 1
        if not _holds(target, file):
            raise OutputError(f"{target} is not what was written there: the disk fails")
        self._journal.put([saved(self._united(clip_id), file)])
        drop_claim(self._out, clip_id)

    def _united(self, clip_id: str) -> Record:
        """Return what all together know of a clip, but for what became of it."""
        records = self._records_of(clip_id)
        wanting = [record for record in records if record.wanted]
        mids = {mid for record in wanting or records for mid in record.classes}
        return replace(
            max(records, key=lambda record: len(record.clip.labels)),
            classes=tuple(sorted(mids, key=lambda mid: (self._order.get(mid, len(mids)), mid))),
            wanted=bool(wanting),
            attempts=max(record.attempts for record in records),
        )

    def _verdict(self, clip_id: str) -> Record:
        """Return what all together know of a clip that is not saved: gone weighs most."""
        unsaved = [record for record in self._records_of(clip_id) if record.file is None]
        united = replace(self._united(clip_id), file=None)
        if not unsaved:  # the files are damaged
            return replace(united, state="waiting", code=None, detail=None)
        best = max(unsaved, key=_weight)
        return replace(
            united, state=best.state, code=best.code, detail=best.detail, updated_at=best.updated_at
        )

    def _records_of(self, clip_id: str) -> list[Record]:
        known = [part.records.get(clip_id) for part in (self._own, *self._parts)]
        return [record for record in known if record is not None]

    def _trouble(self, clip_id: str, path: Path, code: str, detail: str) -> None:
        self._troubles.append(Trouble(clip_id, str(path), code, detail))

    def write_tables(self, now: str) -> None:
        """Write manifest.csv, failures.csv and run.json."""
        names = {
            mid: name for part in (*self._parts, self._own) for mid, name in part.names.items()
        }
        write_manifest(self._out.manifest, self._journal.records("saved"), names)
        write_failures(self._out.failures, self._journal.records(), names)
        info = merge_info(self._own, self._parts, names, now)
        if info is not None:
            write_run_info(self._out.run, info)

    def report(self) -> Merged:
        """Return what was done."""
        states = Counter(state for state, _ in self._journal.states().values())
        return Merged(
            copied=self._num_copied,
            present=self._num_present,
            saved=states["saved"],
            gone=states["gone"],
            waiting=states["waiting"],
            troubles=tuple(self._troubles),
            other_metadata=find_other_metadata([self._own, *self._parts]),
        )


def _check_apart(out: Path, paths: Sequence[Path]) -> None:
    """Refuse folders that are named twice, or of which one lies in another."""
    folders = [path.resolve() for path in (out, *paths)]
    for number, one in enumerate(folders):
        for other in folders[number + 1 :]:
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise ConfigError(
                    Problem(
                        "",
                        f"{one} and {other} are not apart; name OUT, then the other folders, each "
                        "once (what OUT holds stays there)",
                    )
                )


def _weight(record: Record) -> tuple[bool, bool, bool, str]:
    is_gone = record.state == "gone"
    return is_gone, not record.is_hearsay, record.code is not None, record.updated_at


def _file_of(record: Record) -> SavedFile:
    if record.file is None:
        raise ValueError(f"{record.clip.clip_id} is not saved")
    return record.file


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _holds(path: Path, file: SavedFile) -> bool:
    if path.is_symlink() or not path.is_file() or _size(path) != file.num_bytes:
        return False
    with told_as_output_error(path):
        return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
