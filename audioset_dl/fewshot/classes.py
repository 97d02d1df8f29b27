"""The classes of a split: those that have enough clips, or those that a JSON file gives."""

from __future__ import annotations

import json
import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from audioset_dl.catalog.ontology import Node, Ontology, UnknownClass
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import ConfigError, Problem

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
