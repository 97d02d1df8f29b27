"""The command line: parse, load the config, call, print, exit code.

One small function a command. The one place that prints, and the one boundary where errors become
exit codes.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from audioset_dl import __version__, report
from audioset_dl.config import Config, default_config_text, hide_logins, load_config, locate
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.errors import AudiosetDlError, ConfigError, Interrupted, OutputError, Problem
from audioset_dl.progress import DownloadProgress, make_bar

if TYPE_CHECKING:
    from audioset_dl.prepare import Prepared
    from audioset_dl.workers import Workers

BUG_EXIT_CODE = 70
DEFAULT_CONFIG = "config.yaml"

Command = TypeVar("Command", bound=Callable[..., Any])


def _takes_config(command: Command) -> Command:
    command = click.option(
        "--set", "overrides", multiple=True, metavar="KEY.PATH=VALUE",
        help="Override a key of the config for this run; may be given several times. "
        "Paths are taken from the config's folder.",
    )(command)  # fmt: skip
    return click.argument(
        "config", required=False, default=DEFAULT_CONFIG, type=click.Path(path_type=Path)
    )(command)


def _takes_json(command: Command) -> Command:
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)


def _takes_quiet(command: Command) -> Command:
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `audioset-dl init`, or see it work without internet: `audioset-dl demo`.",
)
@click.version_option(__version__, message="audioset-dl %(version)s")
def cli() -> None:
    """Download a quality-controlled part of Google's AudioSet.

    One YAML file says which sound classes, how many clips of each, how fast, and where to.
    """


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
@_takes_config
@_takes_json
def classes(config: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """List the chosen classes, with quality and numbers of clips."""
    settings = load_config(config, overrides)
    with _located(config, overrides):
        selection = _prepare(settings).selection
    if as_json:
        click.echo(report.to_json(report.classes_document(selection)))
    else:
        click.echo(report.classes_text(selection))


@cli.command()
@_takes_config
@_takes_json
def plan(config: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show what a download would take: clips, space, time.

    It fetches nothing but Google's files about AudioSet, where they are missing.
    """
    from audioset_dl.dataset.journal import read_states
    from audioset_dl.selection.plan import make_plan

    settings = load_config(config, overrides)
    states = read_states(OutputFolder(settings.output.dir).journal)
    with _located(config, overrides):
        made = make_plan(_prepare(settings).selection, settings, states)
    click.echo(report.to_json(report.plan_document(made)) if as_json else report.plan_text(made))


@cli.command()
@_takes_config
@click.option(
    "--retry",
    default="",
    metavar="CODE,CODE",
    help="Ask again for clips that are gone for these reasons, such as geo,age.",
)
@_takes_quiet
def download(config: Path, overrides: tuple[str, ...], retry: str, quiet: bool) -> None:
    """Download what the config wants; run again to resume.

    Ctrl-C ends it in order; a second Ctrl-C at once. Both can be resumed.
    """
    settings = load_config(config, overrides)
    codes = [code.strip() for code in retry.split(",") if code.strip()]
    with _located(config, overrides):
        exit_code = _download(settings, quiet=quiet, retry=codes)
    sys.exit(exit_code)


@cli.command()
@_takes_config
@_takes_json
def status(config: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show where a run stands, and the failures by reason.

    Also while it runs.
    """
    from audioset_dl.dataset.status import read_status

    output = OutputFolder(load_config(config, overrides).output.dir)
    found = read_status(output)
    if as_json:
        click.echo(report.to_json(report.status_document(found)))
    else:
        click.echo(report.status_text(found, output))


@cli.command()
@_takes_config
@click.option("--deep", is_flag=True, help="Decode each file as well.")
@click.option("--repair", is_flag=True, help="Remove what is bad: the next download gets it again.")
@_takes_json
@_takes_quiet
def verify(
    config: Path,
    overrides: tuple[str, ...],
    *,
    deep: bool,
    repair: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check the files against the manifest.

    The exit status is 1 if one is not as it was written; with --repair, if anything is left to do:
    clips to be got again by a download, or files that the program does not know.
    """
    settings = load_config(config, overrides)
    if repair:
        sys.exit(_repair(settings, deep=deep, as_json=as_json, quiet=quiet))
    output = OutputFolder(settings.output.dir)
    sys.exit(_verify(output, deep=deep, as_json=as_json, quiet=quiet))


@cli.command()
@click.argument("directory", default="audioset-demo", type=click.Path(path_type=Path))
@_takes_quiet
def demo(directory: Path, quiet: bool) -> None:
    """Run the whole main job offline, on a simulated YouTube.

    Writes a config, a little metadata and the dataset into DIRECTORY.
    """
    from audioset_dl import demo as demonstration

    with demonstration.prepared(directory) as prepared:
        click.echo(demonstration.opening_words(prepared))
        settings = load_config(prepared.config)
        # The demo's metadata is made up: that it is not Google's is no news.
        exit_code = _download(settings, quiet=quiet, warn=False)
        click.echo("\n$ audioset-dl verify --deep")
        output = OutputFolder(settings.output.dir)
        exit_code = max(exit_code, _verify(output, deep=True, as_json=False, quiet=quiet))
        click.echo(demonstration.closing_words(prepared, output))
    sys.exit(exit_code)


def _prepare(settings: Config, *, quiet: bool = False, warn: bool = True) -> Prepared:
    from audioset_dl.prepare import prepare

    prepared = prepare(settings, progress=lambda name: make_bar(name, "B", quiet=quiet))
    for warning in prepared.warnings if warn else ():
        click.echo(f"Warning: {warning}", err=True)
    return prepared


def _download(
    settings: Config, *, quiet: bool, warn: bool = True, retry: Collection[str] = ()
) -> int:
    from audioset_dl.download import download as run_download

    prepared = _prepare(settings, quiet=quiet, warn=warn)
    with DownloadProgress(quiet=quiet) as progress:
        done = run_download(
            settings,
            prepared.selection,
            metadata_hashes=prepared.hashes,
            retry=retry,
            watch=progress.update,
            on_start=_interrupt_by_signals,
        )
    names = {node.mid: node.name for node in prepared.selection.classes}
    click.echo(report.download_text(done, OutputFolder(settings.output.dir), names))
    return done.exit_code


@contextmanager
def _located(config: Path, overrides: tuple[str, ...]) -> Iterator[None]:
    """Tell the line of a key that is found wrong only when it is used."""
    try:
        yield
    except ConfigError as error:
        raise locate(error, config, overrides) from error


def _verify(output: OutputFolder, *, deep: bool, as_json: bool, quiet: bool) -> int:
    from audioset_dl.dataset.verify import verify_folder

    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = verify_folder(output, deep=deep, on_file=bar.update)
    if as_json:
        click.echo(report.to_json(report.verification_document(result)))
    else:
        click.echo(report.verification_text(result))
    return result.exit_code


def _repair(settings: Config, *, deep: bool, as_json: bool, quiet: bool) -> int:
    from audioset_dl.dataset.repair import repair_folder
    from audioset_dl.fetch import utc_now
    from audioset_dl.prepare import find_class_names

    names = find_class_names(settings)
    output = OutputFolder(settings.output.dir)
    with make_bar("checked", "file", quiet=quiet or as_json) as bar:
        result = repair_folder(output, names, now=utc_now(), deep=deep, on_file=bar.update)
    if as_json:
        click.echo(report.to_json(report.repair_document(result)))
    else:
        click.echo(report.repair_text(result))
    return result.exit_code


def _interrupt_by_signals(workers: Workers) -> None:
    """End in order at the first signal to end (SIGHUP: the terminal is closed), then at once."""

    def interrupt(signal_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal_number, signal.SIG_DFL)
        with suppress(OSError):  # the terminal may be gone
            os.write(2, b"\nEnding in order; the same again ends at once.\n")
        workers.interrupt(signal_number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, interrupt)


def main() -> NoReturn:
    """Run the command line and exit with a code that says how it ended."""
    sys.exit(_run())


def _run() -> int:
    try:
        return cli.main(standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 128 + signal.SIGINT
    except Interrupted as interrupted:
        click.echo(str(interrupted), err=True)
        return interrupted.exit_code
    except AudiosetDlError as error:
        click.echo(f"Error: {hide_logins(str(error))}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the one boundary: a bug keeps its traceback
        return _end_unexpected(error)


def _end_unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        click.echo("Error: the output of this command can't be written: disk full", err=True)
        with suppress(OSError):  # or else Python tries once more, and ends with 120
            sys.stdout.close()
        return OutputError.exit_code
    click.echo(hide_logins("".join(traceback.format_exception(error))), err=True, nl=False)
    click.echo("This is a bug in audioset-dl; please report it with the lines above.", err=True)
    return BUG_EXIT_CODE


if __name__ == "__main__":
    main()
