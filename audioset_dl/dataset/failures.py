"""failures.csv: the clips whose last attempt failed, with why; its one reader and one writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.rows import Row, check_clip, join_names, split_joined
from audioset_dl.dataset.version_0_1 import separate_detail
from audioset_dl.storage.tables import Cells, read_table, safe_cell, write_table

FAILURES_COLUMNS = (
    "clip_id", "ytid", "start_s", "end_s", "classes", "state", "code", "detail", "attempts",
    "updated_at", "proof", "asked_as", "known_from",
)  # fmt: skip
FAILURES_NEEDED = FAILURES_COLUMNS[:-3]
"""The columns that failures.csv of version 0.1.0 has."""

WRITTEN_ANEW = "`audioset-dl download` and `verify --repair` write it anew from the journal"


def write_failures(path: Path, rows: Iterable[Row], names: Mapping[str, str]) -> None:
    """Write one row for each clip whose last attempt failed, with why, sorted by clip_id.

    Parameters
    ----------
    path : Path
        failures.csv; replaced whole.
    rows : iterable of Row
        All clips, sorted by clip_id, with those of `audioset_dl.dataset.rows.add_known_gone`.
    names : mapping of str to str
        Display names by MID.

    Raises
    ------
    OutputError
        The file can't be written.
    """
    cells = (
        (row.clip_id, row.clip.ytid, row.clip.start_s, row.clip.end_s,
         join_names(row.classes, names), row.state, row.code, safe_cell(row.detail or ""),
         row.attempts,
         row.updated_at, row.proof, row.asked_as, row.known_from)
        for row in rows
        if row.code is not None
    )  # fmt: skip
    write_table(path, FAILURES_COLUMNS, cells)


def read_failures(path: Path, names: Mapping[str, str] | None = None) -> list[Row]:
    """Read failures.csv, also that of version 0.1.0; nothing where there is none.

    The clips of these rows have neither labels nor a subset: the table does not hold them.

    Parameters
    ----------
    path : Path
        failures.csv.
    names : mapping of str to str, optional
        Display names by MID. The table has only the names of the classes: rows have no classes
        without it.

    Raises
    ------
    OutputError
        It is not such a table; with the line.
    """
    if not path.exists():
        return []
    read = partial(_read_failure, mids={name: mid for mid, name in (names or {}).items()})
    what = "failures.csv"
    return list(read_table(path, read, columns=FAILURES_NEEDED, what=what, fix=WRITTEN_ANEW))


def _read_failure(cells: Cells, mids: Mapping[str, str]) -> Row:
    if cells["state"] not in ("gone", "waiting") or not cells["code"]:
        raise ValueError(cells["state"])
    clip = Clip(cells["ytid"], float(cells["start_s"]), float(cells["end_s"]), (), "")
    check_clip(clip)
    classes = tuple(mids[name] for name in split_joined(cells["classes"]) if name in mids)
    row = Row(
        clip, classes=classes, state=cells["state"], code=cells["code"], detail=cells["detail"],
        attempts=int(cells["attempts"]), updated_at=cells["updated_at"],
        proof=cells.get("proof") or None, asked_as=cells.get("asked_as") or None,
        known_from=cells.get("known_from") or None,
    )  # fmt: skip
    return row if "proof" in cells else separate_detail(row)
