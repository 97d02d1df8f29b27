"""Is what is on the disk right?: `verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from audioset_dl.cli.group import cli
from audioset_dl.cli.options import print_result, takes_config, takes_json, takes_quiet
from audioset_dl.cli.progress import make_bar
from audioset_dl.config import Config, load_config
from audioset_dl.report import checks as report


@cli.command()
@takes_config
@click.option("--deep", is_flag=True, help="Decode each file as well.")
@click.option(
    "--repair", is_flag=True, help="Remove what is bad; the next download fetches it again."
)
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

    The exit status is 1 if a file is not as it was written; with --repair, if anything is left to
    do: clips to download again, or files that the program does not know.

    \b
    Example:
      audioset-dl verify --deep config.yaml
    """
    sys.exit(
        print_verification(
            load_config(config, overrides), deep=deep, repair=repair, as_json=as_json, quiet=quiet
        )
    )


def print_verification(
    settings: Config, *, deep: bool, repair: bool = False, as_json: bool = False, quiet: bool
) -> int:
    """Verify the output folder, print what was found, and return the exit code."""
    from audioset_dl.dataset.verify import Repair
    from audioset_dl.dataset.verify import verify as verify_dataset

    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = verify_dataset(settings, deep=deep, repair=repair, on_file=bar.update)
    if isinstance(result, Repair):
        print_result(result, report.repair_document, report.repair_text, as_json=as_json)
    else:
        document, text = report.verification_document, report.verification_text
        print_result(result, document, text, as_json=as_json)
    return result.exit_code
