"""What the program takes for true of the live site, and how each point is seen.

It was made without an internet: what is here comes from recordings, from reports, and from what
yt-dlp does. `look` asks for three videos, in at most `MOST_REQUESTS` requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audioset_dl.audio.cut import cut_track
from audioset_dl.audio.index import BadIndexError
from audioset_dl.audio.ranged import HEAD_BYTES, cut_ranged, read_index
from audioset_dl.config import AudioConfig, DownloadConfig
from audioset_dl.outcomes import Failure
from audioset_dl.youtube.observe import Observed, Observer

MOST_REQUESTS = 12
VIDEOS = ("jNQXAC9IVRw", "Rb0UmrCXxVA", "cV5TjZCJkuA")
"""A short video, one over an hour, and one with several audio tracks."""
_ONE_CLIENT = ("visionos",)
_CUT_S = (5.0, 15.0)
_SIX_HOURS_S = 6 * 3600
_LENGTH_SLACK_S = 2.0
_REQUESTS_BEFORE_MEDIA = 3
_MOST_NOISE = 0.02


@dataclass(frozen=True)
class Point:
    """One thing that the program takes for true, and whether it was so."""

    name: str
    """Slug."""
    says: str
    """The sentence."""
    holds: bool | None
    """None where it was not seen."""
    seen: str
    """What was seen, without anything that names a person or an address."""

    @property
    def result(self) -> str:
        """``holds``, ``does not hold`` or ``not seen``."""
        return {True: "holds", False: "does not hold", None: "not seen"}[self.holds]


@dataclass
class Look:
    """What three videos showed."""

    short: Observed
    long: Observed
    tracks: Observed
    short_head: bytes | Failure
    long_head: bytes | Failure
    whole: bytes | Failure
    """The short video's track but for its head."""
    cut: np.ndarray | Failure | BadIndexError | None
    """Ten seconds out of a range of the short video's track."""
    cut_of_whole: np.ndarray | None
    """The same out of all of it."""
    num_requests: int


def look(
    config: DownloadConfig,
    audio: AudioConfig,
    ffmpeg: Path,
    folder: Path,
    videos: Sequence[str] = VIDEOS,
) -> Look:
    """Ask for three videos, and keep what is seen.

    Parameters
    ----------
    config, audio
        Sections ``download`` and ``audio`` of the config.
    ffmpeg : Path
        Cuts the ten seconds.
    folder : Path
        For the short video's track.
    videos : sequence of str
        Ids of a short video, of one over an hour, and of one with several audio tracks.
    """
    proxy = config.proxies[0] if config.proxies else None
    observer = Observer(config, proxy=proxy, most_requests=MOST_REQUESTS)
    try:
        short = observer.extract(videos[0])
        head = observer.read(short, 0, HEAD_BYTES)
        cut = _cut_range(observer, short, head, ffmpeg, audio)
        whole = observer.read(short, HEAD_BYTES, _size(short)) if short.track else head
        long = observer.extract(videos[1], clients=_ONE_CLIENT)
        long_head = observer.read(long, 0, HEAD_BYTES)
        tracks = observer.extract(videos[2], clients=_ONE_CLIENT)
    finally:
        observer.close()
    track = None
    if short.track is not None and isinstance(head, bytes) and isinstance(whole, bytes):
        track = folder / f"track.{short.track.extension}"
        track.write_bytes(head + whole)
    start_s, end_s = _CUT_S
    of_whole = (
        cut_track(ffmpeg, track, start_s=start_s, end_s=end_s, audio=audio).data if track else None
    )
    return Look(short, long, tracks, head, long_head, whole, cut, of_whole, observer.num_requests)


def _size(observed: Observed) -> int:
    return int(observed.track.info.get("filesize") or 0) if observed.track else 0


def _cut_range(
    observer: Observer,
    observed: Observed,
    head: bytes | Failure,
    ffmpeg: Path,
    audio: AudioConfig,
) -> np.ndarray | Failure | BadIndexError | None:
    if observed.track is None or isinstance(head, Failure):
        return None
    failed: list[Failure] = []

    def read(first: int, end: int) -> bytes:
        data = observer.read(observed, first, end)
        if isinstance(data, Failure):
            failed.append(data)
            raise BadIndexError(data.detail)
        return data

    try:
        index = read_index(observed.track.extension, head, _size(observed), read)
        start_s, end_s = _CUT_S
        return cut_ranged(ffmpeg, index, read, start_s=start_s, end_s=end_s, audio=audio).data
    except BadIndexError as error:
        return failed[0] if failed else error


Check = Callable[[Look], tuple[bool | None, str]]
"""Tells whether a point holds, and what was seen."""


def _clients(seen: Look) -> tuple[bool | None, str]:
    """An extraction of the short video: which players were asked, and that a track came."""
    asked = [one.client for one in seen.short.requests if one.kind == "player"]
    if not asked:
        return None, _why(seen.short)
    who = f"asked: {', '.join(asked)}"
    if seen.short.track is not None:
        return True, who
    return False, f"{who}; {_why(seen.short)}"


def _requests(seen: Look) -> tuple[bool | None, str]:
    """Requests of the same extraction, but for the script of the player."""
    if seen.short.track is None:
        return None, _why(seen.short)
    kinds = [f"{one.kind} {one.client}".strip() for one in seen.short.before_media]
    return len(kinds) <= _REQUESTS_BEFORE_MEDIA, ", ".join(kinds)


def _script(seen: Look) -> tuple[bool | None, str]:
    """The URL of its media has no parameter `n`."""
    if seen.short.lacks_script:
        return False, "the script of the player could not be run"
    if seen.short.track is None:
        return None, _why(seen.short)
    needs = "n" in seen.short.url_parameters
    return not needs, "a URL with n" if needs else "URLs without n"


def _range(seen: Look) -> tuple[bool | None, str]:
    """The first 16 KiB of its track."""
    if isinstance(seen.short_head, Failure):
        is_answer = seen.short.track is not None
        return (False if is_answer else None), seen.short_head.code
    return True, f"{len(seen.short_head):,} bytes"


def _index(seen: Look) -> tuple[bool | None, str]:
    """The first 16 KiB of the long video's track."""
    if seen.long.track is None or isinstance(seen.long_head, Failure):
        return None, _why(seen.long)

    def refuse(_first: int, end: int) -> bytes:
        raise BadIndexError(f"it goes on to byte {end:,}")

    try:
        index = read_index(seen.long.track.extension, seen.long_head, _size(seen.long), refuse)
    except BadIndexError as error:
        return False, str(error)
    return True, f"of {float(index.end):,.0f} s in {HEAD_BYTES:,} bytes"


def _length(seen: Look) -> tuple[bool | None, str]:
    """The same, against the length that YouTube states."""
    if seen.long.track is None or isinstance(seen.long_head, Failure):
        return None, _why(seen.long)
    stated = seen.long.track.duration_s
    try:
        index = read_index(
            seen.long.track.extension, seen.long_head, _size(seen.long), lambda *_: b""
        )
    except BadIndexError as error:
        return None, str(error)
    found = f"stated {stated} s, index {float(index.end):.1f} s"
    return stated is not None and abs(float(index.end) - stated) <= _LENGTH_SLACK_S, found


def _same(seen: Look) -> tuple[bool | None, str]:
    """Ten seconds of the short video, out of a range and out of all of it."""
    if seen.cut_of_whole is None or not isinstance(seen.cut, np.ndarray):
        return None, "no range, or no whole track"
    if seen.cut.shape != seen.cut_of_whole.shape:
        return False, f"{len(seen.cut):,} samples, and {len(seen.cut_of_whole):,} of the whole"
    difference = np.abs(seen.cut.astype(float) - seen.cut_of_whole.astype(float))
    # A bit of the last place comes from where the resampler began; more is another sound. AAC
    # decoders put noise in place of noise, in a few frames of a thousand.
    share = float(np.mean(difference > 1))
    return share <= _MOST_NOISE, f"{share:.2%} of the samples differ"


def _language(seen: Look) -> tuple[bool | None, str]:
    """The track that is chosen of the video with several."""
    if seen.tracks.failure is not None and seen.tracks.failure.code == "dubbed":
        return False, seen.tracks.failure.detail[:100]
    if seen.tracks.track is None:
        return None, _why(seen.tracks)
    sound = seen.tracks.track.sound
    return sound == "original", f"track: {sound}"


def _expiry(seen: Look) -> tuple[bool | None, str]:
    """The parameter `expire` of the URL of the media."""
    lives_s = seen.short.lives_s
    if lives_s is None:
        return None, _why(seen.short)
    return abs(lives_s - _SIX_HOURS_S) < 1800, f"{lives_s / 3600:.1f} h"


def _why(observed: Observed) -> str:
    return f"{observed.failure.code}" if observed.failure is not None else "nothing came"


ASSUMPTIONS: Sequence[tuple[str, str, Check]] = (
    ("clients", "YouTube answers the clients that yt-dlp asks with URLs of media.", _clients),
    ("requests", "A clip costs three requests before its media: the page, and two players.",
     _requests),
    ("script", "URLs of media need no script of the player to be run for each video.", _script),
    ("range", "A bounded range of a track is answered with status 206.", _range),
    ("index", "The index of a track of an hour lies in its first 16 KiB.", _index),
    ("length", "The length that YouTube states and the index agree to two seconds.", _length),
    ("same", "Ten seconds out of a range are those of the whole track.", _same),
    ("language", "Of several audio tracks one is marked as the original.", _language),
    ("expiry", "URLs of media live six hours.", _expiry),
)  # fmt: skip
"""Slug, sentence, and how it is seen."""


def check_assumptions(seen: Look) -> list[Point]:
    """Return whether each assumption holds."""
    return [Point(name, says, *check(seen)) for name, says, check in ASSUMPTIONS]
