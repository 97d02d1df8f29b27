"""What a process and its children use, sampled from /proc."""

from __future__ import annotations

import threading
from pathlib import Path
from statistics import median

EVERY_S = 1.0


class Sampler:
    """Samples a process every second while the body runs."""

    def __init__(self, pid: int) -> None:
        self._folder = Path("/proc") / str(pid)
        self._samples: list[dict[str, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def tenths(self, number: int) -> dict[str, float]:
        """Return the medians of one tenth of the time, from 0 on."""
        size = len(self._samples) / 10
        part = self._samples[
            int(number * size) : max(int((number + 1) * size), int(number * size) + 1)
        ]
        return {name: median(sample[name] for sample in part) for name in part[0]}

    def _sample(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                self._samples.append(read_use(self._folder))
            except (FileNotFoundError, ProcessLookupError, ValueError):
                return  # it has ended


def read_use(folder: Path) -> dict[str, float]:
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    if "VmRSS" not in status:
        raise ProcessLookupError
    children = [child for task in (folder / "task").iterdir()
                for child in (task / "children").read_text().split()]  # fmt: skip
    return {
        "MB": int(status["VmRSS"].split()[0]) / 1000,
        "descriptors": len(list((folder / "fd").iterdir())),
        "threads": int(status["Threads"]),
        "children": len(children),
    }
