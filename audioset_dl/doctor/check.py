"""The result of one check of the doctor. Knows nothing of what is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from audioset_dl.errors import AudiosetDlError, ConfigError

Status = Literal["ok", "warning", "error"]

_FIX_AND_REPEAT = "fix that and run this again"
_REPORT = "please report this line as a bug"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """Slug: ``ffmpeg``, ``clock``."""
    status: Status
    """``warning``: a download can begin, but may go worse than it could; ``error``: it can't go
    well."""
    found: str
    """What was found, in a line or two."""
    fix: str = ""
    """What to do; empty where all is well."""
    subject: str = ""
    """Which of several, where each is checked: host and port of a proxy."""


def ok(name: str, found: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, "ok", found)


def warning(name: str, found: str, fix: str) -> Check:
    """Return a check that found something that a download can live with."""
    return Check(name, "warning", found, fix)


def error(name: str, found: str, fix: str) -> Check:
    """Return a check that found something that a download can't live with."""
    return Check(name, "error", found, fix)


Examination = Callable[..., Check | Iterable[Check]]


@dataclass(frozen=True)
class Guard:
    """Turns whatever a check raises into a check that failed, and hides secrets in all of them."""

    hide: Callable[[str], str]
    """Takes secrets out of a text."""
    locate: Callable[[ConfigError], ConfigError] = lambda error: error
    """Finds the lines of keys in the config."""

    def run(
        self, name: str, examine: Examination, *arguments: object, subject: str = ""
    ) -> list[Check]:
        """Make one check, or several that belong together.

        Parameters
        ----------
        name : str
            Name of the failed check, if `examine` raises.
        examine : callable
            Makes the checks.
        *arguments
            What it is called with.
        subject : str
            Subject of all of them.
        """
        checks: list[Check] = []
        try:
            made = examine(*arguments)
            for check in (made,) if isinstance(made, Check) else made:
                checks.append(check)  # noqa: PERF402 - what comes before an exception is kept
        except ConfigError as caught:
            for problem in self.locate(caught).problems:
                found = str(replace(problem, fix=""))
                checks.append(error(name, found, problem.fix or _FIX_AND_REPEAT))
        except AudiosetDlError as caught:
            checks.append(error(name, caught.found, caught.fix or _FIX_AND_REPEAT))
        except Exception as caught:  # noqa: BLE001 - a check that breaks must not end the others
            found = f"this check broke off: {type(caught).__name__}: {caught}"
            checks.append(error(name, found, _REPORT))
        return [
            replace(check, found=self.hide(check.found), fix=self.hide(check.fix), subject=subject)
            for check in checks
        ]
