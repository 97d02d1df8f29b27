"""The way of one clip: from an address of YouTube to a checked WAV file.

A `ClipFetcher` lives in one worker thread. It knows nothing of the journal, of other clips, or of
what is tried again: it returns what became of the clip.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from audioset_dl.audio.cut import Samples, cut_track
from audioset_dl.audio.ffmpeg import FfmpegError
from audioset_dl.audio.index import BadIndexError
from audioset_dl.audio.mpegts import BrokenStreamError, name_by_content
from audioset_dl.audio.ranged import HEAD_BYTES, cut_ranged, read_index
from audioset_dl.audio.wav import encode_wav
from audioset_dl.catalog.clips import Clip
from audioset_dl.config import AudioConfig, DownloadConfig
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.pending import write_pending
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Ticket
from audioset_dl.errors import OutputError
from audioset_dl.outcomes import BAD_ANSWER, DECODE, OUT_OF_RANGE, TRUNCATED, Failure, VideoFailed
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.disk import find_free_space
from audioset_dl.storage.files import KEPT, as_output_error, write_file
from audioset_dl.youtube.gate import Gate
from audioset_dl.youtube.video import MediaRefused, Track, YoutubeClient

DURATION_SLACK_S = 2.0
"""By how much an audio track may differ from the length that YouTube states in whole seconds."""
END_SLACK_S = 0.1
"""By how much a track may end before its index says: a packet or two, and what an encoder pads."""


@dataclass(frozen=True)
class Job:
    """A clip to fetch."""

    clip: Clip
    file_name: str
    """Where it goes, relative to the output folder."""
    ticket: Ticket
    """By which address."""


@dataclass(frozen=True)
class FetchSettings:
    """What all clips of a run have in common."""

    download: DownloadConfig
    audio: AudioConfig
    ffmpeg: Path
    output: OutputFolder
    cookies: str | None
    """Text of a cookies.txt, for the jobs whose ticket uses cookies."""


@dataclass(frozen=True)
class Media:
    """The samples of a clip and how they were got."""

    samples: Samples
    source_format: str
    method: str
    num_bytes: int
    """Media bytes fetched."""


class ClipFetcher:
    """Fetches clips, one after the other, in one thread.

    Parameters
    ----------
    settings : FetchSettings
        What all clips have in common.
    stop : threading.Event
        When set, what is under way is given up (`audioset_dl.youtube.video.Stopped` is raised).
    """

    def __init__(self, settings: FetchSettings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._clients: dict[tuple[str | None, bool], YoutubeClient] = {}

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def fetch(self, job: Job) -> SavedFile | Failure:
        """Fetch one clip and save it.

        Returns
        -------
        SavedFile or Failure
            What is on the disk now, or why nothing is.

        Raises
        ------
        OutputError
            The output folder can't be written.
        """
        gate = job.ticket.gate
        client = self._client(job.ticket)
        client.enter(gate)
        try:
            media = self._fetch_media(client, job.clip, gate)
        except BrokenStreamError as error:
            return Failure(BAD_ANSWER, str(error))
        except VideoFailed as error:
            if error.failure.code == "disk":
                scratch = self._settings.output.scratch
                room = f"{find_free_space(scratch)}, where each worker keeps a track"
                raise OutputError(f"{scratch}: {error.failure.detail} ({room}); {KEPT}") from error
            return error.failure
        return self._save(job, media)

    def _client(self, ticket: Ticket) -> YoutubeClient:
        key = ticket.proxy, ticket.uses_cookies
        if key not in self._clients:
            self._clients[key] = YoutubeClient(
                self._settings.download,
                proxy=ticket.proxy,
                cookies=self._settings.cookies if ticket.uses_cookies else None,
                stop=self._stop,
            )
        return self._clients[key]

    def _fetch_media(self, client: YoutubeClient, clip: Clip, gate: Gate) -> Media:
        track = client.extract(clip.ytid)
        _check_within(clip, track.duration_s)
        spent = _Spent()
        try:
            return self._fetch_track(client, clip, track, spent)
        except MediaRefused:
            # An address of media that has expired is mended so; a refused way out is not.
            if gate.is_doubtful:
                raise
            gate.doubt()
            return self._fetch_track(client, clip, client.extract(clip.ytid), spent)

    def _fetch_track(self, client: YoutubeClient, clip: Clip, track: Track, spent: _Spent) -> Media:
        """Go down the ladder: ten seconds out of the track, else all of it."""
        if not track.is_one_file:
            return self._fetch_whole(client, clip, track, spent)
        try:
            return self._fetch_ranged(_Ranges(client, track, spent), clip, track)
        except (BadIndexError, FfmpegError):
            return self._fetch_whole(client, clip, track, spent)

    def _fetch_ranged(self, ranges: _Ranges, clip: Clip, track: Track) -> Media:
        """Fetch the index, and the bytes that hold the clip."""
        head = ranges.read(0, HEAD_BYTES)
        index = read_index(track.extension, head, ranges.track_size, ranges.read)
        _check_within(clip, float(index.end), slack_s=0)
        samples = cut_ranged(
            self._settings.ffmpeg,
            index,
            ranges.read,
            start_s=clip.start_s,
            end_s=clip.end_s,
            audio=self._settings.audio,
        )
        _check_reaches(samples, clip, min(clip.end_s, float(index.end)))
        _check_not_empty(samples, clip)
        return Media(samples, track.description, "ranged", ranges.spent.num_bytes)

    def _fetch_whole(self, client: YoutubeClient, clip: Clip, track: Track, spent: _Spent) -> Media:
        """Fetch the whole track into a file and cut the clip out of it."""
        with self._scratch_folder() as folder:
            file = folder / f"track.{track.extension}"
            try:
                client.download(track, file)
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
        scratch = self._settings.output.scratch
        with as_output_error(scratch):
            folder = TemporaryDirectory(dir=scratch, prefix="clip-")
        with folder as name:
            yield Path(name)

    def _cut(self, file: Path, clip: Clip) -> Samples:
        settings = self._settings
        try:
            return cut_track(
                settings.ffmpeg, file, start_s=clip.start_s, end_s=clip.end_s, audio=settings.audio
            )
        except FfmpegError as error:
            raise VideoFailed(Failure(DECODE, str(error))) from error

    def _save(self, job: Job, media: Media) -> SavedFile:
        wav = encode_wav(media.samples, self._settings.audio.subtype)
        file = SavedFile(
            file_name=job.file_name,
            num_samples=media.samples.num_samples,
            sample_rate=media.samples.sample_rate,
            channels=media.samples.channels,
            num_bytes=len(wav),
            sha256=hashlib.sha256(wav).hexdigest(),
            source_format=media.source_format,
            method=media.method,
            bytes_fetched=media.num_bytes,
            saved_at=utc_now(),
        )
        write_pending(self._settings.output, job.clip, file)
        write_file(self._settings.output.path / job.file_name, wav)
        return file


@dataclass
class _Spent:
    """What a clip has cost so far, whatever became of it."""

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
        raise VideoFailed(Failure(TRUNCATED, detail))


def _check_not_empty(samples: Samples, clip: Clip) -> None:
    if not samples.num_samples:
        raise VideoFailed(_out_of_range(clip, "the track ends before it"))


def _out_of_range(clip: Clip, why: str) -> Failure:
    return Failure(OUT_OF_RANGE, f"the segment begins at {clip.start_s:g} s: {why}")
