"""Ten seconds of one video: a range of its track, else all of it, cut and checked.

Goes down a ladder: ranged, whole file, HLS. Knows nothing of the output folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from audioset_dl.audio.cut import Samples, cut_track, name_by_content
from audioset_dl.audio.ffmpeg import FfmpegError, FfmpegStopped
from audioset_dl.audio.index import BadIndexError
from audioset_dl.audio.ranged import HEAD_BYTES, cut_ranged, read_index
from audioset_dl.catalog.clips import Clip
from audioset_dl.download.settings import FetchSettings
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.storage.files import as_output_error
from audioset_dl.youtube.extraction import Track
from audioset_dl.youtube.gate import Gate
from audioset_dl.youtube.session import MediaRefused
from audioset_dl.youtube.video import YoutubeClient

DURATION_SLACK_S = 2.0
"""By how much an audio track may differ from the length that YouTube states in whole seconds."""
MOST_OTHERS = 2
"""Other formats that are tried where one is served in part and then refused."""
END_SLACK_S = 0.1
"""By how much a track may end before its index says: a packet or two, and what an encoder pads."""


@dataclass(frozen=True)
class Media:
    """The samples of a clip and how they were got."""

    samples: Samples
    track: Track
    method: str
    num_bytes: int
    """Media bytes fetched."""


class Ladder:
    """The fetch of one clip by one client.

    Parameters
    ----------
    client : YoutubeClient
        Asks YouTube.
    clip : Clip
        The clip.
    gate : Gate
        Of the address.
    more_clients : bool
        Ask by one more of YouTube's clients than yt-dlp does.
    settings : FetchSettings
        ffmpeg, the form of the audio, and the folder for a track that has to be fetched whole.
    """

    def __init__(
        self,
        client: YoutubeClient,
        clip: Clip,
        gate: Gate,
        settings: FetchSettings,
        *,
        more_clients: bool = False,
    ) -> None:
        self._more_clients = more_clients
        self._client = client
        self._clip = clip
        self._gate = gate
        self._ffmpeg, self._audio = settings.ffmpeg, settings.audio
        self._scratch = settings.output.scratch
        self._needs_manifests = False
        self._num_bytes = 0
        """Media fetched so far, over all rungs and attempts."""

    def fetch(self) -> Media:
        """Fetch the clip's samples by the first rung that works.

        Raises
        ------
        VideoFailed
            Why it can't be fetched.
        """
        try:
            return self._fetch_track(self._extract())
        except MediaRefused:
            # A new extraction helps where the URL has expired, or serves no more than a part of its
            # track; not where the address is refused.
            if self._gate.is_doubtful and not self._num_bytes:
                raise
            self._gate.is_doubtful = True
        return self._fetch_any(self._extract(manifests=self._needs_manifests))

    def _extract(self, *, manifests: bool = False) -> Track:
        more = self._more_clients
        track = self._client.extract(self._clip.ytid, more_clients=more, manifests=manifests)
        self._needs_manifests = not track.is_one_file
        return track

    def _fetch_any(self, track: Track) -> Media:
        """Try formats one after the other, as long as each is served in part and then refused.

        Some clients' URLs serve a megabyte each, and refuse the rest of the track
        (https://github.com/yt-dlp/yt-dlp/issues/12482).
        """
        for one in (track, *track.others[:MOST_OTHERS]):
            served = self._num_bytes
            try:
                return self._fetch_track(one)
            except MediaRefused:
                if self._num_bytes == served:
                    raise
        return self._fetch_in_pieces(self._extract(manifests=True))

    def _fetch_in_pieces(self, track: Track) -> Media:
        pieces = [one for one in (track, *track.others) if not one.is_one_file]
        return self._fetch_track(pieces[0] if pieces else track)

    def _fetch_track(self, track: Track) -> Media:
        """Go down the ladder: ten seconds out of the track, else all of it."""
        if not track.is_one_file:
            return self._fetch_whole(track)
        try:
            return self._fetch_ranged(track)
        except FfmpegStopped as error:  # the same bytes may do, and the whole track would not help
            raise VideoFailed(Failure("decode", str(error))) from error
        except (BadIndexError, FfmpegError):
            return self._fetch_whole(track)

    def _fetch_ranged(self, track: Track) -> Media:
        """Fetch the index, and the bytes that hold the clip."""
        clip, track_size = self._clip, 0

        def read(first: int, end: int) -> bytes:
            nonlocal track_size
            part = self._client.read_range(track, first, end)
            track_size = part.track_size
            self._num_bytes += len(part.data)
            return part.data

        head = read(0, HEAD_BYTES)
        index = read_index(track.extension, head, track_size, read)
        _check_agrees(float(index.end), track.duration_s)
        _check_within(clip, float(index.end))
        start_s, end_s = clip.start_s, clip.end_s
        samples = cut_ranged(
            self._ffmpeg, index, read, start_s=start_s, end_s=end_s, audio=self._audio
        )
        _check_reaches(samples, clip, min(end_s, float(index.end)))
        _check_not_empty(samples, clip, track)
        return Media(samples, track, "ranged", self._num_bytes)

    def _fetch_whole(self, track: Track) -> Media:
        """Fetch the whole track into a file and cut the clip out of it."""
        clip = self._clip
        if track.duration_s is not None:
            _check_within(clip, track.duration_s + DURATION_SLACK_S)
        with as_output_error(self._scratch):
            folder = TemporaryDirectory(dir=self._scratch, prefix="clip-")
        with folder as name:
            file = Path(name, f"track.{track.extension}")
            try:
                self._client.download(track, file)
            finally:
                self._num_bytes += file.stat().st_size if file.exists() else 0
            samples = self._cut(file if track.is_one_file else name_by_content(file))
        if track.info.get("filesize") is None:
            _check_complete(samples, clip, track)
        _check_not_empty(samples, clip, track)
        method = "whole" if track.is_one_file else "hls"
        return Media(samples, track, method, self._num_bytes)

    def _cut(self, file: Path) -> Samples:
        start_s, end_s = self._clip.start_s, self._clip.end_s
        try:
            return cut_track(self._ffmpeg, file, start_s=start_s, end_s=end_s, audio=self._audio)
        except FfmpegError as error:
            raise VideoFailed(Failure("decode", str(error))) from error


def _check_agrees(end_s: float, duration_s: float | None) -> None:
    """Raise `BadIndexError` if an index covers more or less than the video is long.

    Small files may have several indices, of which the first covers a part.
    """
    if duration_s is not None and abs(end_s - duration_s) > DURATION_SLACK_S:
        raise BadIndexError(f"the index ends at {end_s:g} s, the video at {duration_s:g} s")


def _check_within(clip: Clip, end_s: float) -> None:
    if clip.start_s >= end_s:
        raise VideoFailed(_out_of_range(clip, f"the video is {end_s:g} s long"))


def _check_reaches(samples: Samples, clip: Clip, end_s: float) -> None:
    """Raise `BadIndexError` if samples are missing before a time that the index says is there."""
    if clip.start_s + samples.num_samples / samples.sample_rate < end_s - END_SLACK_S:
        raise BadIndexError("the track holds less than its index says")


def _check_complete(samples: Samples, clip: Clip, track: Track) -> None:
    """Let a clip be shorter than its segment only where the video itself ends.

    For a track of which no size is known that would show whether all of it came.
    """
    end_s = clip.start_s + samples.num_samples / samples.sample_rate
    if track.duration_s is None or samples.num_samples == round(
        clip.duration_s * samples.sample_rate
    ):
        return
    if end_s < track.duration_s - DURATION_SLACK_S:
        detail = f"the track ends at {end_s:.3f} s, the video at {track.duration_s:g} s"
        raise VideoFailed(Failure("truncated", detail))


def _check_not_empty(samples: Samples, clip: Clip, track: Track) -> None:
    """Tell a segment beyond the end of the video from one beyond the end of what came."""
    if samples.num_samples:
        return
    if track.duration_s is not None and clip.start_s < track.duration_s - DURATION_SLACK_S:
        detail = f"the track ends before {clip.start_s:g} s, the video at {track.duration_s:g} s"
        raise VideoFailed(Failure("truncated", detail))
    raise VideoFailed(_out_of_range(clip, "the track ends before it"))


def _out_of_range(clip: Clip, why: str) -> Failure:
    return Failure("out_of_range", f"the segment begins at {clip.start_s:g} s: {why}")
