"""Cookies in JSON, as browser extensions and tools write them, made into a cookies.txt.

The keys are those of the browsers' own interface for extensions
(https://developer.chrome.com/docs/extensions/reference/api/cookies#type-Cookie), which
EditThisCookie and Cookie-Editor write down as they are. Tools that steer a browser (Puppeteer,
Playwright) write ``expires`` for ``expirationDate``, and -1 for a cookie of the session. Quotes
nothing of what a cookie holds.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

NETSCAPE_HEADER = "# Netscape HTTP Cookie File\n"
_MILLISECONDS = 1e11
_LATEST = 1e15
_CONTROL = re.compile(r"[\0-\x1f\x7f]")


class CookieFormError(ValueError):
    """Says what was found where cookies in JSON were expected, and quotes nothing of it."""


def make_netscape_text(text: str) -> str:
    """Return cookies that are a JSON list as the text of a cookies.txt.

    Raises
    ------
    CookieFormError
        It is not such JSON; with what was expected, and where.
    """
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CookieFormError(f"JSON that breaks off or is damaged at {place}") from None
    except (ValueError, RecursionError):
        raise CookieFormError("JSON that no extension writes") from None
    if isinstance(rows, Mapping):  # of Playwright
        rows = rows.get("cookies")
    if not isinstance(rows, list):
        raise CookieFormError("JSON that is no list of cookies, [{...}, {...}]")
    return NETSCAPE_HEADER + "".join(
        _make_line(number, row) for number, row in enumerate(rows, start=1)
    )


def _make_line(number: int, row: object) -> str:
    if not isinstance(row, Mapping):
        raise CookieFormError(f"cookie {number} of the list: expected an object, {{...}}")
    if fault := _fault_of(row):
        raise CookieFormError(f"cookie {number} of the list: expected {fault}")
    domain = row["domain"].removeprefix(".")
    # Where nothing is said, a dot in front stands for the hosts below it too.
    if not row.get("hostOnly", not row["domain"].startswith(".")):
        domain = f".{domain}"
    fields = (
        ("#HttpOnly_" if row.get("httpOnly") else "") + domain,
        _truth(domain.startswith(".")),
        row.get("path") or "/",
        _truth(row.get("secure", True)),
        str(seconds_of(_expiry(row))),
        row["name"],
        row["value"],
    )
    return "\t".join(fields) + "\n"


def _fault_of(row: Mapping[str, object]) -> str:
    """Return what was expected in place of what a cookie holds; empty: nothing is wrong."""
    for key in ("domain", "name", "value", "path"):
        text = (row.get(key) or "/") if key == "path" else row.get(key)
        if not isinstance(text, str) or _CONTROL.search(text):
            return f'a text without control characters under "{key}"'
    if not re.fullmatch(r"\.?[^\s.#/][^\s#/]*", str(row["domain"])):
        return 'a host name under "domain"'
    for key in ("hostOnly", "httpOnly", "secure", "session"):
        if not isinstance(row.get(key, False), bool):
            return f'true or false under "{key}"'
    if not abs(_expiry(row)) < _LATEST:
        return f'a time in seconds under "{_expiry_key(row)}"'
    return ""


def _expiry_key(row: Mapping[str, object]) -> str:
    return "expires" if "expires" in row and "expirationDate" not in row else "expirationDate"


def _expiry(row: Mapping[str, object]) -> float:
    """Return when a cookie expires, as it is written; below 0: with the browser's session."""
    expiry = row.get(_expiry_key(row))
    if expiry is None or row.get("session") is True:
        return -1
    if isinstance(expiry, bool) or not isinstance(expiry, int | float):
        return math.nan
    return max(expiry, 1) if expiry >= 0 else expiry


def seconds_of(expiry: float) -> int:
    """Return when a cookie expires in whole seconds, 0 for a cookie of the browser's session.

    Parameters
    ----------
    expiry : float
        In seconds, or in milliseconds where they would lie beyond the year 5000. Below 0: of the
        session.
    """
    return math.floor(max(0, expiry / 1000 if expiry >= _MILLISECONDS else expiry))


def _truth(value: object) -> str:
    return "TRUE" if value else "FALSE"
