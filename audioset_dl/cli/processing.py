"""After the download: `process` and `statistics`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from audioset_dl import report
from audioset_dl.cli.group import cli
from audioset_dl.cli.options import (
    located,
    takes_config,
    takes_json,
    takes_quiet,
    terminal_width,
)
from audioset_dl.cli.progress import make_bar
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
    from audioset_dl.process import run
    from audioset_dl.process.folder import ProcessedFolder
    from audioset_dl.process.presets import PRESETS

    _end_by_signals()
    settings = load_config(config, overrides)
    with located(config, overrides), make_bar("clips", "clip", quiet=quiet or as_json) as bar:
        done = run.process(settings, on_start=bar.reset, on_clip=bar.update)
    recipe = settings.process
    folder = ProcessedFolder(recipe.dir)
    preset = None if recipe.preset is None else PRESETS[recipe.preset]
    if as_json:
        click.echo(report.to_json(report.process_document(done, folder, preset)))
    else:
        width = terminal_width()
        click.echo(report.process_text(done, folder, recipe, preset=preset, width=width))
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

    _end_by_signals()
    settings = load_config(config, overrides)
    with located(config, overrides), make_bar("clips", "clip", quiet=quiet or as_json) as bar:
        measured = compute_statistics(settings, on_start=bar.reset, on_clip=bar.update)
    folder = ProcessedFolder(settings.process.dir)
    if as_json:
        click.echo(report.to_json(report.statistics_document(measured, folder)))
    else:
        click.echo(report.statistics_text(measured, folder, terminal_width()))


def _end_by_signals() -> None:
    """End in order, with the workers, at Ctrl-C, SIGTERM, or when the terminal is closed."""

    def interrupt(signal_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal_number, signal.SIG_DFL)
        raise Interrupted(signal_number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP, and what it starts must go on ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
