"""The main job: what a config wants, on the disk, with a manifest.

Puts the rooms together for one run: holds the output folder, takes up what is there, runs the
engine, writes the tables. The command line and a program that imports it call the same function.
"""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from audioset_dl.audio.cut import choose_resampler
from audioset_dl.audio.ffmpeg import ffmpeg_version, find_ffmpeg
from audioset_dl.audio.wav import estimate_wav_bytes
from audioset_dl.config import Config
from audioset_dl.dataset.guard import check_places
from audioset_dl.dataset.journal import Journal, Record, open_journal
from audioset_dl.dataset.layout import Layout, OutputFolder
from audioset_dl.dataset.manifest import write_failures, write_manifest
from audioset_dl.dataset.pending import drop_claim
from audioset_dl.dataset.resume import (
    adopt_files,
    clear_leftovers,
    settle_clips,
    settle_files,
)
from audioset_dl.dataset.run_info import RunInfo, read_run_info, write_run_info
from audioset_dl.dataset.status import Counts, count_clips
from audioset_dl.download.address import Ticket, open_account, open_addresses
from audioset_dl.download.engine import Engine, Standing, Watch
from audioset_dl.download.fetcher import ClipFetcher, FetchSettings, Job, utc_now
from audioset_dl.download.queues import is_refused_to_guest
from audioset_dl.download.workers import Workers
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.outcomes import ALL_CLASSES, Scope
from audioset_dl.selection.draw import Draw, Share
from audioset_dl.selection.select import Selection
from audioset_dl.storage.files import find_room
from audioset_dl.storage.lock import hold_folder
from audioset_dl.versions import __version__
from audioset_dl.youtube.cookies import find_cookies
from audioset_dl.youtube.options import check_options

CLOSE_AFTER_S = 2
"""How long the workers have to let go of what they hold, once there is nothing more to do."""
TABLES_EVERY_S = 300
"""How often manifest.csv and failures.csv are written anew while a run goes on."""


@dataclass(frozen=True)
class Report:
    """How a run ended."""

    counts: Counts
    """What is wanted, saved, gone and waiting now."""
    newly_saved: int
    """Of the saved clips, those fetched by this run."""
    shares: Sequence[Share]
    """How each class stands, in ontology order."""
    per_class: int | None
    """Clips that were asked for of each class; None for all."""
    is_list: bool = False
    """Whether the clips are those of a list."""
    unsaved: Sequence[Record] = ()
    """Of a list: the clips that are not saved, with why."""
    num_hearsay: int = 0
    """Of the clips that are gone, those that were not asked for, as ``clips.known_gone`` has
    them."""
    has_cookies: bool = False
    num_refused_to_guests: int = 0
    """Of the clips that are gone by age, those that were never asked for with cookies."""

    @property
    def exit_code(self) -> int:
        """0 when every wanted clip is saved or gone, else 1: run again for the rest."""
        return 1 if self.counts.waiting else 0

    def short_classes(self) -> list[Share]:
        """Return the classes that have fewer clips than were asked for."""
        return [share for share in self.shares if share.wanted < (self.per_class or 0)]


def download(
    config: Config,
    selection: Selection,
    *,
    metadata_hashes: Mapping[str, str] | None = None,
    retry: Collection[str] = (),
    watch: Watch = lambda _standing: None,
    on_start: Callable[[Workers], object] = lambda _workers: None,
) -> Report:
    """Fetch all clips that a config wants and that can be had; resume what an earlier run began.

    Parameters
    ----------
    config : Config
        The whole config.
    selection : Selection
        What it chooses, from `audioset_dl.selection.select.select`.
    metadata_hashes : mapping of str to str, optional
        SHA-256 of AudioSet's files, for run.json.
    retry : collection of str
        Failure codes: clips that are gone by one of these are asked for again.
    watch : callable
        Told how the run stands, after each change.
    on_start : callable
        Given the workers, whose ``interrupt`` may be called from a signal handler.

    Returns
    -------
    Report
        How the run ended.

    Raises
    ------
    ConfigError, ToolMissingError, OutputLockedError, OutputError, ThrottledError, Interrupted
        The run could not begin, or ended early; what is saved is kept and in the manifest.
    """
    check_options(config.download.yt_dlp)
    _check_retry(retry)
    settings = FetchSettings(
        download=config.download,
        audio=config.audio,
        ffmpeg=find_ffmpeg(config.audio.ffmpeg),
        output=OutputFolder(config.output.dir),
        cookies=find_cookies(config.download),
    )
    versions = _tool_versions(settings)
    check_places(settings.output)
    with (
        hold_folder(settings.output.lock, utc_now()),
        open_journal(settings.output.journal) as journal,
    ):
        adopt_files(journal, settings.output)
        clear_leftovers(settings.output)
        journal.forget_hearsay()
        if retry:
            journal.retry_gone(retry)
        _check_same_audio(config, settings.output, journal)
        info = _run_info(config, selection, versions, metadata_hashes or {})
        write_run_info(settings.output.run, info)
        return _Run(config, selection, settings, journal, retry).finish(watch, on_start)


class _Run:
    """One run over an output folder that is held."""

    def __init__(
        self,
        config: Config,
        selection: Selection,
        settings: FetchSettings,
        journal: Journal,
        retry: Collection[str],
    ) -> None:
        self._config = config
        self._selection = selection
        self._settings = settings
        self._journal = journal
        chosen = [node.mid for node in selection.classes]
        self._layout = Layout(config.output.layout, selection.catalog.ontology, chosen)
        self._draw: Draw = selection.draw()
        self._num_found = 0
        """Refills that were on the disk already."""
        self._untold = selection.reported_gone(journal.states(), retry)
        """Clips that are taken as gone without asking, and not yet noted in the journal."""

    def finish(self, watch: Watch, on_start: Callable[[Workers], object]) -> Report:
        journal = self._journal
        gone = [clip_id for clip_id, (state, _) in journal.states().items() if state == "gone"]
        drawn = self._draw.start([*gone, *self._untold])
        journal.want_nothing()
        self._note_wanted(self._draw.drawn())
        self._note_hearsay()
        settle_files(journal, self._settings.output, self._layout, utc_now())
        self._write_tables()
        states = journal.states()
        missing = [clip_id for clip_id in drawn if states[clip_id][0] != "saved"]
        with self._tables_at_the_end():
            if missing:
                self._check_space(missing)
                self._fetch(drawn, states, watch, on_start)
        return self._report(len(drawn) - len(missing))

    @contextmanager
    def _tables_at_the_end(self) -> Iterator[None]:
        """Write the tables and clear up however the run ends; its own error is the one told."""
        try:
            yield
        except BaseException:
            with suppress(OutputError):
                self._write_tables()
            raise
        else:
            self._write_tables()
        finally:
            shutil.rmtree(self._settings.output.scratch, ignore_errors=True)

    def _check_space(self, clip_ids: Sequence[str]) -> None:
        """Refuse to begin what the disk can't hold."""
        folder = self._settings.output.path
        needed = sum(
            estimate_wav_bytes(self._selection.clip(clip_id).duration_s, self._config.audio)
            for clip_id in clip_ids
        )
        room = find_room(folder)
        if room is not None and needed > room.num_bytes:
            raise OutputError(
                f"{folder}: the {len(clip_ids):,} clips to fetch need {needed:,} bytes, "
                f"{room}; make room, lower clips.per_class, or choose another output.dir"
            )

    def _fetch(
        self,
        drawn: Sequence[str],
        states: Mapping[str, tuple[str, str | None]],
        watch: Watch,
        on_start: Callable[[Workers], object],
    ) -> None:
        has_cookies = self._settings.cookies is not None
        addresses = open_addresses(self._config.download, with_cookies=has_cookies)
        guests = [address for address in addresses if not address.uses_cookies]
        with self._working() as workers:
            on_start(workers)
            engine = Engine(
                draw=self._draw,
                journal=self._journal,
                addresses=addresses,
                account=open_account(guests, self._config.download) if has_cookies else (),
                workers=workers,
                config=self._config.download,
                make_job=self._make_job,
                want=self._want,
                watch=self._now_and_then(watch),
                on_noted=partial(drop_claim, self._settings.output),
            )
            engine.run(drawn, states)

    def _now_and_then(self, watch: Watch) -> Watch:
        """Also write the tables while a run of days goes on."""
        written_at = time.monotonic()

        def watch_and_write(standing: Standing) -> None:
            nonlocal written_at
            watch(standing)
            if time.monotonic() - written_at > TABLES_EVERY_S:
                self._write_tables()
                written_at = time.monotonic()

        return watch_and_write

    @contextmanager
    def _working(self) -> Iterator[Workers]:
        workers = Workers(
            self._config.download.workers, lambda stop: ClipFetcher(self._settings, stop)
        )
        try:
            yield workers
        finally:
            workers.close(CLOSE_AFTER_S)

    def _make_job(self, clip_id: str, ticket: Ticket) -> Job:
        clip = self._selection.clip(clip_id)
        return Job(clip, self._layout.file_name(clip_id, clip.labels), ticket)

    def _want(self, clip_ids: Sequence[str]) -> list[str]:
        """Note clips that the draw wants besides; return those that are not on the disk already."""
        self._note_wanted(clip_ids)
        missing = settle_clips(
            clip_ids, self._journal, self._settings.output, self._layout, now=utc_now()
        )
        self._num_found += len(clip_ids) - len(missing)
        return missing

    def _note_wanted(self, clip_ids: Iterable[str]) -> None:
        selection = self._selection
        classes = {
            clip_id: selection.in_ontology_order(self._draw.drawn_by(clip_id))
            for clip_id in clip_ids
        }
        self._journal.want(classes, map(selection.clip, classes), utc_now())

    def _note_hearsay(self) -> None:
        """Note those of the clips taken as gone that the draw has come to."""
        drawn = self._draw.drawn()
        codes = {clip_id: code for clip_id, code in self._untold.items() if clip_id in drawn}
        if not codes or self._config.clips.known_gone is None:
            return
        self._note_wanted(codes)
        self._journal.record_hearsay(codes, self._config.clips.known_gone.name, utc_now())
        for clip_id in codes:
            del self._untold[clip_id]

    def _write_tables(self) -> None:
        self._note_hearsay()
        names = {node.mid: node.name for node in self._selection.catalog.ontology}
        output = self._settings.output
        write_manifest(output.manifest, self._journal.records("saved"), names)
        write_failures(output.failures, self._journal.records(), names)

    def _report(self, saved_before: int) -> Report:
        counts = count_clips(self._journal)
        gone, waiting = map(self._journal.records, ("gone", "waiting"))
        unsaved = [record for record in (*gone, *waiting) if record.wanted]
        is_list = self._selection.clip_list is not None
        return Report(
            counts=counts,
            newly_saved=counts.saved - saved_before - self._num_found,
            shares=self._draw.shares(),
            per_class=self._selection.per_class,
            is_list=is_list,
            unsaved=unsaved if is_list else (),
            num_hearsay=sum(record.is_hearsay for record in unsaved),
            has_cookies=self._settings.cookies is not None,
            num_refused_to_guests=sum(
                record.wanted and is_refused_to_guest(record.code, record.detail)
                for record in self._journal.records("gone")
            ),
        )


def _check_retry(codes: Collection[str]) -> None:
    known = {code for code, kind in ALL_CLASSES.items() if kind.scope is Scope.GONE}
    if wrong := sorted(set(codes) - known):
        raise ConfigError(
            Problem(
                "",
                f"clips are not gone by {', '.join(wrong)}; expected some of "
                f"{', '.join(sorted(known))}, as failures.csv names them",
                source="--retry",
            )
        )


def _check_same_audio(config: Config, output: OutputFolder, journal: Journal) -> None:
    """Refuse to mix files of different formats in one folder."""
    earlier = read_run_info(output.run)
    if earlier is None or next(journal.records("saved"), None) is None:
        return
    was = {key: earlier.config.get("audio", {}).get(key) for key in _AUDIO_KEYS}
    is_now = {key: getattr(config.audio, key) for key in _AUDIO_KEYS}
    if was != is_now:
        raise ConfigError(
            Problem(
                "audio",
                f"{output.path} holds clips made with {_words(was)}, the config says "
                f"{_words(is_now)}; set it back, or choose another output.dir",
            )
        )


_AUDIO_KEYS = ("sample_rate", "channels", "subtype")


def _words(audio: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in audio.items())


def _tool_versions(settings: FetchSettings) -> dict[str, str]:
    packages = ("yt-dlp", "yt-dlp-ejs", "soundfile", "numpy", "pandas")
    return {
        "audioset-dl": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "ffmpeg": ffmpeg_version(settings.ffmpeg),
        "resampler": choose_resampler(settings.ffmpeg),
    }


def _run_info(
    config: Config,
    selection: Selection,
    versions: Mapping[str, str],
    metadata_hashes: Mapping[str, str],
) -> RunInfo:
    earlier = read_run_info(OutputFolder(config.output.dir).run)
    return RunInfo(
        config=config.public_dict(),
        versions=versions,
        metadata=metadata_hashes,
        classes=[{"mid": node.mid, "name": node.name} for node in selection.classes],
        started_at=utc_now(),
        parts=earlier.parts if earlier is not None else (),
    )
