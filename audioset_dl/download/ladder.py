"""Ten seconds of one video: a range of its track, else all of it, cut and checked.

The ladder of design §6: ranged, whole file, HLS. Knows nothing of the output folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from audioset_dl.audio.cut import Samples, cut_track, name_by_content
from audioset_dl.audio.ffmpeg import FfmpegError
from audioset_dl.audio.index import BadIndexError
from audioset_dl.audio.ranged import HEAD_BYTES, cut_ranged, read_index
from audioset_dl.catalog.clips import Clip
from audioset_dl.config import AudioConfig
from audioset_dl.outcomes import Failure, VideoFailed
from audioset_dl.storage.files import as_output_error
from audioset_dl.youtube.gate import Gate
from audioset_dl.youtube.session import MediaRefused
from audioset_dl.youtube.video import Track, YoutubeClient

DURATION_SLACK_S = 2.0
"""By how much an audio track may differ from the length that YouTube states in whole seconds."""
END_SLACK_S = 0.1
"""By how much a track may end before its index says: a packet or two, and what an encoder pads."""


@dataclass(frozen=True)
class Media:
    """The samples of a clip and how they were got."""

    samples: Samples
    source_format: str
    method: str
    num_bytes: int
    """Media bytes fetched."""


class Ladder:
    """Fetches clips by one client, one after the other.

    Parameters
    ----------
    client : YoutubeClient
        Asks YouTube.
    ffmpeg : Path
        Decodes and cuts.
    audio : AudioConfig
        Sample rate and channels.
    scratch : Path
        Folder for a track that has to be fetched whole.
    """

    def __init__(
        self, client: YoutubeClient, *, ffmpeg: Path, audio: AudioConfig, scratch: Path
    ) -> None:
        self._client = client
        self._ffmpeg = ffmpeg
        self._audio = audio
        self._scratch = scratch

    def fetch(self, clip: Clip, gate: Gate) -> Media:
        """Fetch a clip's samples by the first rung that works.

        Raises
        ------
        VideoFailed
            Why it can't be fetched.
        """
        track = self._client.extract(clip.ytid)
        _check_within(clip, track.duration_s)
        spent = _Spent()
        try:
            return self._fetch_track(clip, track, spent)
        except MediaRefused:
            # A new extraction helps where the URL has expired, not where the address is refused.
            if gate.is_doubtful:
                raise
            gate.is_doubtful = True
            return self._fetch_track(clip, self._client.extract(clip.ytid), spent)

    def _fetch_track(self, clip: Clip, track: Track, spent: _Spent) -> Media:
        """Go down the ladder: ten seconds out of the track, else all of it."""
        if not track.is_one_file:
            return self._fetch_whole(clip, track, spent)
        try:
            return self._fetch_ranged(_Ranges(self._client, track, spent), clip, track)
        except (BadIndexError, FfmpegError):
            return self._fetch_whole(clip, track, spent)

    def _fetch_ranged(self, ranges: _Ranges, clip: Clip, track: Track) -> Media:
        """Fetch the index, and the bytes that hold the clip."""
        head = ranges.read(0, HEAD_BYTES)
        index = read_index(track.extension, head, ranges.track_size, ranges.read)
        _check_within(clip, float(index.end), slack_s=0)
        start_s, end_s = clip.start_s, clip.end_s
        samples = cut_ranged(
            self._ffmpeg, index, ranges.read, start_s=start_s, end_s=end_s, audio=self._audio
        )
        _check_reaches(samples, clip, min(end_s, float(index.end)))
        _check_not_empty(samples, clip)
        return Media(samples, track.description, "ranged", ranges.spent.num_bytes)

    def _fetch_whole(self, clip: Clip, track: Track, spent: _Spent) -> Media:
        """Fetch the whole track into a file and cut the clip out of it."""
        with self._scratch_folder() as folder:
            file = folder / f"track.{track.extension}"
            try:
                self._client.download(track, file)
            finally:
                spent.num_bytes += file.stat().st_size if file.exists() else 0
            samples = self._cut(file if track.is_one_file else name_by_content(file), clip)
        if track.info.get("filesize") is None:
            _check_complete(samples, clip, track)
        _check_not_empty(samples, clip)
        method = "whole" if track.is_one_file else "hls"
        return Media(samples, track.description, method, spent.num_bytes)

    @contextmanager
    def _scratch_folder(self) -> Iterator[Path]:
        scratch = self._scratch
        with as_output_error(scratch):
            folder = TemporaryDirectory(dir=scratch, prefix="clip-")
        with folder as name:
            yield Path(name)

    def _cut(self, file: Path, clip: Clip) -> Samples:
        try:
            return cut_track(
                self._ffmpeg, file, start_s=clip.start_s, end_s=clip.end_s, audio=self._audio
            )
        except FfmpegError as error:
            raise VideoFailed(Failure("decode", str(error))) from error


@dataclass
class _Spent:
    """Media fetched for a clip so far, over all rungs and attempts."""

    num_bytes: int = 0


class _Ranges:
    """Reads ranges of one track and counts the bytes."""

    def __init__(self, client: YoutubeClient, track: Track, spent: _Spent) -> None:
        self._client = client
        self._track = track
        self.track_size = 0
        """Of the whole track; known after the first range."""
        self.spent = spent

    def read(self, first: int, end: int) -> bytes:
        part = self._client.read_range(self._track, first, end)
        self.track_size = part.track_size
        self.spent.num_bytes += len(part.data)
        return part.data


def _check_within(clip: Clip, end_s: float | None, slack_s: float = DURATION_SLACK_S) -> None:
    if end_s is not None and clip.start_s >= end_s + slack_s:
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


def _check_not_empty(samples: Samples, clip: Clip) -> None:
    if not samples.num_samples:
        raise VideoFailed(_out_of_range(clip, "the track ends before it"))


def _out_of_range(clip: Clip, why: str) -> Failure:
    return Failure("out_of_range", f"the segment begins at {clip.start_s:g} s: {why}")
