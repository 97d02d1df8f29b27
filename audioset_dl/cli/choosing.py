"""Before a download: `init` and `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

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
from audioset_dl.config import (
    MOST_PER_CLASS,
    SCHEMA_NAME,
    Config,
    config_schema_text,
    load_config,
    split_names,
    starting_config_text,
)
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.errors import ConfigError, Problem

if TYPE_CHECKING:
    from audioset_dl.planning.losses import Losses


@cli.command()
@click.argument("path", default=DEFAULT_CONFIG, type=click.Path(path_type=Path))
@click.option(
    "--classes",
    "names",
    multiple=True,
    metavar="NAMES",
    help="Classes to download, such as 'Dog, Cat'; a name that holds a comma in quotes of its own: "
    "'Dog, \"Bee, wasp, etc.\"'.",
)
@click.option(
    "--per-class",
    type=click.IntRange(1, MOST_PER_CLASS),
    metavar="N",
    help="Up to N clips of each.",
)
@click.option(
    "--schema", is_flag=True, help=f"Write {SCHEMA_NAME} as well: editors check and complete by it."
)
def init(path: Path, *, names: tuple[str, ...], per_class: int | None, schema: bool) -> None:
    """Write a commented config.yaml to start from.

    \b
    Example:
      audioset-dl init --classes "Dog, Cat" --per-class 20
    """
    try:
        classes = split_names(names)
    except ValueError as error:
        raise click.UsageError(f"--classes: {error}") from error
    if schema and not path.is_dir():
        write_new(path.with_name(SCHEMA_NAME), config_schema_text())
    write_new(path, starting_config_text(classes, per_class, schema=schema))
    click.echo(f"Wrote {path}: {_wanted(classes, per_class)}. Everything in it is explained there.")
    if schema:
        click.echo(f"Wrote {path.with_name(SCHEMA_NAME)}, by which editors check and complete it.")
    config = _argument(path)
    click.echo(
        f"\nNext:\n"
        f"  audioset-dl plan{config}      what it takes; fetches 3 MB of Google's metadata first\n"
        f"  audioset-dl download{config}  the clips, as exact 10-second WAVs"
    )


def _wanted(classes: list[str], per_class: int | None) -> str:
    clips = f"up to {per_class or Config().clips.per_class} clips of each class"
    return f"{clips}: {'; '.join(classes)}; and those below them" if classes else clips


def _argument(config: Path) -> str:
    return "" if str(config) == DEFAULT_CONFIG else f" {config}"


def write_new(path: Path, text: str) -> None:
    """Write a file for the user to edit; one that is there is left as it is."""
    if path.is_dir():
        raise ConfigError(Problem("", f"{path} is a folder; name the file in it"))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        if path.read_bytes() == text.encode():
            return
        raise ConfigError(
            Problem("", f"{path} exists already and is left as it is; name another path")
        ) from error
    except OSError as error:
        raise ConfigError(Problem("", f"{path} can't be written: {error.strerror}")) from error


@cli.command()
@takes_config
@click.option(
    "--expect-gone",
    type=click.FloatRange(0, 0.95),
    metavar="SHARE",
    help="Share of the videos expected to be gone, 0 to 0.95; 0.2 unless given.",
)
@click.option(
    "--availability",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Expect what was found before: a CSV of `status --availability --csv`.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a row of CSV for each class.")
@takes_json
def plan(
    config: Path,
    overrides: tuple[str, ...],
    *,
    expect_gone: float | None,
    availability: Path | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show what a download would take: clips, space, time.

    It fetches nothing but Google's files about AudioSet, where they are missing.

    \b
    Example:
      audioset-dl plan config.yaml --expect-gone 0.25
    """
    from audioset_dl.dataset.resume import known_states
    from audioset_dl.planning.advice import find_advice
    from audioset_dl.planning.plan import make_plan
    from audioset_dl.storage.files import find_room
    from audioset_dl.youtube.options import check_options

    if as_csv and as_json:
        raise click.UsageError("--csv and --json are different forms: give one of them")
    settings = load_config(config, overrides)
    losses = _losses(expect_gone, availability)
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
        if made.expected.asked and not overrides:
            click.echo(f"\nTo begin: audioset-dl download{_argument(config)}")


def _losses(expect_gone: float | None, availability: Path | None) -> Losses | None:
    from audioset_dl.planning.losses import Losses, expect_losses, read_loss_table

    if expect_gone is not None and availability is not None:
        raise click.UsageError(
            "--expect-gone and --availability both tell the losses: give one of them"
        )
    if availability is not None:
        return expect_losses(read_loss_table(availability, "--availability"), str(availability))
    return None if expect_gone is None else Losses(expect_gone)
