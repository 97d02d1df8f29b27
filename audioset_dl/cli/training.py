"""Ready for training: `process`, `statistics`, `split` and `episodes`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from audioset_dl.cli.group import cli, warn
from audioset_dl.cli.options import (
    at_signals,
    located,
    print_result,
    takes_config,
    takes_json,
    takes_quiet,
    terminal_width,
)
from audioset_dl.cli.progress import file_bars, make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import Interrupted

if TYPE_CHECKING:
    from audioset_dl.fewshot.class_split import Split


@cli.command()
@takes_config
@takes_json
@takes_quiet
def process(config: Path, overrides: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Clean, scale and convert the clips, into another folder.

    The downloaded dataset is only read. Run it again to resume, or after another download. The exit
    status is 1 if a file of the dataset is not as it was written.

    \b
    Example:
      audioset-dl process --set process.form=logmel --set process.preset=ast
    """
    from audioset_dl.process.folder import ProcessedFolder
    from audioset_dl.process.presets import PRESETS
    from audioset_dl.process.run import process as process_dataset
    from audioset_dl.report.training import process_document, process_text

    at_signals(_interrupt)
    settings = load_config(config, overrides)
    with located(config, overrides), make_bar("clips", "clip", quiet=quiet or as_json) as bar:
        done = process_dataset(settings, on_start=bar.reset, on_clip=bar.update)
    recipe = settings.process
    folder = ProcessedFolder(recipe.dir)
    preset = None if recipe.preset is None else PRESETS[recipe.preset]
    width = terminal_width()
    print_result(
        done,
        lambda found: process_document(found, folder, preset),
        lambda found: process_text(found, folder, recipe, preset=preset, width=width),
        as_json=as_json,
    )
    sys.exit(done.exit_code)


@cli.command()
@takes_config
@takes_json
@takes_quiet
def statistics(config: Path, overrides: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Compute mean and deviation of the train split.

    Of the files that `process` wrote, of the clips that `split` put into train. Goes into
    statistics.json, with hashes of the clips and settings that it holds for.

    \b
    Example:
      audioset-dl statistics config.yaml
    """
    from audioset_dl.process.folder import ProcessedFolder
    from audioset_dl.process.measuring import compute_statistics
    from audioset_dl.report.training import statistics_document, statistics_text

    at_signals(_interrupt)
    settings = load_config(config, overrides)
    with located(config, overrides), make_bar("clips", "clip", quiet=quiet or as_json) as bar:
        measured = compute_statistics(settings, on_start=bar.reset, on_clip=bar.update)
    folder = ProcessedFolder(settings.process.dir)
    print_result(
        measured,
        lambda found: statistics_document(found, folder),
        lambda found: statistics_text(found, folder, terminal_width()),
        as_json=as_json,
    )


def _interrupt(signal_number: int) -> NoReturn:
    """End in order, with the workers."""
    raise Interrupted(signal_number)


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
    from audioset_dl.fewshot.split_files import split_document
    from audioset_dl.report.training import split_text

    if preview and folder is not None:
        raise click.UsageError("--preview goes by Google's metadata: leave out --folder")
    settings = load_config(config, overrides)
    with located(config, overrides):
        made = (
            _preview(settings, quiet=quiet)
            if preview
            else _split(settings, folder, copies=not no_copies, quiet=quiet)
        )
    end = "Nothing was written." if preview else f"Written to {settings.fewshot.dir}."
    print_result(
        made,
        split_document,
        lambda split: f"{split_text(split, terminal_width())}\n\n{end}",
        as_json=as_json,
    )
    sys.exit(0 if made.overlap.is_none else 1)


def _preview(settings: Config, *, quiet: bool) -> Split:
    from audioset_dl.fewshot.split import preview_split

    return preview_split(settings, progress=file_bars(quiet=quiet), on_warning=warn)


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
    from audioset_dl.report.training import episodes_document, episodes_text

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
    print_result(written, episodes_document, episodes_text, as_json=as_json)
