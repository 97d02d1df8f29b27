"""Datasets on the disk: `verify`, `compare` and `merge`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from audioset_dl.cli.group import cli, print_result, takes_config, takes_json, takes_quiet
from audioset_dl.cli.progress import make_bar
from audioset_dl.config import Config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.report import datasets as report


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
    from audioset_dl.dataset.repair import Repair
    from audioset_dl.dataset.verifying import verify as verify_dataset

    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = verify_dataset(settings, deep=deep, repair=repair, on_file=bar.update)
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
        merged = merge_parts(OutputFolder(out), parts, now=utc_now(), on_file=bar.update)
    print_result(
        merged, report.merge_document, partial(report.merge_text, out=out), as_json=as_json
    )
    sys.exit(merged.exit_code)
