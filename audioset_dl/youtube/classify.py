"""Which failure an error of yt-dlp stands for: by its cause, its text, and earlier warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, TransportError
from yt_dlp.utils import ContentTooShortError, ExtractorError, GeoRestrictedError

from audioset_dl.outcomes import FAILURE_KINDS, KINDS, Failure, FailureKind

_BY_TYPE: tuple[tuple[type[BaseException], str], ...] = (
    (GeoRestrictedError, "geo"),
    (ContentTooShortError, "network"),
    (IncompleteRead, "network"),
    (TransportError, "network"),
)
_OF_TRANSPORT = tuple(KINDS[code] for code in ("resources", "proxy_plain", "proxy", "offline"))
"""What a transport error may be by its text, other than a passing fault of the network."""
_UNCLEAR = frozenset({"session", "format", "unknown", "unlisted"})
"""Codes of errors that often have a clearer cause in an earlier warning. yt-dlp only warns of a 429
from the player API; the error that follows is "Failed to extract any player response"."""


def classify(error: BaseException, warnings: Sequence[str] = ()) -> Failure:
    """Return the failure that an error of yt-dlp stands for.

    Parameters
    ----------
    error : BaseException
        What yt-dlp raised: mostly a ``DownloadError`` whose ``exc_info`` holds the cause.
    warnings : sequence of str
        Its warnings before that, in order.
    """
    detail = _clean(str(error))
    kind = _by_cause(error) or _by_text(detail) or KINDS[_unlisted_code(error)]
    if kind.code in _UNCLEAR:
        clearer, words = _clearest_warning(warnings)
        if clearer is not None:
            return Failure(clearer.code, f"{detail} ({words})")
    is_silence = kind.code == "network" and "timed out" in detail.lower()
    return Failure(kind.code, detail, is_silence=is_silence)


def find_signed_out(warnings: Sequence[str]) -> Failure | None:
    """Return the failure that an account was signed out, if yt-dlp warned of it."""
    kind = KINDS["cookies"]
    found = next((words for words in map(_clean, warnings) if _by_text(words, (kind,))), None)
    return Failure(kind.code, found) if found is not None else None


def _by_cause(error: BaseException) -> FailureKind | None:
    for cause in _causes(error):
        if isinstance(cause, HTTPError):
            return _by_status(cause.status)
        for error_type, code in _BY_TYPE:
            if isinstance(cause, error_type):
                return _by_text(_clean(str(cause)), _OF_TRANSPORT) or KINDS[code]
    return None


def _unlisted_code(error: BaseException) -> str:
    """Tell words of YouTube's that nobody listed from a fault of the tool.

    yt-dlp calls an error expected where it hands on what YouTube says.
    """
    errors = [cause for cause in _causes(error) if isinstance(cause, ExtractorError)]
    return "unlisted" if any(cause.expected for cause in errors) else "unknown"


def _by_status(status: int) -> FailureKind | None:
    if status >= 500:
        return KINDS["network"]
    code = {403: "session", 429: "http_429"}.get(status)
    return KINDS[code] if code else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what lies under it: yt-dlp keeps causes in three places."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, getattr(cause, "cause", None), *_exc_info(cause)]


def _exc_info(error: BaseException) -> Iterable[BaseException | None]:
    exc_info = getattr(error, "exc_info", None)
    return (exc_info[1],) if exc_info else ()


def _by_text(text: str, among: Iterable[FailureKind] = FAILURE_KINDS) -> FailureKind | None:
    normalised = _normalise(text)
    for kind in among:
        if any(fragment in normalised for fragment in kind.fragments):
            return kind
    return None


def _clearest_warning(warnings: Sequence[str]) -> tuple[FailureKind | None, str]:
    for warning in map(_clean, warnings):
        kind = _by_text(warning)
        if kind is not None and kind.code not in _UNCLEAR:
            return kind, warning
    return None, ""


def _clean(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"^(ERROR|WARNING):\s+(\[download\] Got error: )?", "", text.strip())
    text = re.sub(r"^\[youtube[^\]]*\] (\S{11}: )?", "", text)
    text = re.sub(r"; please report this issue on.*", "", text, flags=re.DOTALL)
    # Advice on options that only yt-dlp's own command has.
    text = re.sub(r"\s*Use --cookies.*", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*For tips on how to effectively export YouTube cookies.*", "", text)
    return " ".join(text.split())


def _normalise(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split()).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower()
