"""One YoutubeDL: what it raises and what it warns of become failures, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from yt_dlp.networking.exceptions import HTTPError

from audioset_dl.config import DownloadConfig, find_secrets
from audioset_dl.outcomes import Failure, Scope, VideoFailed
from audioset_dl.youtube.classify import classify, find_signed_out
from audioset_dl.youtube.gate import GatedYoutubeDL
from audioset_dl.youtube.options import Notes, make_options

URL_EXPIRED = frozenset({403, 410})
"""What googlevideo.com answers to a media URL that has expired or is refused."""


class Stopped(Exception):
    """The run is being stopped; the clip under way is given up."""


class MediaRefused(VideoFailed):
    """The address of the media was refused or has expired."""

    def __init__(self, failure: Failure) -> None:
        detail = f"unable to download video data: {failure.detail}"
        super().__init__(replace(failure, code="session", detail=detail))


class Session:
    """A YoutubeDL for one address, as a guest or with the cookies of an account.

    Parameters
    ----------
    config : DownloadConfig
        The section ``download`` of the config.
    proxy : str or None
        The proxy of the address.
    cookies : str or None
        Text of a cookies.txt.
    """

    def __init__(self, config: DownloadConfig, *, proxy: str | None, cookies: str | None) -> None:
        self._notes = Notes()
        self._hide = find_secrets(config, cookies).hide
        self.is_account = cookies is not None
        """True if it asks with the cookies of an account."""
        self._has_own_format = "format" in config.yt_dlp
        self.ydl = GatedYoutubeDL(
            make_options(config, proxy=proxy, cookies=cookies, notes=self._notes)
        )

    @contextmanager
    def failures(self, *, of_media: bool = False) -> Iterator[None]:
        """Raise `VideoFailed` for whatever yt-dlp raises in the body, and for a lost session.

        Parameters
        ----------
        of_media : bool
            True while media is fetched: an URL that has expired is then a `MediaRefused`.
        """
        self._notes.warnings.clear()
        try:
            yield
            if lost := self._find_lost_session():
                raise VideoFailed(lost)
        except Stopped:
            raise
        except VideoFailed as error:  # our own, or the gate's
            error.failure = self._complete(error.failure, of_media=of_media)
            raise
        except Exception as error:  # yt-dlp lets all kinds out, also because of its users' options
            found = self._find_lost_session() or classify(error, self._notes.warnings)
            failure = self._complete(found, of_media=of_media)
            is_clear = failure.kind.scope is Scope.ADDRESS and not failure.kind.is_ambiguous
            if is_clear and self.ydl.gate.shuts_by_words:
                self.ydl.gate.shut(failure)
            is_expired = of_media and status_of(error) in URL_EXPIRED
            raise (MediaRefused if is_expired else VideoFailed)(failure) from error

    @property
    def warnings(self) -> tuple[str, ...]:
        """What yt-dlp warned of since the last request to it began, without secrets."""
        return tuple(map(self._hide, self._notes.warnings))

    @property
    def left_out_formats(self) -> bool:
        """True if yt-dlp warned, in the last extraction, that it left out formats."""
        words = ("skipped", "may be missing", "damaged", "unable to")
        return any(word in note.lower() for note in self._notes.warnings for word in words)

    def _find_lost_session(self) -> Failure | None:
        """Return what yt-dlp only warns of before it goes on as a guest."""
        return find_signed_out(self._notes.warnings) if self.is_account else None

    def _complete(self, failure: Failure, *, of_media: bool) -> Failure:
        """Return a failure without secrets, and with what is known of the request."""
        code = failure.code
        if code == "format" and not self._has_own_format:
            # Every video has a format that "bestaudio/best" fits: the answer was incomplete.
            code = "session"
        detail = self._hide(failure.detail)
        return replace(failure, code=code, detail=detail, is_of_media=of_media)


def status_of(cause: BaseException | None) -> int | None:
    """Return the HTTP status that an error of yt-dlp tells of."""
    if isinstance(cause, HTTPError):
        return int(cause.status)
    # If a fragment (HLS) was refused, yt-dlp's downloader says so in words only.
    found = re.search(r"HTTP Error (\d{3})", str(cause))
    return int(found[1]) if found else None
