"""What the config of a run wants of the clips that the journal knows from earlier runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.journal_reader import Choice, JournalReader
from audioset_dl.dataset.rows import Row
from audioset_dl.selection.draw import Draw

_AT_A_TIME = 50_000


def note_choices(
    journal: Journal, draw: Draw, table: SegmentTable, left_out: Collection[int]
) -> None:
    """Note in the journal, where that changed, which of its clips are wanted, and by which classes.

    Parameters
    ----------
    journal : Journal
        Open for writing.
    draw : Draw
        What is wanted; just begun.
    table : SegmentTable
        The clips.
    left_out : collection of int
        Rows that are drawn, and not wanted all the same.
    """
    last = ""
    while choices := journal.choices(after=last, number=_AT_A_TIME):
        last = choices[-1].clip_id
        journal.note_choices(_find_changed(choices, draw, table, left_out))


def _find_changed(
    choices: Sequence[Choice], draw: Draw, table: SegmentTable, left_out: Collection[int]
) -> Iterator[Choice]:
    rows = table.find_all([one.clip_id for one in choices])
    classes = draw.hands.holders(rows)
    for one, row, mids in zip(choices, rows.tolist(), classes, strict=True):
        is_wanted = mids and row not in left_out
        new = choose(one.clip_id, table, row, mids) if is_wanted else one._replace(wanted=False)
        if new != one:
            yield new


def choose(clip_id: str, table: SegmentTable, row: int, classes: tuple[str, ...]) -> Choice:
    """Return the choice of a clip that some classes (MIDs) want."""
    return Choice(
        clip_id, table.labels_of(row), table.subset_of(row), classes, wanted=True,
        google_labels=table.google_labels_of(row),
    )  # fmt: skip


def find_untried(journal: JournalReader, draw: Draw, table: SegmentTable) -> Iterator[Row]:
    """Yield a row for each drawn clip of which the journal knows nothing.

    Parameters
    ----------
    journal, draw, table
        As for `note_choices`.
    """
    drawn = draw.drawn()
    known = {clip_id for clip_id, _, _ in journal.states()}
    for row, clip_id in zip(drawn.tolist(), table.clip_ids(drawn), strict=True):
        if clip_id not in known:
            yield Row(table.clip(row), classes=draw.drawn_by(row))
