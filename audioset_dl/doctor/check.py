"""What a check of the doctor comes to. Knows nothing of what is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from audioset_dl.errors import AudiosetDlError, ConfigError

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """Slug: ``ffmpeg``, ``clock``."""
    status: Status
    """warning: a download can begin, but may go worse than it could; error: it can't go well."""
    found: str
    """What was found, in a line or two."""
    mend: str = ""
    """What to do; empty where all is well."""
    subject: str = ""
    """Which of several, where a check is made for each: host and port of a proxy."""


def ok(name: str, found: str, *, subject: str = "") -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, "ok", found, subject=subject)


def warning(name: str, found: str, mend: str, *, subject: str = "") -> Check:
    """Return a check that found what a download can live with."""
    return Check(name, "warning", found, mend, subject)


def error(name: str, found: str, mend: str, *, subject: str = "") -> Check:
    """Return a check that found what a download can't live with."""
    return Check(name, "error", found, mend, subject)


@dataclass(frozen=True)
class Guard:
    """Makes checks whatever happens in them, and keeps their words free of secrets."""

    hide: Callable[[str], str]
    """Takes secrets out of a text."""
    locate: Callable[[ConfigError], ConfigError] = lambda fault: fault
    """Finds the lines of keys in the config."""

    def run(
        self, name: str, examine: Callable[[], Check | Iterable[Check]], *, subject: str = ""
    ) -> list[Check]:
        """Make one check, or several that belong together.

        Parameters
        ----------
        name, subject : str
            Of the check that is told in the place of one that breaks off.
        examine : callable
            Makes them.
        """
        checks: list[Check] = []
        try:
            made = examine()
            for check in (made,) if isinstance(made, Check) else made:
                checks.append(check)  # noqa: PERF402 - what comes before a fault is kept
        except ConfigError as fault:
            checks += [_of_fault(name, str(one), subject) for one in self.locate(fault).problems]
        except AudiosetDlError as fault:
            checks.append(_of_fault(name, str(fault), subject))
        except Exception as fault:  # noqa: BLE001 - a check that breaks must not end the others
            found = f"this check broke off: {type(fault).__name__}: {fault}"
            checks.append(error(name, found, "please report this line as a bug", subject=subject))
        return [
            replace(check, found=self.hide(check.found), mend=self.hide(check.mend))
            for check in checks
        ]


def _of_fault(name: str, message: str, subject: str) -> Check:
    """Take apart the message of an error of ours: what was found, and behind it what to do."""
    found, _, mend = _outside_brackets(message).partition("; ")
    mend = message[len(found) + 2 :] or "mend that and run this again"
    return error(name, message[: len(found)], mend, subject=subject)


def _outside_brackets(text: str) -> str:
    """Return a text of the same length in which what stands in brackets is blank."""
    return re.sub(r"\([^()]*\)", lambda found: " " * len(found[0]), text)
