"""What `split` and `episodes` say, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from audioset_dl.fewshot.clips import RULES
from audioset_dl.words import count, listed, some, table

if TYPE_CHECKING:
    from audioset_dl.fewshot.class_split import Split
    from audioset_dl.fewshot.episodes import WrittenEpisodes


def split_text(split: Split, width: int) -> str:
    """Return what a split came to, for people, in lines of a width."""
    rows = [
        (
            name,
            f"{len(split.classes(name)):,}",
            f"{split.wanted[name]:,}" if split.wanted else "given",
            f"{len(clips):,}",
            f"{split.fewest_clips(name):,}",
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
    poor = [one for one in split.eligible.left_out if not one.below]
    above = [one.node.name for one in split.eligible.left_out if one.below]
    words = count(len(split.eligible.classes), "class takes part", "classes take part")
    if above:
        words += f"; {some(above, '; ')} left out for classes below"
    if poor:
        names = some([f"{one.node.name} ({one.num_clips:,})" for one in poor], "; ")
        words += f"; with fewer than {split.config.min_clips} clips: {names}"
    return words


def _groups(split: Split) -> str:
    names = {node.mid: node.name for node in split.eligible.classes}
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
    numbers = [split.clip_splits.num_dropped(rule) for rule in RULES]
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
    fallen = [f"{node.name} ({clips:,})" for node, clips in split.fell_short.items()]
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


def episodes_document(written: WrittenEpisodes) -> dict[str, Any]:
    """Return what was written as JSON-able data; `apart`: classes that never meet, by split."""
    return {
        "file": str(written.path),
        "kind": written.config.kind,
        "episodes": dict(written.numbers),
        "apart": dict(written.apart),
    }


def episodes_text(written: WrittenEpisodes) -> str:
    """Return what was written, for people."""
    config, numbers = written.config, written.numbers
    splits = ", ".join(f"{number:,} of {name}" for name, number in numbers.items())
    first = (
        f"Wrote {written.path}: {count(sum(numbers.values()), 'episode')} ({splits}); "
        f"{config.kind}, {config.n_way} classes, {config.k_shot} support and {config.q_query} "
        "query clips of each"
    )
    lines = [
        f"{name}: never in one episode, as they share too many clips: "
        + some([" + ".join(pair) for pair in pairs], "; ")
        for name, pairs in written.apart.items()
        if pairs
    ]
    return "\n".join([first, *lines])
