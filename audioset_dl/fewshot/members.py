"""Where the clips lie, which of them a split has, and which of these are of one recording."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from audioset_dl.catalog.clips import UNLABELLED
from audioset_dl.config import Config
from audioset_dl.dataset.derived import check_source, find_fewshot, find_processed
from audioset_dl.dataset.manifest import Manifest, read_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SavedSplit
from audioset_dl.errors import OutputError
from audioset_dl.fewshot.assign import group_tied
from audioset_dl.storage.guards import check_apart

# What a training loop needs, so that it also reads a manifest that somebody made by hand.
_COLUMNS = ("file_name", "clip_id", "ytid", "classes", "labels", "label_names", "sha256")


def find_source(config: Config, folder: Path | None = None) -> Path:
    """Return the folder of the clips: the processed ones, where there are any.

    Parameters
    ----------
    config : Config
        Names the folders.
    folder : Path, optional
        The folder, where the user names one.

    Raises
    ------
    ConfigError
        ``fewshot.dir``, which is written to, is or lies in a folder that is only read.
    OutputError
        ``process.dir`` was made of another dataset than ``output.dir``.
    """
    # A model is trained on what was processed; the split then leaves out what `process` dropped.
    processed = find_processed(config)
    found = processed if (processed / "manifest.csv").is_file() else config.output.dir
    source = folder or found
    if source == processed:
        check_source(processed, config.output.dir, ["manifest.csv"], key="process.dir")
    read_only = {
        "output.dir": config.output.dir,
        "process.dir": processed,
        "metadata.dir": config.metadata.dir,
        "--folder": source,
    }
    check_apart("fewshot.dir", find_fewshot(config), read_only)
    return source


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


def read_clips(folder: Path, carrying: Collection[str] | None = None) -> Manifest:
    """Read the manifest.csv of a dataset, or of what `process` made of one.

    Parameters
    ----------
    folder : Path
        The dataset.
    carrying : collection of str, optional
        Leave out clips that carry none of these labels (MIDs).

    Raises
    ------
    OutputError
        There is no manifest, it is not such a table, or a clip stands in it twice.
    """
    manifest = read_manifest(folder / "manifest.csv", columns=_COLUMNS, carrying=carrying)
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
    mids = {mid for mid, _ in saved.classes}
    missing = [clip_id for clip_id in saved.clips if clip_id not in rows]
    if missing:
        raise OutputError(
            f"{len(missing):,} of the {len(saved.clips):,} clips of the split {saved.name} are not "
            f"in {manifest.path}, such as {missing[0]}: the split was made from another manifest",
            fix="run `audioset-dl split` for this one",
        )
    for clip_id, carried in saved.clips.items():
        # Labels may have changed, as after a correction of AudioSet's: the split would be wrong.
        if not carried or not set(carried) <= mids & set(rows[clip_id].labels):
            raise OutputError(
                f"{clip_id} does not carry the labels by which it is in the split {saved.name}",
                fix="run `audioset-dl split` to write it again",
            )
    clips = [(rows[clip_id], carried) for clip_id, carried in saved.clips.items()]
    return _number(saved.name, saved.classes, clips)


def find_all_members(manifest: Manifest) -> SplitMembers:
    """Return all clips of a manifest that a class was drawn for, with all such classes they carry.

    Classes are in alphabetical order.
    """
    drawn_for = {mid for row in manifest.rows for mid in row.classes}
    names = {**manifest.names, UNLABELLED: UNLABELLED}
    classes = sorted(((mid, names[mid]) for mid in drawn_for), key=lambda one: one[::-1])
    clips = [
        (row, drawn_for.intersection((*row.labels, *row.classes)))
        for row in manifest.rows
        if row.classes
    ]
    return _number(None, classes, [(row, carried) for row, carried in clips if carried])


def _number(
    split: str | None,
    classes: Sequence[tuple[str, str]],
    clips: Sequence[tuple[Row, Iterable[str]]],
) -> SplitMembers:
    """Give numbers to classes, each an MID and a name, and to clips, each with MIDs it carries."""
    numbers = {mid: number for number, (mid, _) in enumerate(classes)}
    return SplitMembers(
        split,
        class_ids=tuple(numbers),
        classes=tuple(name for _, name in classes),
        clips=tuple(row for row, _ in clips),
        labels=tuple(tuple(sorted(numbers[mid] for mid in carried)) for _, carried in clips),
    )


class Members(Protocol):
    """Clips with classes, such as a `ClipDataset`."""

    @property
    def split(self) -> str | None:
        """Name of the split."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def clips(self) -> Sequence[Row]:
        """The clips, in the order of their indices."""

    @property
    def labels(self) -> Sequence[Sequence[int]]:
        """For each clip the numbers of the classes that it carries."""


@dataclass(frozen=True)
class Source:
    """Clips of which an episode may take one."""

    clips: tuple[int, ...]
    """Their indices."""
    carried: tuple[frozenset[int], ...]
    """For each of them the numbers of its classes."""

    @cached_property
    def classes(self) -> frozenset[int]:
        """Numbers of the classes that any of its clips carries."""
        return frozenset().union(*self.carried)

    def clips_of(self, number: int) -> list[int]:
        """Return the indices of its clips that carry a class."""
        return [
            clip
            for clip, carried in zip(self.clips, self.carried, strict=True)
            if number in carried
        ]


def find_sources(members: Members) -> dict[int, list[Source]]:
    """Return the sources of each class, by its number, in the order of their first clips."""
    # Tied by video and by sound in turn: of three clips the first two may share the video, the last
    # two the sound, and all three are then one source.
    alike: dict[str, list[int]] = {}
    for index, clip in enumerate(members.clips):
        alike.setdefault(f"video {clip.ytid}", []).append(index)
        if clip.audio_hash:
            alike.setdefault(f"sound {clip.audio_hash}", []).append(index)
    ties = [tie for group in alike.values() for tie in pairwise(group)]
    found: dict[int, list[Source]] = {number: [] for number in range(len(members.classes))}
    for group in group_tied(range(len(members.clips)), ties):
        source = Source(group, tuple(frozenset(members.labels[index]) for index in group))
        for number in source.classes:
            found[number].append(source)
    return found
