"""What YouTube still has: of the clips that were tried, which are saved and which are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.dataset.journal import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import Record
from audioset_dl.dataset.run_info import read_run_info


@dataclass(frozen=True)
class ClassAvailability:
    """Of the clips that were tried for a class, those saved and those gone."""

    mid: str
    """Empty for all classes together, where a clip counts once."""
    name: str
    tried: int
    """Saved and gone; clips that failed otherwise can't be told yet."""
    saved: int
    gone: int
    codes: Mapping[str, int]
    """Gone by the code of the reason, the most frequent first."""

    @property
    def share_gone(self) -> float | None:
        """The share that is gone, 0..1; None where none was tried."""
        return self.gone / self.tried if self.tried else None


@dataclass(frozen=True)
class Availability:
    """What an output folder tells of YouTube."""

    overall: ClassAvailability
    classes: Sequence[ClassAvailability]
    """In the order in which run.json names them."""
    tried: Sequence[Record]
    """All clips that were asked for, sorted by clip_id: saved, gone, or waiting after a failure."""


def read_availability(folder: OutputFolder) -> Availability:
    """Read what became of the clips that were asked for, also while a run goes on.

    Clips that only an earlier config wanted count as well; those that were taken as gone without
    asking (``clips.known_gone``) do not.

    Raises
    ------
    OutputError
        There is no journal, or it can't be read.
    """
    with read_journal(folder.journal) as journal:
        tried = [record for record in journal.records() if _is_tried(record)]
    info = read_run_info(folder.run)
    names = {node["mid"]: node["name"] for node in info.classes} if info is not None else {}
    of_class: dict[str, list[Record]] = {mid: [] for mid in names}
    for record in tried:
        for mid in record.classes:
            of_class.setdefault(mid, []).append(record)
    return Availability(
        overall=_count("", "all", tried),
        classes=[_count(mid, names.get(mid, mid), of) for mid, of in of_class.items()],
        tried=tried,
    )


def _is_tried(record: Record) -> bool:
    return (record.state == "saved" or record.code is not None) and not record.is_hearsay


def _count(mid: str, name: str, records: Sequence[Record]) -> ClassAvailability:
    saved = sum(record.state == "saved" for record in records)
    codes = Counter(record.code or "" for record in records if record.state == "gone")
    gone = codes.total()
    return ClassAvailability(mid, name, saved + gone, saved, gone, dict(codes.most_common()))
