"""The comparison of two datasets: which clips one has and the other lacks, and why.

Reads manifests, and failures.csv and run.json beside them; the check of the files themselves is
that of `audioset_dl.dataset.verify`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from audioset_dl.catalog.clips import split_clip_id
from audioset_dl.dataset.failures import read_failures
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest_cells, repeated_error
from audioset_dl.dataset.rows import split_joined
from audioset_dl.dataset.run_info import read_run_info
from audioset_dl.errors import OutputError
from audioset_dl.storage.tables import Cells

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


class ComparedClip(NamedTuple):
    """What is compared of a saved clip."""

    sha256: bytes
    form: tuple[int, int]
    """Sample rate in Hz, and channels."""
    labels: tuple[str, ...]
    """MIDs."""


@dataclass(frozen=True)
class DatasetTables:
    """What the tables of a dataset say."""

    path: Path
    """As it was given: a folder, or a manifest."""
    clips: Mapping[str, ComparedClip]
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
    folder, names = OutputFolder(manifest.parent), dict[str, str]()
    clips = _read_clips(manifest, names)
    failures, info = [], None
    # Beside a manifest of another name, such as a colleague's, lie the tables of another dataset.
    if manifest.name == folder.manifest.name:
        failures, info = read_failures(folder.failures), read_run_info(folder.run)
    forms = {clip.form for clip in clips.values()}
    form = Form(
        sample_rates=tuple(sorted({sample_rate for sample_rate, _ in forms})),
        channels=tuple(sorted({channels for _, channels in forms})),
        subtype=info.config.get("audio", {}).get("subtype") if info is not None else None,
    )
    codes = {row.clip_id: row.code or "" for row in failures}
    return DatasetTables(path, clips, names, codes, form)


def _read_clips(path: Path, names: dict[str, str]) -> dict[str, ComparedClip]:
    """Return the clips of a manifest by clip_id; note the names of their labels."""
    clips: dict[str, ComparedClip] = {}

    @cache
    def find_labels(joined_mids: str, joined_names: str) -> tuple[str, ...]:
        labels = split_joined(joined_mids)
        names.update(zip(labels, split_joined(joined_names), strict=True))
        return labels

    def take(cells: Cells) -> None:
        clip_id = cells["clip_id"]
        split_clip_id(clip_id)
        if clip_id in clips:
            raise repeated_error(path, clip_id)
        form = make_form(int(cells["sample_rate"]), int(cells["channels"]))
        labels = find_labels(cells["labels"], cells["label_names"])
        clips[clip_id] = ComparedClip(cells["sha256"].encode(), form, labels)

    # The rows themselves would take three times the time and the memory.
    make_form = cache(lambda *form: form)
    for _ in read_manifest_cells(path, take):
        pass
    return clips


def compare(a: DatasetTables, b: DatasetTables) -> Comparison:
    """Compare two datasets by their tables."""
    same: list[str] = []
    other: list[str] = []
    for clip_id in sorted(a.clips.keys() & b.clips.keys()):
        is_same = a.clips[clip_id].sha256 == b.clips[clip_id].sha256
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
    if a.clips[clip_id].form != b.clips[clip_id].form:
        return True
    subtypes = {a.form.subtype, b.form.subtype}
    return None not in subtypes and len(subtypes) > 1


def _missing(there: DatasetTables, here: DatasetTables) -> list[Missing]:
    """Return the clips that are only there, with why they are not here."""
    return [
        Missing(clip_id, here.failures.get(clip_id, NOT_KNOWN))
        for clip_id in sorted(there.clips.keys() - here.clips.keys())
    ]


def _places(a: DatasetTables, b: DatasetTables) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield for each clip where it is, and its labels."""
    for clip_id, clip in a.clips.items():
        yield "both" if clip_id in b.clips else "a", clip.labels
    for clip_id, clip in b.clips.items():
        if clip_id not in a.clips:
            yield "b", clip.labels


def _compare_classes(a: DatasetTables, b: DatasetTables) -> list[ClassComparison]:
    numbers = {place: Counter[str]() for place in ("a", "b", "both")}
    places = Counter(_places(a, b))
    for (place, labels), number in places.items():
        for mid in set(labels):
            numbers[place][mid] += number
    names = {**b.names, **a.names}
    return [
        ClassComparison(mid, name, numbers["a"][mid], numbers["b"][mid], numbers["both"][mid])
        for mid, name in sorted(names.items(), key=lambda one: (one[1], one[0]))
    ]
