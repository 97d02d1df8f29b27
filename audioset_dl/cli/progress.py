"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from audioset_dl.words import size

if TYPE_CHECKING:
    from audioset_dl.download.recorder import Standing

# Often enough to see that a run goes on, and few enough lines for the log of a week.
LINE_EVERY_S = 10.0


class DownloadProgress:
    """Shows the progress of a download: a bar on a terminal, else a line now and then."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._last_line_at = float("-inf")
        self._last_pause: str | None = None

    def close(self) -> None:
        """Remove the bar from the terminal."""
        if self._bar is not None:
            self._bar.close()

    def update(self, standing: Standing) -> None:
        """Show the progress of the run."""
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._update_bar(standing)
        else:
            self._write_line(standing)

    def _update_bar(self, standing: Standing) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=standing.wanted, initial=standing.saved, desc="saved", unit="clip",
                file=sys.stderr, dynamic_ncols=True, smoothing=0.1,
            )  # fmt: skip
        bar = self._bar
        if standing.pause and standing.pause != self._last_pause:
            bar.write(f"{datetime.now():%H:%M:%S} {standing.pause}", file=sys.stderr)
        self._last_pause = standing.pause
        rest = "paused" if standing.pause else f"to do {standing.waiting}"
        bar.total = standing.wanted
        bar.set_postfix_str(f"gone {standing.gone}, {rest}", refresh=False)
        bar.update(standing.saved - bar.n)
        bar.refresh()

    def _write_line(self, standing: Standing) -> None:
        now = time.monotonic()
        is_news = standing.pause != self._last_pause or not standing.waiting
        if not is_news and now - self._last_line_at < LINE_EVERY_S:
            return
        self._last_line_at, self._last_pause = now, standing.pause
        pause = f"; {standing.pause}" if standing.pause else ""
        sys.stderr.write(
            f"saved {standing.saved} of {standing.wanted}, gone {standing.gone},"
            f" waiting {standing.waiting}{pause}\n"
        )
        sys.stderr.flush()


def make_bar(name: str, unit: str, *, quiet: bool) -> tqdm[Any]:
    """Return a bar on stderr that shows only on a terminal; its total may be set later."""
    return tqdm(
        desc=name, unit=unit, unit_scale=unit == "B", file=sys.stderr, dynamic_ncols=True,
        leave=False, disable=quiet or not sys.stderr.isatty(),
    )  # fmt: skip


def count_files(bar: tqdm[Any]) -> Callable[[int, int], None]:
    """Return what shows on a bar how many files were read, and how many bytes a second."""
    began_at, num_bytes = time.monotonic(), 0

    def count(num_files: int, more_bytes: int) -> None:
        nonlocal num_bytes
        num_bytes += more_bytes
        rate = num_bytes / max(time.monotonic() - began_at, 1e-3)
        bar.set_postfix_str(f"{size(round(rate))}/s", refresh=False)
        bar.update(num_files)

    return count


def file_bars(*, quiet: bool) -> Callable[[str], tqdm[Any]]:
    """Return what makes a bar for each file of AudioSet that is downloaded."""
    return lambda name: make_bar(name, "B", quiet=quiet)
