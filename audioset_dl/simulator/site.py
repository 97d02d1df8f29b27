"""The simulated YouTube behind the wire: which request gets which answer.

Owns the routes, the videos, the faults that each still has to show, and the budget. Takes a
:class:`Call` and returns an :class:`Answer`; :mod:`audioset_dl.simulator.wire` transports both.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from pathlib import Path

from audioset_dl.simulator import pages
from audioset_dl.simulator.answers import HTML, SOME_PAGE, Answer, Headers, refuse, with_content
from audioset_dl.simulator.budget import Budget
from audioset_dl.simulator.call import SESSION_COOKIE, Call
from audioset_dl.simulator.faults import RandomFaults, http_fault
from audioset_dl.simulator.media import MediaHost
from audioset_dl.simulator.shelf import Shelf
from audioset_dl.simulator.sounds import Offer
from audioset_dl.simulator.tracks import Layout, Tracks
from audioset_dl.simulator.videos import Video

_METADATA_HOSTS = ("storage.googleapis.com", "raw.githubusercontent.com")
_METADATA_PATHS = re.compile(
    r"/us_audioset/youtube_corpus/(?:v1/csv|v1/qa|strong)/([\w.]+)"
    r"|/audioset/ontology/master/(ontology\.json)"
)
_JSON, _JS = "application/json; charset=UTF-8", "text/javascript"


def is_hosted(host: str) -> bool:
    """Return True if the simulator answers for this host."""
    return host in (*_METADATA_HOSTS, "youtube.com") or host.endswith(
        (".youtube.com", ".googlevideo.com")
    )


class Site:
    """The simulated YouTube, and the hosts of AudioSet's metadata. Thread-safe.

    Parameters
    ----------
    videos : iterable of Video
        The videos that it has.
    default : Video, optional
        Answers for every other id; None: these are ``unavailable``.
    metadata_dir : Path, optional
        Folder with copies of Google's files.
    budget : Budget, optional
        What one address may ask for; None: everything.
    sessions : collection of str, optional
        ``LOGIN_INFO`` of the valid sessions; None: all are valid. A request with another one is a
        guest's, and the page removes that cookie.
    random_faults : RandomFaults, optional
        Faults by chance, for requests that meet no fault of the video's own.
    refuse_open_ended : bool
        True: send media to bounded ranges only, as YouTube does since August 2026.
    page_padding : int
        Bytes to add to each watch page.
    """

    def __init__(
        self,
        videos: Iterable[Video] = (),
        *,
        default: Video | None = None,
        metadata_dir: Path | None = None,
        budget: Budget | None = None,
        sessions: Collection[str] | None = None,
        random_faults: RandomFaults | None = None,
        refuse_open_ended: bool = True,
        page_padding: int = 0,
    ) -> None:
        self.shelf = Shelf(videos, default, random_faults)
        self._metadata_dir = metadata_dir
        self._budget = budget
        self._sessions = sessions
        self._page_padding = page_padding
        self._tracks = Tracks()
        self._media = MediaHost(self.shelf, self._tracks, refuse_open_ended=refuse_open_ended)
        self._routes: tuple[tuple[str, Callable[[Call], Answer]], ...] = (
            ("/watch", self._watch),
            ("/youtubei/v1/player", self._player),
            ("/youtubei/v1/next", self._next),
            ("/s/player/", lambda _: with_content(Answer("script"), pages.SCRIPT, _JS)),
            ("/iframe_api", lambda _: with_content(Answer("script"), pages.IFRAME_API, _JS)),
            ("/embed/", self._embed),
            ("/generate_204", lambda _: Answer("greeting", 204)),
        )

    def answer(self, call: Call) -> Answer:
        """Return the answer to a request."""
        if not is_hosted(call.host):
            return Answer("other", 403)
        if call.host in _METADATA_HOSTS:
            return self._metadata(call)
        if call.host.endswith(".googlevideo.com"):
            return self._media.answer(call)
        for prefix, route in self._routes:
            if call.path.startswith(prefix):
                return route(call)
        return Answer("other", 404)

    # YouTube's pages

    def _watch(self, call: Call) -> Answer:
        found = self.shelf.visit(call.parameters.get("v", ""))
        if found is None:
            return Answer("page", 404)
        return self._visit(call, found, Answer("page", ytid=found.ytid), "WEB")

    def _player(self, call: Call) -> Answer:
        ytid, client = _read_player_call(call.body)
        found = self.shelf.find(ytid)
        if found is None:
            return Answer("player", 400)
        return self._visit(call, found, Answer("player", ytid=ytid, client=client), client)

    def _next(self, call: Call) -> Answer:
        """Answer what yt-dlp asks for where the watch page failed."""
        ytid, client = _read_player_call(call.body)
        found = self.shelf.find(ytid)
        if found is None:
            return Answer("next", 400)
        return self._visit(call, found, Answer("next", ytid=ytid), client)

    def _visit(self, call: Call, video: Video, answer: Answer, client: str) -> Answer:
        """Answer a request that costs a video of the budget and that may meet a fault."""
        is_page = answer.kind == "page"
        if self._budget and not self._budget.admits(video.ytid, is_page=is_page):
            video = replace(video, behaviour=self._budget.refusal)
        elif fault := self.shelf.next_fault(video, answer.kind):
            answer = replace(answer, fault=fault)
            if http := http_fault(fault):
                return refuse(answer, *http)
            if fault == "html_200":
                return with_content(answer, SOME_PAGE, HTML)
            if fault == "bomb":
                packed = replace(answer, headers=(("Content-Encoding", "gzip"),))
                return with_content(packed, _bomb(), HTML)
        status = _visit_status(video, answer.kind)
        if status != 200:
            return refuse(answer, status, video.answers.retry_after)
        visitor = pages.Visitor(client, self._has_valid_session(call))
        return self._rendered(call, video, answer, visitor)

    def _rendered(self, call: Call, video: Video, answer: Answer, visitor: pages.Visitor) -> Answer:
        if answer.kind == "next":
            return with_content(answer, pages.next_response(), _JSON)
        layouts = self._layouts(video, visitor)
        if answer.kind == "player":
            response = pages.player_response(video, layouts, visitor)
            return with_content(answer, json.dumps(response).encode(), _JSON)
        page = pages.watch_page(video, layouts, visitor, self._page_padding)
        signs_out = video.answers.signs_out or not visitor.is_signed_in
        cookies = _page_cookies(call, signs_out=signs_out)
        return with_content(replace(answer, headers=cookies), page, HTML)

    def _embed(self, call: Call) -> Answer:
        answer = Answer("embed", ytid=call.path.removeprefix("/embed/"))
        page = pages.embed_page(pages.Visitor(is_signed_in=self._has_valid_session(call)))
        return with_content(answer, page, HTML)

    # Metadata

    def _metadata(self, call: Call) -> Answer:
        match = _METADATA_PATHS.fullmatch(call.path)
        if match is None or self._metadata_dir is None:
            return Answer("metadata", 404)
        path = self._metadata_dir / (match[1] or match[2])
        if not path.is_file():
            return Answer("metadata", 404)
        return with_content(Answer("metadata"), path, "application/octet-stream")

    def _has_valid_session(self, call: Call) -> bool:
        """Return True if a request is that of an account with a valid session."""
        return call.is_signed_in and (self._sessions is None or call.session in self._sessions)

    def _layouts(self, video: Video, visitor: pages.Visitor) -> tuple[Layout, ...]:
        if video.answers.refuses(visitor.client, is_signed_in=visitor.is_signed_in):
            return ()
        if video.packing == "hls":
            return ()
        return tuple(
            self._tracks.layout(offer.source, video.duration_s, has_index=_has_index(video, offer))
            for offer in video.offers
        )


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(64 << 20))


def _has_index(video: Video, offer: Offer) -> bool:
    return video.has_index and offer.packing != "muxed"


def _read_player_call(body: bytes) -> tuple[str, str]:
    """Return the video id and the client's name that a call to innertube holds."""
    try:
        call = json.loads(body)
        return str(call["videoId"]), str(call["context"]["client"]["clientName"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def _visit_status(video: Video, kind: str) -> int:
    behaviour = video.answers
    return behaviour.player_status if kind == "player" else behaviour.http_status


def _page_cookies(call: Call, *, signs_out: bool) -> Headers:
    """Return the cookies that come with a page; a page that signs out takes one away."""
    fixed = "Domain=.youtube.com; Path=/; Secure; HttpOnly"
    if signs_out and call.is_signed_in:
        gone = f"{SESSION_COOKIE}=; {fixed}; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        return (("Set-Cookie", gone),)
    if "YSC" in call.cookies:
        return ()
    return (("Set-Cookie", f"YSC=simulated; {fixed}"),)
