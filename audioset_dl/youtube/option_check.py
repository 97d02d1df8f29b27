"""The check of the options that the user hands to yt-dlp: ``download.yt_dlp``.

yt-dlp ignores a misspelled option in silence, and meets a value of a wrong type with the first
video, or with each: both are told before the start.
"""

from __future__ import annotations

import copy
import difflib
import math
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yt_dlp
from yt_dlp.options import create_parser
from yt_dlp.utils import FormatSorter

from audioset_dl.errors import ConfigError, Problem
from audioset_dl.youtube.options import ANY_FORMAT, Notes

_OWN_KEYS = {
    "cookiefile": "download.cookies",
    "cookiesfrombrowser": "download.cookies_from_browser",
    "username": "download.cookies",
    "password": "download.cookies",
    "twofactor": "download.cookies",
    "usenetrc": "download.cookies",
    "netrc_cmd": "download.cookies",
    "nocheckcertificate": "download.verify_tls",
    "proxy": "download.proxies",
    "socket_timeout": "download.timeout_s",
    "retries": "download.attempts",
    "extractor_retries": "download.attempts",
    "fragment_retries": "download.attempts",
    "file_access_retries": "download.attempts",
    "sleep_interval": "download.delay_s",
    "max_sleep_interval": "download.delay_s",
    "ffmpeg_location": "audio.ffmpeg",
}
"""Options that have a key of their own in our config. YouTube takes no login by password."""

_FORBIDDEN_KEYS = frozenset(
    {"allow_unplayable_formats", "color", "continuedl", "daterange", "download_archive",
     "download_ranges", "external_downloader", "extract_flat", "hls_prefer_native",
     "ignore_no_formats_error", "ignoreerrors", "impersonate", "listformats", "logger",
     "match_filter", "nopart", "noplaylist", "noprogress", "outtmpl", "paths", "postprocessors",
     "progress_hooks", "quiet", "retry_sleep_functions", "simulate", "skip_download",
     "skip_unavailable_fragments", "test", "updatetime", "wait_for_video"}
)  # fmt: skip
"""Options that would break what the program relies on, or that take a Python object."""


class _Kind(NamedTuple):
    """A kind of value that an option takes."""

    words: str
    is_right: Callable[[Any], bool]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(_is_text(entry) for entry in value)


def _is_mapping_of(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, Mapping) and all(is_right(entry) for entry in value.values())
    )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < math.inf


_BOOL = _Kind("true or false", lambda value: isinstance(value, bool))
_NUMBER = _Kind("a number from 0", _is_number)
_TEXT = _Kind("a text", _is_text)
_TEXTS = _Kind("a list of texts", _are_texts)
_MAPPING = _Kind("a mapping (key: value)", lambda value: isinstance(value, Mapping))
_KINDS = {
    "cachedir": _Kind("a path, or false", lambda value: value is False or _is_text(value)),
    "extractor_args": _Kind(
        'lists of texts by extractor and argument, such as {youtube: {player_client: ["web"]}}',
        _is_mapping_of(_is_mapping_of(_are_texts)),
    ),
    "http_headers": _Kind("texts by header", _is_mapping_of(_is_text)),
    "js_runtimes": _Kind(
        'mappings by runtime, such as {node: {path: "/usr/bin/node"}}',
        _is_mapping_of(lambda value: isinstance(value, Mapping)),
    ),
    # Their texts, such as 50K, are yt-dlp's command line's only.
    **dict.fromkeys(
        ("http_chunk_size", "max_filesize", "min_filesize", "ratelimit", "throttledratelimit"),
        _NUMBER,
    ),
}
"""Where yt-dlp's own command line does not tell."""


def check_options(options: Mapping[str, Any]) -> None:
    """Check ``download.yt_dlp``.

    Raises
    ------
    ConfigError
        Options that yt-dlp does not know, that the program sets itself, or with values that yt-dlp
        can't use; all of them at once.
    """
    defaults = yt_dlp.parse_options(["--ignore-config"]).ydl_opts
    known = {key: value for key, value in defaults.items() if not key.startswith("_")}
    problems = [problem for key in options if (problem := _problem_of_key(key, known))]
    problems += [
        problem
        for key, value in options.items()
        if value is not None and (problem := _problem_of_value(key, value, known.get(key)))
    ]
    if not problems:
        problems = [*_refused_by_system(options), *_refused_by_yt_dlp(options)]
    if problems:
        raise ConfigError(*problems)


def _problem_of_key(key: str, known: Mapping[str, object]) -> Problem | None:
    place = f"download.yt_dlp.{key}"
    if key in _OWN_KEYS:
        return Problem(place, "is set by the program", f"use {_OWN_KEYS[key]}")
    if key in _FORBIDDEN_KEYS:
        return Problem(place, "is set by the program and can't be changed")
    if key in known:
        return None
    close = difflib.get_close_matches(key, known, n=1)
    fix = f"did you mean {close[0]}?" if close else ""
    return Problem(place, "yt-dlp has no such option of its YoutubeDL class", fix)


def _problem_of_value(key: str, value: object, default: object) -> Problem | None:
    kind = _find_kind(key, default)
    if kind is None or kind.is_right(value):
        return None
    found = f"expected {kind.words}, found {_kind_of(value)}"
    is_scalar = isinstance(value, bool | int | float)
    return Problem(
        f"download.yt_dlp.{key}", found, "put it in quotes" if kind is _TEXT and is_scalar else ""
    )


def _find_kind(key: str, default: object) -> _Kind | None:
    """Return what an option takes, by yt-dlp's own default and command line; None: unknown."""
    if key in _KINDS or key in _OWN_KEYS or key in _FORBIDDEN_KEYS:
        return _KINDS.get(key)
    groups = create_parser().option_groups
    options = [one for group in groups for one in group.option_list if one.dest == key]
    actions, types = {one.action for one in options}, {one.type for one in options}
    if isinstance(default, bool) or (actions and actions <= {"store_true", "store_false"}):
        return _BOOL
    if isinstance(default, int | float) or types & {"int", "float"}:
        return _NUMBER
    if isinstance(default, list | set):
        return _TEXTS
    if isinstance(default, Mapping):
        return _MAPPING
    return _TEXT if isinstance(default, str) or types & {"string", "choice"} else None


def _kind_of(value: object) -> str:
    """Return what a value is; not the value itself, which may be a secret."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "a negative number" if value < 0 else "a number"
    if isinstance(value, str):
        return "a text"
    if not isinstance(value, Mapping | list | tuple):
        return "null" if value is None else f"an object of type {type(value).__name__}"
    whole = "mapping" if isinstance(value, Mapping) else "list"
    parts = list(value.values()) if isinstance(value, Mapping) else list(value)
    inner = dict.fromkeys(_kind_of(part) for part in parts)
    return f"a {whole} of {', '.join(inner)}" if inner else f"an empty {whole}"


def _refused_by_system(options: Mapping[str, Any]) -> list[Problem]:
    """Return what yt-dlp would hear from the system at each request."""
    problems = [
        Problem(f"download.yt_dlp.{key}", "there is no such file")
        for key in ("client_certificate", "client_certificate_key")
        if (path := options.get(key)) and not Path(path).expanduser().exists()
    ]
    if address := options.get("source_address"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family) as one:
                one.bind((address, 0))
        except OSError as error:
            found = f"this machine can't send from it ({error.strerror or error})"
            problems.append(Problem("download.yt_dlp.source_address", found, "name one it has"))
    return problems


def _refused_by_yt_dlp(options: Mapping[str, Any]) -> list[Problem]:
    """Return what yt-dlp can't take: a ``YoutubeDL`` is made of each option, and of all."""
    for tried in (*({key: value} for key, value in options.items()), options):
        if words := _try_yt_dlp(tried):
            place = ".".join(["download.yt_dlp", *(tried if len(tried) == 1 else ())])
            expected = 'not a format selector as yt-dlp takes it, such as "140"'
            found = expected if "format" in tried else "yt-dlp can't use it"
            return [Problem(place, f"{found}: {words}")]
    return []


def _try_yt_dlp(options: Mapping[str, Any]) -> str:
    """Return why yt-dlp can't use these options; empty: it can."""
    notes = Notes()
    own = {"quiet": True, "logger": notes}
    try:
        # A copy: yt-dlp takes what it does not know out of the user's own mappings.
        with yt_dlp.YoutubeDL({**copy.deepcopy(dict(options)), **own}, auto_init=False) as ydl:
            ydl.build_format_selector(options.get("format", ANY_FORMAT))
            FormatSorter(ydl, options.get("format_sort") or [])
    except Exception as error:  # noqa: BLE001 - whatever it is, each clip would meet it
        return " ".join(str(getattr(error, "orig_msg", error)).split())
    ignored = [note for note in notes.warnings if note.startswith("Ignoring")]
    return " ".join("; ".join(ignored).split())
