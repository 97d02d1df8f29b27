"""What a run wants and what became of it: the draw, the journal and the files, kept together.

The one place that writes the journal during a run. Decides nothing about failures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.resume import settle_clips, settle_files
from audioset_dl.dataset.rows import Row, SavedFile
from audioset_dl.download.address import Ticket
from audioset_dl.download.choices import choose, note_choices
from audioset_dl.download.fetcher import Job
from audioset_dl.download.listing import Listing
from audioset_dl.download.tasks import Task
from audioset_dl.download.verdicts import Verdict
from audioset_dl.outcomes import Failure
from audioset_dl.selection.known import find_known
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


@dataclass(frozen=True, eq=False)
class Missing:
    """The clips that a run has to fetch."""

    rows: RowNumbers
    """Their row numbers, in the order in which to fetch them."""
    codes: Mapping[int, str]
    """Code of the last failure of those that an earlier run tried, by row number."""


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
    known_gone : mapping of int to str
        Rows of clips that are taken as gone without asking, with the code of the reason.
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
        known_gone: Mapping[int, str] = MappingProxyType({}),
        known_from: str = "",
    ) -> None:
        self.draw = selection.draw()
        self.num_found = 0
        """Replacements that were on the disk already."""
        self._num_saved = 0
        self._num_wanted: dict[str, int] = {}
        self._selection = selection
        self._journal = journal
        self._output = output
        self._layout = layout
        self._known_gone = known_gone
        self._known_from = known_from
        self._began_at = utc_now()
        self.listing = Listing(journal, output, selection, self.known_gone_rows)
        self._settle = partial(settle_clips, journal=journal, folder=output, layout=layout)

    def begin(self) -> Missing:
        """Draw the clips, put their files in order, and return those that are to be fetched."""
        journal, table = self._journal, self._selection.table
        gone = np.flatnonzero(find_known(table, journal.states()).is_gone)
        drawn = self.draw.start(np.append(gone, np.fromiter(self._known_gone, np.int64)))
        note_choices(journal, self.draw, table, self._known_gone)
        journal.forget_num_wanted()
        self._note_num_wanted()
        settle_files(journal, self._output, self._layout, utc_now())
        known = find_known(table, journal.states())
        missing = drawn[~known.is_saved[drawn]]
        self._num_saved = len(drawn) - len(missing)
        return Missing(missing, known.codes)

    def standing(self, pause: str | None = None) -> Standing:
        """Return how the run stands."""
        return Standing(self.draw.num_wanted, self._num_saved, self.draw.num_gone, pause)

    def make_job(self, task: Task, ticket: Ticket) -> Job:
        """Return the job of fetching a clip to its place, or a witness to none."""
        if task.witness is not None:
            return Job(task.witness, None, ticket, task.number)
        clip = self.clip(task.clip_id)
        place = self._layout.file_name(clip.clip_id, clip.labels)
        return Job(clip, place, ticket, task.number, task.saved)

    def note_saved(self, clip_id: str, file: SavedFile, *, is_new: bool = True) -> Clip:
        """Note that a clip is saved, or what is new of one that was, and return it."""
        clip = self.clip(clip_id)
        self._journal.record_saved(Row(clip, file=file, classes=self.drawn_by(clip_id)))
        self.listing.note_saved(clip_id)
        self._num_saved += is_new
        return clip

    def note_failed(
        self, clip_id: str, failure: Failure, verdict: Verdict, *, with_cookies: bool
    ) -> None:
        """Note why an attempt failed, and what follows for the clip."""
        row = Row(
            self.clip(clip_id), classes=self.drawn_by(clip_id), state=verdict.state,
            code=failure.code, detail=failure.detail, updated_at=utc_now(), proof=verdict.proof,
            asked_as="account" if with_cookies else "guest",
        )  # fmt: skip
        self._journal.record_failed(row, charged=verdict.charged)

    def give_back(self, clip_id: str) -> None:
        """Take back one attempt that a clip was charged."""
        self._journal.refund(clip_id)

    def reopen(self, clip_ids: Collection[str]) -> None:
        """Let clips wait again that were taken as gone; those in their places stay wanted."""
        for clip_id in clip_ids:
            self.draw.restore(self._selection.row(clip_id))
        self._journal.reopen(clip_ids)
        self._note_num_wanted()

    def replace(self, clip_id: str, stopped_classes: Collection[str] = ()) -> list[str]:
        """Take a clip as gone; return the clips in its place that are not on the disk already.

        Classes that are stopped draw none.
        """
        rows = self.draw.replace(self._selection.row(clip_id), stopped_classes)
        refills = self._selection.table.clip_ids(np.array(rows, np.int64))
        table = self._selection.table
        self._journal.note_choices(
            choose(clip_id, table, row, self.draw.drawn_by(row))
            for clip_id, row in zip(refills, rows, strict=True)
        )
        self._note_num_wanted()
        missing = self._settle(refills, now=utc_now())
        num_found = len(refills) - len(missing)
        self.num_found += num_found
        self._num_saved += num_found
        return missing

    def known_gone_rows(self) -> list[Row]:
        """Return the rows of the clips that the draw came to and that are taken as gone."""
        rows = np.array(sorted(self._known_gone), np.int64)
        return [
            Row(
                self._selection.table.clip(row),
                classes=self.draw.drawn_by(row),
                state="gone",
                code=self._known_gone[row],
                detail="",
                updated_at=self._began_at,
                known_from=self._known_from,
            )
            for row in rows[self.draw.are_drawn(rows)].tolist()
        ]

    def clip(self, clip_id: str) -> Clip:
        """Return a clip that was drawn."""
        return self._selection.clip(clip_id)

    def drawn_by(self, clip_id: str) -> tuple[str, ...]:
        """Return the classes (MIDs) that drew a clip, in ontology order."""
        return self.draw.drawn_by(self._selection.row(clip_id))

    def _note_num_wanted(self) -> None:
        """Note how many clips are wanted, of each class and in all, where that changed."""
        numbers = {**self.draw.num_wanted_by(), "": self.draw.num_wanted}
        changed = dict(numbers.items() - self._num_wanted.items())
        self._num_wanted = numbers
        self._journal.note_num_wanted(changed)
