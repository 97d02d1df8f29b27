"""The user's cookies, read once and handed to every worker as a private copy in memory.

yt-dlp writes its cookies back to the file that it was given: it is never given the user's file, and
no copy is put on disk.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from http.cookiejar import Cookie
from pathlib import Path

from yt_dlp import YoutubeDL
from yt_dlp.cookies import CookieLoadError, YoutubeDLCookieJar, load_cookies

from audioset_dl.config import DownloadConfig
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.youtube.cookie_json import CookieFormError, make_netscape_text, seconds_of
from audioset_dl.youtube.options import Notes, parse_browser

_SITE = "https://www.youtube.com"
_LOGIN = "LOGIN_INFO"
_API_LOGINS = ("SAPISID", "__Secure-1PAPISID", "__Secure-3PAPISID")
"""By these yt-dlp tells an account from a guest (``_has_auth_cookies`` in its
``extractor/youtube/_base.py``, 2026.10.26): the first, and one of the others."""
_HOW = (
    "sign in to youtube.com in a private window and copy the cookies into that file with a browser "
    'extension: EditThisCookie (JSON) or "Get cookies.txt LOCALLY" (Netscape format)'
)
_HOW_IN_BROWSER = "sign in to youtube.com there, or name another, or null"


def find_cookies(config: DownloadConfig) -> str | None:
    """Return the cookies that the config names as the text of a cookies.txt, None for a guest.

    Raises
    ------
    ConfigError
        They can't be read, or hold no session on YouTube that is signed in and has not expired:
        with them, the program would be a guest without knowing it.
    """
    if config.cookies is not None:
        source, text = str(config.cookies), read_cookies(config.cookies)
        key, how = "download.cookies", _HOW
    elif config.cookies_from_browser is not None:
        source = config.cookies_from_browser
        text = read_browser_cookies(source)
        key, how = "download.cookies_from_browser", _HOW_IN_BROWSER
    else:
        return None
    if wrong := _fault_of_session(text):
        raise ConfigError(Problem(key, f"{source} {wrong}", how))
    return text


def read_cookies(path: Path) -> str:
    """Return what a file of cookies holds as the text of a cookies.txt (Netscape format).

    Parameters
    ----------
    path : Path
        A cookies.txt, or the JSON that EditThisCookie and Cookie-Editor copy, whatever its name.

    Raises
    ------
    ConfigError
        The file can't be read, or is in another format, or holds no cookie.
    """
    text = _read_text(path)
    if text.lstrip().startswith(("[", "{")):
        try:
            text = make_netscape_text(text)
        except CookieFormError as error:
            raise _problem(f"{path} holds {error}") from None
    else:
        text = _tidy_lines(path, text)
    if not len(_load_jar(text)):
        raise _problem(f"{path} holds no cookies")
    return text


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if is_utf_16 else "utf-8-sig").lstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise _problem(f"{path} can't be read ({error})") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _load_jar(text: str) -> YoutubeDLCookieJar:
    jar = YoutubeDLCookieJar(io.StringIO(text))
    jar.load()
    return jar


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
            Problem("download.cookies_from_browser", f"{browser}: {why}", "name another, or null")
        ) from error
    text = io.StringIO()
    jar.save(text)
    # Of what other sites have put there, a line may be none that yt-dlp can read again.
    tidy = ((line, _tidy_time(line)) for line in text.getvalue().split("\n"))
    return "\n".join(one for line, one in tidy if _is_comment(line) or not _fault_of(one))


def _fault_of_session(text: str) -> str:
    """Return what cookies lack for an account's session; empty: nothing. Quotes no value."""
    jar = _load_jar(text)
    cookies = [cookie for cookie in jar if _is_of_youtube(cookie.domain)]
    if not cookies:
        sites = len({cookie.domain.lstrip(".") for cookie in jar})
        s = "" if sites == 1 else "s"
        return f"holds no cookies of youtube.com (it has those of {sites} other site{s})"
    if _is_session({cookie.name for cookie in jar.get_cookies_for_url(_SITE) if cookie.value}):
        return ""
    if all(cookie.is_expired() for cookie in cookies):
        return f"holds cookies of youtube.com that have all expired, the last {_last_day(cookies)}"
    if _is_session({cookie.name for cookie in cookies if cookie.value}):
        expired = [cookie for cookie in cookies if cookie.is_expired()]
        of_session = [cookie for cookie in expired if cookie.name in (_LOGIN, *_API_LOGINS)]
        if of_session:
            return f"holds a session on YouTube that expired {_last_day(of_session)}"
    return (
        f"holds no session on YouTube that is signed in ({_LOGIN}, and one of "
        f"{', '.join(_API_LOGINS)}, for youtube.com)"
    )


def _is_session(names: Collection[str]) -> bool:
    return _LOGIN in names and any(name in names for name in _API_LOGINS)


def _is_of_youtube(domain: str) -> bool:
    return f".{domain}".endswith(".youtube.com")


def _last_day(cookies: Iterable[Cookie]) -> str:
    last = max(cookie.expires or 0 for cookie in cookies)
    return f"on {datetime.fromtimestamp(last).astimezone():%Y-%m-%d}"


def _tidy_lines(path: Path, text: str) -> str:
    """Return a cookies.txt as yt-dlp can read it, whatever other sites have put there.

    Times are written as yt-dlp takes them. yt-dlp would print a line that it can't read, secrets
    included: one of another site is left out, and one of YouTube's is told.
    """
    if not re.match("#( Netscape)? HTTP Cookie File", text):
        raise _problem(
            f"{path} is neither: it does not begin with '# Netscape HTTP Cookie File', "
            f"nor with [ as JSON"
        )
    lines = []
    for number, line in enumerate(text.split("\n"), start=1):
        tidy = line if _is_comment(line) else _tidy_time(line)
        fault = "" if _is_comment(line) else _fault_of(tidy)
        if not fault:
            lines.append(tidy)
        elif re.search("youtube|google", line, re.IGNORECASE):
            raise _problem(f"{path}:{number}: expected {fault}")
    return "\n".join(lines)


def _tidy_time(line: str) -> str:
    """Write when a cookie expires in seconds; 0, as of a session's, for the -1 of some tools."""
    fields = line.split("\t")
    if len(fields) == 7 and re.fullmatch(r"[-+]?\d{1,19}(\.\d{1,15})?", fields[4]):
        fields[4] = str(seconds_of(float(fields[4])))
    return "\t".join(fields)


def _is_comment(line: str) -> bool:
    return not line.strip() or (line.startswith("#") and not line.startswith("#HttpOnly_"))


def _fault_of(line: str) -> str:
    """Return what was expected of a line in place of what it holds, quoting nothing of it."""
    fields = line.removesuffix("\n").removeprefix("#HttpOnly_").split("\t")
    if len(fields) != 7:
        return f"seven fields separated by tabs, found {len(fields)}"
    if (fields[1] == "TRUE") != fields[0].startswith(".") or fields[1] not in {"TRUE", "FALSE"}:
        return "TRUE in the second field where the first begins with a dot, FALSE elsewhere"
    if not re.fullmatch(r"\d{0,15}", fields[4]):
        return "a time in seconds, or nothing, in the fifth field"
    if re.search(r"[\0-\x1f\x7f]", "".join(fields)):
        return "text without control characters"
    return ""


def _problem(found: str) -> ConfigError:
    return ConfigError(Problem("download.cookies", found, _HOW))
