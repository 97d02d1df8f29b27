"""A split by classes: no class, clip, video or sound in two of train, validation and test.

Pure. Joins the steps: which classes take part, which are tied, which class goes where, which clips
stay, and what would have leaked without the care.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass
from audioset_dl.config import FewshotConfig
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.fewshot.assign import Unit, assign, find_ties, group_tied, share_out
from audioset_dl.fewshot.classes import (
    EligibleClasses,
    find_eligible,
    find_stratum,
    read_given_split,
)
from audioset_dl.fewshot.clips import ClipSplits, Overlap, divide_clips, measure_split_overlap


@dataclass(frozen=True)
class Split:
    """Classes and clips divided into train, validation and test."""

    seed: int
    config: FewshotConfig
    eligible: EligibleClasses
    split_of: Mapping[str, str]
    """Split of each class, by MID."""
    wanted: Mapping[str, int]
    """Classes that the ratios give each split; empty for a given split."""
    clips: Mapping[str, Row]
    """The clips that carry an eligible class, by clip_id."""
    clip_splits: ClipSplits
    """What became of each of them."""
    groups: Sequence[tuple[str, ...]]
    """MIDs of classes that are tied together, two or more in a group."""
    cut_ties: Mapping[tuple[str, str], float]
    """Tied classes that lie in different splits, with their Jaccard index; only in a given
    split."""
    overlap: Overlap
    """What the splits still share."""
    naive: Overlap
    """What a random split of the same classes by the same ratios and seed would share."""
    naive_clips_mean: float
    """Clips that lie in several splits of a random split, on average over all random splits."""
    manifest_sha256: str

    @property
    def num_clips(self) -> int:
        """Number of clips that carry an eligible class."""
        return len(self.clips)

    def classes(self, name: str) -> tuple[Node, ...]:
        """Return the classes of a split, in ontology order."""
        return tuple(node for node in self.eligible.classes if self.split_of[node.mid] == name)

    def num_clips_of(self, mid: str) -> int:
        """Return the number of clips of a class that its split kept."""
        clips = self.clip_splits.clips[self.split_of[mid]]
        return sum(mid in mids for mids in clips.values())

    def fewest_clips(self, name: str) -> int:
        """Return the number of clips of the smallest class of a split; 0 if it has no class."""
        return min((self.num_clips_of(node.mid) for node in self.classes(name)), default=0)

    @property
    def fell_short(self) -> dict[Node, int]:
        """Classes of which fewer than ``min_clips`` clips were kept, with their number."""
        kept = {node: self.num_clips_of(node.mid) for node in self.eligible.classes}
        return {node: number for node, number in kept.items() if number < self.config.min_clips}


def make_split(
    clips: Iterable[Row],
    chosen: Sequence[Node],
    ontology: Ontology,
    config: FewshotConfig,
    *,
    seed: int,
    manifest_sha256: str = "",
) -> Split:
    """Split classes and their clips; the same seed, classes and clips give the same split.

    Parameters
    ----------
    clips : iterable of Row
        The clips of a manifest, or of the metadata; of two with the same clip_id the first counts.
    chosen : sequence of Node
        The classes that the config chooses, in ontology order.
    ontology : Ontology
    config : FewshotConfig
    seed : int
        Any whole number.
    manifest_sha256 : str
        SHA-256 of the manifest; empty where there is none.

    Raises
    ------
    ConfigError
        No class has enough clips, ``holdout`` or ``given`` name classes that do not exist, or a
        class of ``holdout`` has none below it that takes part.
    """
    by_id: dict[str, Row] = {}
    for clip in clips:
        by_id.setdefault(clip.clip_id, clip)
    given = None if config.given is None else read_given_split(config.given, ontology)
    if given is not None:
        chosen = [ontology[mid] for mid in sorted(given, key=ontology.order)]
    eligible = find_eligible(
        chosen, ontology, by_id.values(), config.min_clips, lowest=given is None
    )
    _check_some(eligible, config)
    mids = eligible.mids
    carried = {clip_id: mids & set(by_id[clip_id].labels) for clip_id in sorted(by_id)}
    carried = {clip_id: carries for clip_id, carries in carried.items() if carries}
    members = {clip_id: by_id[clip_id] for clip_id in carried}
    # Sorted by clip_id, so that nothing below depends on the order of the manifest's rows.
    ties = find_ties(carried.values(), config.group_threshold)
    groups = group_tied([node.mid for node in eligible.classes], ties)
    split_of = (
        assign(_make_units(groups, ontology, config), config.ratios, seed)
        if given is None
        else {mid: given[mid] for mid in sorted(mids)}
    )
    divided = divide_clips(members.values(), split_of, config.mixed_clips)
    numbers = share_out(len(mids), config.ratios)
    return Split(
        seed=seed,
        config=config,
        eligible=eligible,
        split_of=split_of,
        wanted={} if given else dict(zip(SPLITS, numbers, strict=True)),
        clips=members,
        clip_splits=divided,
        groups=[group for group in groups if len(group) > 1],
        cut_ties={(a, b): tie for (a, b), tie in ties.items() if split_of[a] != split_of[b]},
        overlap=measure_split_overlap(_by_split(split_of), divided.clips, members, ontology),
        naive=_measure_naive(carried, members, ontology, ratios=config.ratios, seed=seed),
        naive_clips_mean=_expect_naive([len(carries) for carries in carried.values()], numbers),
        manifest_sha256=manifest_sha256,
    )


def _check_some(eligible: EligibleClasses, config: FewshotConfig) -> None:
    if eligible.classes:
        return
    most = max(eligible.left_out, key=lambda one: one.num_clips, default=None)
    best = f"; {most.node.name} has most: {most.num_clips}" if most else ""
    words = f"no class has {config.min_clips} clips{best}"
    raise ConfigError(Problem("fewshot.min_clips", words, fix="download more, or lower it"))


def _make_units(
    groups: Sequence[tuple[str, ...]], ontology: Ontology, config: FewshotConfig
) -> list[Unit]:
    held = _find_held(groups, ontology, config.holdout)
    return [
        Unit(
            group,
            find_stratum(group[0], ontology, config.stratify),
            SPLITS.index("test") if held & set(group) else None,
        )
        for group in groups
    ]


def _find_held(
    groups: Sequence[tuple[str, ...]], ontology: Ontology, holdout: Sequence[str]
) -> set[str]:
    """Return the classes (MIDs) that `holdout` sends to test."""
    mids = {mid for group in groups for mid in group}
    held: set[str] = set()
    problems: list[Problem] = []
    for index, name in enumerate(holdout):
        try:
            below = ontology.descendants(ontology.find(name).mid) & mids
        except UnknownClass as error:
            problems.append(Problem(f"fewshot.holdout[{index}]", str(error)))
            continue
        if not below:
            words = f"no class at or below {name!r} takes part in the split"
            problems.append(Problem(f"fewshot.holdout[{index}]", words, fix="take it out"))
        held |= below
    if problems:
        raise ConfigError(*problems)
    return held


def _by_split(split_of: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [mid for mid in split_of if split_of[mid] == name] for name in SPLITS}


def _measure_naive(
    carried: Mapping[str, Iterable[str]],
    clips: Mapping[str, Row],
    ontology: Ontology,
    *,
    ratios: Sequence[float],
    seed: int,
) -> Overlap:
    """Measure a split that goes by nothing but the number of classes."""
    # No class is tied to another, and a clip lies in every split that has one of its classes.
    mids = set().union(*carried.values())
    split_of = assign([Unit((mid,)) for mid in mids], ratios, seed)
    members: dict[str, list[str]] = {name: [] for name in SPLITS}
    for clip_id, those in carried.items():
        for name in {split_of[mid] for mid in those}:
            members[name].append(clip_id)
    return measure_split_overlap(_by_split(split_of), members, clips, ontology)


def _expect_naive(num_labels: Sequence[int], numbers: Sequence[int]) -> float:
    """Return the mean number of clips in several splits, over all ways to divide the classes.

    A clip of m classes lies in one split of n of N classes with the chance C(n, m) / C(N, m).
    """
    total = sum(numbers)
    alone = {
        m: sum(math.comb(number, m) for number in numbers) / math.comb(total, m)
        for m in set(num_labels)
    }
    return sum(1 - alone[m] for m in num_labels)
