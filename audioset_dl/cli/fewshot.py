"""Few-shot learning: `split`, `episodes`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioset_dl import report
from audioset_dl.cli.group import cli, complain
from audioset_dl.cli.options import (
    located,
    takes_config,
    takes_json,
    takes_quiet,
    terminal_width,
)
from audioset_dl.cli.progress import make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.dataset.splits import SPLITS

if TYPE_CHECKING:
    from audioset_dl.fewshot.class_split import Split

takes_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder whose manifest.csv is taken; unless given, process.dir if there is one "
    "in it, else output.dir.",
)
warn = partial(complain, "Warning")


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
    from audioset_dl.fewshot.split_files import split_document

    if preview and folder is not None:
        raise click.UsageError("--preview goes by Google's metadata: leave out --folder")
    settings = load_config(config, overrides)
    with located(config, overrides):
        made = (
            _preview(settings, quiet=quiet)
            if preview
            else _split(settings, folder, copies=not no_copies, quiet=quiet)
        )
    if as_json:
        click.echo(report.to_json(split_document(made)))
    else:
        click.echo(report.split_text(made, terminal_width()))
        click.echo("\nNothing was written." if preview else f"\nWritten to {settings.fewshot.dir}.")
    sys.exit(0 if made.overlap.is_none else 1)


def _preview(settings: Config, *, quiet: bool) -> Split:
    from audioset_dl.fewshot.split import preview_split

    return preview_split(
        settings, progress=lambda name: make_bar(name, "B", quiet=quiet), on_warning=warn
    )


def _split(settings: Config, folder: Path | None, *, copies: bool, quiet: bool) -> Split:
    from audioset_dl.fewshot.split import split as split_dataset

    with make_bar("copied", "file", quiet=quiet) as bar:
        return split_dataset(
            settings, folder=folder, copies=copies, on_start=bar.reset, on_file=bar.update
        )


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
    from audioset_dl.fewshot.episodes import write_episodes

    settings = load_config(config, overrides)
    with located(config, overrides), make_bar("written", "episode", quiet=quiet or as_json) as bar:
        written = write_episodes(
            settings,
            folder=folder,
            splits=names or SPLITS,
            on_start=bar.reset,
            on_episode=bar.update,
            on_warning=warn,
        )
    if as_json:
        click.echo(report.to_json(report.episodes_document(written)))
    else:
        click.echo(report.episodes_text(written))
