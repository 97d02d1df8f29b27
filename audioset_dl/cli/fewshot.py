"""Few-shot learning: `split`, `episodes`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioset_dl import report
from audioset_dl.cli.group import cli, complain
from audioset_dl.cli.options import (
    located,
    prepare_selection,
    takes_config,
    takes_json,
    takes_quiet,
    terminal_width,
)
from audioset_dl.cli.progress import make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.errors import OutputError

if TYPE_CHECKING:
    from audioset_dl.fewshot.episodes import EpisodeSampler
    from audioset_dl.fewshot.members import SplitMembers
    from audioset_dl.fewshot.split import Split
    from audioset_dl.fewshot.table import ClipTable

SPLITS = ("train", "validation", "test")

takes_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder whose manifest.csv is taken; unless given, process.dir if there is one "
    "in it, else output.dir.",
)


@cli.command()
@takes_config
@takes_folder
@click.option("--preview", is_flag=True, help="Split Google's metadata instead; write nothing.")
@click.option("--no-copies", is_flag=True, help="Do not copy the clips into MetaAudio's folders.")
@takes_json
@takes_quiet
def split(
    config: Path,
    overrides: tuple[str, ...],
    *,
    folder: Path | None,
    preview: bool,
    no_copies: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Split the classes and their clips for few-shot learning.

    Writes splits.json, splits.csv, dropped.csv, report.json and metaaudio/ into fewshot.dir.

    \b
    Example:
      audioset-dl split config.yaml --set fewshot.stratify=root
    """
    if preview and folder is not None:
        raise click.UsageError("--preview goes by Google's metadata: leave out --folder")
    settings = load_config(config, overrides)
    source = folder or _find_source(settings)
    with located(config, overrides):
        _check_target(settings, source)
        made, table = _preview(settings, quiet) if preview else _split(settings, source)
    if not preview:
        _write(settings.fewshot.dir, made, table, source=source, copies=not no_copies, quiet=quiet)
    if as_json:
        click.echo(report.to_json(report.split_report_document(made)))
    else:
        click.echo(report.split_text(made, terminal_width()))
        click.echo("\nNothing was written." if preview else f"\nWritten to {settings.fewshot.dir}.")
    sys.exit(0 if made.overlap.is_none else 1)


def _find_source(settings: Config) -> Path:
    """Return the folder of the clips: the processed ones, where there are any."""
    processed = settings.process.dir
    return processed if (processed / "manifest.csv").is_file() else settings.output.dir


def _check_target(settings: Config, source: Path) -> None:
    from audioset_dl.storage.guards import check_apart

    read_only = {
        "output.dir": settings.output.dir,
        "process.dir": settings.process.dir,
        "metadata.dir": settings.metadata.dir,
        "--folder": source,
    }
    check_apart("fewshot.dir", settings.fewshot.dir, read_only)


def _preview(settings: Config, quiet: bool) -> tuple[Split, ClipTable]:
    from audioset_dl.fewshot.split import make_split
    from audioset_dl.fewshot.table import list_metadata_clips

    selection = prepare_selection(settings, quiet=quiet).selection
    catalog = selection.catalog
    table = list_metadata_clips(catalog.segments, catalog.indices)
    made = make_split(
        table, selection.classes, catalog.ontology, settings.fewshot, seed=settings.seed
    )
    return made, table


def _split(settings: Config, source: Path) -> tuple[Split, ClipTable]:
    from audioset_dl.fewshot.split import make_split
    from audioset_dl.fewshot.table import find_missing_files, read_clip_table
    from audioset_dl.selection.prepare import choose_classes

    table = read_clip_table(source)
    missing = find_missing_files(source, table)
    if missing:
        raise OutputError(
            f"{len(missing):,} of the {len(table.clips):,} files of {source} are not there, such "
            f"as {missing[0]}; `audioset-dl verify --repair` and `download` get those of a dataset "
            "again, `process` those of a processed folder"
        )
    ontology, chosen = choose_classes(settings)
    return make_split(table, chosen, ontology, settings.fewshot, seed=settings.seed), table


def _write(
    folder: Path, made: Split, table: ClipTable, *, source: Path, copies: bool, quiet: bool
) -> None:
    from audioset_dl.export.metaaudio import (
        list_class_files,
        write_class_folders,
        write_class_lists,
    )
    from audioset_dl.fewshot.split_files import write_split
    from audioset_dl.storage.files import write_file

    write_split(folder, made, table)
    document = report.to_json(report.split_report_document(made))
    write_file(folder / "report.json", f"{document}\n".encode())
    write_class_lists(folder / "metaaudio", made)
    if copies:
        files = list_class_files(made, table)
        with make_bar("copied", "file", quiet=quiet) as bar:
            bar.total = len(files)
            write_class_folders(folder / "metaaudio", files, source, on_file=bar.update)


@cli.command()
@takes_config
@takes_folder
@click.option(
    "--split",
    "names",
    multiple=True,
    type=click.Choice(SPLITS),
    help="Only this split; may be given several times.",
)
@takes_json
@takes_quiet
def episodes(
    config: Path,
    overrides: tuple[str, ...],
    *,
    folder: Path | None,
    names: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Write episodes of each split to episodes.jsonl.

    \b
    Example:
      audioset-dl episodes config.yaml --split test --set fewshot.k_shot=1
    """
    from audioset_dl.fewshot.episode_file import EPISODES_NAME, write_episodes

    settings = load_config(config, overrides)
    wanted = settings.fewshot
    source = folder or _find_source(settings)
    with located(config, overrides):
        _check_target(settings, source)
    samplers = _samplers(settings, source, names or SPLITS)
    path = wanted.dir / EPISODES_NAME
    with make_bar("written", "episode", quiet=quiet or as_json) as bar:
        bar.total = sum(len(sampler) for _, sampler in samplers)
        write_episodes(path, samplers, on_episode=bar.update)
    numbers = {str(members.split): len(sampler) for members, sampler in samplers}
    apart = {
        str(members.split): [(members.classes[a], members.classes[b]) for a, b in sampler.apart]
        for members, sampler in samplers
    }
    if as_json:
        click.echo(report.to_json(report.episodes_document(path, numbers, wanted.kind, apart)))
    else:
        shape = (wanted.kind, wanted.n_way, wanted.k_shot, wanted.q_query)
        click.echo(report.episodes_text(path, numbers, shape, apart))


def _samplers(
    settings: Config, source: Path, names: Iterable[str]
) -> list[tuple[SplitMembers, EpisodeSampler]]:
    """Return what draws the episodes of each split; the faults of all are told together."""
    from audioset_dl.fewshot.episodes import EpisodeSampler, TooFewClips
    from audioset_dl.fewshot.members import find_members
    from audioset_dl.fewshot.split_files import read_split
    from audioset_dl.fewshot.table import read_clip_table

    wanted = settings.fewshot
    table = read_clip_table(source)
    samplers, faults, seeds = [], [], set()
    for name in dict.fromkeys(names):
        saved = read_split(wanted.dir, name)
        seeds.add(saved.seed)
        members = find_members(table, saved, str(source / "manifest.csv"))
        try:
            sampler = EpisodeSampler(
                members, wanted.n_way, wanted.k_shot, wanted.q_query,
                seed=settings.seed, kind=wanted.kind, episodes=wanted.episodes,
            )  # fmt: skip
        except TooFewClips as error:
            faults.append(str(error))
            continue
        samplers.append((members, sampler))
    if faults:
        raise TooFewClips("\n".join(faults) + "\n--split NAME writes the others alone")
    for seed in seeds - {settings.seed}:
        complain("Warning", f"the split was made with seed {seed}; seed is {settings.seed}")
    return samplers
