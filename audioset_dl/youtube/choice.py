"""Which of a video's formats is fetched: its own sound, and the least of it that holds all.

Since 2023 videos have dubs (https://support.google.com/youtube/answer/13338784), and yt-dlp prefers
quality to language. Google's raters heard the original. Pure functions of yt-dlp's formats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Format = dict[str, Any]
"""A format as yt-dlp describes it."""

# yt-dlp's language_preference (yt_dlp/extractor/youtube/_video.py, ORIGINAL_LANG_VALUE).
_ORIGINAL, _DEFAULT, _DESCRIPTION = 10, 5, -10
_PROTOCOLS = ("https", "http", "m3u8_native", "http_dash_segments")
"""What yt-dlp fetches itself; for others it would start a program."""
_MOST_CHANNELS = 2
_UNKNOWN_SIZE = float("inf")


class Sound(StrEnum):
    """What is known of an audio track: the column ``track`` of manifest.csv."""

    ORIGINAL = "original"
    """Marked by YouTube as the original."""
    DEFAULT = "default"
    """Not marked so, but the one that YouTube plays to everybody."""
    ONLY = "only"
    """The video has one track, of which no language is told."""
    UNMARKED = "unmarked"
    """Without a language, beside tracks that have one: as in files that hold the picture too."""


class NoSound(Exception):
    """None of the formats holds the video's own sound."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        """``no_audio``, ``dubbed``, or ``session`` where formats of the picture are missing too."""
        self.detail = detail


@dataclass(frozen=True)
class Choice:
    """A format that holds the video's own sound."""

    format: Format
    sound: Sound


def choose_formats(
    formats: Sequence[Format], select: Callable[[list[Format]], list[Format]] | None = None
) -> list[Choice]:
    """Return the formats that hold a video's own sound, the one to fetch first.

    Parameters
    ----------
    formats : sequence of dict
        As yt-dlp gives them, from the worst to the best.
    select : callable, optional
        The user's own choice (``download.yt_dlp.format``) among the formats with the video's own
        sound; nothing where none fits.

    Raises
    ------
    NoSound
        No format has sound, or all are dubs or descriptions.
    """
    audible = [one for one in formats if _is_audible(one)]
    if not audible:
        shows_picture = any(one.get("vcodec") not in (None, "none") for one in formats)
        # Nothing but storyboards is an answer that lacks something.
        code = "no_audio" if shows_picture else "session"
        raise NoSound(code, "there is no format with sound")
    sound, own = _own_sound(audible)
    ranks = {id(one): rank for rank, one in enumerate(formats)}
    ordered = _distinct(sorted(own, key=lambda one: _order(one, ranks[id(one)])))
    if select is not None:
        # From the worst to the best, as yt-dlp has them, and by YouTube's own numbers: yt-dlp adds
        # others where several clients give the same format.
        ordered = select([{**one, "format_id": itag_of(one)} for one in reversed(ordered)])
    return [Choice(one, sound) for one in ordered]


def itag_of(one: Format) -> str:
    """Return YouTube's number of a format, without the one by which yt-dlp tells equal ones."""
    itag, *rest = str(one.get("format_id")).split("-")
    return f"{itag}-drc" if "drc" in rest else itag


def _distinct(formats: Sequence[Format]) -> list[Format]:
    """Return formats without those that another client gives as well."""
    by_kind: dict[tuple[object, ...], Format] = {}
    for one in formats:
        kind = itag_of(one), one.get("protocol") == "m3u8_native", one.get("language")
        by_kind.setdefault(kind, one)
    return list(by_kind.values())


def _is_audible(one: Format) -> bool:
    # A storyboard has neither codec. Of HLS the codec of the sound may not be told.
    has_sound = one.get("acodec") != "none"
    return has_sound and one.get("protocol") in _PROTOCOLS and not one.get("has_drm")


def _own_sound(audible: Sequence[Format]) -> tuple[Sound, list[Format]]:
    """Return the formats with the video's own sound, and what is known of it."""
    unmarked = [one for one in audible if not one.get("language") and _preference(one) == -1]
    if len(unmarked) == len(audible):
        return Sound.ONLY, unmarked
    for preference, sound in ((_ORIGINAL, Sound.ORIGINAL), (_DEFAULT, Sound.DEFAULT)):
        if found := [one for one in audible if _preference(one) == preference]:
            return sound, found
    if unmarked:
        return Sound.UNMARKED, unmarked
    languages = sorted({str(one.get("language")) for one in audible})
    raise NoSound("dubbed", f"the video's own sound is missing; there are {', '.join(languages)}")


def _preference(one: Format) -> int:
    return int(one.get("language_preference") or -1)


def _order(one: Format, rank: int) -> tuple[float, ...]:
    """Return what sorts formats of one sound, the best first."""
    too_many_channels = (one.get("audio_channels") or _MOST_CHANNELS) > _MOST_CHANNELS
    is_compressed = "-drc" in str(one.get("format_id"))
    is_muxed = one.get("vcodec") != "none"
    is_in_pieces = one.get("protocol") not in ("https", "http")
    # Of the picture as little as can be; of sound alone what yt-dlp takes for the best.
    last = _size(one) if is_muxed else -rank
    return too_many_channels, is_muxed, is_in_pieces, is_compressed, last


def _size(one: Format) -> float:
    size = one.get("filesize") or one.get("filesize_approx") or one.get("tbr")
    return float(size) if size else _UNKNOWN_SIZE
