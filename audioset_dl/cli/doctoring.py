"""Would a download go well on this machine?: `doctor`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioset_dl.cli.group import cli
from audioset_dl.cli.options import DEFAULT_CONFIG, takes_config, takes_json
from audioset_dl.config import load_config, locate
from audioset_dl.errors import ConfigError, Problem, ToolMissingError
from audioset_dl.report.doctor import check_text, checks_text, doctor_document
from audioset_dl.words import to_json

if TYPE_CHECKING:
    from audioset_dl.doctor.check import Check


@cli.command()
@takes_config
@click.option("--canary", metavar="YTID", help="Try this video in place of YouTube's first one.")
@click.option("--no-network", is_flag=True, help="Leave out all that needs the network.")
@takes_json
def doctor(
    config: Path,
    overrides: tuple[str, ...],
    *,
    canary: str | None,
    no_network: bool,
    as_json: bool,
) -> None:
    """Check the machine, and say how to fix what is wrong.

    Checks the tools, AudioSet's files, the output folder, the cookies and the addresses; then asks
    for one video through each address and cuts ten seconds of it. The exit status is 4 if something
    essential is missing; warnings leave it 0. Without a config.yaml, checks the defaults.

    \b
    Example:
      audioset-dl doctor --no-network
    """
    from audioset_dl.doctor.canary import CANARY_YTID
    from audioset_dl.doctor.check import ok, warning
    from audioset_dl.doctor.examine import examine

    ytid = _check_ytid(canary or CANARY_YTID)
    is_newcomer = str(config) == DEFAULT_CONFIG and not config.exists() and not overrides
    path = None if is_newcomer else config
    settings = load_config(path, overrides)
    if is_newcomer:
        found = f"there is no {config} here: the defaults are checked"
        first = warning("config", found, "`audioset-dl init` writes one")
    else:
        first = ok("config", f"{config} can be read")
    checks = examine(
        settings,
        canary=None if no_network else ytid,
        locate=lambda error: locate(error, path, overrides),
    )
    sys.exit(_print_checks(chain([first], checks), as_json=as_json))


def _print_checks(checks: Iterable[Check], *, as_json: bool) -> int:
    """Print each check as soon as it is made, or one document; return the exit code."""
    made = []
    for check in checks:
        made.append(check)
        if not as_json:
            click.echo(_coloured(check.status, check_text(check)))
    click.echo(to_json(doctor_document(made)) if as_json else checks_text(made))
    is_broken = any(check.status == "error" for check in made)
    return ToolMissingError.exit_code if is_broken else 0


def _coloured(status: str, text: str) -> str:
    """Colour the first word; click removes colours where they are not wanted."""
    colour = {"ok": "green", "warning": "yellow", "error": "red"}[status]
    return click.style(text[: len(status)], fg=colour) + text[len(status) :]


def _check_ytid(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", text):
        found = f"{text!r} is not the id of a video: expected 11 of A-Za-z0-9_-"
        raise ConfigError(Problem("", found, source="--canary"))
    return text
