"""A plain split for classifiers: clips of every class in train, validation and test.

By ratio, stratified over all labels at once, or by Google's own subsets. As in a split by classes
no video and no sound is on two sides: clips that share either stay together. Pure.

The libraries of the field (scikit-multilearn, iterative-stratification) divide single clips and
know no groups, so this is their algorithm for groups: K. Sechidis, G. Tsoumakas and I. Vlahavas,
"On the stratification of multi-label data", ECML PKDD 2011, algorithm 1.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Literal

from audioset_dl.catalog.ontology import Node
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.fewshot.assign import group_tied

By = Literal["clips", "subset"]
LEAST_FOR_ALL = 3
"""Clips from which on a class has some on each side."""


@dataclass(frozen=True)
class PlainSplit:
    """Clips divided into train, validation and test; each class may be in all three."""

    by: By
    seed: int
    ratios: tuple[float, float, float]
    classes: tuple[Node, ...]
    """The classes that clips carry, in ontology order."""
    clips: Mapping[str, Mapping[str, tuple[str, ...]]]
    """For each split by clip_id the MIDs of the classes that a clip carries."""
    dropped: Mapping[str, str]
    """By clip_id, why a clip is in no split: ``video`` or ``sound`` of a clip of Google's eval."""
    manifest_sha256: str = ""

    def num_clips_of(self, name: str) -> Counter[str]:
        """Return how many clips of each class (MID) a split has."""
        return Counter(mid for mids in self.clips[name].values() for mid in mids)

    @property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Return the splits that have no clip of a class of 3 clips or more, by MID."""
        counts = {name: self.num_clips_of(name) for name in SPLITS}
        totals = sum(counts.values(), Counter[str]())
        found = {
            mid: tuple(name for name in SPLITS if not counts[name][mid])
            for mid, number in totals.items()
            if number >= LEAST_FOR_ALL
        }
        return {mid: names for mid, names in found.items() if names}

    def deviation(self) -> tuple[float, float]:
        """Return by how much the share of a class in a split is off that of all clips.

        Returns
        -------
        mean, worst : float
            Of all classes and splits, 0..1.
        """
        counts = {name: self.num_clips_of(name) for name in SPLITS}
        total = sum(map(len, self.clips.values()))
        off = [
            abs(counts[name][node.mid] / of_class - len(self.clips[name]) / total)
            for node in self.classes
            if (of_class := sum(counts[one][node.mid] for one in SPLITS))
            for name in SPLITS
        ]
        return sum(off) / len(off), max(off)


@dataclass(frozen=True)
class _Group:
    """Clips that share videos or sounds."""

    clips: tuple[str, ...]
    labels: Counter[str] = field(compare=False)
    """How many of them carry each class."""
    place: bytes
    """Decides between groups that are alike in all else."""


def split_clips(
    clips: Sequence[Row],
    chosen: Sequence[Node],
    ratios: tuple[float, float, float],
    *,
    by: By,
    seed: int,
    manifest_sha256: str = "",
) -> PlainSplit:
    """Divide clips; the same seed, classes and clips give the same split.

    Parameters
    ----------
    clips : sequence of Row
        Of a dataset; those that carry no chosen class take no part.
    chosen : sequence of Node
        The classes, in ontology order.
    ratios : tuple of float
        Shares of the clips for train, validation and test. By subset the last is not used:
        validation takes its share of train and validation out of Google's train files.
    by : str
        ``clips``: by the ratios. ``subset``: Google's ``eval`` is test, all else is train and
        validation; a clip that shares a video or a sound with test is left out.
    seed : int
        Decides between clips that are alike.

    Raises
    ------
    ConfigError
        No clip carries a chosen class; or by subset, one side would be empty.
    """
    order = {node.mid: place for place, node in enumerate(chosen)}
    carried = {
        row.clip_id: tuple(sorted(found, key=order.__getitem__))
        for row in clips
        if (found := order.keys() & row.labels)
    }
    rows = sorted((row for row in clips if row.clip_id in carried), key=lambda row: row.clip_id)
    if not rows:
        raise ConfigError(Problem("split.by", "no clip carries a chosen class"))
    groups = _find_groups(rows, carried, seed)
    dropped: dict[str, str] = {}
    if by == "subset":
        sides, dropped = _divide_by_subset(rows, groups, ratios)
    else:
        sides = _stratify(groups, dict(zip(SPLITS, ratios, strict=True)))
    side_of = {clip_id: sides[group.clips] for group in groups for clip_id in group.clips}
    parts: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in SPLITS}
    for row in rows:
        if row.clip_id not in dropped:
            parts[side_of[row.clip_id]][row.clip_id] = carried[row.clip_id]
    used = {mid for part in parts.values() for found in part.values() for mid in found}
    classes = tuple(node for node in chosen if node.mid in used)
    return PlainSplit(by, seed, ratios, classes, parts, dropped, manifest_sha256)


def _find_groups(
    rows: Sequence[Row], carried: Mapping[str, tuple[str, ...]], seed: int
) -> list[_Group]:
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(f"video {row.ytid}", []).append(row.clip_id)
        if row.audio_hash:
            alike.setdefault(f"sound {row.audio_hash}", []).append(row.clip_id)
    ties = [tie for together in alike.values() for tie in pairwise(together)]
    return [
        _Group(
            clips,
            Counter(mid for clip_id in clips for mid in carried[clip_id]),
            hashlib.sha256(f"{seed}:clips:{clips[0]}".encode()).digest(),
        )
        for clips in group_tied([row.clip_id for row in rows], ties)
    ]


def _divide_by_subset(
    rows: Sequence[Row], groups: Sequence[_Group], ratios: tuple[float, float, float]
) -> tuple[dict[tuple[str, ...], str], dict[str, str]]:
    by_id = {row.clip_id: row for row in rows}
    is_test = {row.clip_id for row in rows if row.clip.subset.startswith("eval")}
    if not is_test or len(is_test) == len(rows):
        only = "no clip is" if not is_test else "all clips are"
        fix = "download both, or split --by clips"
        raise ConfigError(Problem("split.by", f"{only} of Google's eval files", fix=fix))
    tested = [group for group in groups if not is_test.isdisjoint(group.clips)]
    dropped = {}
    for group in tested:
        videos = {by_id[clip_id].ytid for clip_id in group.clips if clip_id in is_test}
        for clip_id in set(group.clips) - is_test:
            dropped[clip_id] = "video" if by_id[clip_id].ytid in videos else "sound"
    rest = [group for group in groups if is_test.isdisjoint(group.clips)]
    train, validation, _ = ratios
    share = validation / (train + validation) if train + validation else 0.0
    sides = _stratify(rest, {"train": 1 - share, "validation": share})
    return sides | {group.clips: "test" for group in tested}, dropped


def _stratify(groups: Sequence[_Group], ratios: Mapping[str, float]) -> dict[tuple[str, ...], str]:
    """Return the side of each group, by its clips."""
    wanted = _find_wanted(groups, ratios)
    room = {name: ratio * sum(len(one.clips) for one in groups) for name, ratio in ratios.items()}
    left = Counter(mid for group in groups for mid in group.labels)
    of_class: dict[str, list[_Group]] = {mid: [] for mid in left}
    for group in sorted(groups, key=lambda one: one.place):
        for mid in group.labels:
            of_class[mid].append(group)
    sides: dict[tuple[str, ...], str] = {}
    while left:
        rarest = min(left, key=lambda mid: (left[mid], mid))
        for group in of_class[rarest]:
            if group.clips in sides:
                continue
            side = max(ratios, key=lambda name: (wanted[name][rarest], room[name]))
            sides[group.clips] = side
            room[side] -= len(group.clips)
            for mid, number in group.labels.items():
                wanted[side][mid] -= number
                left[mid] -= 1
        del left[rarest]
    _fill_empty(groups, sides, [name for name in ratios if ratios[name]])
    return sides


def _find_wanted(
    groups: Sequence[_Group], ratios: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Return how many clips of each class a side is to have: one or more, where possible."""
    totals = Counter[str]()
    for group in groups:
        totals.update(group.labels)
    wanted = {name: {mid: ratio * totals[mid] for mid in totals} for name, ratio in ratios.items()}
    sides = [name for name, ratio in ratios.items() if ratio]
    for mid, total in totals.items():
        if total >= len(sides):
            few = [name for name in sides if wanted[name][mid] < 1]
            most = max(sides, key=lambda name: wanted[name][mid])
            for name in few:
                wanted[most][mid] -= 1 - wanted[name][mid]
                wanted[name][mid] = 1.0
    return wanted


def _fill_empty(
    groups: Sequence[_Group], sides: dict[tuple[str, ...], str], names: Sequence[str]
) -> None:
    """Move groups so that each side has clips of each class, where none other loses its last."""
    counts = {name: Counter[str]() for name in names}
    for group in groups:
        counts[sides[group.clips]].update(group.labels)
    of_class: dict[str, list[_Group]] = {}
    for group in sorted(groups, key=lambda one: (len(one.labels), one.place)):
        for mid in group.labels:
            of_class.setdefault(mid, []).append(group)
    for mid in sorted(of_class, key=lambda one: (len(of_class[one]), one)):
        for name in names:
            if counts[name][mid] or len(of_class[mid]) < len(names):
                continue
            movable = (
                group
                for group in of_class[mid]
                if all(counts[sides[group.clips]][one] > n for one, n in group.labels.items())
            )
            for group in islice(movable, 1):
                counts[sides[group.clips]].subtract(group.labels)
                counts[name].update(group.labels)
                sides[group.clips] = name
