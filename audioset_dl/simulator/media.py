"""The hosts of media: tracks in ranges, and HLS."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from audioset_dl.simulator import hls, pages
from audioset_dl.simulator.answers import HTML, SOME_PAGE, Answer, refuse, with_content
from audioset_dl.simulator.call import Call
from audioset_dl.simulator.faults import http_fault
from audioset_dl.simulator.shelf import Shelf
from audioset_dl.simulator.sounds import Offer
from audioset_dl.simulator.tracks import FORMATS, Tracks
from audioset_dl.simulator.videos import Video

_RANGE = re.compile(r"(?:bytes=)?(\d+)-(\d+)")
_OPEN_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class MediaHost:
    """Answers for ``*.googlevideo.com``.

    Parameters
    ----------
    shelf : Shelf
        The videos.
    tracks : Tracks
        Their sound.
    refuse_open_ended : bool
        True: send media to bounded ranges only, as YouTube does since August 2026.
    """

    def __init__(self, shelf: Shelf, tracks: Tracks, *, refuse_open_ended: bool) -> None:
        self._shelf = shelf
        self._tracks = tracks
        self._refuse_open_ended = refuse_open_ended
        self._served: Counter[str] = Counter()
        """Bytes by the number of the URL."""

    def answer(self, call: Call) -> Answer:
        """Return the answer to a request."""
        return self._media(call) if call.path == "/videoplayback" else self._hls(call)

    def _media(self, call: Call) -> Answer:
        asked = call.parameters
        video = self._shelf.find(asked.get("id", ""))
        offer = _find_offer(video, asked) if video is not None else None
        if video is None or offer is None or video.packing == "hls":
            return Answer("media", 404)
        is_whole = self._refuse_open_ended and not _RANGE.fullmatch(call.range)
        if is_whole or not _is_playable_yet(asked) or self._is_used_up(video, asked):
            return Answer("media", 403, ytid=video.ytid)
        melody = video.ytid if offer.plays_own_sound else f"dub of {video.ytid}"
        has_index = video.has_index and offer.packing != "muxed"
        track = self._tracks.track(offer.source, melody, video.duration_s, has_index=has_index)
        mime_type = FORMATS[offer.source].mime_type.partition(";")[0]
        other = partial(
            self._tracks.track, offer.source, "another", video.duration_s, has_index=has_index
        )
        answer = self._sent(call, video, track, mime_type, other)
        if isinstance(answer.body, bytes | memoryview):
            self._served[asked.get("cpn", "")] += len(answer.body)
        return answer

    def _is_used_up(self, video: Video, asked: Mapping[str, str]) -> bool:
        return 0 < video.media_cap <= self._served[asked.get("cpn", "")]

    def _hls(self, call: Call) -> Answer:
        place = hls.read_place(call.path)
        video = self._shelf.find(place.ytid) if place else None
        if place is None or video is None:
            return Answer("other", 404)
        if place.segment is None:
            playlist = _playlist(video, is_master=place.is_master)
            return with_content(Answer("manifest", ytid=video.ytid), playlist, hls.PLAYLIST_TYPE)
        segments = hls.make_segments(video.ytid, video.duration_s)
        if place.segment >= len(segments):
            return Answer("media", 404, ytid=video.ytid)
        return self._sent(call, video, segments[place.segment].data, hls.SEGMENT_TYPE)

    def _sent(
        self,
        call: Call,
        video: Video,
        track: bytes,
        mime_type: str,
        other: Callable[[], bytes] = bytes,
    ) -> Answer:
        """Send media, unless the behaviour of the video or a fault says otherwise."""
        answer = Answer("media", ytid=video.ytid)
        if video.answers.media_status != 206:
            return replace(answer, status=video.answers.media_status)
        answer = replace(answer, fault=self._shelf.next_fault(video, "media"))
        if http := http_fault(answer.fault):
            return refuse(answer, *http)
        if answer.fault == "html_200":
            return with_content(answer, SOME_PAGE, HTML)
        if answer.fault == "redirect":
            url = f"https://{pages.media_host(video.ytid, 1)}{call.path}?{call.query}"
            return replace(answer, status=302, headers=(("Location", url),))
        if answer.fault == "other_sound":
            track = other()
        whole = with_content(answer, memoryview(track), mime_type)
        if answer.fault == "full_200" or not call.range:
            return whole
        return _ranged(whole, call, memoryview(track))


def _find_offer(video: Video, asked: Mapping[str, str]) -> Offer | None:
    wanted = asked.get("itag", ""), asked.get("xtags", "")
    offers = (one for one in video.offers if (str(one.itag), one.tag) == wanted)
    return next(offers, None)


def _playlist(video: Video, *, is_master: bool) -> bytes:
    if is_master:
        return hls.master_playlist(video.ytid).encode()
    host = pages.media_host(video.ytid)
    return hls.media_playlist(video.ytid, video.duration_s, host).encode()


def _is_playable_yet(asked: Mapping[str, str]) -> bool:
    return time.time() >= float(asked.get("playable_from", "0"))


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
