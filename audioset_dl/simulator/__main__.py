"""The simulator as a process of its own: ``python -m audioset_dl.simulator``."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from audioset_dl.simulator.behaviours import BEHAVIOURS
from audioset_dl.simulator.budget import Budget
from audioset_dl.simulator.faults import RandomFaults
from audioset_dl.simulator.server import Simulator
from audioset_dl.simulator.videos import Video, read_videos

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

Storm = tuple[str, float, float]
"""A behaviour; seconds from the start until it begins; seconds that it lasts."""


@click.command()
@click.option("--port", default=0, help="Port on 127.0.0.1; 0: any free one.")
@click.option("--videos", type=_FILE, help="JSON array or JSON lines; keys as the fields of Video.")
@click.option("--default-duration", type=float, help="Seconds for which every other id plays.")
@click.option("--metadata", type=_FOLDER, help="Folder with copies of Google's files.")
@click.option("--rtt-ms", default=0.0, help="Milliseconds before each answer.")
@click.option("--bytes-per-s", type=float, help="Speed of media over one connection.")
@click.option("--page-bytes", default=0, help="Added to each watch page; a real one has 1,000,000.")
@click.option(
    "--budget",
    nargs=3,
    type=float,
    metavar="CAPACITY PER_HOUR LOCKOUT_S",
    help="What one address may ask for, in videos.",
)
@click.option(
    "--random-faults",
    type=(float, str),
    metavar="SHARE FAULT,FAULT",
    help="Share of the requests that meet a fault by chance, and which; see simulator/faults.py.",
)
@click.option(
    "--storm",
    "storms",
    type=(click.Choice(tuple(BEHAVIOURS)), float, float),
    multiple=True,
    metavar="BEHAVIOUR AFTER_S FOR_S",
    help="A behaviour of every video, from when on and for how long; may be given several times.",
)
@click.option("--open-ended/--no-open-ended", default=False, help="Serve open-ended ranges.")
@click.option("--log", type=click.Path(path_type=Path), help="File that requests are appended to.")
def main(  # noqa: PLR0917 - click gives them by keyword
    port: int,
    videos: Path | None,
    default_duration: float | None,
    metadata: Path | None,
    rtt_ms: float,
    bytes_per_s: float | None,
    page_bytes: int,
    budget: tuple[float, float, float] | None,
    random_faults: tuple[float, str] | None,
    storms: tuple[Storm, ...],
    open_ended: bool,
    log: Path | None,
) -> None:
    """Serve a loopback YouTube until SIGTERM or SIGINT; the first line is its address."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with ExitStack() as stack:
        simulator = Simulator(
            read_videos(videos) if videos else (),
            default=Video("", duration_s=default_duration) if default_duration else None,
            metadata_dir=metadata,
            port=port,
            rtt_s=rtt_ms / 1000,
            bytes_per_s=bytes_per_s,
            budget=_make_budget(budget) if budget else None,
            random_faults=_make_random_faults(random_faults) if random_faults else None,
            refuse_open_ended=not open_ended,
            page_padding=page_bytes,
            log_file=stack.enter_context(log.open("a", encoding="utf-8")) if log else None,
        )
        stack.enter_context(simulator)
        click.echo(simulator.address)
        _run_storms(simulator, storms, ended)


def _make_budget(numbers: tuple[float, float, float]) -> Budget:
    capacity, per_hour, lockout_s = numbers
    return Budget(capacity, per_hour / 3600, lockout_s)


def _make_random_faults(given: tuple[float, str]) -> RandomFaults:
    share, faults = given
    try:
        return RandomFaults(share, faults.split(","))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--random-faults") from error


def _run_storms(simulator: Simulator, storms: Sequence[Storm], ended: threading.Event) -> None:
    """Begin and end each storm in time, then wait for the end."""
    began_at = time.monotonic()
    for behaviour, after_s, for_s in sorted(storms, key=lambda storm: storm[1]):
        for refusal, at in ((behaviour, after_s), (None, after_s + for_s)):
            if ended.wait(max(0.0, began_at + at - time.monotonic())):
                return
            simulator.refuse_all(refusal)
    ended.wait()


if __name__ == "__main__":
    main()
