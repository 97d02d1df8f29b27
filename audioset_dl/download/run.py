"""The main job: what a config wants, on the disk, with a manifest.

Puts the parts of one run together: holds the output folder, takes up what is there, runs the
engine, writes the tables. The command and a program that imports it call the same function.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from audioset_dl.audio.wav import estimate_wav_bytes
from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.files import Progress
from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.config import Config, ConfigSource, as_config
from audioset_dl.config.secrets import public_dict
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.rows import Row, add_known_gone
from audioset_dl.dataset.run_info import RunInfo, read_run_info, write_run_info
from audioset_dl.dataset.status import Counts, count_clips
from audioset_dl.dataset.writing import open_dataset
from audioset_dl.download.address import open_account, open_addresses
from audioset_dl.download.backlog import Backlog
from audioset_dl.download.choices import find_untried
from audioset_dl.download.engine import Engine, Watch
from audioset_dl.download.fetcher import ClipFetcher
from audioset_dl.download.listing import MOST_AT_A_SIGNAL
from audioset_dl.download.messages import (
    PauseNote,
    describe_doubts,
    describe_reopened,
    describe_unlisted,
)
from audioset_dl.download.queues import Queues
from audioset_dl.download.recorder import Missing, Recorder
from audioset_dl.download.settings import (
    FetchSettings,
    check_same_audio,
    read_settings,
    tool_versions,
)
from audioset_dl.download.suspects import Suspects
from audioset_dl.download.tasks import Task, make_task
from audioset_dl.download.witnesses import NUM_SAVED, canary_clip
from audioset_dl.download.workers import Workers
from audioset_dl.errors import ConfigError, Interrupted, OutputError, Problem
from audioset_dl.outcomes import GONE_CODES, VAGUE_CODES, is_refused_to_guests
from audioset_dl.selection.draw import Share
from audioset_dl.selection.known import find_known
from audioset_dl.selection.select import Prepared, Selection, prepare
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.disk import find_free_space
from audioset_dl.youtube.gate import Gates
from audioset_dl.youtube.option_check import check_options

TRACK = "track"
"""For ``--retry``: saved clips of which it is not known that they are the video's own sound."""


_TASKS_AT_A_TIME = 1000


@dataclass(frozen=True)
class Report:
    """How a run ended."""

    counts: Counts
    """Clips that are wanted, saved, gone and waiting now."""
    newly_saved: int
    """Saved clips that this run fetched."""
    shares: Sequence[Share]
    """How each class stands, in ontology order."""
    per_class: int | None
    """Clips asked for of each class; None for all."""
    names: Mapping[str, str]
    """Display names of the chosen classes by MID."""
    is_list: bool = False
    """True if the clips are those of a list."""
    unsaved: Sequence[Row] = ()
    """Of a list: the clips that are not saved, with why."""
    num_known_gone: int = 0
    """Gone clips that were not asked for, because ``clips.known_gone`` has them."""
    findings: Sequence[str] = ()
    """Why clips wait that YouTube has vague words for, as sentences."""
    has_cookies: bool = False
    """True if the config names cookies."""
    num_refused_to_guests: int = 0
    """Gone clips that only guests were refused, and no account has asked for."""

    @property
    def exit_code(self) -> int:
        """0 when every wanted clip is saved or proven gone, else 1: run again for the rest.

        Never 0 where there is nothing to show: no clip is saved, and none is gone.
        """
        return 1 if self.counts.waiting or not (self.counts.saved or self.counts.gone) else 0

    def short_classes(self) -> list[Share]:
        """Return the classes that have fewer clips than were asked for."""
        return [share for share in self.shares if share.wanted < (self.per_class or 0)]


def download(
    config: ConfigSource,
    *,
    retry: Collection[str] = (),
    believe: Collection[str] = (),
    progress: Callable[[str], Progress] | None = None,
    on_warning: Callable[[str], object] = warnings.warn,
    on_start: Callable[[Workers], object] = lambda _workers: None,
    watch: Watch = lambda _standing: None,
) -> Report:
    """Download what a config wants; resume what an earlier run began.

    Does all that the command ``audioset-dl download`` does: fetches AudioSet's files if they are
    missing, chooses classes and clips, fetches the clips, and writes the manifest.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    retry : collection of str
        Failure codes: clips that are gone for one of these reasons are asked for again. ``track``:
        so are saved clips of version 0.1.0, which could be dubs; a file is replaced only if the
        video's own sound is another.
    believe : collection of str
        Codes of vague words, such as ``unavailable``, that are taken for true even where nearly
        all clips hear them. Of use for lists that are long dead.
    progress : callable, optional
        Called with the name of a file of AudioSet before it is downloaded; returns what shows the
        progress.
    on_warning : callable
        Called with each warning about AudioSet's files and the choice of classes.
    on_start : callable
        Given the workers, whose ``interrupt`` may be called from a signal handler.
    watch : callable
        Told how the run stands, after each change.

    Returns
    -------
    Report
        How the run ended.

    Raises
    ------
    ConfigError, MetadataError, ToolMissingError, OutputLockedError, OutputError
        The run can't begin, or ended early; what is saved is kept and in the manifest.
    ThrottledError
        YouTube refuses the address, and ``download.on_throttle`` is ``stop``.
    Interrupted
        A signal ended the run.

    Examples
    --------
    In the folder that ``audioset-dl demo .`` makes:

    >>> from audioset_dl import download
    >>> done = download("config.yaml")
    >>> done.counts.saved, done.counts.gone, done.exit_code
    (39, 4, 0)
    >>> download({"output": {"dir": "audioset"}, "clips": {"per_clas": 2}})
    Traceback (most recent call last):
    ...
    audioset_dl.errors.ConfigError: config: clips.per_clas: unknown key; did you mean per_class?
    """
    config = as_config(config)
    check_options(config.download.yt_dlp)
    _check_codes("--retry", retry, (*GONE_CODES, TRACK))
    _check_codes("--believe", believe, VAGUE_CODES)
    prepared = prepare(config, progress=progress)
    for warning in prepared.warnings:
        on_warning(warning)
    settings = read_settings(config)
    output = settings.output
    versions = tool_versions(settings)
    with open_dataset(output, utc_now()) as (journal, taken_up):
        for warning in taken_up.describe():
            on_warning(warning)
        if retry:
            journal.retry_gone(retry)
        if number := journal.count_reopened():
            on_warning(describe_reopened(number, config.download))
        check_same_audio(config, output, journal)
        write_run_info(output.run, _run_info(config, prepared, versions, read_run_info(output.run)))
        recorder = _open_recorder(config, prepared.selection, journal, retry)
        missing = recorder.begin()
        saved_before = recorder.standing().saved
        with _tables_at_the_end(recorder, output):
            findings = _fetch(
                missing, recorder, journal, settings, on_start=on_start, watch=watch,
                selection=prepared.selection, believe=believe, asks_tracks=TRACK in retry,
            )  # fmt: skip
        report = _report(prepared.selection, journal, recorder, settings, saved_before)
        return replace(report, findings=findings)


def _fetch(
    missing: Missing,
    recorder: Recorder,
    journal: Journal,
    settings: FetchSettings,
    *,
    selection: Selection,
    believe: Collection[str],
    asks_tracks: bool,
    on_start: Callable[[Workers], object],
    watch: Watch,
) -> Sequence[str]:
    """Fetch the clips that are missing; return why some wait that were asked for."""
    doubtful = list(_saved_of_unknown_track(journal)) if asks_tracks else []
    if not (len(missing.rows) or doubtful):
        return ()
    config = settings.download
    _check_space(settings, selection.table.durations_s(missing.rows))
    queues = _fill_queues(missing, selection, settings, journal.saved_last(NUM_SAVED))
    for task in doubtful:
        queues.add(task)
    make_fetcher = partial(ClipFetcher, settings, gates=Gates())
    with Workers(config.workers, make_fetcher) as workers:
        on_start(workers)
        pause = PauseNote(journal, len(queues.guests.addresses))
        engine = Engine(
            queues, recorder, workers, config=config, pause=pause, watch=watch, believed=believe
        )
        engine.run()
    return _findings(queues, engine.suspects, selection)


def _open_recorder(
    config: Config, selection: Selection, journal: Journal, retry: Collection[str]
) -> Recorder:
    ontology = selection.catalog.ontology
    chosen = [node.mid for node in selection.classes if node.mid in ontology]
    known_gone = config.clips.known_gone
    return Recorder(
        selection,
        journal,
        OutputFolder(config.output.dir),
        Layout(config.output.layout, ontology, chosen),
        known_gone=selection.reported_gone(find_known(selection.table, journal.states()), retry),
        known_from=known_gone.name if known_gone else "",
    )


@contextmanager
def _tables_at_the_end(recorder: Recorder, output: OutputFolder) -> Iterator[None]:
    """Write the tables and clear up however the body ends; its own error is the one raised."""
    try:
        yield
    except Interrupted as error:
        with suppress(OutputError):
            if num_missing := recorder.listing.write(at_most=MOST_AT_A_SIGNAL):
                raise error.but(describe_unlisted(num_missing)) from None
            shutil.rmtree(output.scratch, ignore_errors=True)
        raise
    except BaseException:
        with suppress(OutputError):
            recorder.listing.write()
            shutil.rmtree(output.scratch, ignore_errors=True)
        raise
    recorder.listing.write()
    shutil.rmtree(output.scratch, ignore_errors=True)


def _check_space(settings: FetchSettings, durations_s: NDArray[np.float64]) -> None:
    """Refuse to begin what the disk can't hold."""
    folder = settings.output.path
    needed = estimate_wav_bytes(durations_s, settings.audio)
    room = find_free_space(folder)
    if room is not None and needed > room.num_bytes:
        raise OutputError(
            f"{folder}: the {len(durations_s):,} clips to fetch need {needed:,} bytes, {room}",
            fix="make room, lower clips.per_class, or choose another output.dir",
        )


def _fill_queues(
    missing: Missing, selection: Selection, settings: FetchSettings, saved_last: Sequence[Clip]
) -> Queues:
    config = settings.download
    has_account = settings.cookies is not None
    addresses = open_addresses(config, with_cookies=has_account)
    guests = [address for address in addresses if not address.uses_cookies]
    queues = Queues(addresses, open_account(guests, config) if has_account else ())
    for address in (*queues.guests.addresses, *queues.account.addresses):
        address.witnesses.others = [*saved_last, canary_clip(config.canary)]
    tasks = partial(_make_tasks, selection.table, missing.codes, has_account=queues.has_account)
    needs_account = np.zeros(len(selection.table), np.bool_)
    was_tried = np.isin(missing.rows, list(missing.codes))
    for row, task in zip(missing.rows[was_tried], tasks(missing.rows[was_tried]), strict=True):
        if task.needs_account:
            needs_account[row] = True
            queues.add(task)
    rest = missing.rows[~needs_account[missing.rows]]
    queues.guests.tasks = Backlog(tasks(rest), len(rest))
    return queues


def _make_tasks(
    table: SegmentTable, codes: Mapping[int, str], rows: RowNumbers, *, has_account: bool
) -> Iterator[Task]:
    for start in range(0, len(rows), _TASKS_AT_A_TIME):
        some = rows[start : start + _TASKS_AT_A_TIME]
        for row, clip_id in zip(some.tolist(), table.clip_ids(some), strict=True):
            yield make_task(clip_id, codes.get(row), has_account=has_account)


def _saved_of_unknown_track(journal: Journal) -> Iterator[Task]:
    """Yield a task for each saved clip of which version 0.1.0 did not note the audio track."""
    for row in journal.rows("saved"):
        if row.wanted and not row.saved_file.track:
            yield Task(row.clip_id, row.ytid, saved=row.saved_file)


def _findings(queues: Queues, suspects: Suspects, selection: Selection) -> list[str]:
    names = {node.mid: node.name for node in selection.classes}
    stopped = {names[mid]: number for mid, number in suspects.stopped_classes.items()}
    addresses = (*queues.guests.addresses, *queues.account.addresses)
    return describe_doubts(addresses, stopped, suspects.num_given_back)


def _report(
    selection: Selection,
    journal: Journal,
    recorder: Recorder,
    settings: FetchSettings,
    saved_before: int,
) -> Report:
    counts = count_clips(journal)
    known_gone = recorder.known_gone_rows()
    is_list = selection.clip_list is not None
    return Report(
        counts=counts,
        newly_saved=counts.saved - saved_before - recorder.num_found,
        shares=recorder.draw.shares(),
        per_class=selection.per_class,
        names={node.mid: node.name for node in selection.classes},
        is_list=is_list,
        unsaved=list(_unsaved(journal, recorder, selection.table)) if is_list else (),
        num_known_gone=len(known_gone),
        has_cookies=settings.cookies is not None,
        num_refused_to_guests=sum(
            row.wanted and is_refused_to_guests(row.code, row.asked_as)
            for row in add_known_gone(journal.rows("gone"), known_gone)
        ),
    )


def _unsaved(journal: Journal, recorder: Recorder, table: SegmentTable) -> Iterator[Row]:
    gone = list(add_known_gone(journal.rows("gone"), recorder.known_gone_rows()))
    yield from (row for row in chain(gone, journal.rows("waiting")) if row.wanted)
    taken_as_gone = {row.clip_id for row in gone}
    for row in find_untried(journal, recorder.draw, table):
        if row.clip_id not in taken_as_gone:
            yield row


def _check_codes(option: str, codes: Collection[str], known: Sequence[str]) -> None:
    if wrong := sorted(set(codes) - set(known)):
        what = (
            "words that may be vague" if known == VAGUE_CODES else "reason for which a clip is gone"
        )
        raise ConfigError(
            Problem(
                "",
                f"no {what}: {', '.join(wrong)}; expected some of "
                f"{', '.join(sorted(known))}, as failures.csv names them",
                source=option,
            )
        )


def _run_info(
    config: Config, prepared: Prepared, versions: Mapping[str, str], earlier: RunInfo | None
) -> RunInfo:
    return RunInfo(
        config=public_dict(config),
        versions=versions,
        metadata=prepared.hashes,
        classes=[{"mid": node.mid, "name": node.name} for node in prepared.selection.classes],
        started_at=utc_now(),
        parts=earlier.parts if earlier is not None else (),
        id=(earlier.id if earlier is not None else "") or uuid4().hex,
    )
