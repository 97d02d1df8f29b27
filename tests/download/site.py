"""A site in memory that answers as a test's function says, for whole runs of the engine."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

from fakes import FakeClock, FakeSelection

from audioset_dl.catalog.clips import Clip
from audioset_dl.config import DownloadConfig
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import open_account, open_addresses
from audioset_dl.download.choices import find_untried
from audioset_dl.download.engine import Engine
from audioset_dl.download.fetcher import Job
from audioset_dl.download.messages import PauseNote, describe_doubts
from audioset_dl.download.queues import Queues
from audioset_dl.download.recorder import Recorder
from audioset_dl.download.witnesses import NUM_SAVED, canary_clip
from audioset_dl.download.workers import Interrupt, Outcome
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import Failure

MID = "/m/0bt9lr"
CANARY = "jNQXAC9IVRw"


@dataclass(frozen=True)
class Ask:
    """One video that the site is asked for."""

    ytid: str
    number: int
    """Among all that the site was asked for, from 0."""
    proxy: str | None
    with_cookies: bool
    now: float


Site = Callable[[Ask], str]
"""Says what comes of an ask: ``saved``, or a failure code."""


class SiteWorkers:
    """Workers that ask a site; what is under way ends in any order."""

    def __init__(self, site: Site, clock: FakeClock, seed: int, folder: Path) -> None:
        self._folder = folder
        self.asked: list[Ask] = []
        self._site = site
        self._clock = clock
        self._random = random.Random(seed)
        self._under_way: list[Outcome] = []

    def submit(self, job: Job) -> None:
        ticket = job.ticket
        ask = Ask(job.clip.ytid, len(self.asked), ticket.proxy, ticket.uses_cookies, self._clock())
        self.asked.append(ask)
        code = self._site(ask)
        result = saved(job.file_name or "") if code == "saved" else failure_of(code)
        if isinstance(result, SavedFile) and job.file_name is not None:
            path = self._folder / job.file_name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(bytes(result.num_bytes))
        self._under_way.append(Outcome(job, result))

    def next_outcome(self, timeout_s: float | None) -> Outcome | Interrupt | None:
        if self._under_way:
            return self._under_way.pop(self._random.randrange(len(self._under_way)))
        assert timeout_s is not None, "the engine waits for ever for nothing"
        self._clock.wait(timeout_s)
        return None

    def give_up(self) -> None:
        pass


SILENCE = "silence"
"""What comes of an ask to which nothing comes within the time."""


def failure_of(code: str) -> Failure:
    if code == SILENCE:
        return Failure("network", "timed out", is_silence=True)
    return Failure(code, f"it is {code}")


def saved(file_name: str) -> SavedFile:
    return SavedFile(
        file_name, num_samples=160_000, sample_rate=16_000, channels=1, num_bytes=44,
        sha256="0" * 64, source_format="251 opus 128k", method="ranged", bytes_fetched=2,
        saved_at="2026-11-22T12:00:00+00:00",
    )  # fmt: skip


@dataclass
class Ended:
    """How a run ended."""

    states: dict[str, str]
    codes: dict[str, str | None]
    proofs: dict[str, str | None]
    attempts: dict[str, int]
    asked: list[Ask]
    findings: list[str]
    clock: FakeClock
    error: AudiosetDlError | None = None

    def of(self, state: str) -> set[str]:
        return {ytid for ytid, one in self.states.items() if one == state}

    @property
    def num_asked(self) -> Counter[str]:
        return Counter(ask.ytid for ask in self.asked)

    @property
    def num_witnesses(self) -> int:
        """Asks for a video that was saved before it, or for the canary."""
        return self.num_asked[CANARY] + sum(self.num_asked[ytid] - 1 for ytid in self.of("saved"))


@dataclass
class Folder:
    """An output folder, and runs into it."""

    path: Path
    rankings: Mapping[str, Sequence[str]]
    per_class: int | None = None
    seed: int = 0
    believed: Sequence[str] = ()
    runs: int = field(default=0)

    def run(self, site: Site, *, account: bool = False, always: bool = False, **config) -> Ended:
        """Run the engine until it ends by itself."""
        self.runs += 1
        clock = FakeClock()
        workers = SiteWorkers(site, clock, self.seed + self.runs, self.path)
        if always:
            config |= {"cookies": Path("cookies.txt"), "cookies_use": "always"}
        settings = DownloadConfig(**{"delay_s": 1, "max_per_hour": None, "workers": 4, **config})
        ytids = dict.fromkeys(ytid for ranking in self.rankings.values() for ytid in ranking)
        clips = [Clip(ytid, 30.0, 40.0, (MID,), "made") for ytid in ytids]
        selection = FakeSelection(clips, self.per_class, self.rankings)
        output = OutputFolder(self.path)
        layout = SimpleNamespace(file_name=lambda clip_id, _labels: f"wav/Y{clip_id}.wav")
        with open_journal(output.journal) as journal:
            recorder = Recorder(selection, journal, output, layout)
            saved_last = journal.saved_last(NUM_SAVED)
            missing = recorder.begin()
            addresses = open_addresses(settings, with_cookies=always)
            queues = Queues(addresses, open_account(addresses, settings) if account else ())
            for address in (*queues.guests.addresses, *queues.account.addresses):
                address.witnesses.others = [*saved_last, canary_clip(CANARY)]
            for task in selection.tasks(missing, has_account=account):
                queues.add(task)
            engine = Engine(
                queues, recorder, workers, config=settings, clock=clock,
                pause=PauseNote(journal, len(addresses)), watch=lambda _standing: None,
                believed=self.believed,
            )  # fmt: skip
            error = None
            try:
                engine.run()
            except AudiosetDlError as raised:
                error = raised
            known = chain(journal.rows(), find_untried(journal, recorder.draw, selection.table))
            rows = {row.ytid: row for row in known if row.wanted}
        return Ended(
            {ytid: row.state for ytid, row in rows.items()},
            {ytid: row.code for ytid, row in rows.items()},
            {ytid: row.proof for ytid, row in rows.items()},
            {ytid: row.attempts for ytid, row in rows.items()},
            workers.asked, describe_doubts(
                (*queues.guests.addresses, *queues.account.addresses),
                engine.suspects.stopped_classes, engine.suspects.num_given_back,
            ), clock, error,
        )  # fmt: skip


def ytids(number: int, letter: str = "v") -> list[str]:
    return [f"{letter}{n:010d}" for n in range(number)]
