"""Before a download: `init`, `classes`, `plan`."""

from __future__ import annotations

from pathlib import Path

import click

from audioset_dl import report
from audioset_dl.cli.group import cli
from audioset_dl.cli.options import (
    DEFAULT_CONFIG,
    located,
    prepare_selection,
    takes_config,
    takes_json,
)
from audioset_dl.config import default_config_text, load_config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.errors import ConfigError, Problem


@cli.command()
@click.argument("path", default=DEFAULT_CONFIG, type=click.Path(path_type=Path))
def init(path: Path) -> None:
    """Write a commented config.yaml to start from."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(default_config_text())
    except FileExistsError as error:
        raise ConfigError(
            Problem("", f"{path} exists already and is left as it is; name another path")
        ) from error
    except OSError as error:
        raise ConfigError(Problem("", f"{path} can't be written: {error.strerror}")) from error
    click.echo(f"Wrote {path}. Edit it, then: audioset-dl plan {path}")


@cli.command()
@takes_config
@takes_json
def classes(config: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """List the chosen classes, with quality and numbers of clips."""
    settings = load_config(config, overrides)
    with located(config, overrides):
        selection = prepare_selection(settings).selection
    if as_json:
        click.echo(report.to_json(report.classes_document(selection)))
    else:
        click.echo(report.classes_text(selection))


@cli.command()
@takes_config
@takes_json
def plan(config: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show what a download would take: clips, space, time.

    It fetches nothing but Google's files about AudioSet, where they are missing.
    """
    from audioset_dl.dataset.journal import read_states
    from audioset_dl.selection.plan import make_plan

    settings = load_config(config, overrides)
    states = read_states(OutputFolder(settings.output.dir).journal)
    with located(config, overrides):
        made = make_plan(prepare_selection(settings).selection, settings, states)
    click.echo(report.to_json(report.plan_document(made)) if as_json else report.plan_text(made))
