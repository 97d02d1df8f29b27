"""Secrets (passwords, tokens, cookies) and how they are taken out of any text.

yt-dlp, the libraries below it and proxies may quote what they were given, and their words go into
the journal, into failures.csv and onto the screen. Owns which parts of addresses and of yt-dlp's
options are secret.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit
from urllib.request import getproxies

from pydantic import JsonValue

from audioset_dl.config.document import HIDDEN
from audioset_dl.config.models import Config, DownloadConfig

SHORTEST_COOKIE = 6
"""A cookie's value of fewer characters (``1``, ``en``) is no secret, and is found in any text."""
SHORTEST_PASSWORD = 3
"""A shorter password is hidden only where it stands in an address."""

# Matched anywhere in a key: yt-dlp has password, videopassword, ap_password and more with each
# version (https://github.com/yt-dlp/yt-dlp/blob/master/yt_dlp/YoutubeDL.py), and its extractors'
# arguments, such as po_token, go by the same words.
_SECRET_KEY = re.compile(
    r"passw|passphrase|secret|token|twofactor|user_?name|headers?$|authorization|api_?key"
    r"|visitor_data|data_sync_id|netrc_cmd|cookies?$",
    re.IGNORECASE,
)
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


def public_dict(config: Config) -> dict[str, Any]:
    """Return a configuration as JSON-able data without secrets, for ``run.json``.

    Passwords of proxies are hidden, and so are logins, tokens and headers in the options for
    yt-dlp.
    """
    data = config.model_dump(mode="json")
    data["download"]["proxies"] = [masked_proxy(proxy) for proxy in config.download.proxies]
    data["download"]["yt_dlp"] = masked_options(config.download.yt_dlp)
    return data


def hide_logins(text: str) -> str:
    """Return a text without the logins of the addresses in it (``http://ann:pw@host``)."""
    return re.sub(r"(?<=://)[^/\s]*@", f"{HIDDEN}@", text)


def masked_proxy(proxy: str) -> str:
    """Return a proxy's address without its password, or without a lone user name (a token).

    >>> masked_proxy("http://ann:pw@host:80"), masked_proxy("http://t0k3n@host:80")
    ('http://ann:***@host:80', 'http://***@host:80')
    """
    head, at, host = proxy.rpartition("@")
    if not at:
        return proxy
    scheme, separator, login = head.partition("://")
    if not separator:
        return f"{HIDDEN}@{host}"
    user, _, password = login.partition(":")
    return f"{scheme}://{f'{user}:' if password else ''}{HIDDEN}@{host}"


def masked_options(options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return yt-dlp's options with ``***`` in the place of logins, tokens and headers."""
    return {key: _masked(value, is_secret=_is_secret(key)) for key, value in options.items()}


def secret_texts(options: JsonValue | Mapping[str, JsonValue], key: str = "") -> Iterator[str]:
    """Yield the texts in yt-dlp's options that `masked_options` hides for the name of their key."""
    if isinstance(options, Mapping):
        for name, value in options.items():
            yield from secret_texts(value, name if _is_secret(name) else key)
    elif isinstance(options, list):
        for value in options:
            yield from secret_texts(value, key)
    elif isinstance(options, str) and _is_secret(key):
        yield options


def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _masked(value: JsonValue, *, is_secret: bool) -> JsonValue:
    if isinstance(value, dict):
        return {
            key: _masked(entry, is_secret=is_secret or _is_secret(key))
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [_masked(entry, is_secret=is_secret) for entry in value]
    if is_secret:
        return value if value in (None, "") else HIDDEN
    return masked_proxy(value) if isinstance(value, str) and "://" in value else value
