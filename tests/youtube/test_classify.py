"""Failure codes: the texts by which they are known, and where an error hides its cause."""

import pytest
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError

from audioset_dl.outcomes import FAILURE_KINDS, KINDS, Failure, Scope
from audioset_dl.youtube.classify import classify

VIDEO = "ERROR: [youtube] -a_cdefghi0: "


@pytest.mark.parametrize(
    ("text", "code", "scope"),
    [
        ("Video unavailable. This content isn’t available, try again later.", "rate_limited",
         Scope.ADDRESS),
        ("Unable to download API page: HTTP Error 429: Too Many Requests", "http_429",
         Scope.ADDRESS),
        ("Sign in to confirm you’re not a bot.", "bot_check", Scope.ADDRESS),
        ("All player responses are invalid. Your IP is likely being blocked by Youtube", "blocked",
         Scope.ADDRESS),
        ("The page needs to be reloaded.", "session", Scope.ADDRESS),
        ("Playback on other websites has been disabled by the video owner", "session",
         Scope.ADDRESS),
        ("Requested format is not available. Use --list-formats", "format", Scope.TRANSIENT),
        ("The provided YouTube account cookies are no longer valid.", "cookies", Scope.MACHINE),
        ("unable to write data: [Errno 28] No space left on device", "disk", Scope.MACHINE),
        ("Private video. Sign in if you've been granted access to this video", "private",
         Scope.GONE),
        ("Sign in to confirm your age. This video may be inappropriate for some users.", "age",
         Scope.GONE),
        ("Join this channel to get access to members-only content", "members", Scope.GONE),
        ("The uploader has not made this video available in your country", "geo", Scope.GONE),
        ("Video unavailable. This video is no longer available because the YouTube account "
         "associated with this video has been terminated.", "terminated", Scope.GONE),
        ("Video unavailable. This video is no longer available due to a copyright claim by X",
         "copyright", Scope.GONE),
        ("Video unavailable. This video has been removed by the uploader", "removed", Scope.GONE),
        ("This video isn't available anymore", "removed", Scope.GONE),
        ("Video unavailable", "unavailable", Scope.GONE),
        ("This video is DRM protected", "drm", Scope.GONE),
        ("This live event will begin in 3 days.", "live", Scope.GONE),
        # Recorded, or reported of the live site.
        ("Video unavailable. This content isn’t available.", "account_locked", Scope.ADDRESS),
        ("This video is restricted. Please check the Google Workspace administrator and/or the "
         "network administrator restrictions.", "restricted", Scope.ADDRESS),
        ("Please sign in", "sign_in", Scope.ADDRESS),
        ("This is a private video. Please sign in to verify that you may see it.", "private",
         Scope.GONE),
        ("This video is available to this channel's members on level: Friends (or any higher "
         "priced level). Join this channel to get access.", "members", Scope.GONE),
        ("This live stream recording is not available.", "live", Scope.GONE),
        ("This live event has ended.", "live", Scope.GONE),
        ("Premiere will begin shortly", "live", Scope.GONE),
        ("We're processing this video. Check back later.", "live", Scope.GONE),
        ("Video unavailable. This video contains content from X, who has blocked it on copyright "
         "grounds", "copyright", Scope.GONE),
        ("This video contains content from X, who has blocked it worldwide on copyright grounds",
         "copyright", Scope.GONE),
        ("Video unavailable. This video contains content from X, who has blocked it in your "
         "country on copyright grounds", "geo", Scope.GONE),
        ("This video is not available in your country due to a legal complaint", "geo",
         Scope.GONE),
        ("Video unavailable. Words that nobody has listed", "unavailable", Scope.GONE),
        ("Unable to download webpage: The read operation timed out", "network", Scope.TRANSIENT),
        ("Something that nobody has seen before", "unknown", Scope.TRANSIENT),
    ],
)  # fmt: skip
def test_texts(text: str, code: str, scope: Scope) -> None:
    failure = classify(DownloadError(VIDEO + text))
    assert (failure.code, failure.kind.scope) == (code, scope)
    assert failure.detail == text


def http_error(status: int) -> HTTPError:
    return HTTPError(Response(None, "https://www.youtube.com/", {}, status=status))


def as_download_error(cause: BaseException) -> DownloadError:
    return DownloadError(f"{VIDEO}{cause}", (type(cause), cause, None))


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (http_error(429), "http_429"),
        (http_error(403), "session"),
        (http_error(503), "network"),
        (TransportError("connection reset by peer"), "network"),
        (GeoRestrictedError("Not for you", countries=["NZ"]), "geo"),
        (ExtractorError("Unable to download webpage", cause=http_error(500)), "network"),
        (ExtractorError("This video is private", expected=True), "private"),
    ],
)
def test_causes_under_a_download_error(cause: BaseException, code: str) -> None:
    assert classify(as_download_error(cause)).code == code
    assert classify(cause).code == code, "the cause itself may be raised as well"


def test_words_of_the_site_that_nobody_listed_are_no_fault_of_the_tool() -> None:
    words = "Watch this one on a telescope"
    assert classify(as_download_error(ExtractorError(words, expected=True))).code == "unlisted"
    assert classify(as_download_error(ExtractorError(words))).code == "unknown"
    assert classify(as_download_error(KeyError(words))).code == "unknown"


def test_a_vague_error_takes_its_cause_from_the_warning_before() -> None:
    error = DownloadError(f"{VIDEO}Failed to extract any player response")
    warning = "[youtube] -a_cdefghi0: Unable to download API page: HTTP Error 429: Too Many"
    assert classify(error).code == "session"
    failure = classify(error, ["No JavaScript runtime", warning])
    assert failure.code == "http_429"
    assert "HTTP Error 429" in failure.detail


def test_a_clear_error_is_not_overruled_by_a_warning() -> None:
    error = DownloadError(f"{VIDEO}Private video")
    assert classify(error, ["HTTP Error 429: Too Many Requests"]).code == "private"


def test_words_of_a_site_can_not_move_a_terminals_cursor() -> None:
    failure = classify(ExtractorError("one\x1b[2J\x07two\x9b3Jthree\nfour", expected=True))
    assert failure.detail.isprintable()
    assert "four" in failure.detail


def test_codes_are_slugs_and_unique() -> None:
    assert len(KINDS) == len(FAILURE_KINDS)
    for code, kind in KINDS.items():
        assert code.replace("_", "").isalnum()
        assert all(fragment == fragment.lower() for fragment in kind.fragments)


def test_https_before_a_plain_proxy_is_no_outage() -> None:
    words = (
        "('Unable to connect to proxy. Your proxy appears to only use HTTP and not HTTPS, try "
        "changing your proxy URL to be HTTP', SSLError(1, '[SSL: WRONG_VERSION_NUMBER]'))"
    )
    assert classify(TransportError(words)).code == "proxy_plain"


def test_advice_on_options_of_yt_dlp_is_left_out() -> None:
    words = "Sign in to confirm you’re not a bot."
    advice = "Use --cookies-from-browser or --cookies for the authentication. See https://x.org"
    assert classify(DownloadError(f"{VIDEO}{words} {advice}")).detail == words


@pytest.mark.parametrize(
    ("detail", "gist"),
    [
        ("('Unable to connect to proxy', NewConnectionError(\"HTTPSConnection(host='127.0.0.1', "
         "port=1): Failed to establish a new connection: [Errno 111] Connection refused\"))",
         "[Errno 111] Connection refused"),
        ("('Unable to connect to proxy', OSError('Tunnel connection failed: 407 Nope'))",
         "Tunnel connection failed: 407 Nope"),
        ("Private video", "Private video"),
    ],
)  # fmt: skip
def test_the_gist_of_a_chain_of_network_errors_is_its_cause(detail: str, gist: str) -> None:
    assert Failure("offline", detail).gist == gist
