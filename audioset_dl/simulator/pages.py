"""What the simulated YouTube writes: watch pages, player responses and the little around them.

Owns the wording of the answers, of which there is as much as yt-dlp's YouTube extractor
(``yt_dlp/extractor/youtube/_video.py``, 2026.08.19) needs to take them for real. Pure functions of
a video, who asks, and when; knows nothing of sockets.
"""

from __future__ import annotations

import copy
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from audioset_dl.simulator import hls
from audioset_dl.simulator.call import ACCOUNT_ID
from audioset_dl.simulator.sounds import WITHOUT_MANIFEST, Offer
from audioset_dl.simulator.tracks import Format, Layout
from audioset_dl.simulator.videos import Video

Json = dict[str, Any]

_PLAYER_ID = "5142a1d0"
SCRIPT_PATH = f"/s/player/{_PLAYER_ID}/player_ias.vflset/en_US/base.js"
SCRIPT = b"var _yt_player={};(function(g){g.config={signatureTimestamp:20663}})(_yt_player);\n"
IFRAME_API = (
    f"var scriptUrl='https:\\/\\/www.youtube.com\\/s\\/player\\/{_PLAYER_ID}\\/www-widgetapi.js';\n"
).encode()

_NUMBERS = itertools.count(1)
"""No two URLs of media are the same."""
_VISITOR = "CgtzaW11bGF0b3IwMQ%3D%3D"
_NUM_MEDIA_HOSTS = 4
_ANOTHER_YTID = "aaaaaaaaaaa"
_STORYBOARD = "https://i.ytimg.com/sb/x/storyboard3_L$L/$N.jpg|48#27#100#10#10#0#default#rs"


@dataclass(frozen=True)
class Visitor:
    """Who asks."""

    client: str = "WEB"
    """The innertube client name."""
    is_signed_in: bool = False


def next_response() -> bytes:
    """Return what ``/youtubei/v1/next`` answers, and what a watch page calls ``ytInitialData``."""
    return _dump({"contents": {"twoColumnWatchNextResults": {"results": {}}}})


def watch_page(video: Video, layouts: Sequence[Layout], visitor: Visitor, padding: int) -> bytes:
    """Return the HTML of ``/watch``: configuration, initial player response, initial data.

    Parameters
    ----------
    video : Video
        The video.
    layouts : sequence of Layout
        Its tracks.
    visitor : Visitor
        Who asks.
    padding : int
        Bytes to add, to make it as heavy as a real page (about 1 MB).
    """
    behaviour = video.answers
    scripts = [f"ytcfg.set({_dump(_ytcfg(visitor, 'WEB', 1)).decode()});"]
    if behaviour.player_status == 200:
        player = player_response(video, layouts, visitor)
        # Since 2025 the page's own formats carry no URL: it streams by SABR.
        streaming_data = player.get("streamingData", {})
        streaming_data.pop("hlsManifestUrl", None)
        for offered in streaming_data.get("adaptiveFormats", ()):
            offered.pop("url", None)
        scripts.append(f"var ytInitialPlayerResponse = {_dump(player).decode()};")
    scripts.append(f"var ytInitialData = {next_response().decode()};")
    head = f"<!DOCTYPE html><html><head><title>{video.ytid} - YouTube</title></head><body>"
    body = "".join(f"<script>{script}</script>" for script in scripts)
    tail = f"<p>{behaviour.page_words}</p></body></html>"
    return (head + body + tail).encode() + _padding(padding)


def embed_page(visitor: Visitor) -> bytes:
    """Return the HTML of ``/embed/ID``: a configuration."""
    config = _dump(_ytcfg(visitor, "WEB_EMBEDDED_PLAYER", 56)).decode()
    return f"<!DOCTYPE html><html><script>ytcfg.set({config});</script></html>".encode()


def player_response(video: Video, layouts: Sequence[Layout], visitor: Visitor) -> Json:
    """Return what ``/youtubei/v1/player`` says to a client about a video."""
    if video.recorded is not None:
        details = {**video.recorded.get("videoDetails", {}), "videoId": video.ytid}
        return {**copy.deepcopy(video.recorded), "videoDetails": details}
    behaviour = video.answers
    is_refused = behaviour.refuses(visitor.client, is_signed_in=visitor.is_signed_in)
    response: Json = {
        "responseContext": {"visitorData": _VISITOR},
        "playabilityStatus": _playability(video, is_refused=is_refused),
        "videoDetails": _video_details(video),
        "microformat": {"playerMicroformatRenderer": _microformat(video)},
    }
    if not is_refused:
        response["streamingData"] = _streaming_data(video, layouts, visitor.client)
    if behaviour.formats == "storyboard":
        response["storyboards"] = {"playerStoryboardSpecRenderer": {"spec": _STORYBOARD}}
    if video.ad_s:
        response["adPlacements"] = [_advertisement(video.ad_s)]
    return response


def _playability(video: Video, *, is_refused: bool) -> Json:
    behaviour = video.answers
    if not is_refused:
        return {"status": "OK", "playableInEmbed": True}
    message = {
        line: {"simpleText": text}
        for line, text in (("reason", behaviour.reason), ("subreason", behaviour.subreason))
        if text
    }
    return {
        "status": behaviour.status,
        "reason": behaviour.reason,
        "errorScreen": {"playerErrorMessageRenderer": message, **behaviour.error_screen},
    }


def _video_details(video: Video) -> Json:
    return {
        "videoId": _ANOTHER_YTID if video.answers.is_about_another else video.ytid,
        "title": f"Simulated video {video.ytid}",
        "lengthSeconds": str(round(video.duration_s)),
        "channelId": "UCsimulatorsimulatorsimu",
        "shortDescription": "One tone a second.",
        "author": "Simulator",
        "viewCount": "1000",
        "isPrivate": False,
        "isLiveContent": False,
        **video.answers.details,
    }


def _microformat(video: Video) -> Json:
    return {
        "title": {"simpleText": f"Simulated video {video.ytid}"},
        "lengthSeconds": str(round(video.duration_s)),
        "availableCountries": ["LI", "VA"],
        "category": "Education",
        "isFamilySafe": True,
        "isUnlisted": False,
        "publishDate": "2012-01-01T00:00:00-08:00",
    }


def _streaming_data(video: Video, layouts: Sequence[Layout], client: str) -> Json:
    offers = video.answers.formats_for(client)
    pairs = list(zip(video.offers, layouts, strict=False))
    made = [(offer, _format(video, offer, layout, offers)) for offer, layout in pairs]
    data: Json = {
        "expiresInSeconds": str(video.answers.url_lifetime_s),
        "formats": [one for offer, one in made if offer.packing == "muxed"],
        "adaptiveFormats": [one for offer, one in made if offer.packing != "muxed"],
    }
    if offers == "storyboard":
        data["adaptiveFormats"] = []
    if offers == "odd":
        data["adaptiveFormats"] = [
            {**offered, "mimeType": 7} for offered in data["adaptiveFormats"]
        ]
    # The site gives one with all that plays (recorded of VISIONOS).
    has_manifest = video.sound not in WITHOUT_MANIFEST and not video.answers.needs_script
    if offers == "urls" and has_manifest:
        data["hlsManifestUrl"] = hls.manifest_url(video.ytid)
    if offers == "drm":
        data["licenseInfos"] = [{"drmFamily": "WIDEVINE", "url": "https://www.youtube.com/drm"}]
    return data


def _format(video: Video, offer: Offer, layout: Layout, offers: str) -> Json:
    """Return one format as the player API describes it; what it says of the bytes is true."""
    track = layout.format
    offered = {
        "itag": offer.itag,
        "mimeType": _mime_type(offer, track),
        "bitrate": round(8 * layout.size / layout.duration_s * 1.05),
        "averageBitrate": round(8 * layout.size / layout.duration_s),
        "contentLength": str(layout.size),
        "approxDurationMs": str(round(layout.duration_s * 1000)),
        "audioQuality": track.quality,
        "audioSampleRate": str(track.sample_rate),
        "audioChannels": offer.channels,
        **offer.audio_track(),
        "projectionType": "RECTANGULAR",
        "quality": "tiny",
        "lastModified": "1700000000000000",
    }
    if layout.index is not None:
        first, end = layout.index
        offered["initRange"] = {"start": "0", "end": str(first - 1)}
        offered["indexRange"] = {"start": str(first), "end": str(end - 1)}
    if offer.packing == "video":
        for key in ("audioQuality", "audioSampleRate", "audioChannels"):
            del offered[key]
    if offer.packing != "audio":
        offered |= {"quality": "medium", "qualityLabel": "360p", "height": 360, "width": 640}
    if offer.is_drc:
        offered["isDrc"] = True
    if offers == "drm":
        offered["drmFamilies"] = ["WIDEVINE"]
    if offers != "no_urls":
        offered["url"] = _media_url(video, offer, layout)
    return offered


def _mime_type(offer: Offer, track: Format) -> str:
    if offer.packing == "audio":
        return track.mime_type
    codecs = "avc1.42001E" if offer.packing == "video" else "avc1.42001E, mp4a.40.2"
    return f'video/mp4; codecs="{codecs}"'


def _media_url(video: Video, offer: Offer, layout: Layout) -> str:
    now = time.time()
    query = {
        "expire": int(now) + video.answers.url_lifetime_s,
        "id": video.ytid,
        "itag": offer.itag,
        "source": "youtube",
        "rqh": 1,
        "cpn": next(_NUMBERS),
        "requiressl": "yes",
        "mime": layout.format.mime_type.partition(";")[0],
        "clen": layout.size,
        "dur": f"{layout.duration_s:.3f}",
        "sig": "simulated",
    }
    if video.answers.needs_script:
        query["n"] = "challenge"
    if offer.tag:
        query["xtags"] = offer.tag
    if video.ad_s:
        query["playable_from"] = f"{now + video.ad_s:.3f}"
    return f"https://{media_host(video.ytid)}/videoplayback?{urlencode(query)}"


def media_host(ytid: str, move: int = 0) -> str:
    """Return the host that has a video's tracks; as on the site, there are several."""
    number = (sum(ytid.encode()) + move) % _NUM_MEDIA_HOSTS + 1
    return f"rr{number}---sn-simulator.googlevideo.com"


def _advertisement(length_s: int) -> Json:
    renderer = {"instreamVideoAdRenderer": {"playerVars": f"length_seconds={length_s}"}}
    placement = {"kind": "AD_PLACEMENT_KIND_START"}
    return {
        "adPlacementRenderer": {"config": {"adPlacementConfig": placement}, "renderer": renderer}
    }


def _ytcfg(visitor: Visitor, client: str, number: int) -> Json:
    config: Json = {
        "INNERTUBE_API_KEY": "AIzaSimulator",
        "INNERTUBE_CLIENT_NAME": client,
        "INNERTUBE_CLIENT_VERSION": "2.20260708.00.00",
        "INNERTUBE_CONTEXT": {
            "client": {
                "clientName": client,
                "clientVersion": "2.20260708.00.00",
                "hl": "en",
                "gl": "US",
                "visitorData": _VISITOR,
            }
        },
        "INNERTUBE_CONTEXT_CLIENT_NAME": number,
        "VISITOR_DATA": _VISITOR,
        "LOGGED_IN": visitor.is_signed_in,
        "PLAYER_JS_URL": SCRIPT_PATH,
    }
    if visitor.is_signed_in:
        config |= {"DATASYNC_ID": f"{ACCOUNT_ID}||", "SESSION_INDEX": "0"}
    return config


def _padding(size: int) -> bytes:
    return b"<!--" + b"." * size + b"-->" if size else b""


def _dump(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
