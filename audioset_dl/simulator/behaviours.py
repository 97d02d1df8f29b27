"""How YouTube answers for a video, as a table: it plays, or one of the reasons why not.

Owns the texts and the states of YouTube's refusals. The keys are the failure codes of
:mod:`audioset_dl.outcomes`, followed by ``:variant`` where YouTube says the same in several ways.
Knows nothing of how an answer is written or sent.

The texts are those that yt-dlp's extractor and its issue tracker quote; ``playabilityStatus`` is
innertube's, as ``yt_dlp/extractor/youtube/_video.py`` (2026.08.19) reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OK, ERROR, UNPLAYABLE, LOGIN, OFFLINE = (
    "OK", "ERROR", "UNPLAYABLE", "LOGIN_REQUIRED", "LIVE_STREAM_OFFLINE",
)  # fmt: skip


@dataclass(frozen=True)
class Behaviour:
    """What the player API and the watch page say about a video."""

    status: str = OK
    """``playabilityStatus.status``."""
    reason: str = ""
    subreason: str = ""
    """The two lines on the black screen."""
    http_status: int = 200
    """HTTP status of the watch page and of what replaces it."""
    player_status: int = 200
    """HTTP status of the player API; if not 200, the page has no player response either."""
    retry_after: str = ""
    """The header of such answers."""
    media_status: int = 206
    """HTTP status of every request for media; 206 is the normal answer to a range."""
    formats: Literal["urls", "no_urls", "drm", "storyboard", "odd"] = "urls"
    """The formats of a playable video."""
    formats_of: tuple[str, ...] = ()
    """Names of the innertube clients whose formats are like `formats`; empty: of all."""
    url_lifetime_s: int = 6 * 3600
    """Seconds until URLs of media expire."""
    needs_script: bool = False
    """True if such URLs hold a challenge that only the player's script solves."""
    plays_signed_in: bool = False
    """True if only guests are refused."""
    refused_clients: tuple[str, ...] = ()
    """Names of the innertube clients that are refused; empty: all of them."""
    page_words: str = ""
    """Words that the watch page contains."""
    is_about_another: bool = False
    """True if the answers are about another video than the one asked for."""
    signs_out: bool = False
    """True if the page removes the account's cookies, as when they were rotated elsewhere."""
    error_screen: Mapping[str, Any] = field(default_factory=dict)
    """More of ``playabilityStatus.errorScreen``."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More of ``videoDetails``."""

    def formats_for(self, client: str) -> str:
        """Return the formats that a client is told of."""
        is_meant = not self.formats_of or client in self.formats_of
        return self.formats if is_meant else "urls"

    def refuses(self, client: str, *, is_signed_in: bool) -> bool:
        """Return True if this client is told that it can't play the video."""
        if self.status == OK or (self.plays_signed_in and is_signed_in):
            return False
        return not self.refused_clients or client in self.refused_clients


def _gone(subreason: str, status: str = ERROR) -> Behaviour:
    return Behaviour(status, "Video unavailable", subreason)


_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_AGE_SUBREASON = "This video may be inappropriate for some users."
_UPCOMING = {"isUpcoming": True, "isLiveContent": True}

BEHAVIOURS: Mapping[str, Behaviour] = {
    "ok": Behaviour(),
    # "Made for kids": the default client is refused, the page says so, other clients play it.
    "ok:kids": Behaviour(
        UNPLAYABLE, "Video unavailable", refused_clients=("VISIONOS",), page_words="made for kids"
    ),
    # What recordings do not show.
    "ok:short_lived": Behaviour(url_lifetime_s=600),
    "ok:wrong_length": Behaviour(details={"lengthSeconds": "999"}),
    "session:challenge": Behaviour(needs_script=True),
    # The address
    "rate_limited": _gone("This content isn't available, try again later."),
    "http_429": Behaviour(http_status=429, player_status=429),
    "http_429:player": Behaviour(player_status=429),
    "http_429:now": Behaviour(http_status=429, player_status=429, retry_after="0"),
    "bot_check": Behaviour(
        LOGIN,
        f"Sign in to confirm you{_APOSTROPHE}re not a bot",
        "This helps protect our community. Learn more",
    ),
    "bot_check:captcha": Behaviour(
        UNPLAYABLE, "Video unavailable", error_screen={"playerCaptchaViewModel": {"captcha": True}}
    ),
    "blocked": Behaviour(is_about_another=True),
    "blocked:app": Behaviour(
        ERROR,
        "The following content is not available on this app.",
        "Watch on the latest version of YouTube.",
    ),
    "session": Behaviour(UNPLAYABLE, "The page needs to be reloaded."),
    "session:player": Behaviour(player_status=403),
    "session:embedding": Behaviour(
        UNPLAYABLE,
        "Video unavailable",
        "Playback on other websites has been disabled by the video owner",
    ),
    "session:no_urls": Behaviour(formats="no_urls"),
    "session:storyboard": Behaviour(formats="storyboard"),
    "session:media": Behaviour(media_status=403),
    "account_locked": _gone(f"This content isn{_APOSTROPHE}t available.", UNPLAYABLE),
    "restricted": _gone(
        "This video is restricted. Please check the Google Workspace administrator and/or the "
        "network administrator restrictions.",
        UNPLAYABLE,
    ),
    "sign_in": Behaviour(LOGIN, "Please sign in"),
    # The machine
    "cookies": Behaviour(signs_out=True),
    # The clip
    "private": Behaviour(
        LOGIN, "Private video", "Sign in if you've been granted access to this video"
    ),
    "private:uploader": Behaviour(ERROR, "This video is private"),
    "age": Behaviour(LOGIN, "Sign in to confirm your age", _AGE_SUBREASON, plays_signed_in=True),
    "age:restricted": Behaviour(
        UNPLAYABLE,
        "This video is age-restricted and only available on YouTube",
        plays_signed_in=True,
    ),
    # Where the law wants an account's age to be proven, a session alone does not help.
    "age:unverified": Behaviour(LOGIN, "Sign in to confirm your age", _AGE_SUBREASON),
    "members": Behaviour(
        UNPLAYABLE,
        "Join this channel to get access to members-only content like this video, "
        "and other exclusive perks.",
    ),
    "members:payment": Behaviour(UNPLAYABLE, "This video requires payment to watch."),
    # A paid film: yt-dlp follows it to its trailer.
    "members:trailer": Behaviour(
        UNPLAYABLE,
        "This video requires payment to watch.",
        error_screen={"playerLegacyDesktopYpcTrailerRenderer": {"trailerVideoId": "the_trailer"}},
    ),
    "live:now": Behaviour(details={"isLive": True, "isLiveContent": True}),
    "live:over": Behaviour(details={"isPostLiveDvr": True, "isLiveContent": True}),
    "members:premium": Behaviour(
        UNPLAYABLE, "This video is only available to Music Premium members"
    ),
    "members:level": Behaviour(
        UNPLAYABLE,
        "This video is available to this channel's members on level: Friends (or any higher "
        "priced level).",
    ),
    "geo": _gone("The uploader has not made this video available in your country", UNPLAYABLE),
    "geo:blocked": _gone(
        "This video contains content from Label, who has blocked it in your country on copyright "
        "grounds",
        UNPLAYABLE,
    ),
    "geo:legal": _gone(
        "This video is not available in your country due to a legal complaint from a government.",
        UNPLAYABLE,
    ),
    "terminated": _gone(
        "This video is no longer available because the YouTube account associated with this video "
        "has been terminated."
    ),
    "terminated:closed": _gone(
        "This video is no longer available because the uploader has closed their YouTube account."
    ),
    "copyright": _gone("This video is no longer available due to a copyright claim by Label"),
    "copyright:grounds": _gone(
        "This video contains content from Label, who has blocked it on copyright grounds"
    ),
    "copyright:worldwide": _gone(
        "This video contains content from Label, who has blocked it worldwide on copyright grounds"
    ),
    "removed": _gone("This video has been removed by the uploader"),
    "removed:violating": _gone(
        "This video has been removed for violating YouTube's Terms of Service"
    ),
    "removed:gone": _gone("This video isn't available anymore"),
    "removed:missing": Behaviour(ERROR, "This video does not exist."),
    "unavailable": Behaviour(ERROR, "Video unavailable"),
    "unavailable:this": Behaviour(ERROR, "This video is unavailable"),
    "unavailable:not": _gone("This video is not available"),
    "drm": Behaviour(formats="drm"),
    # An experiment that gives the TV client nothing else, for hours
    # (https://github.com/yt-dlp/yt-dlp/issues/12563). The other clients play.
    "ok:drm_for_tv": Behaviour(formats="drm", formats_of=("TVHTML5",)),
    "live": Behaviour(OFFLINE, "This live event will begin in 3 hours.", details=_UPCOMING),
    "live:premiere": Behaviour(OFFLINE, "Premieres in 3 hours", details=_UPCOMING),
    "live:shortly": Behaviour(OFFLINE, "Premiere will begin shortly", details=_UPCOMING),
    "live:recording": Behaviour(UNPLAYABLE, "This live stream recording is not available."),
    "live:ended": Behaviour(UNPLAYABLE, "This live event has ended."),
    "live:processing": Behaviour(
        ERROR, f"We{_APOSTROPHE}re processing this video. Check back later."
    ),
    "unlisted": Behaviour(UNPLAYABLE, "Watch this one on a telescope."),
    "network": Behaviour(http_status=500, player_status=500),
    # A form that yt-dlp does not expect: a fault of the tool, as after a change of the site.
    "unknown": Behaviour(formats="odd"),
}
