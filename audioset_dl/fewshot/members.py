"""The clips of a split, or of a whole folder, and the numbers of their classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from audioset_dl.dataset.manifest import Manifest, read_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SavedSplit
from audioset_dl.errors import OutputError

# What a training loop needs, so that it also reads a manifest that somebody made by hand.
_COLUMNS = ("file_name", "clip_id", "ytid", "classes", "labels", "label_names", "sha256")


@dataclass(frozen=True)
class SplitMembers:
    """Clips by index, in order of clip_id, and their classes by number."""

    split: str | None
    """Name of the split; None for all clips of a folder."""
    class_ids: tuple[str, ...]
    """MIDs."""
    classes: tuple[str, ...]
    """Display names, in the same order."""
    clips: tuple[Row, ...]
    labels: tuple[tuple[int, ...], ...]
    """For each clip the numbers of the classes that it carries, ascending."""


def read_clips(folder: Path) -> Manifest:
    """Read the manifest.csv of a dataset, or of what `process` made of one.

    Raises
    ------
    OutputError
        There is no manifest, it is not such a table, or a clip stands in it twice.
    """
    manifest = read_manifest(folder / "manifest.csv", columns=_COLUMNS)
    by_clip_id = manifest.by_clip_id()
    return replace(manifest, rows=[by_clip_id[clip_id] for clip_id in sorted(by_clip_id)])


def find_members(manifest: Manifest, saved: SavedSplit) -> SplitMembers:
    """Return the clips of a split as a manifest has them.

    Raises
    ------
    OutputError
        Clips of the split are not in the manifest, or do not carry the labels by which they were
        split.
    """
    rows = manifest.by_clip_id()
    numbers = {mid: number for number, (mid, _) in enumerate(saved.classes)}
    missing = [clip_id for clip_id in saved.clips if clip_id not in rows]
    if missing:
        raise OutputError(
            f"{len(missing):,} of the {len(saved.clips):,} clips of the split {saved.name} are not "
            f"in {manifest.path}, such as {missing[0]}: the split was made from another manifest",
            fix="run `audioset-dl split` for this one",
        )
    labels = []
    for clip_id, mids in saved.clips.items():
        # Labels may have changed, as after a correction of AudioSet's: the split would be wrong.
        if not mids or not set(mids) <= numbers.keys() & set(rows[clip_id].labels):
            raise OutputError(
                f"{clip_id} does not carry the labels by which it is in the split {saved.name}",
                fix="run `audioset-dl split` to write it again",
            )
        labels.append(tuple(sorted(numbers[mid] for mid in mids)))
    return SplitMembers(
        saved.name,
        tuple(numbers),
        tuple(name for _, name in saved.classes),
        tuple(rows[clip_id] for clip_id in saved.clips),
        tuple(labels),
    )


def find_all_members(manifest: Manifest) -> SplitMembers:
    """Return all clips of a manifest that carry a class that any of them was drawn for.

    Classes are in alphabetical order.
    """
    names = manifest.names
    drawn_for = {mid for row in manifest.rows for mid in row.classes}
    mids = sorted(drawn_for, key=lambda mid: (names[mid], mid))
    numbers = {mid: number for number, mid in enumerate(mids)}
    labels = [
        tuple(sorted({numbers[mid] for mid in row.labels if mid in numbers}))
        for row in manifest.rows
    ]
    return SplitMembers(
        None,
        tuple(mids),
        tuple(names[mid] for mid in mids),
        tuple(row for row, of_clip in zip(manifest.rows, labels, strict=True) if of_clip),
        tuple(of_clip for of_clip in labels if of_clip),
    )
