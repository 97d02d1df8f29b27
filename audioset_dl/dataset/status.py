"""The state of a run, read from the journal, also while the run writes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from audioset_dl.dataset.journal import read_journal
from audioset_dl.dataset.journal_rows import JournalReader
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.storage.lock import Holder, find_holder

PAUSE_NOTE = "pause"
"""Key of the journal's note on what a run waits for."""


@dataclass(frozen=True)
class Counts:
    """Numbers of clips that an output folder holds, and lacks."""

    wanted: int
    """Clips that the config of the last run wants and that are not gone: saved and waiting."""
    saved: int
    gone: int
    """Clips that are gone; that config would want them otherwise."""
    waiting: int
    kept: int
    """Saved clips that only an earlier config wanted; they stay on the disk."""
    failures: dict[str, int]
    """Number of clips that are gone, or waiting after a failed attempt, by code."""
    examples: dict[str, str]
    """The tool's words about a clip that waits after a failure, by code."""


@dataclass(frozen=True)
class Status:
    """The state of an output folder."""

    counts: Counts
    running: Holder | None
    """The run that is under way; None where there is none."""
    pause: str | None
    """What that run waits for, and until when; None where it does not."""


def read_status(folder: OutputFolder) -> Status:
    """Read the journal of an output folder.

    Raises
    ------
    OutputError
        There is none, or it can't be read.
    """
    with read_journal(folder.journal) as journal:
        counts = count_clips(journal)
        pause = journal.read_note(PAUSE_NOTE)
    running = find_holder(folder.lock)
    # A run that was killed leaves its note of a pause behind.
    return Status(counts, running, (pause or None) if running else None)


def count_clips(journal: JournalReader) -> Counts:
    """Count the clips in a journal."""
    states: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    kept = 0
    examples: dict[str, str] = {}
    for count in journal.counts():
        if not count.wanted:
            kept += count.number if count.state == "saved" else 0
            continue
        states[count.state] += count.number
        if count.code is not None:
            failures[count.code] += count.number
        if count.code is not None and count.state == "waiting":
            examples[count.code] = count.example or ""
    return Counts(
        wanted=states["saved"] + states["waiting"],
        saved=states["saved"],
        gone=states["gone"],
        waiting=states["waiting"],
        kept=kept,
        failures=dict(failures.most_common()),
        examples=examples,
    )
