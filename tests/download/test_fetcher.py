"""The way of one clip: each rung of the ladder, what it costs, and what faults make of it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audioset_dl.audio.index import BadIndexError
from audioset_dl.catalog.clips import Clip
from audioset_dl.config import AudioConfig, DownloadConfig
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.resume import drop_pending
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download import ladder
from audioset_dl.download.address import Ticket
from audioset_dl.download.fetcher import ClipFetcher, Job
from audioset_dl.download.settings import FetchSettings
from audioset_dl.outcomes import Failure, Scope
from audioset_dl.simulator import Simulator, Video, sounds_right
from audioset_dl.simulator.log import Request
from audioset_dl.simulator.tracks import Tracks

# yt-dlp drops answers that it retries, and the file of an HLS download that failed, unclosed.
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed file <_io.BufferedWriter:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed file <_io.FileIO:ResourceWarning"),
]

OPUS, AAC = {"itags": (251, 140)}, {"itags": (140,)}
UNINDEXED_OPUS, UNINDEXED_AAC = {"packing": "no_index", **OPUS}, {"packing": "no_index", **AAC}
HLS = {"packing": "hls"}
KINDS = {"opus": OPUS, "aac": AAC, "no_index opus": UNINDEXED_OPUS, "no_index aac": UNINDEXED_AAC,
         "hls": HLS}  # fmt: skip
METHODS = {"opus": "ranged", "aac": "ranged", "no_index opus": "whole", "no_index aac": "whole",
           "hls": "hls"}  # fmt: skip
FAULTY_KINDS = ("opus", "no_index opus", "hls")
NUMBERS = count()
FAULTS = ("truncate", "reset", "wrong_range", "full_200", "html_200", "reset:head", "truncate:-1")
OPUS_FAULTS = (
    "truncate:head", "truncate:0", "truncate:1", "reset:0", "reset:1", "reset:-1",
    "stall:0", "stall:1000", "trickle",
)  # fmt: skip
"""Each stall, and a byte a second, takes timeout_s."""


@dataclass
class Fetched:
    """What became of a clip."""

    outcome: SavedFile | Failure
    clip: Clip
    folder: Path
    requests: tuple[Request, ...]

    @property
    def saved(self) -> SavedFile:
        assert isinstance(self.outcome, SavedFile), self.outcome
        return self.outcome

    @property
    def failure(self) -> Failure:
        assert isinstance(self.outcome, Failure), self.outcome
        return self.outcome

    @cached_property
    def samples(self) -> np.ndarray:
        return soundfile.read(self.folder / self.saved.file_name, dtype="int16")[0]

    @property
    def is_right(self) -> bool:
        """Whether it is the whole clip, and counts all that was sent for it."""
        return (
            len(self.samples) == self.saved.num_samples == 160_000
            and sounds_right(self.samples, 16_000, self.clip.ytid, self.clip.start_s)
            and self.saved.bytes_fetched == self.media_bytes
        )

    @property
    def media_bytes(self) -> int:
        """Bytes of media that were sent, without the pages that came with a refusal."""
        return sum(each.bytes_sent for each in self.asked("media") if each.status < 400)

    def asked(self, kind: str) -> list[Request]:
        return [request for request in self.requests if request.kind == kind]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator
    gc.collect()


@pytest.fixture
def fetch(simulator: Simulator, tmp_path: Path, ffmpeg: Path) -> Callable[..., Fetched]:
    """Fetch a clip of a video that has these fields."""
    output = OutputFolder(tmp_path)
    output.scratch.mkdir()

    def fetch(start_s: float = 20, *, ytid: str | None = None, **fields: Any) -> Fetched:
        ytid = ytid or f"-_fetch{next(NUMBERS):04d}"
        # One site for all tests: it keeps the layouts of tracks, which take most of the time.
        simulator._site.shelf.videos[ytid] = Video(ytid, **{"duration_s": 60, **fields})
        clip = Clip(ytid, start_s, start_s + 10, ("/m/0bt9lr",), "made")
        # Short only where the site falls silent: elsewhere a busy machine needs its time.
        is_silent = any(fault in str(fields) for fault in ("stall", "trickle"))
        download = DownloadConfig(verify_tls=False, timeout_s=2 if is_silent else 30)
        settings = FetchSettings(download, AudioConfig(), ffmpeg, output, None)
        fetcher = ClipFetcher(settings, threading.Event())
        job = Job(clip, f"Y{clip.clip_id}.wav", Ticket(simulator.address, 0))
        outcome = fetcher.fetch(job)
        fetcher.close()
        if isinstance(outcome, Failure):
            assert not (tmp_path / job.file_name).exists()
        left = {path.name for path in output.scratch.iterdir()}
        is_saved = not isinstance(outcome, Failure)
        assert left == ({f"Y{clip.clip_id}.claim.json"} if is_saved else set())
        drop_pending(output, clip.clip_id)
        return Fetched(outcome, clip, tmp_path, simulator.log.select(ytid=ytid))

    return fetch


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start_s", [0, 30.123])
def test_each_kind_of_track_takes_its_rung(fetch, kind: str, start_s: float) -> None:
    fetched = fetch(start_s, **KINDS[kind])
    assert fetched.is_right
    assert fetched.saved.method == METHODS[kind]


@pytest.mark.parametrize("start_s", [0, 30.123])
@pytest.mark.parametrize(
    ("lower", "ranged"), [(UNINDEXED_OPUS, OPUS), (UNINDEXED_AAC, AAC), (HLS, AAC)]
)
def test_every_rung_gives_the_same_samples(fetch, start_s: float, lower: dict, ranged: dict):
    one, other = (fetch(start_s, ytid="-_the_same0", **kind) for kind in (lower, ranged))
    assert one.saved.method != other.saved.method
    assert np.abs(one.samples.astype(int) - other.samples).max() <= 1, "not lag 0"


def test_a_rung_that_failed_is_paid_for_too(fetch) -> None:
    fetched = fetch(**UNINDEXED_OPUS)
    assert fetched.asked("media")[0].range == "bytes=0-16383"
    whole = len(Tracks().track(251, fetched.clip.ytid, 60, has_index=False))
    assert fetched.saved.bytes_fetched == 16_384 + whole


@pytest.mark.parametrize("kind", ["opus", "aac"])
def test_a_container_that_is_not_known_costs_no_clip(fetch, kind: str, monkeypatch) -> None:
    monkeypatch.setattr("audioset_dl.audio.ranged._INDEX_READERS", {})
    fetched = fetch(**KINDS[kind])
    assert fetched.is_right
    assert fetched.saved.method == "whole"


def test_an_index_that_is_wrong_costs_no_clip(fetch, monkeypatch) -> None:
    def mislead(*_, **__):
        raise BadIndexError("no blocks where the index says that the clip is")

    monkeypatch.setattr(ladder, "cut_ranged", mislead)
    assert fetch().is_right


@pytest.mark.parametrize("kind", KINDS)
def test_what_youtube_says_is_too_short_costs_an_index_to_see(fetch, kind: str) -> None:
    fetched = fetch(60, duration_s=40, **KINDS[kind])
    assert (fetched.failure.code, fetched.failure.kind.scope) == ("out_of_range", Scope.GONE)
    assert {request.range for request in fetched.asked("media")} <= {"bytes=0-16383"}


def test_an_index_that_disagrees_with_the_stated_length_is_not_believed(fetch, monkeypatch) -> None:
    """As of a small file with several indices, of which the first covers 8 of 20 seconds."""
    read_index = ladder.read_index
    monkeypatch.setattr(
        ladder, "read_index", lambda *given: replace(read_index(*given), end=Fraction(8))
    )
    fetched = fetch(9, duration_s=20)
    assert fetched.is_right
    assert fetched.saved.method == "whole"


@pytest.mark.parametrize("kind", ["opus", "aac"])
def test_a_url_that_delivers_no_more_than_a_part(fetch, kind: str) -> None:
    """Its later ranges are refused: another format, or pieces, hold the rest."""
    fetched = fetch(20, duration_s=60, media_cap=16_384, **KINDS[kind])
    assert fetched.is_right
    assert fetched.saved.method == "hls"
    assert len(fetched.asked("page")) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_track_says_is_too_short_is_gone(fetch, kind: str) -> None:
    """YouTube states whole seconds, and rounds them up now and then."""
    assert fetch(41, duration_s=40.4, **KINDS[kind]).failure.code == "out_of_range"


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_that_ends_within_the_clip_gives_what_there_is(fetch, kind: str) -> None:
    fetched = fetch(33, duration_s=37.5, **KINDS[kind])
    assert len(fetched.samples) == pytest.approx(4.5 * 16_000, abs=0.03 * 16_000)
    assert sounds_right(fetched.samples, 16_000, fetched.clip.ytid, 33)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 1])
def test_media_refused_once_is_extracted_anew(fetch, kind: str, place: int) -> None:
    fetched = fetch(faults=("",) * place + ("http_403",), **KINDS[kind])
    assert fetched.is_right
    assert fetched.saved.method == METHODS[kind]
    assert len(fetched.asked("page")) == (3 if kind == "hls" else 2)


@pytest.mark.parametrize("kind", KINDS)
def test_media_refused_twice_is_a_fact_about_the_session(fetch, kind: str) -> None:
    fetched = fetch(behaviour="session:media", **KINDS[kind])
    assert (fetched.failure.code, fetched.failure.kind.scope) == ("session", Scope.ADDRESS)
    assert len(fetched.asked("page")) == (3 if kind == "hls" else 2)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for kind in FAULTY_KINDS for fault in FAULTS]
    + [("opus", fault) for fault in OPUS_FAULTS],
)
def test_no_fault_makes_a_wrong_clip(fetch, kind: str, fault: str, place: int) -> None:
    fetched = fetch(faults=("",) * place + (fault,), **KINDS[kind])
    assert any(request.fault == fault for request in fetched.asked("media"))
    if isinstance(fetched.outcome, Failure):
        assert fetched.failure.kind.scope is Scope.TRANSIENT
    else:
        assert fetched.is_right


def test_a_page_in_the_place_of_a_segment_is_noticed(fetch) -> None:
    """ffmpeg skips it, and all that comes after would be heard five seconds too early."""
    assert fetch(faults=("", "html_200"), **HLS).failure.code == "bad_answer"
