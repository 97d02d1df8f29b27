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
    terminal_width,
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
@click.option(
    "--expect-gone",
    type=click.FloatRange(0, 0.95),
    metavar="SHARE",
    help="Share of the videos expected to be gone, 0 to 0.95; 0.2 unless given.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a row of CSV for each class.")
@takes_json
def plan(
    config: Path,
    overrides: tuple[str, ...],
    *,
    expect_gone: float | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    r"""Show what a download would take: clips, space, time.

    It fetches nothing but Google's files about AudioSet, where they are missing.

    \b
    Example:
      audioset-dl plan config.yaml --expect-gone 0.25
    """
    from audioset_dl.dataset.files import find_room
    from audioset_dl.dataset.resume import known_states
    from audioset_dl.selection.advice import find_advice
    from audioset_dl.selection.losses import Losses
    from audioset_dl.selection.plan import make_plan
    from audioset_dl.youtube.options import check_options

    settings = load_config(config, overrides)
    losses = None if expect_gone is None else Losses(expect_gone)
    with located(config, overrides):
        check_options(settings.download.yt_dlp)
        states = known_states(OutputFolder(settings.output.dir))
        made = make_plan(prepare_selection(settings).selection, settings, states, losses)
    room = find_room(settings.output.dir)
    free_bytes = room.num_bytes if room else None
    advice = find_advice(made, settings, free_bytes)
    if as_json:
        click.echo(report.to_json(report.plan_document(made, advice, free_bytes)))
    elif as_csv:
        click.echo(report.plan_csv(made))
    else:
        click.echo(
            report.plan_text(
                made,
                advice,
                config=settings.download,
                free_bytes=free_bytes,
                width=terminal_width(),
            )
        )
