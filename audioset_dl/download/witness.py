"""A witness: one video that is known to play, fetched just as a download fetches a clip.

What becomes of it says something about the address, not about a clip. Nothing of it comes into the
dataset: it is fetched into a folder of its own, which is removed.
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Ticket
from audioset_dl.download.fetcher import ClipFetcher, Job
from audioset_dl.download.settings import FetchSettings
from audioset_dl.outcomes import Failure
from audioset_dl.storage.files import as_output_error

START_S, END_S = 5.0, 15.0
"""The part of the video that is fetched."""
TIMEOUT_S = 20.0
"""Longest timeout: somebody is waiting for the answer."""


@dataclass(frozen=True)
class Witness:
    """A video that should play, and how it is fetched."""

    ytid: str
    settings: FetchSettings
    """As for a download; the output folder is not used."""


def fetch_witness(
    witness: Witness, proxy: str | None, stop: threading.Event
) -> SavedFile | Failure:
    """Fetch ten seconds of a witness by one address, as a guest.

    Parameters
    ----------
    witness : Witness
        The video.
    proxy : str or None
        The proxy of the address; None for a direct connection.
    stop : threading.Event
        When set, the attempt is given up.

    Raises
    ------
    OutputError
        The system's folder of temporary files can't be written.
    """
    place = Path(tempfile.gettempdir())
    with as_output_error(place):
        folder = tempfile.TemporaryDirectory(dir=place, prefix="audioset-dl-witness-")
    with folder as name:
        output = OutputFolder(Path(name))
        with as_output_error(output.scratch):
            output.scratch.mkdir()
        download = witness.settings.download
        timeout_s = min(download.timeout_s, TIMEOUT_S)
        settings = replace(
            witness.settings,
            download=download.model_copy(update={"timeout_s": timeout_s}),
            output=output,
        )
        fetcher = ClipFetcher(settings, stop)
        try:
            clip = Clip(witness.ytid, START_S, END_S, (), "witness")
            return fetcher.fetch(Job(clip, "wav/witness.wav", Ticket(proxy)))
        finally:
            fetcher.close()
