"""What `split` and `episodes` say, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioset_dl.words import count, listed, some, table

if TYPE_CHECKING:
    from audioset_dl.catalog.ontology import Node
    from audioset_dl.fewshot.split import Split

_RULES = ("mixed", "video", "duplicate")


def split_report_document(split: Split) -> dict[str, Any]:
    """Return what a split came to as JSON-able data."""
    naive = split.naive.clips / split.num_clips
    return {
        "seed": split.seed,
        "splits": {
            name: {
                "classes": len(split.classes(name)),
                "wanted": split.wanted.get(name),
                "clips": len(clips),
                "fewest_clips": min(_kept(split, split.classes(name)).values(), default=0),
            }
            for name, clips in split.clip_splits.clips.items()
        },
        "clips": split.num_clips,
        "dropped": {rule: split.clip_splits.num_dropped(rule) for rule in _RULES},
        "kept_out_of_train": len(split.clip_splits.kept_out_of_train),
        "groups": [list(group) for group in split.groups],
        "cut_ties": [[*pair, round(index, 4)] for pair, index in split.cut_ties.items()],
        "overlap": asdict(split.overlap),
        "naive": {
            **asdict(split.naive),
            "share": round(naive, 4),
            "mean_share": round(split.naive_clips_mean / split.num_clips, 4),
        },
        "left_out": [
            {"mid": one.node.mid, "name": one.node.name, "clips": one.num_clips,
             "below": list(one.below)}
            for one in split.universe.left_out
        ],
        "fell_short": [
            {"mid": node.mid, "name": node.name, "clips": clips}
            for node, clips in _fallen(split).items()
        ],
    }  # fmt: skip


def split_text(split: Split, width: int) -> str:
    """Return what a split came to, for people, in lines of a width."""
    rows = [
        (
            name,
            f"{len(split.classes(name)):,}",
            f"{split.wanted[name]:,}" if split.wanted else "given",
            f"{len(clips):,}",
            f"{min(_kept(split, split.classes(name)).values(), default=0):,}",
        )
        for name, clips in split.clip_splits.clips.items()
    ]
    heads = ("split", "classes", "by ratio", "clips", "fewest of a class")
    return "\n".join([table(heads, rows, right=(1, 2, 3, 4)), "", listed(_facts(split), width)])


def _facts(split: Split) -> Iterator[tuple[str, str]]:
    yield "classes", _classes(split)
    if split.groups:
        yield "groups", _groups(split)
    kept = sum(len(clips) for clips in split.clip_splits.clips.values())
    yield "clips", f"{split.num_clips:,} carry one of the classes; {kept:,} are kept"
    yield "dropped", _dropped(split)
    if split.clip_splits.kept_out_of_train:
        number = count(len(split.clip_splits.kept_out_of_train), "clip")
        yield "shared", f"{number} of validation and test carry a class of train as well"
    yield "overlap", _overlap(split)
    yield "naive", _naive(split)
    yield from _warnings(split)


def _classes(split: Split) -> str:
    poor = [one for one in split.universe.left_out if not one.below]
    above = [one.node.name for one in split.universe.left_out if one.below]
    words = count(len(split.universe.classes), "class takes part", "classes take part")
    if above:
        words += f"; {some(above, '; ')} left out for classes below"
    if poor:
        names = some([f"{one.node.name} ({one.num_clips:,})" for one in poor], "; ")
        words += f"; with fewer than {split.config.min_clips} clips: {names}"
    return words


def _groups(split: Split) -> str:
    names = {node.mid: node.name for node in split.universe.classes}
    groups = [" + ".join(names[mid] for mid in group) for group in split.groups]
    kept = "lie together" if not split.wanted else "kept together"
    classes = count(sum(map(len, split.groups)), "class", "classes")
    ties = f"{classes} that occur together (Jaccard index {split.config.group_threshold:g} or more)"
    told = some(groups, "; ")
    if not split.wanted:
        cut = count(len(split.cut_ties), "pair")
        return f"{ties}: {told}; the given split parts {cut} of them"
    return f"{ties}, {kept} in {count(len(groups), 'group')}: {told}"


def _dropped(split: Split) -> str:
    numbers = [split.clip_splits.num_dropped(rule) for rule in _RULES]
    mixed, video, duplicate = numbers
    share = f"{sum(numbers) / split.num_clips:.1%}"
    return (
        f"{sum(numbers):,} ({share}): {mixed:,} whose labels fall into several splits, {video:,} "
        f"whose video lies in another, {duplicate:,} whose sound does"
    )


def _overlap(split: Split) -> str:
    found = split.overlap
    words = (
        f"{found.classes:,} classes, {found.clips:,} clips, {found.videos:,} videos and "
        f"{found.sounds:,} sounds in several splits; {found.train_clips:,} clips of train carry a "
        "class of another (counted again from the result)"
    )
    if found.related_classes:
        pairs = count(found.related_classes, "pair")
        words += f"; {pairs} of a class and one above it lie in different splits"
    return words


def _naive(split: Split) -> str:
    share = split.naive.clips / split.num_clips
    mean = split.naive_clips_mean / split.num_clips
    return (
        f"a random split of the same classes by the same ratios has {split.naive.clips:,} clips "
        f"({share:.1%}) with classes of several splits for this seed, and {mean:.1%} on average"
    )


def _warnings(split: Split) -> Iterator[tuple[str, str]]:
    fallen = [f"{node.name} ({clips:,})" for node, clips in _fallen(split).items()]
    if fallen:
        names = some(fallen, "; ")
        yield "warning", f"fewer than {split.config.min_clips} clips are kept of {names}"
    empty = [name for name in split.clip_splits.clips if not split.classes(name)]
    if empty:
        yield "warning", f"no class is in {' and '.join(empty)}"
    missed = {
        name: (len(split.classes(name)), wanted)
        for name, wanted in split.wanted.items()
        if len(split.classes(name)) != wanted
    }
    if missed:
        words = ", ".join(f"{name} {got} for {wanted}" for name, (got, wanted) in missed.items())
        yield "warning", f"groups or holdout leave other numbers than the ratios ask for: {words}"


def _fallen(split: Split) -> Mapping[Node, int]:
    kept = _kept(split, split.universe.classes)
    return {node: clips for node, clips in kept.items() if clips < split.config.min_clips}


def _kept(split: Split, nodes: tuple[Node, ...]) -> Mapping[Node, int]:
    return {node: split.num_clips_of(node.mid) for node in nodes}


def episodes_document(
    path: Path, numbers: Mapping[str, int], kind: str, apart: Mapping[str, list[tuple[str, str]]]
) -> dict[str, Any]:
    """Return what was written as JSON-able data; `apart`: classes that never meet, by split."""
    return {"file": str(path), "kind": kind, "episodes": dict(numbers), "apart": dict(apart)}


def episodes_text(
    path: Path,
    numbers: Mapping[str, int],
    shape: tuple[str, int, int, int],
    apart: Mapping[str, list[tuple[str, str]]],
) -> str:
    """Return what was written, for people."""
    kind, n_way, k_shot, q_query = shape
    splits = ", ".join(f"{number:,} of {name}" for name, number in numbers.items())
    written = (
        f"Wrote {path}: {count(sum(numbers.values()), 'episode')} ({splits}); {kind}, {n_way} "
        f"classes, {k_shot} support and {q_query} query clips of each"
    )
    lines = [
        f"{name}: never in one episode, as they share too many clips: "
        + some([" + ".join(pair) for pair in pairs], "; ")
        for name, pairs in apart.items()
        if pairs
    ]
    return "\n".join([written, *lines])
