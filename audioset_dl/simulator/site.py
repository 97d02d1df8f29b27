"""The simulated YouTube behind the wire: which request gets which answer.

Owns the routes, the videos, the faults that each still has to show, and the budget. Takes a
:class:`Call` and returns an :class:`Answer`; :mod:`audioset_dl.simulator.wire` transports both.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from audioset_dl.simulator import hls, pages
from audioset_dl.simulator.behaviours import BEHAVIOURS
from audioset_dl.simulator.budget import Budget
from audioset_dl.simulator.call import SESSION_COOKIE, Call
from audioset_dl.simulator.faults import RandomFaults, http_fault
from audioset_dl.simulator.tracks import FORMATS, Layout, Tracks
from audioset_dl.simulator.videos import Video, is_ytid

_METADATA_HOSTS = ("storage.googleapis.com", "raw.githubusercontent.com")
_METADATA_PATHS = re.compile(
    r"/us_audioset/youtube_corpus/(?:v1/csv|v1/qa|strong)/([\w.]+)"
    r"|/audioset/ontology/master/(ontology\.json)"
)
_RANGE = re.compile(r"(?:bytes=)?(\d+)-(\d+)")
_OPEN_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_HTML, _JSON, _JS = "text/html; charset=utf-8", "application/json; charset=UTF-8", "text/javascript"
_SOME_PAGE = b"<!DOCTYPE html><html><title>Sorry...</title><body>Come back later.</body></html>"

Headers = tuple[tuple[str, str], ...]


def is_hosted(host: str) -> bool:
    """Return True if the simulator answers for this host."""
    return host in (*_METADATA_HOSTS, "youtube.com") or host.endswith(
        (".youtube.com", ".googlevideo.com")
    )


@dataclass(frozen=True)
class Answer:
    """What to send, and what it is, for the log."""

    kind: str
    status: int = 200
    headers: Headers = ()
    body: bytes | memoryview | Path = b""
    """A path stands for the content of the file."""
    ytid: str = ""
    client: str = ""
    fault: str = ""
    """The wire carries out breaks and trickles; the rest is for the log."""


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
        self._videos = {video.ytid: video for video in videos}
        self._default = default or Video("", behaviour="unavailable")
        self._metadata_dir = metadata_dir
        self._budget = budget
        self._sessions = sessions
        self._random_faults = random_faults
        self._refusal: str | None = None
        self._refuse_open_ended = refuse_open_ended
        self._page_padding = page_padding
        self._tracks = Tracks()
        self._faults: dict[tuple[str, bool], list[str]] = {}
        self._lock = threading.Lock()
        self._routes: tuple[tuple[str, Callable[[Call], Answer]], ...] = (
            ("/watch", self._watch),
            ("/youtubei/v1/player", self._player),
            ("/youtubei/v1/next", self._next),
            ("/s/player/", self._script),
            ("/iframe_api", self._iframe_api),
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
            return self._media(call) if call.path == "/videoplayback" else self._hls(call)
        for prefix, route in self._routes:
            if call.path.startswith(prefix):
                return route(call)
        return Answer("other", 404)

    def refuse_all(self, behaviour: str | None) -> None:
        """Answer for every video with one behaviour, and without faults, until called with None.

        Raises
        ------
        ValueError
            There is no such behaviour.
        """
        if behaviour is not None and behaviour not in BEHAVIOURS:
            raise ValueError(f"{behaviour!r} is no behaviour; known are {', '.join(BEHAVIOURS)}")
        self._refusal = behaviour

    # YouTube's pages

    def _watch(self, call: Call) -> Answer:
        found = self._video(call.parameters.get("v", ""))
        if found is None:
            return Answer("page", 404)
        return self._visit(call, found, Answer("page", ytid=found.ytid), "WEB")

    def _player(self, call: Call) -> Answer:
        ytid, client = _read_player_call(call.body)
        found = self._video(ytid)
        if found is None:
            return Answer("player", 400)
        return self._visit(call, found, Answer("player", ytid=ytid, client=client), client)

    def _next(self, call: Call) -> Answer:
        """Answer what yt-dlp asks for where the watch page failed."""
        ytid, client = _read_player_call(call.body)
        found = self._video(ytid)
        if found is None:
            return Answer("next", 400)
        return self._visit(call, found, Answer("next", ytid=ytid), client)

    def _visit(self, call: Call, video: Video, answer: Answer, client: str) -> Answer:
        """Answer a request that costs a video of the budget and that may meet a fault."""
        is_page = answer.kind == "page"
        if self._budget and not self._budget.admits(video.ytid, is_page=is_page):
            video = replace(video, behaviour=self._budget.refusal)
        elif fault := self._next_fault(video, answer.kind):
            answer = replace(answer, fault=fault)
            if http := http_fault(fault):
                return _refusal(answer, *http)
            if fault == "html_200":
                return _content(answer, _SOME_PAGE, _HTML)
        status = _visit_status(video, answer.kind)
        if status != 200:
            return _refusal(answer, status)
        visitor = pages.Visitor(client, self._has_valid_session(call))
        return self._rendered(call, video, answer, visitor)

    def _rendered(self, call: Call, video: Video, answer: Answer, visitor: pages.Visitor) -> Answer:
        if answer.kind == "next":
            return _content(answer, pages.next_response(), _JSON)
        layouts = self._layouts(video, visitor)
        if answer.kind == "player":
            response = pages.player_response(video, layouts, visitor)
            return _content(answer, json.dumps(response).encode(), _JSON)
        page = pages.watch_page(video, layouts, visitor, self._page_padding)
        signs_out = video.answers.signs_out or not visitor.is_signed_in
        cookies = _page_cookies(call, signs_out=signs_out)
        return _content(replace(answer, headers=cookies), page, _HTML)

    def _embed(self, call: Call) -> Answer:
        answer = Answer("embed", ytid=call.path.removeprefix("/embed/"))
        page = pages.embed_page(pages.Visitor(is_signed_in=self._has_valid_session(call)))
        return _content(answer, page, _HTML)

    def _script(self, _: Call) -> Answer:
        return _content(Answer("script"), pages.SCRIPT, _JS)

    def _iframe_api(self, _: Call) -> Answer:
        return _content(Answer("script"), pages.IFRAME_API, _JS)

    # Media

    def _media(self, call: Call) -> Answer:
        asked = call.parameters
        video, itag = self._video(asked.get("id", "")), asked.get("itag", "")
        if video is None or video.packing == "hls" or itag not in map(str, video.itags):
            return Answer("media", 404)
        is_whole = self._refuse_open_ended and not _RANGE.fullmatch(call.range)
        if is_whole or not _is_playable_yet(asked):
            return Answer("media", 403, ytid=video.ytid)
        track = self._tracks.track(
            int(itag), video.ytid, video.duration_s, has_index=video.has_index
        )
        return self._sent(call, video, track, FORMATS[int(itag)].mime_type.partition(";")[0])

    def _hls(self, call: Call) -> Answer:
        place = hls.read_place(call.path)
        video = self._video(place.ytid) if place else None
        if place is None or video is None or video.packing != "hls":
            return Answer("other", 404)
        if place.segment is None:
            playlist = _playlist(video, is_master=place.is_master)
            return _content(Answer("manifest", ytid=video.ytid), playlist, hls.PLAYLIST_TYPE)
        segments = hls.make_segments(video.ytid, video.duration_s)
        if place.segment >= len(segments):
            return Answer("media", 404, ytid=video.ytid)
        return self._sent(call, video, segments[place.segment].data, hls.SEGMENT_TYPE)

    def _sent(self, call: Call, video: Video, track: bytes, mime_type: str) -> Answer:
        """Send media, unless the behaviour of the video or a fault says otherwise."""
        answer = Answer("media", ytid=video.ytid)
        if video.answers.media_status != 206:
            return replace(answer, status=video.answers.media_status)
        answer = replace(answer, fault=self._next_fault(video, "media"))
        if http := http_fault(answer.fault):
            return _refusal(answer, *http)
        if answer.fault == "html_200":
            return _content(answer, _SOME_PAGE, _HTML)
        if answer.fault == "redirect":
            url = f"https://{pages.media_host(video.ytid, 1)}{call.path}?{call.query}"
            return replace(answer, status=302, headers=(("Location", url),))
        whole = _content(answer, memoryview(track), mime_type)
        if answer.fault == "full_200" or not call.range:
            return whole
        return _ranged(whole, call, memoryview(track))

    # Metadata

    def _metadata(self, call: Call) -> Answer:
        match = _METADATA_PATHS.fullmatch(call.path)
        if match is None or self._metadata_dir is None:
            return Answer("metadata", 404)
        path = self._metadata_dir / (match[1] or match[2])
        if not path.is_file():
            return Answer("metadata", 404)
        return _content(Answer("metadata"), path, "application/octet-stream")

    # State

    def _video(self, ytid: str) -> Video | None:
        if not is_ytid(ytid):
            return None
        video = self._videos.get(ytid) or self._default.named(ytid)
        refusal = self._refusal
        return video if refusal is None else replace(video, behaviour=refusal)

    def _has_valid_session(self, call: Call) -> bool:
        """Return True if a request is that of an account with a valid session."""
        return call.is_signed_in and (self._sessions is None or call.session in self._sessions)

    def _layouts(self, video: Video, visitor: pages.Visitor) -> tuple[Layout, ...]:
        if video.answers.refuses(visitor.client, is_signed_in=visitor.is_signed_in):
            return ()
        if video.packing == "hls":
            return ()
        return tuple(
            self._tracks.layout(itag, video.duration_s, has_index=video.has_index)
            for itag in video.itags
        )

    def _next_fault(self, video: Video, kind: str) -> str:
        """Take the next fault of a video, or one by chance; empty: none."""
        if kind == "next" or self._refusal is not None:
            return ""
        is_media = kind == "media"
        faults = video.faults if is_media else video.page_faults
        with self._lock:
            left = self._faults.setdefault((video.ytid, is_media), list(faults)) if faults else []
            if left:
                return left.pop(0)
        return self._random_faults.next_fault(video.ytid, kind) if self._random_faults else ""


def _playlist(video: Video, *, is_master: bool) -> bytes:
    if is_master:
        return hls.master_playlist(video.ytid).encode()
    host = pages.media_host(video.ytid)
    return hls.media_playlist(video.ytid, video.duration_s, host).encode()


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


def _is_playable_yet(asked: Mapping[str, str]) -> bool:
    return time.time() >= float(asked.get("playable_from", "0"))


def _page_cookies(call: Call, *, signs_out: bool) -> Headers:
    """Return the cookies that come with a page; a page that signs out takes one away."""
    fixed = "Domain=.youtube.com; Path=/; Secure; HttpOnly"
    if signs_out and call.is_signed_in:
        gone = f"{SESSION_COOKIE}=; {fixed}; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        return (("Set-Cookie", gone),)
    if "YSC" in call.cookies:
        return ()
    return (("Set-Cookie", f"YSC=simulated; {fixed}"),)


def _content(answer: Answer, body: bytes | memoryview | Path, mime_type: str) -> Answer:
    return replace(answer, body=body, headers=(*answer.headers, ("Content-Type", mime_type)))


def _refusal(answer: Answer, status: int, retry_after: str = "") -> Answer:
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return _content(replace(answer, status=status, headers=headers), _SOME_PAGE, _HTML)


def _ranged(whole: Answer, call: Call, track: memoryview) -> Answer:
    """Return the part of a track that was asked for (RFC 9110, section 14)."""
    span = _span(call.range, len(track))
    if span is None:
        unsatisfied = (("Content-Range", f"bytes */{len(track)}"),)
        return replace(whole, status=416, headers=unsatisfied, body=b"")
    first, last = span
    if whole.fault == "wrong_range":
        moved = 1000 if first < 1000 else -1000
        first, last = first + moved, min(last + moved, len(track) - 1)
    part = replace(whole, body=track[first : last + 1])
    if not call.headers.get("range"):
        return part  # the site answers 200 to its own "range" parameter
    labelled = ("Content-Range", f"bytes {first}-{last}/{len(track)}")
    return replace(part, status=206, headers=(*whole.headers, labelled))


def _span(asked: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a range, of whatever form, within a track; None: outside."""
    match = _RANGE.fullmatch(asked) or _OPEN_RANGE.fullmatch(asked)
    if match is None or not any(match.groups()):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size - 1
    first, last = int(match[1]), int(match[2] or size - 1)
    return (first, min(last, size - 1)) if first <= last and first < size else None
