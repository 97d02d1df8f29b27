"""What `doctor` says, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from audioset_dl.versions import __version__
from audioset_dl.words import count

if TYPE_CHECKING:
    from audioset_dl.doctor.assumptions import Point
    from audioset_dl.doctor.check import Check

_WIDTH = 80
# As wide as the longest status and a space.
_INDENT = " " * 9


def check_text(check: Check) -> str:
    """Return what a check found and what to do, in lines of up to 80 columns."""
    which = f" ({check.subject})" if check.subject else ""
    lines = [_hang(f"{check.name}{which}: {check.found}", f"{check.status:<9}")]
    if check.fix:
        lines.append(_hang(check.fix, f"{_INDENT}-> "))
    return "\n".join(lines)


def _hang(text: str, head: str) -> str:
    """Return a text beside a head, its other lines below the first."""
    width = _WIDTH - len(head)
    text = " ".join(text.split())
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return head + f"\n{' ' * len(head)}".join(lines)


def checks_text(checks: Sequence[Check]) -> str:
    """Return a summary of all checks, in a line."""
    by_status = Counter(check.status for check in checks)
    warnings, errors = by_status["warning"], by_status["error"]
    if errors:
        end = f"{count(errors, 'error')}, {count(warnings, 'warning')}: fix the errors first"
    elif warnings:
        end = f"{count(warnings, 'warning')}, no error: a download can begin"
    else:
        end = "all is well: a download can begin"
    return f"{count(len(checks), 'check')}: {end}"


def doctor_document(checks: Sequence[Check]) -> dict[str, Any]:
    """Return all checks as JSON-able data, with the worst status as their own."""
    statuses = {check.status for check in checks}
    worst = next((one for one in ("error", "warning") if one in statuses), "ok")
    return {"ok": worst != "error", "status": worst, "checks": [asdict(check) for check in checks]}


def assumptions_text(points: Sequence[Point], num_requests: int) -> str:
    """Return what the program takes for true of YouTube, and whether it is so."""
    lines = [_hang(f"{point.says} ({point.seen})", f"{point.result:<14}") for point in points]
    broken = sum(point.holds is False for point in points)
    end = f"{count(len(points), 'assumption')}, {broken} of which do not hold"
    advice = "; please send the same with --json (it names no person and no address)"
    return "\n".join([*lines, f"{end}; {count(num_requests, 'request')}{advice if broken else ''}"])


def assumptions_document(points: Sequence[Point], num_requests: int) -> dict[str, Any]:
    """Return the same as JSON-able data, without anything that names a person or an address."""
    return {
        "versions": {"audioset-dl": __version__, "yt-dlp": version("yt-dlp")},
        "requests": num_requests,
        "assumptions": [
            {"name": point.name, "says": point.says, "result": point.result, "seen": point.seen}
            for point in points
        ],
    }
