"""The group of all commands, and what they have in common: ``-v``, order, warnings, colour."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import click

from audioset_dl.versions import __version__


@dataclass
class Verbosity:
    """How much this run of the program says."""

    verbose: bool = False
    """True if an error is shown with its traceback."""


class Command(click.Command):
    """A command that takes ``-v``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_verbose_option())


def _verbose_option() -> click.Option:
    return click.Option(
        ["-v", "--verbose"],
        is_flag=True,
        expose_value=False,
        callback=_note_verbose,
        help="Show the traceback of an error.",
    )


class Group(click.Group):
    """A group of such commands, listed in the order of their use."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(_verbose_option())

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands in the order of their use."""
        return sorted(self.commands, key=lambda name: (_place(name), name))


# The order in which a newcomer meets them; a command that is not named here comes last.
_ORDER = (
    "demo",
    "init",
    "doctor",
    "classes",
    "plan",
    "download",
    "status",
    "verify",
    "compare",
    "merge",
    "process",
    "split",
    "statistics",
    "episodes",
)


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _note_verbose(context: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and isinstance(context.obj, Verbosity):
        context.obj.verbose = True


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
