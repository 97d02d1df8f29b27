"""Several datasets at once: `compare` and `merge`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from audioset_dl import report
from audioset_dl.cli.group import cli
from audioset_dl.cli.options import takes_json, takes_quiet
from audioset_dl.cli.progress import make_bar
from audioset_dl.dataset.layout import OutputFolder

_DATASET = click.Path(exists=True, path_type=Path)


@cli.command()
@click.argument("a", type=_DATASET)
@click.argument("b", type=_DATASET)
@takes_json
def compare(a: Path, b: Path, *, as_json: bool) -> None:
    """Show how two datasets differ: clips, audio, classes.

    A and B are output folders or manifests. Only these tables are read; that the files are as they
    say is for `verify` to tell. The exit status is 0 if both hold the same clips with the same
    audio, and 1 if they differ.

    \b
    Example:
      audioset-dl compare dogs /mnt/colleague/dogs
    """
    from audioset_dl.sets import compare as comparing

    found = comparing.compare(comparing.read_tables(a), comparing.read_tables(b))
    if as_json:
        click.echo(report.to_json(report.comparison_document(found)))
    else:
        click.echo(report.comparison_text(found))
    sys.exit(found.exit_code)


@cli.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.argument(
    "parts",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@takes_json
@takes_quiet
def merge(out: Path, parts: tuple[Path, ...], *, as_json: bool, quiet: bool) -> None:
    """Put the parts of a dataset into one, every file checked.

    PARTS are output folders, such as those of several machines with a slice of the classes each.
    OUT is a new folder, or one that holds a dataset already. The parts are never changed, and
    nothing in OUT is overwritten. The exit status is 1 if a file could not be merged: it is
    damaged, or the clip has other audio in OUT. Interrupted, the same command goes on.

    \b
    Example:
      audioset-dl merge dogs dogs-1 dogs-2
    """
    from audioset_dl.sets.merge import merge_parts
    from audioset_dl.storage.clock import utc_now

    with make_bar("merged", "file", quiet=quiet or as_json) as bar:
        merged = merge_parts(OutputFolder(out), parts, now=utc_now(), on_file=bar.update)
    if as_json:
        click.echo(report.to_json(report.merge_document(merged)))
    else:
        click.echo(report.merge_text(merged, out))
    sys.exit(merged.exit_code)
