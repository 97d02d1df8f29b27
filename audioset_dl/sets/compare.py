"""The comparison of two datasets: which clips one has and the other lacks, and why.

Reads manifests, and failures.csv and run.json beside them; the check of the files themselves is
that of `audioset_dl.dataset.verify`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.dataset.failures import read_failures
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.run_info import read_run_info
from audioset_dl.errors import OutputError

NOT_KNOWN = "not known there"
"""In the place of a code: the other dataset never asked for the clip."""


@dataclass(frozen=True)
class Form:
    """The form of the audio of a dataset."""

    sample_rates: tuple[int, ...]
    """In Hz; several where it is as in the source."""
    channels: tuple[int, ...]
    subtype: str | None
    """None where run.json does not say."""


@dataclass(frozen=True)
class DatasetTables:
    """What the tables of a dataset say."""

    path: Path
    """As it was given: a folder, or a manifest."""
    rows: Mapping[str, Row]
    """Saved clips by clip_id."""
    names: Mapping[str, str]
    """Display names by MID, of the labels of these clips."""
    failures: Mapping[str, str]
    """Code of the last failure by clip_id."""
    form: Form


@dataclass(frozen=True)
class Missing:
    """A clip that only the other dataset has."""

    clip_id: str
    code: str
    """Code of the reason in failures.csv, or `NOT_KNOWN`."""


@dataclass(frozen=True)
class ClassComparison:
    """Numbers of the clips that carry a label, in two datasets."""

    mid: str
    name: str
    only_in_a: int
    only_in_b: int
    both: int
    """With the same audio or with other."""


@dataclass(frozen=True)
class Comparison:
    """The differences between two datasets."""

    a: DatasetTables
    b: DatasetTables
    only_in_a: Sequence[Missing]
    """Clips that B lacks, sorted by clip_id, with why."""
    only_in_b: Sequence[Missing]
    same_audio: Sequence[str]
    """Clip_ids in both, with the same SHA-256 of the file."""
    other_audio: Sequence[str]
    """Clip_ids in both, with another SHA-256."""
    other_form: Sequence[str]
    """Those of `other_audio` with another sample rate, number of channels or subtype."""
    classes: Sequence[ClassComparison]
    """One for each label that a clip of A or B carries, sorted by name."""

    @property
    def is_identical(self) -> bool:
        """True if both hold the same clips with the same audio."""
        return not (self.only_in_a or self.only_in_b or self.other_audio)

    @property
    def exit_code(self) -> int:
        """0 if they are identical, 1 if they differ."""
        return 0 if self.is_identical else 1


def read_tables(path: Path) -> DatasetTables:
    """Read the tables of a dataset.

    Parameters
    ----------
    path : Path
        An output folder, or a manifest of any name. Only beside a file that is called manifest.csv
        are failures.csv and run.json looked for.

    Raises
    ------
    OutputError
        There is no manifest, or a table is malformed.
    """
    manifest = OutputFolder(path).manifest if path.is_dir() else path
    if (manifest.parent / "process.json").is_file():
        raise OutputError(
            f"{manifest.parent} holds what `process` made, and no dataset",
            fix="name the datasets that were processed",
        )
    table, folder = read_manifest(manifest), OutputFolder(manifest.parent)
    failures, info = [], None
    # Beside a manifest of another name, such as a colleague's, lie the tables of another dataset.
    if manifest.name == folder.manifest.name:
        failures, info = read_failures(folder.failures), read_run_info(folder.run)
    files = [row.saved_file for row in table.rows]
    form = Form(
        sample_rates=tuple(sorted({file.sample_rate for file in files})),
        channels=tuple(sorted({file.channels for file in files})),
        subtype=info.config.get("audio", {}).get("subtype") if info is not None else None,
    )
    codes = {row.clip_id: row.code or "" for row in failures}
    return DatasetTables(path, table.by_clip_id(), table.names, codes, form)


def compare(a: DatasetTables, b: DatasetTables) -> Comparison:
    """Compare two datasets by their tables."""
    same: list[str] = []
    other: list[str] = []
    for clip_id in sorted(a.rows.keys() & b.rows.keys()):
        is_same = a.rows[clip_id].saved_file.sha256 == b.rows[clip_id].saved_file.sha256
        (same if is_same else other).append(clip_id)
    return Comparison(
        a=a,
        b=b,
        only_in_a=_missing(a, b),
        only_in_b=_missing(b, a),
        same_audio=same,
        other_audio=other,
        other_form=[clip_id for clip_id in other if _has_other_form(clip_id, a, b)],
        classes=_compare_classes(a, b),
    )


def _has_other_form(clip_id: str, a: DatasetTables, b: DatasetTables) -> bool:
    one, other = a.rows[clip_id].saved_file, b.rows[clip_id].saved_file
    if (one.sample_rate, one.channels) != (other.sample_rate, other.channels):
        return True
    subtypes = {a.form.subtype, b.form.subtype}
    return None not in subtypes and len(subtypes) > 1


def _missing(there: DatasetTables, here: DatasetTables) -> list[Missing]:
    """Return the clips that are only there, with why they are not here."""
    return [
        Missing(clip_id, here.failures.get(clip_id, NOT_KNOWN))
        for clip_id in sorted(there.rows.keys() - here.rows.keys())
    ]


def _compare_classes(a: DatasetTables, b: DatasetTables) -> list[ClassComparison]:
    numbers = {place: Counter[str]() for place in ("a", "b", "both")}
    for clip_id, row in {**b.rows, **a.rows}.items():
        in_both = clip_id in a.rows and clip_id in b.rows
        place = "both" if in_both else "a" if clip_id in a.rows else "b"
        numbers[place].update(set(row.clip.labels))
    names = {**b.names, **a.names}
    return [
        ClassComparison(mid, name, numbers["a"][mid], numbers["b"][mid], numbers["both"][mid])
        for mid, name in sorted(names.items(), key=lambda one: (one[1], one[0]))
    ]
