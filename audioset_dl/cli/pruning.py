"""Taking off what is no longer wanted: `prune`."""

from __future__ import annotations

import click

from audioset_dl.cli.group import cli, print_result, takes_config, takes_json, warn
from audioset_dl.config import Config


@cli.command()
@takes_config
@click.option("--yes", is_flag=True, help="Delete them; otherwise they are only listed.")
@takes_json
def prune(settings: Config, *, yes: bool, as_json: bool) -> None:
    """List saved clips that the config no longer wants.

    With --yes their files are deleted, and the clips taken off the manifest; a config that wants
    them again has them fetched again.

    \b
    Example:
      audioset-dl prune config.yaml --yes
    """
    from audioset_dl.download.prune import prune as prune_dataset
    from audioset_dl.report.pruning import prune_document, prune_text

    pruned = prune_dataset(settings, delete=yes, on_warning=warn)
    print_result(pruned, prune_document, prune_text, as_json=as_json)
