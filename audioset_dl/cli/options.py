"""What several commands share: their options, the selection, the lines of a config."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audioset_dl.cli.group import warn
from audioset_dl.cli.progress import file_bars
from audioset_dl.config import Config, locate
from audioset_dl.errors import ConfigError
from audioset_dl.words import to_json

if TYPE_CHECKING:
    from audioset_dl.selection.select import Prepared

DEFAULT_CONFIG = "config.yaml"
# Longer lines are hard to read; a pipe or a file has no width, and gets the same lines.
WIDEST = 100

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")


def takes_config(command: Command) -> Command:
    """Give a command CONFIG and ``--set``: parameters ``config`` and ``overrides``."""
    command = click.option(
        "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE",
        help="Override a key of the config for this run; may be given several times. "
        "Paths are relative to the config's folder.",
    )(command)  # fmt: skip
    return click.argument(
        "config", required=False, default=DEFAULT_CONFIG, type=click.Path(path_type=Path)
    )(command)


def takes_json(command: Command) -> Command:
    """Give a command ``--json``: parameter ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def takes_quiet(command: Command) -> Command:
    """Give a command ``--quiet``: parameter ``quiet``."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


def check_one_form(*, as_csv: bool, as_json: bool) -> None:
    """Refuse ``--csv`` and ``--json`` together."""
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are different forms: give one of them")


def print_result(
    result: Result,
    document: Callable[[Result], object],
    text: Callable[[Result], str],
    *,
    as_json: bool,
) -> None:
    """Print what a command found: one JSON document, or a text for people."""
    click.echo(to_json(document(result)) if as_json else text(result))


def terminal_width() -> int:
    """Return the width for text on stdout: the terminal's, up to what is easy to read."""
    return min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else WIDEST


def table_width() -> int | None:
    """Return the width for tables on stdout: the terminal's; None for any width elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def prepare_selection(
    settings: Config, *, quiet: bool = False, on_warning: Callable[[str], object] = warn
) -> Prepared:
    """Read AudioSet's files and choose from them, with progress bars on stderr."""
    from audioset_dl.selection.select import prepare

    prepared = prepare(settings, progress=file_bars(quiet=quiet))
    for warning in prepared.warnings:
        on_warning(warning)
    return prepared


def find_config(config: Path) -> Path | None:
    """Return a config's path; None, and say so, if the default one does not exist yet."""
    if str(config) != DEFAULT_CONFIG or config.exists():
        return config
    click.echo(f"There is no {config} here: the defaults are used.", err=True)
    return None


@contextmanager
def located(config: Path | None, overrides: tuple[str, ...]) -> Iterator[None]:
    """Add its line to the error of a key that is found wrong only when it is used."""
    try:
        yield
    except ConfigError as error:
        raise locate(error, config, overrides) from error
