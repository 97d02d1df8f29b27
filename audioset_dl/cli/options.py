"""What commands have in common: their options, the selection, the lines of a config."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from audioset_dl.cli.group import complain
from audioset_dl.cli.progress import make_bar
from audioset_dl.config import Config, load_config, locate
from audioset_dl.errors import ConfigError

if TYPE_CHECKING:
    from audioset_dl.selection.prepare import Prepared

DEFAULT_CONFIG = "config.yaml"
WIDEST = 100

Command = TypeVar("Command", bound=Callable[..., Any])


def takes_config(command: Command) -> Command:
    """Give a command CONFIG and ``--set``: parameters ``config`` and ``overrides``."""
    command = click.option(
        "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE",
        help="Override a key of the config for this run; may be given several times. "
        "Paths are taken from the config's folder.",
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


def terminal_width() -> int:
    """Return the width for text on stdout: the terminal's, as long as it can be read."""
    return min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else WIDEST


def table_width() -> int | None:
    """Return the width to which tables on stdout are cut: the terminal's; None elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def prepare_selection(settings: Config, *, quiet: bool = False, warn: bool = True) -> Prepared:
    """Read AudioSet's files and choose from them, with bars and warnings on stderr."""
    from audioset_dl.selection.prepare import prepare

    prepared = prepare(settings, progress=lambda name: make_bar(name, "B", quiet=quiet))
    for warning in prepared.warnings if warn else ():
        complain("Warning", warning)
    return prepared


def load_or_defaults(config: Path, overrides: tuple[str, ...]) -> Config | None:
    """Load a config; None where the usual one is not there yet and nothing was set."""
    if str(config) == DEFAULT_CONFIG and not config.exists() and not overrides:
        return None
    return load_config(config, overrides)


def find_config(config: Path) -> Path | None:
    """Return a config's path; None, and say so, where the usual one is not there yet."""
    if str(config) != DEFAULT_CONFIG or config.exists():
        return config
    click.echo(f"There is no {config} here: the defaults are taken.", err=True)
    return None


@contextmanager
def located(config: Path | None, overrides: tuple[str, ...]) -> Iterator[None]:
    """Tell the line of a key that is found wrong only when it is used."""
    try:
        yield
    except ConfigError as error:
        raise locate(error, config, overrides) from error
