"""The command line: parse, load the config, call, print, exit code.

One small function a command, and each module of this package is found by itself. The one place that
prints, and the one boundary where errors become exit codes.
"""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import NoReturn

import click

from audioset_dl.cli.group import VERBOSE_OPTION, Verbosity, cli, complain
from audioset_dl.cli.streams import make_streams_safe
from audioset_dl.config.secrets import hide_logins
from audioset_dl.errors import (
    AudiosetDlError,
    Interrupted,
    OutputError,
    find_resource_error,
)

# Importing a module adds its commands to the group.
for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
for _command in (cli, *cli.commands.values()):
    _command.params.append(VERBOSE_OPTION)

__all__ = ["BUG_EXIT_CODE", "cli", "main"]

# EX_SOFTWARE of sysexits.h (https://man.openbsd.org/sysexits.3): none of the codes in errors.py.
BUG_EXIT_CODE = 70


def main() -> NoReturn:
    """Run the command line and exit with a code that says how it ended."""
    make_streams_safe()
    sys.exit(_run())


def _run() -> int:
    verbosity = Verbosity()
    try:
        # In its standalone mode click would choose the exit codes itself.
        return cli.main(standalone_mode=False, obj=verbosity) or 0
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
        if verbosity.verbose:
            _print_traceback(error)
        complain("Error", hide_logins(str(error)))
        return error.exit_code
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python would complain of it once more at exit
        # (https://docs.python.org/3/library/signal.html#note-on-sigpipe).
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the one boundary: a bug keeps its traceback
        return _end_unexpected(error)


def _end_unexpected(error: Exception) -> int:
    if limit := find_resource_error(error):
        complain("Error", str(limit))
        return limit.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        complain("Error", "the output of this command can't be written: disk full")
        with suppress(OSError):  # or else Python tries once more, and ends with 120
            sys.stdout.close()
        return OutputError.exit_code
    _print_traceback(error)
    click.echo("This is a bug in audioset-dl; please report it with the lines above.", err=True)
    return BUG_EXIT_CODE


def _print_traceback(error: Exception) -> None:
    click.echo(hide_logins("".join(traceback.format_exception(error))), err=True, nl=False)
