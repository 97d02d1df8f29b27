"""What YouTube still has: of the clips that were tried, which are saved and which are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.dataset.journal import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.run_info import read_run_info


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
