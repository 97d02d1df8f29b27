"""Splits for few-shot learning: no class, clip, video or sound in two of train, validation, test.

Joins the steps: which classes, what ties them, which goes where, which clips stay, and what would
have leaked without the care.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass
from audioset_dl.config import FewshotConfig
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.fewshot.assign import SPLITS, Unit, assign
from audioset_dl.fewshot.clips import ClipSplits, divide_clips
from audioset_dl.fewshot.eligible import LeftOut, Universe, find_stratum, find_universe
from audioset_dl.fewshot.given import read_given_split
from audioset_dl.fewshot.overlap import Overlap, measure_split_overlap
from audioset_dl.fewshot.quotas import share_out
from audioset_dl.fewshot.table import ClipTable, LabelledClip
from audioset_dl.fewshot.ties import find_ties, group_tied, measure_overlap


@dataclass(frozen=True)
class Split:
    """Classes and clips divided into train, validation and test."""

    seed: int
    config: FewshotConfig
    universe: Universe
    split_of: Mapping[str, str]
    """The split of each class, by MID."""
    wanted: Mapping[str, int]
    """Classes that the ratios give each split; empty for a given split."""
    clip_splits: ClipSplits
    num_clips: int
    """Clips that carry a class of the universe."""
    groups: Sequence[tuple[str, ...]]
    """MIDs of classes that are tied together, of two and more."""
    cut_ties: Mapping[tuple[str, str], float]
    """Tied classes that lie in different splits, with their Jaccard index; only where the split
    was given."""
    overlap: Overlap
    """What remains between the splits."""
    naive: Overlap
    """What a random split of the same classes by the same ratios and seed would have."""
    naive_clips_mean: float
    """Clips that lie in several splits of a random split, on average over all of them."""
    manifest_sha256: str

    def classes(self, name: str) -> tuple[Node, ...]:
        """Return the classes of a split, in ontology order."""
        return tuple(node for node in self.universe.classes if self.split_of[node.mid] == name)

    def num_clips_of(self, mid: str) -> int:
        """Return how many clips of a class its split kept."""
        clips = self.clip_splits.clips[self.split_of[mid]]
        return sum(mid in mids for mids in clips.values())


def make_split(
    table: ClipTable,
    chosen: Sequence[Node],
    ontology: Ontology,
    config: FewshotConfig,
    *,
    seed: int,
) -> Split:
    """Split classes and their clips.

    Parameters
    ----------
    table : ClipTable
        The clips, of a manifest or of the metadata.
    chosen : sequence of Node
        The classes that the config chooses, in ontology order.
    ontology : Ontology
    config : FewshotConfig
    seed : int
        The same seed, classes and clips give the same split.

    Raises
    ------
    ConfigError
        No class has clips enough, ``holdout`` or ``given`` name classes that do not exist, or a
        class of ``holdout`` has none below it that takes part.
    """
    given = None if config.given is None else read_given_split(config.given, ontology)
    universe = (
        find_universe(chosen, ontology, table, config.min_clips)
        if given is None
        else _given_universe(given, ontology, table, config.min_clips)
    )
    _check_some(universe, config)
    clips = [one for one in table.clips.values() if universe.mids & set(one.labels)]
    ties = find_ties(
        measure_overlap(universe.mids & set(one.labels) for one in clips), config.group_threshold
    )
    groups = group_tied([node.mid for node in universe.classes], ties)
    split_of = (
        assign(_make_units(groups, ontology, config), config.ratios, seed)
        if given is None
        else {mid: given[mid] for mid in sorted(universe.mids)}
    )
    divided = divide_clips(clips, split_of, config.mixed_clips)
    members = {name: list(divided.clips[name]) for name in SPLITS}
    numbers = share_out(len(universe.classes), config.ratios)
    return Split(
        seed=seed,
        config=config,
        universe=universe,
        split_of=split_of,
        wanted={} if given else dict(zip(SPLITS, numbers, strict=True)),
        clip_splits=divided,
        num_clips=len(clips),
        groups=[group for group in groups if len(group) > 1],
        cut_ties={pair: tie for pair, tie in ties.items() if _is_cut(pair, split_of)},
        overlap=measure_split_overlap(_by_split(split_of), members, table.clips, ontology),
        naive=_measure_naive(universe, clips, ontology, (config.ratios, seed)),
        naive_clips_mean=_expect_naive(
            [len(universe.mids & set(c.labels)) for c in clips], numbers
        ),
        manifest_sha256=table.sha256,
    )


def _given_universe(
    given: Mapping[str, str], ontology: Ontology, table: ClipTable, min_clips: int
) -> Universe:
    nodes = sorted((ontology[mid] for mid in given), key=lambda node: ontology.order(node.mid))
    numbers = {
        node.mid: sum(node.mid in clip.labels for clip in table.clips.values()) for node in nodes
    }
    rich = tuple(node for node in nodes if numbers[node.mid] >= min_clips)
    poor = [LeftOut(node, numbers[node.mid]) for node in nodes if node not in rich]
    return Universe(rich, {node.mid: numbers[node.mid] for node in rich}, tuple(poor))


def _check_some(universe: Universe, config: FewshotConfig) -> None:
    if universe.classes:
        return
    most = max(universe.left_out, key=lambda one: one.num_clips, default=None)
    best = f"; {most.node.name} has most: {most.num_clips}" if most else ""
    words = f"no class has {config.min_clips} clips{best}; download more, or lower it"
    raise ConfigError(Problem("fewshot.min_clips", words))


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
            words = f"no class at or below {name!r} takes part in the split; take it out"
            problems.append(Problem(f"fewshot.holdout[{index}]", words))
        held |= below
    if problems:
        raise ConfigError(*problems)
    return held


def _is_cut(pair: tuple[str, str], split_of: Mapping[str, str]) -> bool:
    return split_of[pair[0]] != split_of[pair[1]]


def _by_split(split_of: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [mid for mid in split_of if split_of[mid] == name] for name in SPLITS}


def _measure_naive(
    universe: Universe,
    clips: Sequence[LabelledClip],
    ontology: Ontology,
    how: tuple[Sequence[float], int],
) -> Overlap:
    """Measure a split that looks at nothing but the number of classes."""
    ratios, seed = how
    split_of = assign([Unit((mid,)) for mid in universe.mids], ratios, seed)
    members: dict[str, list[str]] = {name: [] for name in SPLITS}
    for clip in clips:
        for name in {split_of[mid] for mid in clip.labels if mid in split_of}:
            members[name].append(clip.clip_id)
    by_id = {clip.clip_id: clip for clip in clips}
    return measure_split_overlap(_by_split(split_of), members, by_id, ontology)


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
