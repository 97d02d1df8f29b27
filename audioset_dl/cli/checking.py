"""What is on the disk, and whether it is right: `verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from audioset_dl import report
from audioset_dl.cli.group import cli
from audioset_dl.cli.options import takes_config, takes_json, takes_quiet
from audioset_dl.cli.progress import make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.dataset.layout import OutputFolder


@cli.command()
@takes_config
@click.option("--deep", is_flag=True, help="Decode each file as well.")
@click.option("--repair", is_flag=True, help="Remove what is bad: the next download gets it again.")
@takes_json
@takes_quiet
def verify(
    config: Path,
    overrides: tuple[str, ...],
    *,
    deep: bool,
    repair: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check the files against the manifest.

    The exit status is 1 if one is not as it was written; with --repair, if anything is left to do:
    clips to be got again by a download, or files that the program does not know.

    \b
    Example:
      audioset-dl verify --deep config.yaml
    """
    settings = load_config(config, overrides)
    if repair:
        sys.exit(_repair(settings, deep=deep, as_json=as_json, quiet=quiet))
    output = OutputFolder(settings.output.dir)
    sys.exit(verify_output(output, deep=deep, as_json=as_json, quiet=quiet))


def verify_output(output: OutputFolder, *, deep: bool, as_json: bool, quiet: bool) -> int:
    """Verify an output folder, print what was found, and return the exit code."""
    from audioset_dl.dataset.verify import verify_folder

    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = verify_folder(output, deep=deep, on_file=bar.update)
    if as_json:
        click.echo(report.to_json(report.verification_document(result)))
    else:
        click.echo(report.verification_text(result))
    return result.exit_code


def _repair(settings: Config, *, deep: bool, as_json: bool, quiet: bool) -> int:
    from audioset_dl.dataset.repair import repair_folder
    from audioset_dl.selection.prepare import find_class_names
    from audioset_dl.storage.clock import utc_now

    names = find_class_names(settings)
    output = OutputFolder(settings.output.dir)
    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = repair_folder(output, names, now=utc_now(), deep=deep, on_file=bar.update)
    if as_json:
        click.echo(report.to_json(report.repair_document(result)))
    else:
        click.echo(report.repair_text(result))
    return result.exit_code
