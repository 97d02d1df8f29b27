"""What a run knows for the tables beside the manifest: events, and the columns of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.dataset.beside import Beside
from audioset_dl.selection.select import Selection


def find_beside(selection: Selection, names: Mapping[str, str]) -> Beside:
    """Return what a selection knows for these tables.

    Parameters
    ----------
    selection : Selection
        What the config chooses.
    names : mapping of str to str
        Display names by MID.
    """
    table, listed = selection.catalog.segments, selection.clip_list
    find_events = partial(_find_events, table, names) if table.events is not None else None
    if listed is None or not listed.other_columns:
        return Beside(find_events)
    others = listed.others
    return Beside(find_events, lambda clip_id: others.get(clip_id, ()), listed.other_columns)


def _find_events(
    table: SegmentTable, names: Mapping[str, str], clip_id: str
) -> Sequence[Mapping[str, object]]:
    row, events = table.find(clip_id), table.events
    if row is None or events is None:
        return ()
    return [
        {"onset_s": one.onset_s, "offset_s": one.offset_s, "label": one.mid,
         "label_name": names.get(one.mid, one.mid)}
        for one in events.of(row)
    ]  # fmt: skip
