"""How a message quotes what the user wrote: on one line, short, and without secrets.

Owns which parts of addresses and of yt-dlp's options are secret. Must not know the configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

HIDDEN = "***"
"""Text in the place of a secret."""
# A message is one line of a terminal: key, place and advice need the rest of it.
_MAX_QUOTED = 60
# Matched anywhere in a key: yt-dlp has password, videopassword, ap_password and more with each
# version (https://github.com/yt-dlp/yt-dlp/blob/master/yt_dlp/YoutubeDL.py), and its extractors'
# arguments, such as po_token, go by the same words.
_SECRET_KEY = re.compile(
    r"passw|passphrase|secret|token|twofactor|user_?name|headers?$|authorization|api_?key"
    r"|visitor_data|data_sync_id|netrc_cmd|cookies?$",
    re.IGNORECASE,
)


def quoted(text: str) -> str:
    """Return text as a message quotes it: on one line, short, and without a proxy's password."""
    # Greedy and across lines, so that a login is hidden however its address is misspelled.
    harmless = re.sub("://.*@", f"://{HIDDEN}@", text, flags=re.DOTALL)
    short = harmless if len(harmless) <= _MAX_QUOTED else harmless[:_MAX_QUOTED] + "..."
    return json.dumps(short, ensure_ascii=False)


def shown(value: object) -> str:
    """Return a value of any kind as a message names it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping (key: value)"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    # Only from a dict that Python code gave. Its text is not shown: it may be a secret.
    return f"an object of type {type(value).__name__}"


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
