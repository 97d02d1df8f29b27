"""The supply of a split: does it have enough clips for every episode that may be drawn?

Checked once, before the first episode, so that no training loop ends after days for want of a clip.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.errors import AudiosetDlError
from audioset_dl.fewshot.episode import Shape
from audioset_dl.fewshot.sources import Source

_MOST_LISTED = 10


class TooFewClips(AudiosetDlError):
    """A split has too few classes, or a class too few clips, for the episodes asked for."""


@dataclass(frozen=True)
class Supply:
    """How many clips of a class an episode can count on."""

    num_clips: int
    num_sources: int
    taken: Mapping[int, int]
    """By number of another class, the most sources that it takes if it is drawn as well."""
    alone: int
    """Sources that carry no other class, so that no other class can take them."""

    def rivals(self, need: int, n_way: int) -> frozenset[int]:
        """Return the classes that must not be drawn with this one, so that enough is left of it.

        Whichever n_way - 1 of the remaining classes are drawn, together they take no more than the
        class can spare.
        """
        # The worst case: the other classes are those that take most, and take different sources.
        most = sorted(self.taken.values(), reverse=True)[: n_way - 1]
        if max(self.alone, self.num_sources - sum(most)) >= need:
            return frozenset()
        # Each of the others may take its equal share of what can be spared.
        spare = self.num_sources - need
        return frozenset(
            other for other, taken in self.taken.items() if taken * (n_way - 1) > spare
        )


def measure_supply(sources: Sequence[Source], number: int, shape: Shape) -> Supply:
    """Return what an episode can count on of a class.

    Parameters
    ----------
    sources : sequence of Source
        Those that carry the class.
    number : int
        The class.
    shape : Shape
        Kind and numbers of the episode.
    """
    # In multi_hot another class takes only the clips that it needs itself. In the other kinds every
    # clip that also carries the other class is ruled out.
    most = shape.clips_each if shape.kind == "multi_hot" else len(sources)
    shared = Counter(other for source in sources for other in source.classes if other != number)
    return Supply(
        num_clips=sum(len(source.clips_of(number)) for source in sources),
        num_sources=len(sources),
        taken={other: min(count, most) for other, count in shared.items()},
        alone=sum(len(source.classes) == 1 for source in sources),
    )


def find_rivals(supplies: Mapping[int, Supply], shape: Shape) -> dict[int, frozenset[int]]:
    """Return for each class those that are not drawn with it, by its own need or by theirs."""
    rivals: dict[int, set[int]] = {number: set() for number in supplies}
    for number, supply in supplies.items():
        for other in supply.rivals(shape.clips_each, shape.n_way):
            rivals[number].add(other)
            rivals[other].add(number)
    return {number: frozenset(others) for number, others in rivals.items()}


def check_supplies(
    supplies: Mapping[int, Supply],
    rivals: Mapping[int, frozenset[int]],
    shape: Shape,
    *,
    split: str | None,
    classes: Sequence[str],
) -> None:
    """Refuse a split in which some episode would lack a class or a clip.

    Parameters
    ----------
    supplies, rivals : mapping
        By number of the class.
    shape : Shape
        Kind and numbers of the episodes.
    split : str, optional
        Name of the split, for messages.
    classes : sequence of str
        Names of the classes, for messages.

    Raises
    ------
    TooFewClips
        Which classes, how many there are, and how many are needed.
    """
    name = f"split {split}" if split else "dataset"
    if len(classes) < shape.n_way:
        raise TooFewClips(
            f"the {name} has {len(classes)} classes, and an episode of {shape.n_way} classes "
            "needs as many",
            fix=f"lower n_way, or give the {name} more classes",
        )
    need = shape.clips_each
    needed = f"{need} are needed ({shape.k_shot} support + {shape.q_query} query)"
    described = {number: _describe(classes[number], supply) for number, supply in supplies.items()}
    short = [described[number] for number, one in supplies.items() if one.num_sources < need]
    if short:
        raise TooFewClips(
            f"{len(short)} of the {len(supplies)} classes of the {name} have too few clips: "
            f"{needed}, of as many videos\n{_listed(short)}\n"
            "lower k_shot or q_query, raise min_clips, or download more"
        )
    # However they are drawn, n_way - 1 classes rule out no more than those with most rivals.
    ruled_out = sorted((len(others) + 1 for others in rivals.values()), reverse=True)
    if sum(ruled_out[: shape.n_way - 1]) >= len(classes):
        tied = [
            f"{described[number]}, too few beside "
            + " or ".join(classes[other] for other in sorted(others))
            for number, others in rivals.items()
            if others
        ]
        raise TooFewClips(
            f"{len(tied)} of the {len(supplies)} classes of the {name} share so many clips that "
            f"some episode would not find {shape.n_way} classes with enough: {needed} of each\n"
            f"{_listed(tied)}\nlower n_way, k_shot or q_query, or download more"
        )


def _listed(lines: Sequence[str]) -> str:
    more = len(lines) - _MOST_LISTED
    shown = [*lines[:_MOST_LISTED], *([f"and {more} more"] if more > 0 else [])]
    return "\n".join(f"  {line}" for line in shown)


def _describe(name: str, supply: Supply) -> str:
    videos = f" of {supply.num_sources} videos" if supply.num_sources < supply.num_clips else ""
    return f"{name}: {supply.num_clips} clips{videos}"
