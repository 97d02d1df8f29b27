"""HLS (RFC 8216) as the simulated YouTube offers it: addresses, playlists and segments.

Owns the playlists and segments of a video that has nothing but an HLS manifest. As on the site, the
master playlist names an audio rendition, itag 234, beside a video stream. Knows nothing of HTTP.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass

from audioset_dl.simulator import containers
from audioset_dl.simulator.tracks import FORMATS, track_packets

ITAG = 234
"""AAC in HLS segments."""
PLAYLIST_TYPE, SEGMENT_TYPE = "application/vnd.apple.mpegurl", "video/MP2T"
SEGMENT_S = 5.0

_VIDEO_ITAG = 269
_PLACE = re.compile(
    r"/(?:api/manifest/(?P<playlist>hls_variant|hls_playlist)|videoplayback)"
    r"/id/(?P<ytid>[^/]{11})(?:/itag/(?P<itag>\d+))?(?:/sq/(?P<number>\d+))?"
    r"/source/youtube/(?:playlist/index\.m3u8|file/index\.m3u8|file/seg\.ts)"
)


@dataclass(frozen=True)
class Place:
    """The playlist or segment that an address names."""

    ytid: str
    is_master: bool = False
    segment: int | None = None
    """None: a playlist."""


@dataclass(frozen=True)
class Segment:
    """A few seconds of audio."""

    length_s: float
    data: bytes
    """MPEG-TS."""


def read_place(path: str) -> Place | None:
    """Read the path of an address; None if it names no HLS, or nothing that is served."""
    match = _PLACE.fullmatch(path)
    if match is None:
        return None
    if match["playlist"] == "hls_variant":
        return Place(match["ytid"], is_master=True)
    if match["itag"] != str(ITAG):
        return None
    return Place(match["ytid"], segment=int(match["number"]) if match["number"] else None)


def manifest_url(ytid: str) -> str:
    """Return the address of a video's master playlist."""
    return f"{_manifests('hls_variant', ytid)}/source/youtube/file/index.m3u8"


def master_playlist(ytid: str) -> str:
    """Return the master playlist: an audio rendition, and a video stream without sound.

    The playlist of the video stream is not served.
    """
    audio, video = (
        f"{_manifests('hls_playlist', ytid)}/itag/{itag}/source/youtube/playlist/index.m3u8"
        for itag in (ITAG, _VIDEO_ITAG)
    )
    group = f'TYPE=AUDIO,GROUP-ID="{ITAG}",NAME="Default",DEFAULT=YES,AUTOSELECT=YES'
    stream = 'BANDWIDTH=200000,CODECS="avc1.4D400C,mp4a.40.2",RESOLUTION=256x144,FRAME-RATE=30'
    lines = ["#EXTM3U", "#EXT-X-INDEPENDENT-SEGMENTS", f'#EXT-X-MEDIA:URI="{audio}",{group}',
             f'#EXT-X-STREAM-INF:{stream},AUDIO="{ITAG}"', video]  # fmt: skip
    return "\n".join([*lines, ""])


def media_playlist(ytid: str, duration_s: float, host: str) -> str:
    """Return the playlist of the audio rendition, whose segments lie on a host."""
    segments = make_segments(ytid, duration_s)
    longest_s = math.ceil(max(segment.length_s for segment in segments))
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-PLAYLIST-TYPE:VOD",
             f"#EXT-X-TARGETDURATION:{longest_s}", "#EXT-X-MEDIA-SEQUENCE:0"]  # fmt: skip
    for number, segment in enumerate(segments):
        path = f"/videoplayback/id/{ytid}/itag/{ITAG}/sq/{number}/source/youtube/file/seg.ts"
        lines += [f"#EXTINF:{segment.length_s:.6f},", f"https://{host}{path}"]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


@functools.lru_cache(maxsize=8)
def make_segments(ytid: str, duration_s: float) -> tuple[Segment, ...]:
    """Return the segments of a video's audio, which hold the packets of its track of itag 140."""
    frames = track_packets(FORMATS[140], ytid, duration_s)
    return tuple(Segment(*made) for made in containers.mux_segments(frames, SEGMENT_S))


def _manifests(kind: str, ytid: str) -> str:
    return f"https://manifest.googlevideo.com/api/manifest/{kind}/id/{ytid}"
