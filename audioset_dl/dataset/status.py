"""The state of a run, and what became of the clips it tried, read from the journal.

Also while the run writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.dataset.journal_reader import JournalReader, read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.run_info import read_run_info
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
    for state, wanted, code, number, example in journal.counts():
        if not wanted:
            kept += number if state == "saved" else 0
            continue
        states[state] += number
        if code is not None:
            failures[code] += number
        if code is not None and state == "waiting":
            examples[code] = example or ""
    # Where no run has noted it, as after a repair of a folder without a journal, what is known.
    wanted = journal.num_wanted().get("", states["saved"] + states["waiting"])
    return Counts(
        wanted=wanted,
        saved=states["saved"],
        gone=states["gone"],
        waiting=max(0, wanted - states["saved"]),
        kept=kept,
        failures=dict(failures.most_common()),
        examples=examples,
    )


@dataclass(frozen=True)
class TriedClass:
    """Numbers of the clips that were tried for a class."""

    mid: str
    """Empty for all classes together, where a clip counts once."""
    name: str
    tried: int
    """Saved and gone. A clip that failed otherwise says nothing about YouTube yet."""
    saved: int
    gone: int
    codes: Mapping[str, int]
    """Clips that are gone by the code of the reason, the most frequent first."""

    @property
    def share_gone(self) -> float | None:
        """The share that is gone, 0..1; None where none was tried."""
        return self.gone / self.tried if self.tried else None


@dataclass(frozen=True)
class TriedClips:
    """What became of the clips that an output folder asked YouTube for."""

    overall: TriedClass
    classes: Sequence[TriedClass]
    """In the order in which run.json names them."""
    rows: Sequence[Row]
    """All of them, sorted by clip_id: saved, gone, or waiting after a failure."""


def read_tried_clips(folder: OutputFolder) -> TriedClips:
    """Read what became of the clips that were asked for, also while a run is under way.

    Clips that only an earlier config wanted count as well; those that were taken as gone without
    asking (``clips.known_gone``) do not.

    Raises
    ------
    OutputError
        There is no journal, or it can't be read.
    """
    with read_journal(folder.journal) as journal:
        tried = [row for row in journal.rows() if row.state == "saved" or row.code is not None]
    info = read_run_info(folder.run)
    names = info.names if info is not None else {}
    of_class: dict[str, list[Row]] = {mid: [] for mid in names}
    for row in tried:
        for mid in row.classes:
            of_class.setdefault(mid, []).append(row)
    return TriedClips(
        overall=_count("", "all", tried),
        classes=[_count(mid, names.get(mid, mid), of) for mid, of in of_class.items()],
        rows=tried,
    )


def _count(mid: str, name: str, rows: Sequence[Row]) -> TriedClass:
    saved = sum(row.state == "saved" for row in rows)
    codes = Counter(row.code or "" for row in rows if row.state == "gone")
    gone = codes.total()
    return TriedClass(mid, name, saved + gone, saved, gone, dict(codes.most_common()))
