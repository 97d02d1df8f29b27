"""Whether a download would go well on this machine: `doctor`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from audioset_dl import report
from audioset_dl.cli.group import cli
from audioset_dl.cli.options import load_or_defaults, takes_config, takes_json
from audioset_dl.config import Config, locate
from audioset_dl.errors import ConfigError, Problem, ToolMissingError

if TYPE_CHECKING:
    from audioset_dl.doctor import Check


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
    """Check the machine, and say how to mend what is wrong.

    Tools, AudioSet's files, output folder, cookies and addresses; then one video is asked for by
    each address, and ten seconds of it cut. The exit status is 4 if something essential is missing;
    warnings leave it 0. Without a config.yaml the defaults are checked.

    \b
    Example:
      audioset-dl doctor --no-network
    """
    from audioset_dl.doctor import CANARY_YTID, examine

    ytid = _check_ytid(canary or CANARY_YTID)
    settings, is_there = _load(config, overrides)
    checks = examine(
        settings,
        canary=None if no_network else ytid,
        locate=lambda fault: locate(fault, config, overrides) if is_there else fault,
    )
    sys.exit(_tell(_with_config(config, is_there, checks), as_json=as_json))


def _load(config: Path, overrides: tuple[str, ...]) -> tuple[Config, bool]:
    """Return the config, or the defaults where a newcomer has none yet, and whether it is there."""
    settings = load_or_defaults(config, overrides)
    return settings or Config().resolved(Path.cwd()), settings is not None


def _with_config(config: Path, is_there: bool, checks: Iterator[Check]) -> Iterator[Check]:
    from audioset_dl.doctor import Check

    if is_there:
        yield Check("config", "ok", f"{config} can be read")
    else:
        found = f"there is no {config} here: the defaults are checked"
        yield Check("config", "warning", found, "`audioset-dl init` writes one")
    yield from checks


def _tell(checks: Iterator[Check], *, as_json: bool) -> int:
    """Print each check as soon as it is made, or one document; return the exit code."""
    made = []
    for check in checks:
        made.append(check)
        if not as_json:
            click.echo(_coloured(check.status, report.check_text(check)))
    if as_json:
        click.echo(report.to_json(report.doctor_document(made)))
    else:
        click.echo(report.checks_text(made))
    is_broken = any(check.status == "error" for check in made)
    return ToolMissingError.exit_code if is_broken else 0


def _coloured(status: str, text: str) -> str:
    """Colour the first word; click takes colours out where they are not wanted."""
    colour = {"ok": "green", "warning": "yellow", "error": "red"}[status]
    return click.style(text[: len(status)], fg=colour) + text[len(status) :]


def _check_ytid(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", text):
        raise ConfigError(
            Problem(
                "", f"{text!r} is no id of a video: 11 of A-Za-z0-9_- expected", source="--canary"
            )
        )
    return text
