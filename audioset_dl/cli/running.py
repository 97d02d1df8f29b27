"""The main job: `download`, `status`, and the `demo` of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioset_dl.cli.checking import print_verification
from audioset_dl.cli.group import cli, warn
from audioset_dl.cli.options import located, takes_config, takes_json, takes_quiet
from audioset_dl.cli.progress import DownloadProgress, file_bars
from audioset_dl.cli.signals import at_signals
from audioset_dl.config import Config, load_config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.report import availability as tried_report
from audioset_dl.report import run as report
from audioset_dl.words import to_json

if TYPE_CHECKING:
    from audioset_dl.download.workers import Workers


@cli.command()
@takes_config
@click.option(
    "--retry",
    default="",
    metavar="CODE,CODE",
    help="Ask again for clips that are gone for these reasons, such as geo,age.",
)
@takes_quiet
def download(config: Path, overrides: tuple[str, ...], retry: str, quiet: bool) -> None:
    """Download what the config wants; run again to resume.

    Ctrl-C ends the run in order, a second Ctrl-C at once. Either way it can be resumed.

    \b
    Example:
      audioset-dl download config.yaml --set clips.per_class=50
    """
    settings = load_config(config, overrides)
    codes = [code.strip() for code in retry.split(",") if code.strip()]
    with located(config, overrides):
        exit_code = _download(settings, quiet=quiet, retry=codes)
    sys.exit(exit_code)


@cli.command()
@takes_config
@click.option(
    "--availability", is_flag=True, help="Of each class: how many clips tried are saved and gone."
)
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="With --availability: print all clips tried as CSV, for clips.known_gone.",
)
@takes_json
def status(
    config: Path, overrides: tuple[str, ...], *, availability: bool, as_csv: bool, as_json: bool
) -> None:
    """Show where a run stands, and the failures by reason.

    Works while the run goes on, too.

    \b
    Example:
      audioset-dl status --availability --csv > gone.csv
    """
    from audioset_dl.dataset.status import read_status, read_tried_clips

    if as_csv and (as_json or not availability):
        raise click.UsageError("--csv needs --availability, and can't be used with --json")
    output = OutputFolder(load_config(config, overrides).output.dir)
    if as_csv:
        click.echo(tried_report.availability_csv(read_tried_clips(output)))
        return
    found = read_status(output)
    tried = read_tried_clips(output) if availability else None
    if as_json:
        more = {} if tried is None else {"availability": tried_report.availability_document(tried)}
        click.echo(to_json({**report.status_document(found), **more}))
        return
    click.echo(report.status_text(found, output))
    if tried is not None:
        click.echo(f"\n{tried_report.availability_text(tried)}")


@cli.command()
@click.argument("directory", default="audioset-demo", type=click.Path(path_type=Path))
@takes_quiet
def demo(directory: Path, quiet: bool) -> None:
    """Run the whole main job offline, on a simulated YouTube.

    Writes a config, a little metadata and the dataset into DIRECTORY.

    \b
    Example:
      audioset-dl demo here
    """
    from audioset_dl.simulator import demo as demonstration

    with demonstration.prepared(directory) as prepared:
        click.echo(demonstration.opening_words(prepared))
        settings = load_config(prepared.config)
        # The demo's metadata is made up: no warning that it is not Google's.
        exit_code = _download(settings, quiet=quiet, on_warning=lambda _: None)
        click.echo("\n$ audioset-dl verify --deep")
        exit_code = max(exit_code, print_verification(settings, deep=True, quiet=quiet))
        click.echo(demonstration.closing_words(prepared, OutputFolder(settings.output.dir)))
    sys.exit(exit_code)


def _download(
    settings: Config,
    *,
    quiet: bool,
    on_warning: Callable[[str], object] = warn,
    retry: Collection[str] = (),
) -> int:
    from audioset_dl.download.run import download as run_download

    with DownloadProgress(quiet=quiet) as bar:
        done = run_download(
            settings,
            retry=retry,
            progress=file_bars(quiet=quiet),
            on_warning=on_warning,
            on_start=lambda workers: at_signals(partial(_end_in_order, workers)),
            watch=bar.update,
        )
    click.echo(report.download_text(done, OutputFolder(settings.output.dir)))
    return done.exit_code


def _end_in_order(workers: Workers, signal_number: int) -> None:
    # A signal handler may interrupt a print, and buffered output is not reentrant
    # (https://docs.python.org/3/library/io.html#reentrancy).
    with suppress(OSError):  # the terminal may be gone
        os.write(2, b"\nEnding in order; the same again ends at once.\n")
    workers.interrupt(signal_number)
