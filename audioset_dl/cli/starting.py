"""Before the first run: `init`, `doctor` and `completion`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from audioset_dl.cli.group import DEFAULT_CONFIG, cli, config_argument, names_config, takes_json
from audioset_dl.config import Config, load_config
from audioset_dl.config.loading import locate
from audioset_dl.config.models import MOST_PER_CLASS
from audioset_dl.config.starting import (
    SCHEMA_NAME,
    config_schema_text,
    split_names,
    starting_config_text,
)
from audioset_dl.errors import ConfigError, Problem, ToolMissingError
from audioset_dl.report.doctor import (
    assumptions_document,
    assumptions_text,
    check_text,
    checks_text,
    doctor_document,
)
from audioset_dl.words import to_json

if TYPE_CHECKING:
    from audioset_dl.doctor.check import Check


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
    config = config_argument(path)
    click.echo(
        f"\nNext:\n"
        f"  audioset-dl plan{config}      what it takes; fetches 3 MB of Google's metadata first\n"
        f"  audioset-dl download{config}  the clips, as exact 10-second WAVs"
    )


def _wanted(classes: list[str], per_class: int | None) -> str:
    clips = f"up to {per_class or Config().clips.per_class} clips of each class"
    return f"{clips}: {'; '.join(classes)}; and the classes below them" if classes else clips


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
        found = f"{path} exists already and is left as it is"
        raise ConfigError(Problem("", found, "name another path")) from error
    except OSError as error:
        raise ConfigError(Problem("", f"{path} can't be written: {error.strerror}")) from error


@cli.command()
@names_config
@click.option("--canary", metavar="YTID", help="Try this video in place of download.canary.")
@click.option("--no-network", is_flag=True, help="Leave out all that needs the network.")
@click.option(
    "--assumptions",
    is_flag=True,
    help="Check instead what the program takes for true of YouTube, in at most 12 requests.",
)
@click.option(
    "--videos",
    metavar="YTID,YTID,YTID",
    help="For --assumptions: a short video, one over an hour, one with several audio tracks.",
)
@takes_json
def doctor(
    config: Path,
    overrides: tuple[str, ...],
    *,
    canary: str | None,
    no_network: bool,
    assumptions: bool,
    videos: str | None,
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
    from audioset_dl.doctor.check import ok, warning
    from audioset_dl.doctor.examine import examine

    is_newcomer = str(config) == DEFAULT_CONFIG and not config.exists() and not overrides
    path = None if is_newcomer else config
    settings = load_config(path, overrides)
    ytid = _check_ytid(canary or settings.download.canary)
    if is_newcomer:
        found = f"there is no {config} here: the defaults are checked"
        first = warning("config", found, "`audioset-dl init` writes one")
    else:
        first = ok("config", f"{config} can be read")
    if assumptions:
        sys.exit(_print_assumptions(settings, videos, as_json=as_json))
    found_at = partial(locate, path=path, overrides=overrides)
    checks = examine(settings, canary=None if no_network else ytid, locate=found_at)
    sys.exit(_print_checks(chain([first], checks), as_json=as_json))


def _print_assumptions(settings: Config, videos: str | None, *, as_json: bool) -> int:
    from audioset_dl.audio.ffmpeg import find_ffmpeg
    from audioset_dl.doctor import assumptions

    ytids = [text.strip() for text in videos.split(",")] if videos else assumptions.VIDEOS
    for ytid in ytids:
        _check_ytid(ytid, source="--videos")
    if len(ytids) != len(assumptions.VIDEOS):
        found = f"{len(ytids)} videos; expected {len(assumptions.VIDEOS)}"
        raise ConfigError(Problem("", found, source="--videos"))
    ffmpeg = find_ffmpeg(settings.audio.ffmpeg)
    with TemporaryDirectory(prefix="audioset-dl-doctor-") as folder:
        seen = assumptions.look(
            settings.download, settings.audio, ffmpeg, Path(folder), videos=ytids
        )
    points = assumptions.check_assumptions(seen)
    document = assumptions_document(points, seen.num_requests)
    click.echo(to_json(document) if as_json else assumptions_text(points, seen.num_requests))
    return 1 if any(point.holds is False for point in points) else 0


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


def _check_ytid(text: str, source: str = "--canary") -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", text):
        found = f"{text!r} is not the id of a video: expected 11 of A-Za-z0-9_-"
        raise ConfigError(Problem("", found, source=source))
    return text


# click makes it of the name of the program
# (https://click.palletsprojects.com/en/stable/shell-completion/).
_VARIABLE = "_AUDIOSET_DL_COMPLETE"
_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@cli.command()
@click.argument("shell", type=click.Choice(tuple(_SHELLS)))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands and options.

    \b
    Example:
      audioset-dl completion bash >> ~/.bashrc
      audioset-dl completion zsh >> ~/.zshrc
      audioset-dl completion fish > ~/.config/fish/completions/audioset-dl.fish
    """
    click.echo(_SHELLS[shell](cli, {}, "audioset-dl", _VARIABLE).source())
