"""A dataset that is opened for writing: held, its journal complete, what dead runs left taken up.

State that was partly lost is never believed over files that are good. A journal may be lost, empty
or older than the files, and a manifest may be damaged in places: a file is a clip's if a note of a
killed run or a row of the manifest says so and its hash is right.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from audioset_dl.dataset.beside import Beside
from audioset_dl.dataset.guard import check_places, is_trial
from audioset_dl.dataset.journal import Journal, open_journal
from audioset_dl.dataset.journal_reader import JournalReader
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import (
    MANIFEST_NOTE,
    UNLISTED_NOTE,
    check_tables,
    hash_manifest,
    read_manifest_leniently,
)
from audioset_dl.dataset.manifest_writing import SAVED_COLUMNS, write_manifest, write_saved
from audioset_dl.dataset.resume import is_copy, read_pending
from audioset_dl.dataset.rows import Row
from audioset_dl.errors import OutputLockedError
from audioset_dl.storage.files import as_output_error, is_temporary, name_to_be
from audioset_dl.storage.lock import hold_file, hold_folder
from audioset_dl.words import count

_MOST_ROWS_NAMED = 5
_AT_A_TIME = 1000
"""Clips that are noted in one transaction."""


@dataclass(frozen=True)
class TakenUp:
    """What the journal did not know."""

    num_listed: int
    """Clips that the manifest lists, whose files are as it says."""
    bad_rows: Sequence[str]
    """Rows of the manifest that can't be used, with their lines."""

    def describe(self) -> list[str]:
        """Return what the user should know, as sentences."""
        words = [f"{row}; it is passed over" for row in self.bad_rows[:_MOST_ROWS_NAMED]]
        if more := len(self.bad_rows) - _MOST_ROWS_NAMED:
            words += [f"and {count(more, 'more row')} of the manifest"] if more > 0 else []
        if self.num_listed:
            words.append(
                f"the journal did not know of {count(self.num_listed, 'clip')} in the manifest: it "
                "was lost or is older. Their files are as the manifest says, and are taken up"
            )
        return words


@contextmanager
def open_dataset(folder: OutputFolder, now: str) -> Iterator[tuple[Journal, TakenUp]]:
    """Hold a folder for writing while the body runs; give its journal, with all that is saved.

    Parameters
    ----------
    folder : OutputFolder
        New, or a dataset.
    now : str
        The time, ISO 8601 in UTC.

    Raises
    ------
    OutputLockedError
        Another run holds the folder.
    OutputError
        It can't be written, or a file that would be replaced is not ours; what, and what to do.
    """
    check_places(folder)
    check_tables(folder)
    with ExitStack() as stack:
        lock = stack.enter_context(hold_folder(folder.lock, now))
        stack.enter_context(hold_file(folder.journal))
        journal = stack.enter_context(open_journal(folder.journal, check=lock.check))
        taken_up = take_up_files(journal, folder)
        clear_leftovers(folder)
        yield journal, taken_up


def list_saved(
    journal: Journal,
    folder: OutputFolder,
    names: Mapping[str, str],
    beside: Beside | None = None,
) -> None:
    """Write the manifest from the journal, and note which it is.

    Parameters
    ----------
    journal : Journal
        Open for writing.
    folder : OutputFolder
        The folder.
    names : mapping of str to str
        Display names by MID.
    beside : Beside, optional
        What is known for the tables beside the manifest, besides what they say already.
    """
    journal.note(MANIFEST_NOTE, write_listing(journal, folder, names, beside))
    journal.note(UNLISTED_NOTE, "")


def write_listing(
    journal: JournalReader,
    folder: OutputFolder,
    names: Mapping[str, str],
    beside: Beside | None = None,
) -> str:
    """Write the manifest, and what is beside it, from the journal; return the manifest's SHA-256.

    The parameters are as above.
    """
    try:
        write_saved(folder.manifest, journal.saved_values(SAVED_COLUMNS), names)
    except (TypeError, ValueError, AttributeError, ZeroDivisionError):
        # The journal holds a row that audioset-dl did not write: to read all finds and names it.
        write_manifest(folder.manifest, journal.rows("saved"), names)
    (beside or Beside()).write(journal, folder)
    return hash_manifest(folder.manifest) or ""


def take_up_files(journal: Journal, folder: OutputFolder) -> TakenUp:
    """Note in the journal the files that it lacks, or knows otherwise than they are."""
    pending = [Row(clip, file=file) for clip, file in read_pending(folder)]
    bad_rows: list[str] = []
    listed: Iterable[Row] = ()
    # Mostly the manifest is what this journal wrote, and need not be read.
    if journal.read_note(MANIFEST_NOTE) != hash_manifest(folder.manifest):
        listed = read_manifest_leniently(folder.manifest, bad_rows.append)
    _adopt(journal, folder, pending)
    return TakenUp(_adopt(journal, folder, listed), bad_rows)


def _adopt(journal: Journal, folder: OutputFolder, rows: Iterable[Row]) -> int:
    known = {row.clip_id: row.saved_file for row in journal.rows("saved")} if rows else {}

    def find_bytes(row: Row) -> int | None:
        """Return the size of a row's file if it is as the row says, and the journal does not."""
        mine, theirs = row.saved_file, known.get(row.clip_id)
        if theirs and (mine.file_name, mine.sha256) == (theirs.file_name, theirs.sha256):
            return None
        if theirs and is_copy(folder.path / theirs.file_name, theirs):
            return None
        path = folder.path / mine.file_name
        with as_output_error(path):
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        return len(content) if hashlib.sha256(content).hexdigest() == mine.sha256 else None

    num_adopted = 0
    with ThreadPoolExecutor() as pool:
        left = iter(rows)
        while some := list(islice(left, _AT_A_TIME)):
            sizes = zip(some, pool.map(find_bytes, some), strict=True)
            right = [
                replace(row, file=replace(row.saved_file, num_bytes=num_bytes))
                for row, num_bytes in sizes
                if num_bytes is not None
            ]
            journal.record_saved(*right)
            num_adopted += len(right)
    return num_adopted


def clear_leftovers(folder: OutputFolder) -> None:
    """Remove what dead runs left half-done, and make the folder ready. The caller holds the lock.

    Only files that have the names of ours and lie where we put them; all others are the user's.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    ours = {path.name for path in (folder.manifest, folder.failures, folder.run)}
    with as_output_error(folder.path):
        # After the pending notes in there were read.
        shutil.rmtree(folder.scratch, ignore_errors=True)
        folder.scratch.mkdir(parents=True, exist_ok=True)
        folder.wav.mkdir(exist_ok=True)
        for path in folder.path.iterdir():
            if name_to_be(path) in {*ours, f"{folder.lock.name}-holder.json"}:
                path.unlink(missing_ok=True)
            elif is_trial(path):
                _remove_trial(path)
        for path in folder.wav.glob("*/.Y*"):
            if is_temporary(path):
                path.unlink(missing_ok=True)


def _remove_trial(path: Path) -> None:
    """Remove what a doctor left that was killed; one that is at work holds its folder."""
    try:
        with hold_folder(OutputFolder(path).lock, ""):
            pass
    except OutputLockedError:
        return
    shutil.rmtree(path, ignore_errors=True)
