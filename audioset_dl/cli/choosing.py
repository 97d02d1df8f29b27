"""Before a download: `init` and `plan`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from audioset_dl.cli.group import cli, warn
from audioset_dl.cli.options import (
    DEFAULT_CONFIG,
    check_one_form,
    located,
    print_result,
    takes_config,
    takes_json,
    terminal_width,
)
from audioset_dl.cli.progress import file_bars
from audioset_dl.config import (
    MOST_PER_CLASS,
    SCHEMA_NAME,
    Config,
    config_schema_text,
    load_config,
    split_names,
    starting_config_text,
)
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.report import plan as report


@cli.command()
@click.argument("path", default=DEFAULT_CONFIG, type=click.Path(path_type=Path))
@click.option(
    "--classes",
    "names",
    multiple=True,
    metavar="NAMES",
    help="Classes to download, such as 'Dog, Cat'; a name that holds a comma needs its own quotes: "
    "'Dog, \"Bee, wasp, etc.\"'.",
)
@click.option(
    "--per-class",
    type=click.IntRange(1, MOST_PER_CLASS),
    metavar="N",
    help="Up to N clips of each.",
)
@click.option(
    "--schema",
    is_flag=True,
    help=f"Write {SCHEMA_NAME} as well, by which editors check and complete the config.",
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
    return f"{clips}: {'; '.join(classes)}; and the classes below them" if classes else clips


def _argument(config: Path) -> str:
    return "" if str(config) == DEFAULT_CONFIG else f" {config}"


def write_new(path: Path, text: str) -> None:
    """Write a file for the user to edit; never over one that is there."""
    if path.is_dir():
        raise ConfigError(Problem("", f"{path} is a folder", "name the file in it"))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        if path.read_bytes() == text.encode():
            return
        raise ConfigError(
            Problem("", f"{path} exists already and is left as it is", "name another path")
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

    Fetches Google's files about AudioSet if they are missing, and nothing else.

    \b
    Example:
      audioset-dl plan config.yaml --expect-gone 0.25
    """
    from audioset_dl.planning.run import plan as make_plan

    check_one_form(as_csv=as_csv, as_json=as_json)
    settings = load_config(config, overrides)
    with located(config, overrides):
        planned = make_plan(
            settings,
            expect_gone=expect_gone,
            availability=availability,
            progress=file_bars(quiet=False),
            on_warning=warn,
        )
    if as_csv:
        click.echo(report.plan_csv(planned))
        return
    text = partial(report.plan_text, config=settings.download, width=terminal_width())
    print_result(planned, report.plan_document, text, as_json=as_json)
    if planned.expected.asked and not overrides and not as_json:
        click.echo(f"\nTo begin: audioset-dl download{_argument(config)}")
