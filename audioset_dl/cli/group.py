"""The group that every command belongs to."""

from __future__ import annotations

import click

from audioset_dl import __version__


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `audioset-dl init`, or see it work without internet: `audioset-dl demo`.",
)
@click.version_option(__version__, message="audioset-dl %(version)s")
def cli() -> None:
    """Download a quality-controlled part of Google's AudioSet.

    One YAML file says which sound classes, how many clips of each, how fast, and where to.
    """
