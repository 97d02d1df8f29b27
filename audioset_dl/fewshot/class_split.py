"""A split by classes: no class, clip, video or sound in two of train, validation and test.

Pure, but for the JSON file of a split that is given. Joins the steps: which classes take part,
which are tied, which class goes where, which clips stay, and what would have leaked without the
care.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass
from audioset_dl.config import FewshotConfig
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.fewshot.assign import Unit, assign, find_ties, group_tied, share_out
from audioset_dl.fewshot.clips import ClipSplits, Overlap, divide_clips, measure_split_overlap

_KEY = "fewshot.given"
_FORM = '{"train": [...], "validation": [...], "test": [...]}'
# More would push the first ones off the screen.
_MAX_PROBLEMS = 50


@dataclass(frozen=True)
class LeftOut:
    """A chosen class that does not take part."""

    node: Node
    num_clips: int
    below: tuple[str, ...] = ()
    """MIDs of the classes below it that take part instead; empty if it has too few clips."""


@dataclass(frozen=True)
class EligibleClasses:
    """The classes that take part in a split."""

    classes: tuple[Node, ...]
    """In ontology order."""
    left_out: tuple[LeftOut, ...]

    @property
    def mids(self) -> frozenset[str]:
        """MIDs of the classes."""
        return frozenset(node.mid for node in self.classes)

    @property
    def names(self) -> dict[str, str]:
        """Display names by MID."""
        return {node.mid: node.name for node in self.classes}


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
        return self._num_clips_of[self.split_of[mid], mid]

    @cached_property
    def _num_clips_of(self) -> Counter[tuple[str, str]]:
        parts = self.clip_splits.clips.items()
        return Counter(
            (name, mid) for name, clips in parts for mids in clips.values() for mid in mids
        )

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
    overlap = measure_split_overlap(_by_split(split_of), divided.clips, members, ontology)
    naive = _measure_naive(carried, members, ontology, ratios=config.ratios, seed=seed)
    return Split(
        seed, config, eligible, split_of, clips=members, clip_splits=divided,
        wanted={} if given else dict(zip(SPLITS, numbers, strict=True)),
        groups=[group for group in groups if len(group) > 1],
        cut_ties={(a, b): tie for (a, b), tie in ties.items() if split_of[a] != split_of[b]},
        overlap=overlap, naive=naive, manifest_sha256=manifest_sha256,
        naive_clips_mean=_expect_naive([len(carries) for carries in carried.values()], numbers),
    )  # fmt: skip


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


def find_eligible(
    chosen: Sequence[Node],
    ontology: Ontology,
    clips: Iterable[Row],
    min_clips: int,
    *,
    lowest: bool = True,
) -> EligibleClasses:
    """Return the classes that have enough clips.

    A clip counts for each class whose label it carries, whichever class it was drawn for.

    Parameters
    ----------
    chosen : sequence of Node
        In ontology order.
    ontology : Ontology
        Says which class lies below which.
    clips : iterable of Row
    min_clips : int
        Clips that a class must have.
    lowest : bool
        Leave out a class if one below it has enough clips as well.
    """
    num_clips = Counter(mid for clip in clips for mid in set(clip.labels))
    rich = {node.mid for node in chosen if num_clips[node.mid] >= min_clips}
    classes, left_out = [], []
    for node in chosen:
        # A clip of Bark is also one of Dog, so the two can't be told apart; the lower says more.
        below = (ontology.descendants(node.mid) - {node.mid}) & rich if lowest else set()
        if node.mid in rich and not below:
            classes.append(node)
        else:
            mids = sorted(below if node.mid in rich else (), key=ontology.order)
            left_out.append(LeftOut(node, num_clips[node.mid], tuple(mids)))
    return EligibleClasses(tuple(classes), tuple(left_out))


def find_stratum(mid: str, ontology: Ontology, stratify: str | None) -> str:
    """Return the class that a class counts for: its root, its parent, or none ("").

    Of several the first in ontology order; 38 of AudioSet's classes have several parents.
    """
    above = ontology.ancestors(mid)
    if stratify == "root":
        above = frozenset(one for one in above if not ontology.parents(one))
    elif stratify == "parent":
        above = frozenset(ontology.parents(mid))
    else:
        return ""
    return min(above, key=ontology.order, default=mid)


def read_given_split(path: Path, ontology: Ontology) -> dict[str, str]:
    """Read a JSON file ``{"train": [...], "validation": [...], "test": [...]}``.

    Entries are display names or MIDs; a split that is missing is empty.

    Returns
    -------
    dict of str to str
        Name of the split by MID.

    Raises
    ------
    ConfigError
        The file can't be read or has another form, names classes that do not exist, or one twice.
    """
    entries = _read_lists(path)
    problems: list[str] = []
    split_of: dict[str, str] = {}
    for name, classes in entries.items():
        for entry in classes:
            if not isinstance(entry, str):
                problems.append(f"{name}: expected class names, found {reprlib.repr(entry)}")
                continue
            try:
                mid = ontology.find(entry).mid
            except UnknownClass as error:
                problems.append(f"{name}: {error}")
                continue
            if mid in split_of:
                problems.append(f"{name}: {entry!r} is in {split_of[mid]} already; keep one")
            split_of.setdefault(mid, name)
    if problems:
        raise ConfigError(*(Problem(_KEY, f"{path}: {one}") for one in problems[:_MAX_PROBLEMS]))
    if not split_of:
        raise ConfigError(Problem(_KEY, f"{path} names no class; expected {_FORM}"))
    return split_of


def _read_lists(path: Path) -> Mapping[str, list[object]]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(Problem(_KEY, f"{path} can't be read: {error.strerror}")) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            Problem(_KEY, f"{path} is not JSON ({error}); expected {_FORM}")
        ) from error
    if not isinstance(value, dict):
        raise ConfigError(Problem(_KEY, f"{path}: expected {_FORM}"))
    odd = [key for key in value if key not in SPLITS or not isinstance(value[key], list)]
    if odd:
        words = f"{path}: {reprlib.repr(odd[0])} is not a split with a list; expected {_FORM}"
        raise ConfigError(Problem(_KEY, words))
    return {name: value.get(name, []) for name in SPLITS}
