"""The main job: `download`, `status`, and the `demo` of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from audioset_dl import report
from audioset_dl.cli.checking import verify_output
from audioset_dl.cli.group import cli, complain
from audioset_dl.cli.options import located, takes_config, takes_json, takes_quiet
from audioset_dl.cli.progress import DownloadProgress, make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.dataset.layout import OutputFolder

if TYPE_CHECKING:
    from audioset_dl.download.workers import Workers
    from audioset_dl.selection.prepare import Prepared


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

    Ctrl-C ends it in order; a second Ctrl-C at once. Both can be resumed.

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
    "--availability", is_flag=True, help="Of each class: how many clips tried are saved, and gone."
)
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="With --availability: print all clips tried as a CSV, for clips.known_gone.",
)
@takes_json
def status(
    config: Path, overrides: tuple[str, ...], *, availability: bool, as_csv: bool, as_json: bool
) -> None:
    """Show where a run stands, and the failures by reason.

    Also while it runs.

    \b
    Example:
      audioset-dl status --availability --csv > gone.csv
    """
    from audioset_dl.dataset.availability import read_tried_clips
    from audioset_dl.dataset.status import read_status

    if as_csv and (as_json or not availability):
        raise click.UsageError("--csv goes with --availability, and not with --json")
    output = OutputFolder(load_config(config, overrides).output.dir)
    if as_csv:
        click.echo(report.availability_csv(read_tried_clips(output)))
        return
    found = read_status(output)
    tried = read_tried_clips(output) if availability else None
    if as_json:
        document = report.status_document(found)
        if tried is not None:
            document["availability"] = report.availability_document(tried)
        click.echo(report.to_json(document))
    else:
        click.echo(report.status_text(found, output))
        if tried is not None:
            click.echo(f"\n{report.availability_text(tried)}")


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
        # The demo's metadata is made up: that it is not Google's is no news.
        exit_code = _download(settings, quiet=quiet, warn=False)
        click.echo("\n$ audioset-dl verify --deep")
        output = OutputFolder(settings.output.dir)
        exit_code = max(exit_code, verify_output(output, deep=True, as_json=False, quiet=quiet))
        click.echo(demonstration.closing_words(prepared, output))
    sys.exit(exit_code)


def _download(
    settings: Config, *, quiet: bool, warn: bool = True, retry: Collection[str] = ()
) -> int:
    from audioset_dl.download.run import download as run_download

    def show_warnings(prepared: Prepared) -> None:
        for warning in prepared.warnings if warn else ():
            complain("Warning", warning)

    with DownloadProgress(quiet=quiet) as progress:
        done = run_download(
            settings,
            retry=retry,
            on_metadata=lambda name: make_bar(name, "B", quiet=quiet),
            on_prepared=show_warnings,
            on_start=_interrupt_by_signals,
            on_progress=progress.update,
        )
    click.echo(report.download_text(done, OutputFolder(settings.output.dir)))
    return done.exit_code


def _interrupt_by_signals(workers: Workers) -> None:
    """End in order at the first signal to end (SIGHUP: the terminal is closed), then at once."""

    def interrupt(signal_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal_number, signal.SIG_DFL)
        with suppress(OSError):  # the terminal may be gone
            os.write(2, b"\nEnding in order; the same again ends at once.\n")
        workers.interrupt(signal_number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, interrupt)
