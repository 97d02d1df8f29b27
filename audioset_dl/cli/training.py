"""Ready for training: `process`, `statistics`, `split` and `episodes`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from audioset_dl.cli.group import (
    at_signals,
    cli,
    names_config,
    print_result,
    reading,
    takes_config,
    takes_json,
    takes_quiet,
    terminal_width,
    warn,
)
from audioset_dl.cli.progress import file_bars, make_bar
from audioset_dl.config import Config
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import Interrupted

Done = TypeVar("Done")


@cli.command()
@takes_config
@takes_json
@takes_quiet
def process(settings: Config, as_json: bool, quiet: bool) -> None:
    """Clean, scale and convert the clips, into another folder.

    The downloaded dataset is only read. Run it again to resume, or after another download. The exit
    status is 1 if a file of the dataset is not as it was written.

    \b
    Example:
      audioset-dl process --set process.form=logmel --set process.preset=ast
    """
    from audioset_dl.process.run import process as process_dataset
    from audioset_dl.report.training import process_document, process_text

    at_signals(_interrupt)
    with make_bar("clips", "clip", quiet=quiet or as_json) as bar:
        done = process_dataset(settings, on_start=bar.reset, on_clip=bar.update)
    document = partial(process_document, config=settings.process)
    text = partial(process_text, config=settings.process, width=terminal_width())
    print_result(done, document, text, as_json=as_json)
    sys.exit(done.exit_code)


@cli.command()
@takes_config
@takes_json
@takes_quiet
def statistics(settings: Config, as_json: bool, quiet: bool) -> None:
    """Compute mean and deviation of the train split.

    Of the files that `process` wrote, of the clips that `split` put into train; where nothing was
    split, of all. Goes into statistics.json, with hashes of the clips and settings that it holds
    for.

    \b
    Example:
      audioset-dl statistics config.yaml
    """
    from audioset_dl.dataset.derived import find_processed
    from audioset_dl.process.folder import ProcessedFolder
    from audioset_dl.process.statistics import compute_statistics
    from audioset_dl.report.training import statistics_document, statistics_text

    at_signals(_interrupt)
    with make_bar("clips", "clip", quiet=quiet or as_json) as bar:
        measured = compute_statistics(settings, on_start=bar.reset, on_clip=bar.update)
    folder = ProcessedFolder(find_processed(settings))
    document = partial(statistics_document, folder=folder)
    text = partial(statistics_text, folder=folder, width=terminal_width())
    _print_made(folder.path, measured, document, text, as_json=as_json)


def _print_made(
    folder: Path,
    done: Done,
    document: Callable[[Done], dict[str, Any]],
    text: Callable[[Done], str],
    *,
    as_json: bool,
) -> None:
    """Print a result with what its folder was made of; warn where that has changed since."""
    from audioset_dl.dataset.derived import describe_changes, find_source_of

    source = find_source_of(folder)
    of_dataset = [source] if source is not None else []
    for words in describe_changes(folder, *of_dataset):
        warn(words)
    made_of = None if source is None else str(source)
    print_result(
        done,
        lambda one: {**document(one), "source": made_of},
        lambda one: f"{text(one)}\nMade of {made_of}." if made_of else text(one),
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
@names_config
@takes_folder
@click.option(
    "--by",
    type=click.Choice(["classes", "clips", "subset"]),
    help="classes: for few-shot; clips, subset: plain, for classifiers. Unless given, split.by.",
)
@click.option("--preview", is_flag=True, help="Split Google's metadata instead; write nothing.")
@click.option("--no-copies", is_flag=True, help="Do not copy the clips into MetaAudio's folders.")
@takes_json
@takes_quiet
def split(
    config: Path,
    overrides: tuple[str, ...],
    *,
    folder: Path | None,
    by: str | None,
    preview: bool,
    no_copies: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Split the clips into train, validation and test.

    By classes, for few-shot learning: no class is on two sides. Writes splits.json, splits.csv,
    dropped.csv, report.json and metaaudio/ into fewshot.dir. By clips or Google's subsets, for
    plain classifiers: writes splits.json, splits.csv and dropped.csv into OUTPUT.DIR-split.

    \b
    Example:
      audioset-dl split config.yaml --by clips
    """
    from audioset_dl.dataset.derived import find_fewshot
    from audioset_dl.fewshot.split import preview_split, split_document
    from audioset_dl.fewshot.split import split as split_dataset
    from audioset_dl.report.training import split_text

    if preview and folder is not None:
        raise click.UsageError("--preview goes by Google's metadata: leave out --folder")
    with reading(config, (*overrides, *([f"split.by={by}"] if by else []))) as settings:
        if settings.split.by != "classes":
            if preview:
                raise click.UsageError("--preview is for a split by classes")
            _split_plainly(settings, folder, as_json=as_json)
            return
        if preview:
            made = preview_split(settings, progress=file_bars(quiet=quiet), on_warning=warn)
        else:
            with make_bar("copied", "file", quiet=quiet) as bar:
                made = split_dataset(
                    settings,
                    folder=folder,
                    copies=not no_copies,
                    on_start=bar.reset,
                    on_file=bar.update,
                )
    end = "Nothing was written." if preview else f"Written to {find_fewshot(settings)}."
    text = partial(split_text, width=terminal_width(), end=end)
    if preview:
        print_result(made, split_document, text, as_json=as_json)
    else:
        _print_made(find_fewshot(settings), made, split_document, text, as_json=as_json)
    sys.exit(0 if made.overlap.is_none else 1)


def _split_plainly(settings: Config, folder: Path | None, *, as_json: bool) -> None:
    from audioset_dl.dataset.derived import find_plain_split
    from audioset_dl.fewshot.split import plain_split_document, split_plainly
    from audioset_dl.report.training import plain_split_text

    made = split_plainly(settings, folder=folder)
    end = f"Written to {find_plain_split(settings)}."
    text = partial(plain_split_text, width=terminal_width(), end=end)
    folder = find_plain_split(settings)
    _print_made(folder, made, plain_split_document, text, as_json=as_json)


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
    settings: Config, *, folder: Path | None, names: tuple[str, ...], as_json: bool, quiet: bool
) -> None:
    """Write episodes of each split to episodes.jsonl.

    \b
    Example:
      audioset-dl episodes config.yaml --split test --set fewshot.k_shot=1
    """
    from audioset_dl.fewshot.episodes import write_episodes
    from audioset_dl.report.training import episodes_document, episodes_text

    with make_bar("written", "episode", quiet=quiet or as_json) as bar:
        written = write_episodes(
            settings,
            folder=folder,
            splits=names or SPLITS,
            on_start=bar.reset,
            on_episode=bar.update,
            on_warning=warn,
        )
    folder = written.path.parent
    _print_made(folder, written, episodes_document, episodes_text, as_json=as_json)
