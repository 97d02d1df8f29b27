"""A dataset on the disk: `download`, `status`, `verify`, `compare`, `merge`, and the `demo`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
    warn,
)
from audioset_dl.cli.progress import DownloadProgress, count_files, file_bars, make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.report import dataset as report
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
@click.option(
    "--believe",
    default="",
    metavar="CODE,CODE",
    help="Take these vague words, such as unavailable, for true even where nearly all clips hear "
    "them: for lists that are long dead.",
)
@takes_quiet
def download(settings: Config, retry: str, believe: str, quiet: bool) -> None:
    """Download what the config wants; run again to resume.

    Ctrl-C ends the run in order, a second Ctrl-C at once. Either way it can be resumed.

    \b
    Example:
      audioset-dl download config.yaml --set clips.per_class=50
    """
    sys.exit(_download(settings, retry=_codes(retry), believe=_codes(believe), quiet=quiet))


@cli.command()
@names_config
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
    with reading(config, overrides) as settings:
        output = OutputFolder(settings.output.dir)
    if as_csv:
        click.echo(report.availability_csv(read_tried_clips(output)))
        return
    found = read_status(output)
    tried = read_tried_clips(output) if availability else None
    if as_json:
        more = {} if tried is None else {"availability": report.availability_document(tried)}
        click.echo(to_json({**report.status_document(found), **more}))
        return
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
        # The demo's metadata is made up: no warning that it is not Google's.
        exit_code = _download(settings, quiet=quiet, on_warning=lambda _: None)
        click.echo("\n$ audioset-dl verify --deep")
        exit_code = max(exit_code, print_verification(settings, deep=True, quiet=quiet))
        click.echo(demonstration.closing_words(prepared, OutputFolder(settings.output.dir)))
    sys.exit(exit_code)


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def _download(
    settings: Config,
    *,
    retry: Sequence[str] = (),
    believe: Sequence[str] = (),
    quiet: bool,
    on_warning: Callable[[str], object] = warn,
) -> int:
    from audioset_dl.download.run import download as run_download

    with closing(DownloadProgress(quiet=quiet)) as bar:
        done = run_download(
            settings,
            retry=retry,
            believe=believe,
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


@cli.command()
@takes_config
@click.option("--deep", is_flag=True, help="Decode each file as well.")
@click.option(
    "--repair", is_flag=True, help="Remove what is bad; the next download fetches it again."
)
@takes_json
@takes_quiet
def verify(settings: Config, *, deep: bool, repair: bool, as_json: bool, quiet: bool) -> None:
    """Check the files against the manifest.

    The exit status is 1 if a file is not as it was written; with --repair, if anything is left to
    do: clips to download again, or files that the program does not know.

    \b
    Example:
      audioset-dl verify --deep config.yaml
    """
    sys.exit(print_verification(settings, deep=deep, repair=repair, as_json=as_json, quiet=quiet))


def print_verification(
    settings: Config, *, deep: bool, repair: bool = False, as_json: bool = False, quiet: bool
) -> int:
    """Verify the output folder, print what was found, and return the exit code."""
    from audioset_dl.dataset.verify import Repair
    from audioset_dl.dataset.verify import verify as verify_dataset

    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = verify_dataset(settings, deep=deep, repair=repair, on_files=count_files(bar))
    if isinstance(result, Repair):
        print_result(result, report.repair_document, report.repair_text, as_json=as_json)
    else:
        document, text = report.verification_document, report.verification_text
        print_result(result, document, text, as_json=as_json)
    return result.exit_code


_DATASET = click.Path(exists=True, path_type=Path)


@cli.command()
@click.argument("a", type=_DATASET)
@click.argument("b", type=_DATASET)
@takes_json
def compare(a: Path, b: Path, *, as_json: bool) -> None:
    """Show how two datasets differ: clips, audio, classes.

    A and B are output folders or manifests. Reads only the manifests; `verify` checks the files
    against them. The exit status is 0 if both hold the same clips with the same audio, and 1 if
    they differ.

    \b
    Example:
      audioset-dl compare dogs /mnt/colleague/dogs
    """
    from audioset_dl.sets import compare as comparing

    found = comparing.compare(comparing.read_tables(a), comparing.read_tables(b))
    print_result(found, report.comparison_document, report.comparison_text, as_json=as_json)
    sys.exit(found.exit_code)


@cli.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.argument(
    "parts", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@takes_json
@takes_quiet
def merge(out: Path, parts: tuple[Path, ...], *, as_json: bool, quiet: bool) -> None:
    """Put the parts of a dataset into one, every file checked.

    PARTS are output folders, such as those of several machines with a slice of the classes each.
    OUT is a new folder, or one that holds a dataset already. Never changes the parts, and never
    overwrites a file in OUT. The exit status is 1 if a file could not be merged: it is damaged, or
    the clip has other audio in OUT. If interrupted, run the same command again to go on.

    \b
    Example:
      audioset-dl merge dogs dogs-1 dogs-2
    """
    from audioset_dl.sets.merge import merge_parts
    from audioset_dl.storage.clock import utc_now

    with make_bar("merged", "file", quiet=quiet or as_json) as bar:
        merged = merge_parts(OutputFolder(out), parts, now=utc_now(), on_files=count_files(bar))
    text = partial(report.merge_text, out=out)
    print_result(merged, report.merge_document, text, as_json=as_json)
    sys.exit(merged.exit_code)
