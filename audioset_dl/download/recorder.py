"""What a run wants and what became of it: the draw, the journal and the files, kept together.

The one place that writes the journal during a run. Decides nothing about failures.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.manifest import write_failures
from audioset_dl.dataset.resume import drop_pending, settle_clips, settle_files
from audioset_dl.dataset.rows import Row, SavedFile, add_known_gone
from audioset_dl.dataset.writing import list_saved
from audioset_dl.download.address import Ticket
from audioset_dl.download.fetcher import Job
from audioset_dl.download.tasks import Task
from audioset_dl.download.verdicts import Verdict
from audioset_dl.outcomes import Failure
from audioset_dl.selection.select import Selection
from audioset_dl.storage.clock import utc_now


@dataclass(frozen=True)
class Standing:
    """How a run stands, for a progress bar."""

    wanted: int
    """Clips that are wanted and not gone."""
    saved: int
    gone: int
    pause: str | None = None
    """What the run waits for, and until when."""

    @property
    def waiting(self) -> int:
        """Clips that are still to be downloaded."""
        return self.wanted - self.saved


TABLES_EVERY_S = 300
"""Seconds between two writings of manifest.csv and failures.csv while a run goes on."""


class Recorder:
    """Draws the clips of a run, and notes what becomes of them, in a folder that is held.

    Parameters
    ----------
    selection : Selection
        The classes and their ranked clips.
    journal : Journal
        Open for writing.
    output : OutputFolder
        The folder.
    layout : Layout
        The place of each clip.
    known_gone : mapping of str to str
        Clips that are taken as gone without asking, with the code of the reason.
    known_from : str
        Name of the list that says so.
    """

    def __init__(
        self,
        selection: Selection,
        journal: Journal,
        output: OutputFolder,
        layout: Layout,
        *,
        known_gone: Mapping[str, str] = MappingProxyType({}),
        known_from: str = "",
    ) -> None:
        self.draw = selection.draw()
        self.num_found = 0
        """Replacements that were on the disk already."""
        self._num_saved = 0
        self._pending: list[str] = []
        self._selection = selection
        self._journal = journal
        self._output = output
        self._layout = layout
        self._known_gone = known_gone
        self._known_from = known_from
        self._began_at = utc_now()
        self._tables_written_at = time.monotonic()
        self._settle = partial(settle_clips, journal=journal, folder=output, layout=layout)

    def begin(self) -> dict[str, str | None]:
        """Draw the clips, put their files in order, and return those that are to be fetched.

        By clip_id, with the code of the last failure, in the order in which to fetch them.
        """
        journal = self._journal
        gone = [clip_id for clip_id, (state, _) in journal.states().items() if state == "gone"]
        drawn = self.draw.start([*gone, *self._known_gone])
        journal.want_nothing()
        self._note_wanted(id_ for id_ in self.draw.drawn() if id_ not in self._known_gone)
        settle_files(journal, self._output, self._layout, utc_now())
        states = journal.states()
        missing = {id_: states[id_][1] for id_ in drawn if states[id_][0] != "saved"}
        self._num_saved = len(drawn) - len(missing)
        return missing

    def standing(self, pause: str | None = None) -> Standing:
        """Return how the run stands."""
        return Standing(self.draw.num_wanted, self._num_saved, self.draw.num_gone, pause)

    def make_job(self, task: Task, ticket: Ticket) -> Job:
        """Return the job of fetching a clip to its place, or a witness to none."""
        if task.witness is not None:
            return Job(task.witness, None, ticket, task.number)
        clip = self._selection.clip(task.clip_id)
        place = self._layout.file_name(clip.clip_id, clip.labels)
        return Job(clip, place, ticket, task.number, task.saved)

    def note_saved(self, clip_id: str, file: SavedFile, *, is_new: bool = True) -> Clip:
        """Note that a clip is saved, or what is new of one that was, and return it."""
        self._journal.record_saved(clip_id, file)
        self._pending.append(clip_id)
        self._num_saved += is_new
        return self._selection.clip(clip_id)

    def note_failed(
        self, clip_id: str, failure: Failure, verdict: Verdict, *, with_cookies: bool
    ) -> None:
        """Note why an attempt failed, and what follows for the clip."""
        self._journal.record_failed(
            clip_id, state=verdict.state, code=failure.code, detail=failure.detail,
            charged=verdict.charged, now=utc_now(), proof=verdict.proof,
            asked_as="account" if with_cookies else "guest",
        )  # fmt: skip

    def give_back(self, clip_id: str) -> None:
        """Take back one attempt that a clip was charged."""
        self._journal.refund(clip_id)

    def reopen(self, clip_ids: Collection[str]) -> None:
        """Let clips wait again that were taken as gone; those in their places stay wanted."""
        for clip_id in clip_ids:
            self.draw.restore(clip_id)
        self._journal.reopen(clip_ids)

    def replace(self, clip_id: str, stopped_classes: Collection[str] = ()) -> list[str]:
        """Take a clip as gone; return the clips in its place that are not on the disk already.

        Classes that are stopped draw none.
        """
        refills = self.draw.replace(clip_id, stopped_classes)
        self._note_wanted(refills)
        missing = self._settle(refills, now=utc_now())
        num_found = len(refills) - len(missing)
        self.num_found += num_found
        self._num_saved += num_found
        return missing

    def write_tables(self) -> None:
        """Write manifest.csv and failures.csv."""
        self._tables_written_at = time.monotonic()
        names = {node.mid: node.name for node in self._selection.catalog.ontology}
        journal, known_gone = self._journal, self.known_gone_rows()
        journal.note_known_gone(row.code or "" for row in known_gone)
        list_saved(journal, self._output, names)
        write_failures(self._output.failures, add_known_gone(journal.rows(), known_gone), names)
        for clip_id in self._pending:
            drop_pending(self._output, clip_id)
        self._pending.clear()

    def write_tables_if_due(self) -> None:
        """Write the tables now and then while a run of days goes on."""
        if time.monotonic() - self._tables_written_at > TABLES_EVERY_S:
            self.write_tables()

    def known_gone_rows(self) -> list[Row]:
        """Return the rows of the clips that the draw came to and that are taken as gone."""
        selection = self._selection
        return [
            Row(
                selection.clip(clip_id),
                classes=selection.in_ontology_order(mids),
                state="gone",
                code=self._known_gone[clip_id],
                detail="",
                updated_at=self._began_at,
                known_from=self._known_from,
            )
            for clip_id, mids in self.draw.drawn().items()
            if clip_id in self._known_gone
        ]

    def _note_wanted(self, clip_ids: Iterable[str]) -> None:
        selection = self._selection
        classes = {id_: selection.in_ontology_order(self.draw.drawn_by(id_)) for id_ in clip_ids}
        self._journal.want(classes, map(selection.clip, classes), utc_now())
