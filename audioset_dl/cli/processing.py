"""After the download: `process` and `statistics`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from audioset_dl.cli.group import cli
from audioset_dl.cli.options import (
    located,
    print_result,
    takes_config,
    takes_json,
    takes_quiet,
    terminal_width,
)
from audioset_dl.cli.progress import make_bar
from audioset_dl.cli.signals import at_signals
from audioset_dl.config import load_config
from audioset_dl.errors import Interrupted


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
    from audioset_dl.report.processing import process_document, process_text

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
    from audioset_dl.report.processing import statistics_document, statistics_text

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
