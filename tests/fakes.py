"""Stand-ins for what units must not start: threads, clocks, YouTube."""

from __future__ import annotations

import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.segments import make_table
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.address import Ticket
from audioset_dl.download.fetcher import Job
from audioset_dl.download.recorder import Missing
from audioset_dl.download.tasks import Task, make_task
from audioset_dl.download.workers import Interrupt, Outcome
from audioset_dl.outcomes import Failure
from audioset_dl.selection.draw import Draw


class FakeClock:
    """A monotonic clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class FakeWorkers:
    """Does each job at once, as a script says, and hands the outcomes out one by one.

    ``script[ytid]`` lists what the attempts at a video come to: failure codes, exceptions, or
    "saved"; after the last entry, and for all other videos, "saved".
    """

    def __init__(
        self, clock: FakeClock, make_saved: Callable[..., SavedFile], script: dict[str, list]
    ) -> None:
        self.clock = clock
        self.make_saved = make_saved
        self.script = {ytid: deque(results) for ytid, results in script.items()}
        self.asked: list[str] = []
        self.asked_at: list[float] = []
        self.tickets: list[Ticket] = []
        self.most_in_flight = 0
        self.gave_up = False
        self._outcomes: deque[Outcome | Interrupt] = deque()
        self.folder: Path | None = None
        """Where files of the right size are made for what is saved."""

    def submit(self, job: Job) -> None:
        ytid = job.clip.ytid
        self.asked.append(ytid)
        self.asked_at.append(self.clock())
        self.tickets.append(job.ticket)
        script = self.script.get(ytid)
        result = script.popleft() if script else "saved"
        self._outcomes.append(self._outcome(job, result))
        self.most_in_flight = max(self.most_in_flight, len(self._outcomes))

    @property
    def asked_with_cookies(self) -> list[str]:
        """Those videos of `asked` that an account asked for."""
        asked = zip(self.asked, self.tickets, strict=True)
        return [ytid for ytid, ticket in asked if ticket.uses_cookies]

    def next_outcome(self, timeout_s: float | None) -> Outcome | Interrupt | None:
        if self._outcomes:
            return self._outcomes.popleft()
        assert timeout_s is not None, "the engine waits for ever for nothing"
        self.clock.wait(timeout_s)
        return None

    def give_up(self) -> None:
        self.gave_up = True

    def _save(self, file_name: str | None) -> SavedFile:
        saved = self.make_saved(file_name or "")
        if self.folder is not None and file_name is not None:
            path = self.folder / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(saved.num_bytes)
        return saved

    def _outcome(self, job: Job, result: object) -> Outcome | Interrupt:
        if isinstance(result, Interrupt):
            return result
        if isinstance(result, Exception):
            return Outcome(job, result)
        if isinstance(result, Failure):
            return Outcome(job, result)
        if result == "saved":
            return Outcome(job, self._save(job.file_name))
        return Outcome(job, Failure(str(result), f"it is {result}"))


class FakeSelection:
    """Some clips in the rankings of some classes; of a single class, unless these are given."""

    def __init__(
        self,
        clips: Sequence[Clip],
        per_class: int | None,
        rankings: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.table = make_table(clips)
        rows = {clip.ytid: row for row, clip in enumerate(clips)}
        self._rankings = {
            mid: np.array([rows[ytid] for ytid in ranking], np.int32)
            for mid, ranking in (rankings or {"/m/0bt9lr": rows}).items()
        }
        self._per_class = per_class
        self.classes = [SimpleNamespace(mid=mid, name=mid) for mid in self._rankings]
        self.clip_list = None
        self.catalog = SimpleNamespace(ontology=(), segments=SimpleNamespace(events=None))

    def draw(self) -> Draw:
        return Draw(
            self._rankings, self._per_class,
            num_rows=len(self.table), labels_of=lambda _row: self._rankings,
        )  # fmt: skip

    def row(self, clip_id: str) -> int:
        row = self.table.find(clip_id)
        assert row is not None
        return row

    def clip(self, clip_id: str) -> Clip:
        return self.table.clip(self.row(clip_id))

    def tasks(self, missing: Missing, *, has_account: bool) -> Iterator[Task]:
        clip_ids = self.table.clip_ids(missing.rows)
        for row, clip_id in zip(missing.rows.tolist(), clip_ids, strict=True):
            yield make_task(clip_id, missing.codes.get(row), has_account=has_account)


def repeat(code: str, times: int) -> list[str]:
    return [code] * times


def codes_of(records: Iterable) -> dict[str, tuple[str, str | None, int]]:
    return {record.clip.ytid: (record.state, record.code, record.attempts) for record in records}


@contextmanager
def refusing_proxy(status: bytes = b"407 Wrong login") -> Iterator[int]:
    """Yield the port of a proxy that wants another password."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            login = b""
            while (line := self.rfile.readline()).strip():
                login += line if line.lower().startswith(b"proxy-auth") else b""
            self.wfile.write(
                b"HTTP/1.1 " + status + b" " + login.strip() + b"\r\nContent-Length: 0\r\n\r\n"
            )

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
