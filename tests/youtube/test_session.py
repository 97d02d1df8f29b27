"""What yt-dlp raises becomes a failure, with what is known of the request."""

from __future__ import annotations

import pytest
from yt_dlp.utils import DownloadError

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.youtube.session import MediaRefused, Session


def make_session(**config) -> Session:
    return Session(DownloadConfig(**config), proxy=None, cookies=None)


def fail(session: Session, error: Exception, *, of_media: bool = False) -> VideoFailed:
    with pytest.raises(VideoFailed) as caught, session.failures(of_media=of_media):
        raise error
    return caught.value


@pytest.mark.parametrize(("yt_dlp", "code"), [({}, "session"), ({"format": "140"}, "format")])
def test_a_format_that_is_not_there_is_the_users_only_if_the_user_asked_for_it(
    yt_dlp, code
) -> None:
    error = DownloadError("ERROR: [youtube] abc: Requested format is not available")
    assert fail(make_session(yt_dlp=yt_dlp), error).failure.code == code


@pytest.mark.parametrize("status", [403, 410])
def test_only_media_can_have_expired(status: int) -> None:
    error = DownloadError(f"unable to download: HTTP Error {status}: no")
    assert isinstance(fail(make_session(), error, of_media=True), MediaRefused)
    assert not isinstance(fail(make_session(), error), MediaRefused)


@pytest.mark.parametrize("of_media", [False, True])
def test_it_is_known_whether_media_was_asked_for(of_media: bool) -> None:
    errors = (DownloadError("Connection reset"), VideoFailed(Failure("bad_answer", "html")))
    for error in errors:
        assert fail(make_session(), error, of_media=of_media).failure.is_of_media == of_media


def test_a_refusal_of_the_address_shuts_its_gate() -> None:
    session = make_session()
    fail(session, DownloadError("The page needs to be reloaded."))
    session.ydl.gate.check()
    fail(session, DownloadError("Sign in to confirm you\u2019re not a bot."))
    with pytest.raises(VideoFailed, match="bot_check"):
        session.ydl.gate.check()


def test_no_secret_is_kept() -> None:
    proxies = ("http://user:S3CRET@127.0.0.1:1",)
    failed = fail(make_session(proxies=proxies), DownloadError("by user:S3CRET@127.0.0.1"))
    assert "S3CRET" not in failed.failure.detail
