"""The command line: parse, load the config, call, print, exit code.

One small function a command. The one place that prints, and the one boundary where errors become
exit codes.
"""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from contextlib import suppress
from typing import NoReturn

import click

from audioset_dl.cli import checking, choosing, completion, doctoring, listing, running, sets
from audioset_dl.cli.group import Manner, cli, complain
from audioset_dl.config import hide_logins
from audioset_dl.errors import AudiosetDlError, Interrupted, OutputError

__all__ = [
    "BUG_EXIT_CODE",
    "checking",
    "choosing",
    "cli",
    "completion",
    "doctoring",
    "listing",
    "main",
    "running",
    "sets",
]

BUG_EXIT_CODE = 70


def main() -> NoReturn:
    """Run the command line and exit with a code that says how it ended."""
    sys.exit(_run())


def _run() -> int:
    manner = Manner()
    try:
        return cli.main(standalone_mode=False, obj=manner) or 0
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
        if manner.verbose:
            _tell_traceback(error)
        complain("Error", hide_logins(str(error)))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the one boundary: a bug keeps its traceback
        return _end_unexpected(error)


def _end_unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        complain("Error", "the output of this command can't be written: disk full")
        with suppress(OSError):  # or else Python tries once more, and ends with 120
            sys.stdout.close()
        return OutputError.exit_code
    _tell_traceback(error)
    click.echo("This is a bug in audioset-dl; please report it with the lines above.", err=True)
    return BUG_EXIT_CODE


def _tell_traceback(error: Exception) -> None:
    click.echo(hide_logins("".join(traceback.format_exception(error))), err=True, nl=False)
