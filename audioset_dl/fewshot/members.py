"""The clips of a split, or of a whole folder, and the numbers of their classes."""

from __future__ import annotations

from dataclasses import dataclass

from audioset_dl.dataset.splits import SavedSplit
from audioset_dl.errors import OutputError
from audioset_dl.fewshot.table import ClipTable, LabelledClip


@dataclass(frozen=True)
class SplitMembers:
    """Clips by index, in order of clip_id, and their classes by number."""

    split: str | None
    """Name of the split; None for all clips of a folder."""
    class_ids: tuple[str, ...]
    """MIDs."""
    classes: tuple[str, ...]
    """Display names, in the same order."""
    clips: tuple[LabelledClip, ...]
    labels: tuple[tuple[int, ...], ...]
    """For each clip the numbers of the classes that it carries, ascending."""


def find_members(table: ClipTable, saved: SavedSplit, where: str) -> SplitMembers:
    """Return the clips of a split as a manifest has them.

    Parameters
    ----------
    table : ClipTable
        The manifest's.
    saved : SavedSplit
    where : str
        The manifest's name, for messages.

    Raises
    ------
    OutputError
        Clips of the split are not in the manifest, or do not carry the labels by which they were
        split.
    """
    numbers = {mid: number for number, (mid, _) in enumerate(saved.classes)}
    missing = [clip_id for clip_id in saved.clips if clip_id not in table.clips]
    if missing:
        raise OutputError(
            f"{len(missing):,} of the {len(saved.clips):,} clips of the split {saved.name} are not "
            f"in {where}, such as {missing[0]}: the split was made from another manifest; run "
            "`audioset-dl split` for this one"
        )
    labels = []
    for clip_id, mids in saved.clips.items():
        if not mids or not set(mids) <= numbers.keys() & set(table.clips[clip_id].labels):
            raise OutputError(
                f"{clip_id} does not carry the labels by which it is in the split {saved.name}; "
                "run `audioset-dl split` to write it anew"
            )
        labels.append(tuple(sorted(numbers[mid] for mid in mids)))
    return SplitMembers(
        saved.name,
        tuple(numbers),
        tuple(name for _, name in saved.classes),
        tuple(table.clips[clip_id] for clip_id in saved.clips),
        tuple(labels),
    )


def find_all_members(table: ClipTable) -> SplitMembers:
    """Return all clips of a manifest that carry a class that any of them was drawn for.

    Classes are in alphabetical order.
    """
    numbers = {mid: number for number, mid in enumerate(table.drawn_for)}
    labels = {
        clip_id: tuple(sorted({numbers[mid] for mid in clip.labels if mid in numbers}))
        for clip_id, clip in table.clips.items()
    }
    names = table.names or {}
    return SplitMembers(
        None,
        table.drawn_for,
        tuple(names.get(mid, mid) for mid in table.drawn_for),
        tuple(clip for clip_id, clip in table.clips.items() if labels[clip_id]),
        tuple(of_clip for of_clip in labels.values() if of_clip),
    )
