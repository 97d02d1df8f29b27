"""The kinds of value that a configuration holds, and how each is checked.

Owns the rules for single values (paths, proxies, segment files, slices). Must not know the
sections, nor where a value was written.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Hashable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from audioset_dl.config.document import quoted, shown
from audioset_dl.errors import join_fix

FAULT = "fault"
"""Type of the pydantic errors whose words are ready to be shown."""

SegmentFile = Literal["balanced_train", "eval", "unbalanced_train", "train_strong", "eval_strong"]
"""A segment file of Google's, by its short name."""

_TABLE_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks5", "socks5h")

_Entry = TypeVar("_Entry")


def fault(found: str, fix: str = "", *, index: int | None = None) -> PydanticCustomError:
    """Return the error for a validator to raise, with the words that the user gets.

    Parameters
    ----------
    found : str
        What was found, and what was expected; no secrets.
    fix : str, optional
        What to do about it.
    index : int, optional
        The entry that is wrong, where the value is a list.
    """
    words = {"words": join_fix(found, fix), "found": found, "fix": fix, "index": index}
    return PydanticCustomError(FAULT, "{words}", words)


def _tuple_of(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _each_once(
    noun: str, key: Callable[[_Entry], Hashable] = lambda entry: entry
) -> AfterValidator:
    """Return the check that refuses a list in which two entries have the same key."""

    def check(entries: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
        indexes: dict[Hashable, int] = {}
        for index, entry in enumerate(entries):
            first = indexes.setdefault(key(entry), index)
            if first != index:
                raise fault(f"the same {noun} as entry [{first}]", "keep one", index=index)
        return entries

    return AfterValidator(check)


def _check_text(text: str) -> str:
    if not text.strip():
        raise fault("nothing between the quotes", "write the text, or remove it")
    return text


def _check_path(value: object, info: ValidationInfo) -> object:
    """Return text as a path, taken from the folder of the validation's context if there is one."""
    if not isinstance(value, str | Path):
        return value
    if isinstance(value, str) and not value.strip():
        raise fault("an empty path", "write a path, or leave the key out for its default")
    if "\0" in str(value):
        raise fault("a path can't hold a NUL character")
    if os.name != "nt" and re.match(r"[A-Za-z]:[\\/]|\\\\", str(value)):
        found = f"a path of Windows, {quoted(str(value))}, and this machine runs {sys.platform}"
        raise fault(found, "write it as this machine names it, such as /mnt/d/data")
    try:
        path = Path(_expand_variables(str(value))).expanduser()
    except RuntimeError:
        raise fault(f"no home folder is known for {quoted(str(value))}", "write it out") from None
    return path if info.context is None else info.context / path


def _expand_variables(path: str) -> str:
    """Put in environment variables as a shell does: ``$HOME/audioset``, ``${SCRATCH}/audioset``."""
    expanded = os.path.expandvars(path)
    if left := re.match(r"(?:.*/)?(\$[A-Za-z_]\w*|\$\{\w+\})", expanded):
        found = f"no environment variable {left[1]} is set, for {quoted(path)}"
        raise fault(found, "set it, or write the path out")
    return expanded


def _check_segment(value: object, info: ValidationInfo) -> object:
    names = get_args(SegmentFile)
    if not isinstance(value, str) or value.lower().endswith(_TABLE_SUFFIXES):
        return _check_path(value, info)
    if value in names:
        return value
    close = get_close_matches(value.lower(), names, n=1)
    known = f"(known: {', '.join(names)}, or the path of a .csv, .tsv, .csv.gz or .tsv.gz file)"
    guess = f"did you mean {close[0]}? " if close else ""
    raise fault(f"unknown name {quoted(value)}", guess + known)


def _check_any_segments(entries: tuple[_Entry, ...]) -> tuple[_Entry, ...]:
    if not entries:
        raise fault("an empty list", "name at least one segment file, such as balanced_train")
    return entries


def _checked_numbers(
    value: object, types: tuple[type, ...], is_right: Callable[..., bool], expected: str
) -> tuple[Any, ...]:
    """Return a list of numbers as a tuple; refuse what is none, or not right."""
    entries = value if isinstance(value, list | tuple) else ()
    # By type() and not isinstance(): true and false are of type int to the latter.
    if entries and all(type(entry) in types for entry in entries) and is_right(entries):
        return tuple(entries)
    is_short = isinstance(value, list | tuple) and len(value) < 6
    found = f"[{', '.join(map(shown, entries))}]" if is_short else shown(value)
    raise fault(f"expected {expected}, found {found}")


def _check_slice(value: object) -> object:
    def is_slice(numbers: Sequence[int]) -> bool:
        return len(numbers) == 2 and 0 <= numbers[0] < numbers[1]

    expected = "[start, stop], two whole numbers with 0 <= start < stop, or null"
    return None if value is None else _checked_numbers(value, (int,), is_slice, expected)


def _check_ratios(value: object) -> object:
    def are_shares(numbers: Sequence[float]) -> bool:
        return len(numbers) == 3 and min(numbers) >= 0 and math.isclose(sum(numbers), 1)

    expected = "[train, validation, test], three numbers from 0 that sum to 1"
    return _checked_numbers(value, (int, float), are_shares, f"{expected}, such as [0.7, 0.1, 0.2]")


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
    beyond = parts.path not in ("", "/") or parts.query or parts.fragment
    odd = " " in proxy or not proxy.isprintable()
    if not parts.hostname or port == 0 or beyond or odd:
        raise fault(
            "expected scheme://user:password@host:port (the login is optional)",
            "characters such as @ : / # ? in the login must be percent-encoded (@ as %40)",
        )
    # Tools disagree on the default: 80, or curl's 1080 (https://curl.se/docs/manpage.html#-x).
    if port is None and parts.scheme == "http":
        raise fault("the port is missing", "write http://host:port")
    return proxy


def _proxy_key(proxy: str) -> Hashable:
    """Return what YouTube sees of a proxy: another login may be another way out."""
    parts = urlsplit(proxy.rstrip("/"))
    return parts.scheme, parts.username, parts.password, parts.hostname, parts.port


def _check_ytid(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", text):
        raise fault("expected the id of a YouTube video: 11 of A-Za-z0-9_-")
    return text


Ytid: TypeAlias = Annotated[str, AfterValidator(_check_ytid)]
"""Id of a YouTube video."""
Text: TypeAlias = Annotated[str, AfterValidator(_check_text)]
"""Text that is not empty."""
Texts: TypeAlias = Annotated[tuple[Text, ...], BeforeValidator(_tuple_of)]
ClassNames: TypeAlias = Annotated[Texts, _each_once("class")]
"""Display names or MIDs, each once."""
FilePaths: TypeAlias = Annotated[
    tuple[Annotated[Path, BeforeValidator(_check_path)], ...],
    BeforeValidator(_tuple_of),
    _each_once("file"),
]
"""Paths, each once."""
FilePath: TypeAlias = Annotated[Path, BeforeValidator(_check_path)]
"""A path; ``~`` is expanded, and the folder of the configuration put before a relative one."""
Segments: TypeAlias = Annotated[
    tuple[Annotated[SegmentFile | Path, BeforeValidator(_check_segment)], ...],
    BeforeValidator(_tuple_of),
    AfterValidator(_check_any_segments),
    _each_once("file"),
]
"""Segment files: Google's by name, others by path."""
Slice: TypeAlias = Annotated[tuple[int, int] | None, BeforeValidator(_check_slice)]
"""First and one past the last."""
Ratios: TypeAlias = Annotated[tuple[float, float, float], BeforeValidator(_check_ratios)]
"""Shares of train, validation and test; they sum to 1."""
Proxies: TypeAlias = Annotated[
    tuple[Annotated[str, AfterValidator(_check_proxy)], ...],
    BeforeValidator(_tuple_of),
    _each_once("proxy", _proxy_key),
]
"""Addresses of proxies, no two alike."""
Flags: TypeAlias = Annotated[
    tuple[Literal["silent", "clipped", "nan", "dc_offset", "wrong_length", "duplicate"], ...],
    BeforeValidator(_tuple_of),
    _each_once("flag"),
]
"""What may be wrong with the sound of a clip."""
