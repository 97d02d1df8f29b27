"""What `process`, `statistics`, `split` and `episodes` say, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioset_dl.fewshot.clips import RULES
from audioset_dl.process.folder import ProcessedFolder
from audioset_dl.process.spectrograms import PRESETS, Preset
from audioset_dl.words import by_code, count, first_lines, listed, some, table

if TYPE_CHECKING:
    from audioset_dl.config import ProcessConfig
    from audioset_dl.fewshot.class_split import Split
    from audioset_dl.fewshot.episodes import WrittenEpisodes
    from audioset_dl.fewshot.plain import PlainSplit
    from audioset_dl.process.run import ProcessReport
    from audioset_dl.process.statistics import Measured


def process_document(done: ProcessReport, config: ProcessConfig) -> dict[str, Any]:
    """Return what was processed as JSON-able data."""
    return {**asdict(done), "warnings": _notes(done, _preset(config))}


def _preset(config: ProcessConfig) -> Preset | None:
    return None if config.preset is None else PRESETS[config.preset]


def process_text(done: ProcessReport, config: ProcessConfig, width: int) -> str:
    """Return what was processed, for people."""
    folder, preset = ProcessedFolder(Path(done.dir)), _preset(config)
    clips = f"{done.num_clips:,} of {count(done.num_source, 'clip')} processed into {folder.path}"
    facts = [
        ("made of", done.source),
        ("form", _form(done, config, preset)),
        ("scale", _scale(done, config)),
    ]
    if done.flags:
        facts.append(("flags", f"{by_code(done.flags)} (clips; see {folder.manifest.name})"))
    if done.left_out:
        facts.append(("left out", f"{by_code(done.left_out)} (see {folder.dropped.name})"))
    lines = [f"{clips} ({done.num_made:,} by this run)", listed(facts, width)]
    lines += first_lines([f"{one.code}: {one.file_name}: {one.detail}" for one in done.faults])
    if done.faults:
        lines.append(
            f"{count(len(done.faults), 'file')} of the dataset not as written, and left out: "
            "`audioset-dl verify --repair` and `download` fetch them again."
        )
    lines += [listed([("note", words)], width) for words in _notes(done, preset)]
    return "\n".join(lines)


def _form(done: ProcessReport, config: ProcessConfig, preset: Preset | None) -> str:
    kinds = {"wav": "float WAV", "npy": "float32 samples", "logmel": "log-mel spectrograms"}
    kind = kinds[config.form]
    if preset is not None:
        kind += f" of {preset.name}, from mono at {preset.sample_rate:,} Hz"
    shapes = sorted(done.shapes.items(), key=lambda item: (-item[1], item[0]))
    common = [f"{_shape(shape)} ({number:,})" for shape, number in shapes[:3]]
    more = [f"{len(shapes) - 3} more"] if len(shapes) > 3 else []
    return f"{kind}; {', '.join([*common, *more])}" if shapes else kind


def _shape(shape: str) -> str:
    return " x ".join(f"{int(length):,}" for length in shape.split(";"))


def _scale(done: ProcessReport, config: ProcessConfig) -> str:
    if config.scale in ("none", "standardize"):
        return config.scale
    return (
        f"{config.scale} to {done.target_db:g} {'LUFS' if config.scale == 'loudness' else 'dBFS'}"
    )


def _notes(done: ProcessReport, preset: Preset | None) -> list[str]:
    rate = done.lowest_rate
    if preset is None or rate is None or rate >= min(preset.sample_rate, 2 * preset.fmax):
        return []
    empty_bands = (
        f"the dataset has {rate:,} Hz, and {preset.name} covers up to {preset.fmax:,.0f} Hz: the "
        f"bands above {rate // 2:,} Hz are empty, which the model was not trained on. Download "
        f"with audio.sample_rate: {preset.sample_rate} for it."
    )
    return [empty_bands]


def statistics_document(measured: Measured, folder: ProcessedFolder) -> dict[str, Any]:
    """Return the statistics as JSON-able data, without those of each clip."""
    known = asdict(measured.statistics)
    known.pop("clips")
    return {"file": str(folder.statistics), "num_missing": measured.num_missing, **known}


def statistics_text(measured: Measured, folder: ProcessedFolder, width: int) -> str:
    """Return the statistics, for people."""
    found = measured.statistics
    channels = count(len(found.channel_mean), "channel")
    means, stds = found.channel_mean, found.channel_std
    facts = [
        ("global", f"mean {found.mean:.6g}, standard deviation {found.std:.6g}"),
        ("channels", f"{channels}: means {_range(means)}, deviations {_range(stds)}"),
    ]
    where = (
        f"{count(found.num_clips, 'clip')} {_of_split(found.split)}, "
        f"{count(found.num_values, 'value')}: written to {folder.statistics}"
    )
    lines = [where, listed(facts, width)]
    if measured.num_missing:
        lines.append(
            f"{count(measured.num_missing, 'clip')} of the split not in "
            f"{folder.manifest.name}: left out by `process`, or not processed yet"
        )
    return "\n".join(lines)


def _range(values: tuple[float, ...]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}"


def split_text(split: Split, width: int, end: str) -> str:
    """Return what a split came to, for people, in lines of a width, and `end` below it."""
    rows = [
        (
            name,
            len(split.classes(name)),
            split.wanted.get(name, "given"),
            len(clips),
            split.fewest_clips(name),
        )
        for name, clips in split.clip_splits.clips.items()
    ]
    heads = ("split", "classes", "by ratio", "clips", "fewest of a class")
    parts = [table(heads, rows), listed(_facts(split), width), end]
    return "\n\n".join(parts)


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


def plain_split_text(split: PlainSplit, *, width: int, end: str) -> str:
    """Return what a plain split came to, for people."""
    counts = {name: split.num_clips_of(name) for name in split.clips}
    facts = [
        (name, f"{count(len(clips), 'clip')} of {count(len(counts[name]), 'class', 'classes')}")
        for name, clips in split.clips.items()
    ]
    mean, worst = split.deviation()
    facts.append(("deviation", f"the share of a class is off by {mean:.1%}, at most {worst:.1%}"))
    if split.dropped:
        words = (
            f"{count(len(split.dropped), 'clip')} of train that share a video or sound with test"
        )
        facts.append(("left out", f"{words} (see dropped.csv)"))
    if split.lacking:
        names = [node.name for node in split.classes if node.mid in split.lacking]
        facts.append(("lacking", f"not on every side: {some(names)}"))
    return f"{listed(facts, width)}\n{end}"


def _of_split(name: str) -> str:
    return "of no split" if name == "all" else f"of the {name} split"
