"""The user's cookies, read once and handed to every worker as a private copy in memory.

yt-dlp writes its cookies back to the file that it was given: it is never given the user's file, and
no copy is put on disk.
"""

from __future__ import annotations

import io
import re
from http.cookiejar import LoadError
from pathlib import Path

from yt_dlp import YoutubeDL
from yt_dlp.cookies import CookieLoadError, YoutubeDLCookieJar, load_cookies

from audioset_dl.config import DownloadConfig
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.youtube.options import Notes, parse_browser

_HOW = (
    "export the cookies of youtube.com in Netscape format (a browser extension such as "
    '"Get cookies.txt LOCALLY" does) and name that file'
)


def find_cookies(config: DownloadConfig) -> str | None:
    """Return the text of the cookies that the config names, None for a guest.

    Raises
    ------
    ConfigError
        They can't be read.
    """
    if config.cookies is not None:
        return read_cookies(config.cookies)
    if config.cookies_from_browser is not None:
        return read_browser_cookies(config.cookies_from_browser)
    return None


def read_cookies(path: Path) -> str:
    """Return the text of a cookies.txt in Netscape format.

    Raises
    ------
    ConfigError
        The file can't be read, or is in another format, or holds no cookie.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _problem(f"{path} can't be read ({error}); {_HOW}") from error
    if text.lstrip().startswith(("[", "{")):
        raise _problem(f"{path} holds JSON, expected Netscape format; {_HOW}")
    _check_lines(path, text)
    jar = YoutubeDLCookieJar(io.StringIO(text))
    try:
        jar.load()
    except LoadError as error:
        raise _problem(
            f"{path} does not begin with '# Netscape HTTP Cookie File'; {_HOW}"
        ) from error
    if not len(jar):
        raise _problem(f"{path} holds no cookies; {_HOW}")
    return text


def read_browser_cookies(browser: str) -> str:
    """Return the cookies of a browser on this machine, as the text of a cookies.txt.

    Parameters
    ----------
    browser : str
        As yt-dlp names it: ``firefox``, ``firefox:PROFILE``.

    Raises
    ------
    ConfigError
        yt-dlp knows no such browser, or can't read its cookies.
    """
    notes = Notes()
    try:
        jar = load_cookies(
            None, parse_browser(browser), YoutubeDL({"logger": notes}, auto_init=False)
        )
    except CookieLoadError as error:
        why = error.__context__ or error
        raise ConfigError(
            Problem("download.cookies_from_browser", f"{browser}: {why}; name another, or null")
        ) from error
    text = io.StringIO()
    jar.save(text)
    return text.getvalue()


def _check_lines(path: Path, text: str) -> None:
    # yt-dlp would print a line that it can't read, secrets included: such a line stops us first.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or (line.startswith("#") and not line.startswith("#HttpOnly_")):
            continue
        fault = _fault_of(line.removeprefix("#HttpOnly_").removesuffix("\r").split("\t"))
        if fault:
            raise _problem(f"{path}:{number}: expected {fault}; {_HOW}")


def _fault_of(fields: list[str]) -> str:
    """Return what was expected of a line in place of what it holds, quoting nothing of it."""
    if len(fields) != 7:
        return f"seven fields separated by tabs, found {len(fields)}"
    if (fields[1] == "TRUE") != fields[0].startswith(".") or fields[1] not in {"TRUE", "FALSE"}:
        return "TRUE in the second field where the first begins with a dot, FALSE elsewhere"
    if not re.fullmatch(r"(\d{1,15}(\.\d{1,15})?)?", fields[4]):
        return "a time in seconds, or nothing, in the fifth field"
    if re.search(r"[\0-\x1f\x7f]", "".join(fields)):
        return "text without control characters"
    return ""


def _problem(message: str) -> ConfigError:
    return ConfigError(Problem("download.cookies", message))
