"""The kinds of value that a configuration holds: how each is checked, and how a secret is hidden.

Owns the rules for single values (paths, proxies, segment files, slices). Must not know the
sections, nor where a value was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, JsonValue
from pydantic_core import PydanticCustomError

from audioset_dl.config.document import HIDDEN, quoted

FAULT = "fault"
"""Type of the pydantic errors whose message is ready to be shown."""

SegmentFile = Literal["balanced_train", "eval", "unbalanced_train"]
"""A segment file of Google's, by its short name."""

_PROXY_SCHEMES = ("http", "https", "socks4", "socks5", "socks5h")
_SECRET_KEY = re.compile(
    r"passw|passphrase|secret|token|twofactor|user_?name|headers?$|authorization|api_?key"
    r"|visitor_data|data_sync_id|netrc_cmd|cookies?$",
    re.IGNORECASE,
)
"""Keys of yt-dlp's options, and of their sub-options, that may hold a secret."""


def fault(message: str, *, index: int | None = None) -> PydanticCustomError:
    """Return the error for a validator to raise, with the words that the user gets.

    Parameters
    ----------
    message : str
        What was found, what was expected, what to do; no secrets.
    index : int, optional
        The entry that is wrong, where the value is a list.
    """
    return PydanticCustomError(FAULT, "{words}", {"words": message, "index": index})


def shown(value: object) -> str:
    """Return a value as a message quotes it."""
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping (key: value)"
    return quoted(value) if isinstance(value, str) else json.dumps(value, default=str)


def masked_proxy(proxy: str) -> str:
    """Return a proxy's address for eyes and logs: without password, or a lone user name (a token).

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
    """Return yt-dlp's options for eyes and logs: logins, tokens and headers are hidden."""
    return {key: _masked(value, _SECRET_KEY.search(key)) for key, value in options.items()}


def secret_texts(options: Mapping[str, JsonValue]) -> set[str]:
    """Return the texts that `masked_options` hides, and those of logins in addresses."""
    return {secret for key, value in options.items() for secret in _secrets_in(value, key, False)}


def _secrets_in(value: JsonValue, key: str, is_secret: bool) -> Iterator[str]:
    is_secret = is_secret or bool(_SECRET_KEY.search(key))
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _secrets_in(entry, name, is_secret)
    elif isinstance(value, list):
        for entry in value:
            yield from _secrets_in(entry, "", is_secret)
    elif is_secret and isinstance(value, str):
        yield value


def _masked(value: JsonValue, secret: object) -> JsonValue:
    if isinstance(value, dict):
        return {
            key: _masked(entry, secret or _SECRET_KEY.search(key)) for key, entry in value.items()
        }
    if isinstance(value, list):
        return [_masked(entry, secret) for entry in value]
    if secret and value not in (None, ""):
        return HIDDEN
    if isinstance(value, str) and "://" in value:
        return masked_proxy(value)
    return value


def _tuple_of(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _check_text(text: str) -> str:
    if not text.strip():
        raise fault("nothing between the quotes; write the text, or remove it")
    return text


def _check_path(value: object) -> object:
    """Return text as a path with ``~`` expanded; leave other things to the next check."""
    if not isinstance(value, str | Path):
        return value
    if isinstance(value, str) and not value.strip():
        raise fault("an empty path; write a path, or leave the key out for its default")
    if "\0" in str(value):
        raise fault("a path can't hold a NUL character")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise fault(f"no home folder is known for {quoted(str(value))}; write it out") from None


def _check_segments(value: object) -> object:
    return value if isinstance(value, str) and value in get_args(SegmentFile) else _csv_path(value)


def _csv_path(value: object) -> object:
    if isinstance(value, str) and not value.lower().endswith((".csv", ".csv.gz")):
        names = get_args(SegmentFile)
        close = get_close_matches(value.lower(), names, n=1)
        raise fault(
            f"unknown name {quoted(value)}; "
            + (f"did you mean {close[0]}? " if close else "")
            + f"(known: {', '.join(names)}, or the path of a .csv or .csv.gz file)"
        )
    return _check_path(value)


def _check_segment_list(entries: tuple[SegmentFile | Path, ...]) -> tuple[SegmentFile | Path, ...]:
    if not entries:
        raise fault("an empty list; name at least one segment file, such as balanced_train")
    seen: set[SegmentFile | Path] = set()
    for index, entry in enumerate(entries):
        if entry in seen:
            raise fault(f"{quoted(str(entry))} is listed twice; keep one", index=index)
        seen.add(entry)
    return entries


def _check_slice(value: object) -> object:
    if value is None:
        return value
    numbers = value if isinstance(value, list | tuple) else ()
    whole = [number for number in numbers if type(number) is int]
    if len(numbers) == len(whole) == 2 and 0 <= whole[0] < whole[1]:
        return tuple(whole)
    flat = isinstance(value, list | tuple) and len(value) < 5
    found = f"[{', '.join(map(shown, numbers))}]" if flat else shown(value)
    raise fault(
        f"expected [start, stop], two whole numbers with 0 <= start < stop, or null, found {found}"
    )


def _check_proxy(proxy: str) -> str:
    """Refuse what is no proxy's address, never quoting it: it may hold a password."""
    scheme, separator, _ = proxy.partition("://")
    if not separator or scheme.lower() not in _PROXY_SCHEMES:
        words = ", ".join(f"{scheme}://" for scheme in _PROXY_SCHEMES)
        raise fault(f"expected an address that begins with one of {words}")
    try:
        parts = urlsplit(proxy)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if _is_misspelled(proxy, parts, port):
        raise fault(
            "expected scheme://user:password@host:port (the login is optional); characters such "
            "as @ : / # ? in the login must be percent-encoded (@ as %40)"
        )
    if port is None and parts.scheme == "http":
        raise fault("the port is missing; write http://host:port")
    return proxy


def _is_misspelled(proxy: str, parts: SplitResult, port: int | None) -> bool:
    beyond = parts.path not in ("", "/") or parts.query or parts.fragment
    odd = " " in proxy or not proxy.isprintable()
    return not parts.hostname or port == 0 or bool(beyond) or odd


def _check_proxy_list(proxies: tuple[str, ...]) -> tuple[str, ...]:
    keys = [urlsplit(proxy.rstrip("/")) for proxy in proxies]
    seen: dict[tuple[object, ...], int] = {}
    for index, parts in enumerate(keys):
        key = (parts.scheme, parts.username, parts.password, parts.hostname, parts.port)
        if key in seen:
            words = f"the same proxy as entry [{seen[key]}]; each is an address with its own pace"
            raise fault(f"{words}, so keep one", index=index)
        seen[key] = index
    return proxies


Text: TypeAlias = Annotated[str, AfterValidator(_check_text)]
"""Text that is not empty."""
Texts: TypeAlias = Annotated[tuple[Text, ...], BeforeValidator(_tuple_of)]
FilePath: TypeAlias = Annotated[Path, BeforeValidator(_check_path)]
"""A path; ``~`` is expanded."""
Segments: TypeAlias = Annotated[
    tuple[Annotated[SegmentFile | Path, BeforeValidator(_check_segments)], ...],
    BeforeValidator(_tuple_of),
    AfterValidator(_check_segment_list),
]
"""Segment files: Google's by name, others by path."""
Slice: TypeAlias = Annotated[tuple[int, int] | None, BeforeValidator(_check_slice)]
"""First and one past the last."""
Proxies: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_check_proxy)], ...],
    BeforeValidator(_tuple_of),
    AfterValidator(_check_proxy_list),
]
"""Addresses of proxies, no two alike."""
