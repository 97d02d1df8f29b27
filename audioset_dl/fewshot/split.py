"""The command `split`: reads the clips, divides them, writes the files of the split."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

from audioset_dl.catalog.files import Progress
from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.config import ConfigSource, as_config
from audioset_dl.dataset.rows import Row
from audioset_dl.errors import OutputError
from audioset_dl.export.metaaudio import write_metaaudio
from audioset_dl.fewshot.class_split import Split, make_split
from audioset_dl.fewshot.folders import check_target, find_source
from audioset_dl.fewshot.members import read_clips
from audioset_dl.fewshot.split_files import saved_splits, write_split
from audioset_dl.selection.select import choose_classes, prepare


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
    source = find_source(config) if folder is None else folder
    check_target(config, source)
    manifest = read_clips(source)
    # Before anything is written: a split of files that are not there would end a training loop.
    _check_files(source, [row.file_name for row in manifest.rows])
    ontology, chosen = choose_classes(config)
    made = make_split(
        manifest.rows, chosen, ontology, config.fewshot,
        seed=config.seed, manifest_sha256=manifest.sha256(),
    )  # fmt: skip
    write_split(config.fewshot.dir, made)
    write_metaaudio(
        config.fewshot.dir / "metaaudio",
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
    check_target(config, find_source(config))
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


def list_metadata_clips(table: SegmentTable, mids: Iterable[str]) -> list[Row]:
    """Return the clips of AudioSet's metadata that carry any of some labels; no sound is known."""
    indices = sorted({int(index) for mid in mids for index in table.rows_of(mid)})
    return [Row(table.clip(index)) for index in indices]


def _check_files(folder: Path, file_names: list[str]) -> None:
    missing = [name for name in file_names if not (folder / name).is_file()]
    if missing:
        raise OutputError(
            f"{len(missing):,} of the {len(file_names):,} files of {folder} are not there, such as "
            f"{missing[0]}",
            fix="`audioset-dl verify --repair` and `download` get those of a dataset again, "
            "`process` those of a processed folder",
        )
