"""Secrets (passwords, tokens, cookies) and how they are taken out of any text.

yt-dlp, the libraries below it and proxies may quote what they were given, and their words go into
the journal, into failures.csv and onto the screen.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit
from urllib.request import getproxies

from audioset_dl.config.models import DownloadConfig
from audioset_dl.config.quoting import HIDDEN, hide_logins, secret_texts

SHORTEST_COOKIE = 6
"""A cookie's value of fewer characters (``1``, ``en``) is no secret, and is found in any text."""
SHORTEST_PASSWORD = 3
"""A shorter password is hidden only where it stands in an address."""

_TRACK = re.compile(r"(/videoplayback[?/])[^\s'\"<>)]+")


class Secrets:
    """Hides secrets in texts.

    Parameters
    ----------
    values : iterable of str
        The secrets, each as it is used; they are found percent-encoded and in Base64, too.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values if value for form in _forms(value)}
        # The longest first: a secret may be a part of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def hide(self, text: str) -> str:
        """Return a text with ``***`` in the place of each secret.

        Logins in addresses are hidden too, and so is all that follows in the address of a track: it
        holds the user's IP address, and signatures and tokens that are made for it.
        """
        shown = _TRACK.sub(rf"\1{HIDDEN}", hide_logins(text))
        return self._pattern.sub(HIDDEN, shown) if self._pattern else shown


def find_secrets(config: DownloadConfig, cookies: str | None = None) -> Secrets:
    """Return the secrets that a run knows.

    Parameters
    ----------
    config : DownloadConfig
        The logins of its proxies (and of those that the environment names) and the logins and
        tokens in its options for yt-dlp are secrets.
    cookies : str, optional
        Text of a cookies.txt.
    """
    proxies = (*config.proxies, *getproxies().values())
    return Secrets(
        [
            *(secret for proxy in proxies for secret in _of_proxy(proxy)),
            *secret_texts(config.yt_dlp),
            *_of_cookies(cookies or ""),
        ]
    )


def _of_proxy(proxy: str) -> Iterator[str]:
    try:
        parts = urlsplit(proxy)
    except ValueError:
        return
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user and not password:
        return
    secret = password or user
    if len(secret) >= SHORTEST_PASSWORD:
        yield secret
    yield b64encode(f"{user}:{password}".encode()).decode()  # as in Proxy-Authorization


def _of_cookies(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        value = line.rpartition("\t")[2].strip()
        if "\t" in line and len(value) >= SHORTEST_COOKIE:
            yield value


def _forms(value: str) -> set[str]:
    return {value, quote(value), quote(value, safe=""), quote_plus(value), repr(value)[1:-1]}
