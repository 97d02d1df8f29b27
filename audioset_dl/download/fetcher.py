"""The way of one clip: from an address of YouTube to a checked WAV file.

A `ClipFetcher` lives in one worker thread. It knows nothing of the journal, of other clips, or of
what is tried again: it returns what became of the clip.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, replace

from audioset_dl.audio.cut import BrokenStreamError
from audioset_dl.audio.wav import encode_wav, is_same_sound
from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.resume import write_pending
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Ticket
from audioset_dl.download.ladder import Ladder, Media
from audioset_dl.download.settings import FetchSettings
from audioset_dl.errors import OutputError
from audioset_dl.outcomes import Failure, Scope, VideoFailed
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.disk import find_free_space
from audioset_dl.storage.files import KEPT, write_file
from audioset_dl.youtube.gate import Gates
from audioset_dl.youtube.video import YoutubeClient


@dataclass(frozen=True)
class Job:
    """A clip to fetch."""

    clip: Clip
    file_name: str | None
    """Where it goes, relative to the output folder; None for a witness, which is not kept."""
    ticket: Ticket
    """By which address."""
    number: int = 0
    """Of the attempt, among all of the run."""
    saved: SavedFile | None = None
    """The file that is there already, and stays if it holds the same sound."""


class ClipFetcher:
    """Fetches clips, one after the other, in one thread.

    Parameters
    ----------
    settings : FetchSettings
        What all clips have in common.
    stop : threading.Event
        When set, what is under way is given up (`audioset_dl.youtube.session.Stopped` is raised).
    gates : Gates, optional
        Shared by all fetchers of the process.
    """

    def __init__(
        self, settings: FetchSettings, stop: threading.Event, *, gates: Gates | None = None
    ) -> None:
        self._settings = settings
        self._stop = stop
        self._gates = gates or Gates()
        self._clients: dict[tuple[str | None, bool], YoutubeClient] = {}

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def fetch(self, job: Job) -> SavedFile | Failure:
        """Fetch one clip and save it, if it has a place.

        Returns
        -------
        SavedFile or Failure
            What is on the disk now, or why nothing is.

        Raises
        ------
        OutputError
            The output folder can't be written.
        """
        # After a lock-out, what was refused before may be refused still.
        gate = self._gates.find(job.ticket.gate_key, is_doubtful=job.ticket.lockout > 0)
        gate.shuts_by_words = job.ticket.stops_others
        client = self._client(job.ticket)
        client.enter(gate)
        try:
            ladder = Ladder(
                client,
                job.clip,
                gate,
                self._settings,
                more_clients=job.ticket.asks_more_clients,
            )
            media = ladder.fetch()
        except BrokenStreamError as error:
            return Failure("bad_answer", str(error))
        except VideoFailed as error:
            failure = error.failure
            if failure.code == "disk":
                scratch = self._settings.output.scratch
                room = f"{find_free_space(scratch)}, where each worker keeps a track"
                raise OutputError(f"{scratch}: {failure.detail} ({room})", fix=KEPT) from error
            gate.is_doubtful &= failure.kind.scope is not Scope.GONE
            return failure
        gate.is_doubtful = False
        return self._save(job, media)

    def _is_same_sound(self, saved: SavedFile, media: Media) -> bool:
        path = self._settings.output.path / saved.file_name
        return is_same_sound(path, media.samples)

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

    def _save(self, job: Job, media: Media) -> SavedFile:
        if job.saved is not None and self._is_same_sound(job.saved, media):
            return replace(job.saved, track=media.track.sound)
        wav = encode_wav(media.samples, self._settings.audio.subtype)
        file = SavedFile(
            file_name=job.file_name or "",
            num_samples=media.samples.num_samples,
            sample_rate=media.samples.sample_rate,
            channels=media.samples.channels,
            num_bytes=len(wav),
            sha256=hashlib.sha256(wav).hexdigest(),
            source_format=media.track.description,
            method=media.method,
            bytes_fetched=media.num_bytes,
            saved_at=utc_now(),
            track=media.track.sound,
        )
        if job.file_name is not None:
            write_pending(self._settings.output, job.clip, file)
            write_file(self._settings.output.path / job.file_name, wav)
        return file
