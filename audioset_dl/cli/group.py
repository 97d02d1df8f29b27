"""The group of all commands, and what they share: the config, options, warnings, signals."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from audioset_dl.config import Config, load_config
from audioset_dl.config.loading import locate
from audioset_dl.errors import ConfigError
from audioset_dl.versions import __version__
from audioset_dl.words import to_json

DEFAULT_CONFIG = "config.yaml"
# Longer lines are hard to read; a pipe or a file has no width, and gets the same lines.
WIDEST = 100

CommandFunction = Callable[..., Any]
Found = TypeVar("Found")


@dataclass
class Verbosity:
    """How much this run of the program says."""

    verbose: bool = False
    """True if an error is shown with its traceback."""


class Group(click.Group):
    """A group of commands, listed in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands in the order of their use."""
        places = {name: place for place, name in enumerate(_ORDER)}
        return sorted(self.commands, key=lambda name: (places.get(name, len(places)), name))


# The order in which a newcomer meets them; a command that is not named here comes last.
_ORDER = (
    "demo", "init", "doctor", "classes", "plan", "download", "status", "verify", "prune", "compare",
    "merge", "process", "split", "statistics", "episodes",
)  # fmt: skip


def _note_verbose(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and isinstance(context.obj, Verbosity):
        context.obj.verbose = True


VERBOSE_OPTION = click.Option(
    ["-v", "--verbose"],
    is_flag=True,
    expose_value=False,
    callback=_note_verbose,
    help="Show the traceback of an error.",
)
"""Taken by the program and by each command: people add it at the end of the line."""


def complain(kind: str, message: str) -> None:
    """Print an error or a warning on stderr, its first word in colour where that is wanted."""
    colour = {"Error": "red", "Warning": "yellow"}[kind]
    click.echo(f"{click.style(f'{kind}:', fg=colour)} {message}", err=True, color=wants_colour())


def warn(message: str) -> None:
    """Print a warning on stderr."""
    complain("Warning", message)


def wants_colour() -> bool | None:
    """Return False where the user wants no colour, else None: colour on a terminal only."""
    # https://no-color.org: a variable that is not empty.
    return False if os.environ.get("NO_COLOR") else None


@click.group(
    cls=Group,
    # Without it click wraps help at 80 columns in wider terminals too.
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `audioset-dl init --classes Dog --per-class 20`, or see it work without "
    "internet: `audioset-dl demo`.",
)
@click.version_option(__version__, message="audioset-dl %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Download a quality-controlled part of Google's AudioSet.

    One YAML file says which sound classes, how many clips of each, how fast, and where to.
    """
    context.color = wants_colour()


def names_config(command: CommandFunction) -> CommandFunction:
    """Give a command CONFIG and ``--set``: parameters ``config`` and ``overrides``.

    For a command that checks its own options before it reads the config.
    """
    command = click.option(
        "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE",
        help="Override a key of the config for this run; may be given several times. "
        "Paths are relative to the config's folder.",
    )(command)  # fmt: skip
    return click.argument(
        "config", required=False, default=DEFAULT_CONFIG, type=click.Path(path_type=Path)
    )(command)


def takes_config(command: CommandFunction) -> CommandFunction:
    """Give a command CONFIG and ``--set``, and pass it the config that they say as the first."""

    @names_config
    @wraps(command)
    def run(config: Path, overrides: tuple[str, ...], **options: object) -> None:
        with reading(config, overrides) as settings:
            command(settings, **options)

    return run


@contextmanager
def reading(config: Path | None, overrides: tuple[str, ...]) -> Iterator[Config]:
    """Read a config; add its line to the error of a key that is found wrong only when used."""
    settings = load_config(config, overrides)
    try:
        yield settings
    except ConfigError as error:
        raise locate(error, config, overrides) from error


def config_argument(config: Path) -> str:
    """Return what names a config behind a command: nothing for the default one."""
    return "" if str(config) == DEFAULT_CONFIG else f" {config}"


takes_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)
"""Give a command ``--json``: parameter ``as_json``."""
takes_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
"""Give a command ``--quiet``: parameter ``quiet``."""


def print_result(
    found: Found,
    document: Callable[[Found], object],
    text: Callable[[Found], str],
    *,
    as_json: bool,
) -> None:
    """Print what a command found: one JSON document, or a text for people."""
    click.echo(to_json(document(found)) if as_json else text(found))


def terminal_width() -> int:
    """Return the width for text on stdout: the terminal's, up to what is easy to read."""
    return min(shutil.get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else WIDEST


def at_signals(act: Callable[[int], object]) -> None:
    """Call a function at the first Ctrl-C, SIGTERM or SIGHUP (a closed terminal).

    The second of the same kind ends the program at once.
    """

    def act_once(signal_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal_number, signal.SIG_DFL)
        act(signal_number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP, and what it starts must go on ignoring it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, act_once)
