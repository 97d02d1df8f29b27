"""manifest.csv and failures.csv while a run goes on: written beside it, and at its end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

from audioset_dl.dataset.failures import write_failures
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.journal_reader import JournalReader, read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import MANIFEST_NOTE, UNLISTED_NOTE
from audioset_dl.dataset.resume import drop_pending
from audioset_dl.dataset.rows import Row, add_known_gone
from audioset_dl.dataset.writing import write_listing
from audioset_dl.download.beside import find_beside
from audioset_dl.selection.select import Selection

EVERY_S = 300
"""Least number of seconds between two writings while a run goes on."""
TIMES_AS_LONG = 50
"""How many times as long as a writing took passes before the next: it takes 2 % of the time."""
FEW = 1000
"""Rows of the longest manifest for which the run waits: it takes some hundredths of a second."""
MOST_AT_A_SIGNAL = 200_000
"""Rows of the longest manifest that is still written after a signal, which is to end a run soon."""


class Listing:
    """Writes the tables of a run: by a thread with a connection of its own, and at the end.

    Parameters
    ----------
    journal : Journal
        Open for writing.
    folder : OutputFolder
        The folder, which is held.
    selection : Selection
        What the config chooses: for the names of classes, and what else is known of its clips.
    find_known_gone : callable
        Returns the rows of the clips that are taken as gone without asking.
    """

    def __init__(
        self,
        journal: Journal,
        folder: OutputFolder,
        selection: Selection,
        find_known_gone: Callable[[], Sequence[Row]],
    ) -> None:
        self._journal = journal
        self._folder = folder
        self._names = {node.mid: node.name for node in selection.catalog.ontology}
        self._find_known_gone = find_known_gone
        self._beside = find_beside(selection, self._names)
        self._pending: list[str] = []
        """Saved clips that the manifest lists no sooner than after the next writing."""
        self._pool = ThreadPoolExecutor(1, "listing")
        self._is_ending = threading.Event()
        self._reader: JournalReader | None = None
        self._writing: tuple[Future[str], int] | None = None
        """What is under way, and how many clips of `_pending` it lists."""
        self._is_current = False
        """True once the tables were written in this run: since then clips were only added."""
        self._took_s = 0.0
        self._began_at = float("-inf")

    def note_saved(self, clip_id: str) -> None:
        """Note that a clip was saved, of which the next manifest has a row."""
        self._pending.append(clip_id)

    def write_if_due(self) -> None:
        """Begin to write the tables beside the run, unless that was done of late.

        Raises
        ------
        OutputError
            They could not be written.
        """
        if self._writing is not None and self._writing[0].done():
            self._take_up(*self._writing)
        waits_s = max(EVERY_S, TIMES_AS_LONG * self._took_s)
        if self._writing is None and time.monotonic() - self._began_at > waits_s:
            self._began_at = time.monotonic()
            if self._journal.count_saved() <= FEW:
                self._write_at_once()
                return
            writing = self._pool.submit(self._write_beside, self._note_known_gone())
            self._writing = writing, len(self._pending)

    def write(self, *, at_most: int | None = None) -> int:
        """Write the tables once and for all; return how many clips the manifest lacks.

        Parameters
        ----------
        at_most : int, optional
            Leave the manifest as it is where it would have more rows, and was written in this run.

        Raises
        ------
        OutputError
            They can't be written.
        """
        if self._writing is not None and self._writing[0].done():
            self._take_up(*self._writing)
        self._is_ending.set()
        if self._reader is not None:
            self._reader.interrupt()
        self._pool.shutdown()
        if at_most is not None and self._is_current and self._journal.count_saved() > at_most:
            if self._pending:
                self._journal.note(UNLISTED_NOTE, json.dumps(dict(self._names)))
            return len(self._pending)
        self._write_at_once()
        return 0

    def _write_at_once(self) -> None:
        sha256 = self._write(self._journal, self._note_known_gone())
        self._note_listed(sha256, len(self._pending))

    def _note_known_gone(self) -> Sequence[Row]:
        rows = self._find_known_gone()
        self._journal.note_known_gone(row.code or "" for row in rows)
        return rows

    def _take_up(self, writing: Future[str], num_pending: int) -> None:
        self._took_s = time.monotonic() - self._began_at
        self._writing = None
        self._note_listed(writing.result(), num_pending)

    def _note_listed(self, sha256: str, num_pending: int) -> None:
        self._is_current = True
        self._journal.note(MANIFEST_NOTE, sha256)
        self._journal.note(UNLISTED_NOTE, "")
        for clip_id in self._pending[:num_pending]:
            drop_pending(self._folder, clip_id)
        del self._pending[:num_pending]

    def _write_beside(self, known_gone: Sequence[Row]) -> str:
        with read_journal(self._folder.journal) as self._reader:
            if self._is_ending.is_set():
                raise CancelledError
            return self._write(self._reader, known_gone)

    def _write(self, journal: JournalReader, known_gone: Sequence[Row]) -> str:
        sha256 = write_listing(journal, self._folder, self._names, self._beside)
        rows = add_known_gone(journal.failed_rows(), known_gone)
        write_failures(self._folder.failures, rows, self._names)
        return sha256
