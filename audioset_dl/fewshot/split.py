"""The command `split`: reads the clips, divides them, and writes the files of the split.

These are splits.json, splits.csv, dropped.csv and report.json. Nothing of a machine or a day is in
them, so that the same split is the same file, byte for byte.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from audioset_dl.catalog.files import Progress
from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.derived import (
    check_source,
    find_fewshot,
    find_plain_split,
    note_source,
)
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS, SavedSplit, write_splits
from audioset_dl.errors import OutputError
from audioset_dl.export.metaaudio import write_metaaudio
from audioset_dl.fewshot.class_split import Split, make_split
from audioset_dl.fewshot.clips import RULES
from audioset_dl.fewshot.members import find_source, read_clips
from audioset_dl.fewshot.plain import PlainSplit, split_clips
from audioset_dl.selection.select import choose_classes, prepare
from audioset_dl.storage.files import write_file
from audioset_dl.storage.guards import check_apart
from audioset_dl.storage.tables import write_table
from audioset_dl.words import to_json

_SETTINGS = {"min_clips", "ratios", "group_threshold", "stratify", "holdout", "mixed_clips"}


def split(
    config: ConfigSource,
    *,
    folder: Path | None = None,
    copies: bool = True,
    on_start: Callable[[int], object] = lambda _: None,
    on_file: Callable[[], object] = lambda: None,
) -> Split:
    """Split the classes and their clips for few-shot learning.

    Does what the command `audioset-dl split` does: writes splits.json, splits.csv, dropped.csv,
    report.json and metaaudio/ into ``fewshot.dir``. The same seed, config and manifest give the
    same files, byte by byte.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    folder : Path, optional
        Folder whose manifest.csv is split; unless given, ``process.dir`` if there is one in it,
        else ``output.dir``.
    copies : bool
        Copy the clips into MetaAudio's folders.
    on_start, on_file : callable
        Called with the number of files to copy, and after each file; for a progress bar.

    Returns
    -------
    Split
        The classes and clips of train, validation and test, and what they share.

    Raises
    ------
    ConfigError
        ``fewshot.dir`` lies in a folder that is only read, no class has enough clips, or the config
        names classes that do not exist.
    MetadataError
        One of AudioSet's files can't be fetched, or is malformed.
    OutputError
        There is no manifest, files of it are missing, or ``fewshot.dir`` can't be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from audioset_dl import load_config, split
    >>> made = split(load_config(Path("config.yaml"), ["fewshot.min_clips=3"]))
    >>> [node.name for node in made.classes("train")]
    ['Bark', 'Purr', 'Bee, wasp, etc.', 'Glockenspiel']
    >>> [node.name for node in made.classes("test")], made.overlap.is_none
    (['Howl'], True)
    """
    config = as_config(config)
    source, target = find_source(config, folder), find_fewshot(config)
    check_source(target, source, ["splits.csv"], key="fewshot.dir")
    ontology, chosen = choose_classes(config)
    is_given = config.fewshot.given is not None
    manifest = read_clips(source, None if is_given else [node.mid for node in chosen])
    # Before anything is written: a split of files that are not there would end a training loop.
    _check_files(source, [row.file_name for row in manifest.rows])
    made = make_split(
        manifest.rows, chosen, ontology, config.fewshot,
        seed=config.seed, manifest_sha256=manifest.sha256(),
    )  # fmt: skip
    write_split(target, made)
    note_source(target, source)
    write_metaaudio(
        target / "metaaudio",
        saved_splits(made),
        {clip_id: clip.file_name for clip_id, clip in made.clips.items()},
        source if copies else None,
        on_start=on_start,
        on_file=on_file,
    )
    return made


def preview_split(
    config: ConfigSource,
    *,
    progress: Callable[[str], Progress] | None = None,
    on_warning: Callable[[str], object] = warnings.warn,
) -> Split:
    """Split the clips of AudioSet's metadata, before anything is downloaded; write nothing.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    progress : callable, optional
        Called with the name of a file before it is downloaded; returns what shows the progress.
    on_warning : callable
        Called with each warning about AudioSet's files and the choice of classes.

    Raises
    ------
    ConfigError
        No class has enough clips, or the config names classes that do not exist.
    MetadataError
        One of AudioSet's files can't be fetched, or is malformed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from audioset_dl import load_config
    >>> from audioset_dl.fewshot.split import preview_split
    >>> made = preview_split(load_config(Path("config.yaml"), ["fewshot.min_clips=3"]))
    >>> made.num_clips, len(made.classes("train"))
    (50, 4)
    """
    config = as_config(config)
    find_source(config)  # for its check alone: `split` would write what is shown
    prepared = prepare(config, progress=progress)
    for warning in prepared.warnings:
        on_warning(warning)
    selection = prepared.selection
    catalog = selection.catalog
    return make_split(
        list_metadata_clips(catalog.segments, catalog.indices),
        selection.classes,
        catalog.ontology,
        config.fewshot,
        seed=config.seed,
    )


def split_plainly(config: ConfigSource, *, folder: Path | None = None) -> PlainSplit:
    """Split clips for plain classifiers: ``split.by`` is ``clips`` or ``subset``.

    Does what `audioset-dl split --by clips` does: writes splits.json, splits.csv and dropped.csv
    into ``<output.dir>-split``.

    Parameters
    ----------
    config, folder
        As for `split`, which raises the same.

    Examples
    --------
    >>> from pathlib import Path
    >>> from audioset_dl import load_config
    >>> from audioset_dl.fewshot.split import split_plainly
    >>> made = split_plainly(load_config(Path("config.yaml"), ["split.by=clips"]))
    >>> {name: len(clips) for name, clips in made.clips.items()}
    {'train': 27, 'validation': 6, 'test': 6}
    """
    config = as_config(config)
    by = config.split.by
    if by == "classes":
        raise ValueError("split.by is classes; expected clips or subset")
    source, target = find_source(config, folder), find_plain_split(config)
    check_apart("output.dir", target, {"process.dir": source, "fewshot.dir": find_fewshot(config)})
    check_source(target, source, ["splits.csv"], key="output.dir")
    _, chosen = choose_classes(config)
    manifest = read_clips(source, [node.mid for node in chosen])
    _check_files(source, [row.file_name for row in manifest.rows])
    made = split_clips(
        manifest.rows, chosen, config.split.ratios,
        by=by, seed=config.seed, manifest_sha256=manifest.sha256(),
    )  # fmt: skip
    write_plain_split(target, made, {row.clip_id: row.ytid for row in manifest.rows})
    note_source(target, source)
    return made


def write_plain_split(folder: Path, split: PlainSplit, ytids: Mapping[str, str]) -> None:
    """Write splits.json, splits.csv and dropped.csv; `ytids` are the videos by clip_id.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    names = {node.mid: node.name for node in split.classes}
    kept = sorted(
        (clip_id, ytids[clip_id], name, ";".join(names[mid] for mid in mids))
        for name, clips in split.clips.items()
        for clip_id, mids in clips.items()
    )
    dropped = [(clip_id, ytids[clip_id], why) for clip_id, why in sorted(split.dropped.items())]
    write_table(folder / "splits.csv", ("clip_id", "ytid", "split", "classes"), kept)
    write_table(folder / "dropped.csv", ("clip_id", "ytid", "rule"), dropped)
    classes = tuple(names.items())
    saved = [
        SavedSplit(name, split.seed, classes, clips, split.manifest_sha256)
        for name, clips in split.clips.items()
    ]
    write_splits(folder, saved, {"by": split.by, "ratios": split.ratios})


def plain_split_document(split: PlainSplit) -> dict[str, Any]:
    """Return what a plain split came to as JSON-able data."""
    mean, worst = split.deviation()
    counts = {name: split.num_clips_of(name) for name in split.clips}
    return {
        "by": split.by,
        "seed": split.seed,
        "ratios": split.ratios,
        "splits": {
            name: {"clips": len(clips), "classes": len(counts[name])}
            for name, clips in split.clips.items()
        },
        "classes": [
            {"mid": node.mid, "name": node.name,
             "clips": {name: counts[name][node.mid] for name in split.clips}}
            for node in split.classes
        ],
        "dropped": dict(Counter(split.dropped.values())),
        "lacking": {mid: list(names) for mid, names in split.lacking.items()},
        "deviation": {"mean": round(mean, 4), "worst": round(worst, 4)},
    }  # fmt: skip


def list_metadata_clips(table: SegmentTable, mids: Iterable[str]) -> list[Row]:
    """Return the clips of AudioSet's metadata that carry any of some labels; no sound is known."""
    indices = sorted({int(index) for mid in mids for index in table.rows_of(mid)})
    return [Row(table.clip(index)) for index in indices]


def _check_files(folder: Path, file_names: list[str]) -> None:
    missing = [
        name
        for name in file_names
        if not os.path.isfile(f"{folder}/{name}")  # noqa: PTH113 - twice as fast
    ]
    if missing:
        raise OutputError(
            f"{len(missing):,} of the {len(file_names):,} files of {folder} are not there, such as "
            f"{missing[0]}",
            fix="`audioset-dl verify --repair` and `download` get those of a dataset again, "
            "`process` those of a processed folder",
        )


def saved_splits(split: Split) -> tuple[SavedSplit, ...]:
    """Return train, validation and test as splits.json holds them."""
    saved = []
    for name, clips in split.clip_splits.clips.items():
        classes = tuple((node.mid, node.name) for node in split.classes(name))
        saved.append(SavedSplit(name, split.seed, classes, clips, split.manifest_sha256))
    return tuple(saved)


def write_split(folder: Path, split: Split) -> None:
    """Write splits.json, splits.csv, dropped.csv and report.json.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    names = split.eligible.names
    kept = sorted(
        (clip_id, split.clips[clip_id].ytid, name, ";".join(names[mid] for mid in mids))
        for name in SPLITS
        for clip_id, mids in split.clip_splits.clips[name].items()
    )
    dropped = []
    for clip_id, rule in split.clip_splits.dropped.items():
        clip = split.clips[clip_id]
        carried = [node.name for node in split.eligible.classes if node.mid in clip.labels]
        dropped.append((clip_id, clip.ytid, rule, ";".join(carried)))
    write_table(folder / "splits.csv", ("clip_id", "ytid", "split", "classes"), kept)
    write_table(folder / "dropped.csv", ("clip_id", "ytid", "rule", "classes"), dropped)
    write_splits(folder, saved_splits(split), _settings(split))
    write_file(
        folder / "report.json",
        f"{to_json(split_document(split))}\n".encode(errors="backslashreplace"),
    )


def split_document(split: Split) -> dict[str, Any]:
    """Return what a split came to as JSON-able data: report.json, and what ``--json`` prints."""
    return {
        "seed": split.seed,
        "splits": {
            name: {
                "classes": len(split.classes(name)),
                "wanted": split.wanted.get(name),
                "clips": len(clips),
                "fewest_clips": split.fewest_clips(name),
            }
            for name, clips in split.clip_splits.clips.items()
        },
        "clips": split.num_clips,
        "dropped": {rule: split.clip_splits.num_dropped(rule) for rule in RULES},
        "kept_out_of_train": len(split.clip_splits.kept_out_of_train),
        "groups": [list(group) for group in split.groups],
        "cut_ties": [[*pair, round(index, 4)] for pair, index in split.cut_ties.items()],
        "overlap": asdict(split.overlap),
        "naive": {
            **asdict(split.naive),
            "share": round(split.naive.clips / split.num_clips, 4),
            "mean_share": round(split.naive_clips_mean / split.num_clips, 4),
        },
        "left_out": [
            {"mid": one.node.mid, "name": one.node.name, "clips": one.num_clips,
             "below": list(one.below)}
            for one in split.eligible.left_out
        ],
        "fell_short": [
            {"mid": node.mid, "name": node.name, "clips": clips}
            for node, clips in split.fell_short.items()
        ],
    }  # fmt: skip


def _settings(split: Split) -> dict[str, Any]:
    # The content of the given file, not its path, which differs from machine to machine.
    given = split.config.given
    digest = None if given is None else hashlib.sha256(given.read_bytes()).hexdigest()
    settings = split.config.model_dump(mode="json", include=_SETTINGS)
    return {"by": "classes", **settings, "given_sha256": digest}
