"""One run over a dataset: which clips are still to be made, which are left out, what is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from audioset_dl.config import ProcessConfig
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import manifest_cells, read_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.verify import FileFault
from audioset_dl.process.clip import TOO_FEW_SAMPLES, Record, Task, make_clip
from audioset_dl.process.folder import (
    DROPPED_COLUMNS,
    MANIFEST_COLUMNS,
    ProcessedFolder,
    check_apart,
    check_places,
    claim_folder,
    write_table,
)
from audioset_dl.process.parallel import run_parallel
from audioset_dl.process.recipe import about, settings_of
from audioset_dl.process.records import noting, read_records, write_records
from audioset_dl.storage.files import is_temporary, remove_file
from audioset_dl.storage.lock import hold_folder


@dataclass(frozen=True)
class Processed:
    """What a run did and found."""

    num_source: int
    """Clips of the dataset."""
    num_clips: int
    """Clips that are now in the processed folder."""
    num_made: int
    """Of them, those that this run made."""
    left_out: Mapping[str, int]
    """Clips that were left out, by the first of their reasons."""
    flags: Mapping[str, int]
    """How many clips have each flag, left out or not."""
    faults: Sequence[FileFault]
    """Files of the dataset that are not as the manifest says; their clips are left out."""
    lowest_rate: int | None
    """Lowest sample rate of the dataset, in Hz; None for an empty one."""
    target_db: float | None
    """Level that clips were scaled to, in dBFS or LUFS; None: there is none."""
    shapes: Mapping[str, int]
    """How many clips have each shape."""

    @property
    def exit_code(self) -> int:
        """1 if files of the dataset are bad, else 0."""
        return 1 if self.faults else 0


def process_dataset(
    config: ProcessConfig,
    output: OutputFolder,
    *,
    now: str,
    on_start: Callable[[int], object] = lambda _: None,
    on_clip: Callable[[], object] = lambda: None,
) -> Processed:
    """Clean, scale and bring to another form what was downloaded, into a folder of its own.

    The dataset is only read. Killed and run again, it comes to the same files, bit by bit. It
    starts processes anew (``spawn``): a script that calls it needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    config : ProcessConfig
        What to make, and where.
    output : OutputFolder
        The downloaded dataset.
    now : str
        ISO 8601, UTC; for the lock.
    on_start, on_clip : callable
        Called with the number of clips, and after each clip; for a progress bar.

    Raises
    ------
    ConfigError
        ``process.dir`` is not apart from the dataset, or was made by other settings.
    OutputError
        There is no manifest; or the processed folder can't be written.
    OutputLockedError
        Another run processes into the same folder.
    ToolMissingError
        A library of the extra ``process`` is not installed.
    """
    folder = ProcessedFolder(config.dir)
    check_apart(folder.path, output.path)
    manifest = read_manifest(output.manifest)
    sources = dict(sorted(manifest.by_clip_id().items()))
    settings = settings_of(config)
    check_places(folder)
    with hold_folder(folder.lock, now):
        claim_folder(folder, settings, about(config))
        run = _Run(config, output, folder, sources, manifest.names)
        on_start(len(sources))
        return run.finish(run.make_all(on_clip))


class _Run:
    """One run: the records of all clips, and what follows from them."""

    def __init__(
        self,
        config: ProcessConfig,
        output: OutputFolder,
        folder: ProcessedFolder,
        sources: Mapping[str, Row],
        names: Mapping[str, str],
    ) -> None:
        self._config = config
        self._output = output
        self._folder = folder
        self._sources = sources
        self._names = names
        self._old = read_records(folder.records)
        self._records = {
            clip_id: record
            for clip_id, record in self._old.items()
            if clip_id in sources and _is_of(record, sources[clip_id])
        }
        self._made: set[str] = set()

    def make_all(self, on_clip: Callable[[], object]) -> dict[str, str]:
        """Make what is not there; return of each duplicate the clip that it is one of."""
        write_records(self._folder.records, self._records)
        todo = []
        for clip_id in self._sources:
            record = self._records.get(clip_id)
            # Clips that were left out have no file to look for; bad files may have been mended.
            if record is None or record.made is not None or record.code:
                todo.append(self._task(clip_id, record))
            else:
                on_clip()
        self._make(todo, on_clip)
        originals = find_duplicates(self._records.values(), self._config)
        missing = [
            self._task(clip_id, None)
            for clip_id, record in self._records.items()
            if record.made is None and not self._reasons(record, originals)
        ]
        self._make(missing, lambda: None)
        return originals

    def finish(self, originals: Mapping[str, str]) -> Processed:
        """Write the tables, and remove the files of clips that are left out."""
        rows: list[dict[str, object]] = []
        dropped: list[dict[str, object]] = []
        for clip_id in sorted(self._sources):
            record = self._records[clip_id]
            row = self._row(record, originals)
            (dropped if row["dropped_for"] else rows).append(row)
        write_table(self._folder.manifest, MANIFEST_COLUMNS, rows)
        write_table(self._folder.dropped, DROPPED_COLUMNS, dropped)
        kept = {str(row["clip_id"]) for row in rows}
        self._remove_all_but({str(row["file_name"]) for row in rows})
        self._records = {
            clip_id: record if clip_id in kept else replace(record, made=None)
            for clip_id, record in self._records.items()
        }
        write_records(self._folder.records, self._records)
        return self._processed(rows, dropped, originals)

    def _task(self, clip_id: str, record: Record | None) -> Task:
        row = self._sources[clip_id]
        return Task(
            dataset=self._output.path,
            folder=self._folder.path,
            row=row,
            length_s=row.clip.end_s - row.clip.start_s,
            recipe=self._config,
            known=record,
        )

    def _make(self, tasks: Sequence[Task], on_clip: Callable[[], object]) -> None:
        with noting(self._folder.records) as note:
            for record, is_new in run_parallel(make_clip, tasks, self._config.workers):
                self._records[record.clip_id] = record
                if is_new:
                    note(record)
                    self._made.add(record.clip_id)
                on_clip()

    def _reasons(self, record: Record, originals: Mapping[str, str]) -> tuple[str, ...]:
        own = record.reasons(self._config)
        is_left_out = record.clip_id in originals and "duplicate" in self._config.drop
        return (*own, "duplicate") if is_left_out else own

    def _row(self, record: Record, originals: Mapping[str, str]) -> dict[str, object]:
        original = originals.get(record.clip_id, "")
        flags = (*record.flags, "duplicate") if original else record.flags
        return {
            **manifest_cells(self._sources[record.clip_id], self._names),
            "source_sha256": record.source_sha256,
            "flags": ";".join(flags),
            "duplicate_of": original,
            "dropped_for": ";".join(self._reasons(record, originals)),
            "detail": record.detail,
            **_figures_of(record),
            **_file_of(record),
        }

    def _remove_all_but(self, file_names: set[str]) -> None:
        """Remove files that we wrote and that are wanted no more; others are left alone."""
        records = (*self._old.values(), *self._records.values())
        for made in {record.made for record in records if record.made is not None}:
            if made.file_name not in file_names:
                remove_file(self._folder.path / made.file_name)
        for path in self._folder.clips.glob("*/.*"):
            if is_temporary(path):  # of a run that was killed
                remove_file(path)

    def _processed(
        self,
        rows: Sequence[Mapping[str, object]],
        dropped: Sequence[Mapping[str, object]],
        originals: Mapping[str, str],
    ) -> Processed:
        flags = Counter(
            flag for _, record in sorted(self._records.items()) for flag in record.flags
        )
        if originals:
            flags["duplicate"] = len(originals)
        rates = {row.saved_file.sample_rate for row in self._sources.values()}
        return Processed(
            num_source=len(self._sources),
            num_clips=len(rows),
            num_made=len(self._made & {str(row["clip_id"]) for row in rows}),
            left_out=dict(Counter(str(row["dropped_for"]).split(";")[0] for row in dropped)),
            flags=dict(flags),
            faults=self._faults(),
            lowest_rate=min(rates, default=None),
            target_db=settings_of(self._config)["scale_target_db"],
            shapes=dict(Counter(str(row["shape"]) for row in rows)),
        )

    def _faults(self) -> tuple[FileFault, ...]:
        return tuple(
            FileFault(row.saved_file.file_name, clip_id, record.code, record.detail)
            for clip_id, row in self._sources.items()
            if (record := self._records[clip_id]).code not in ("", TOO_FEW_SAMPLES)
        )


def find_duplicates(records: Iterable[Record], config: ProcessConfig) -> dict[str, str]:
    """Return for each clip that has the same samples as another the clip that stays, by clip_id.

    It is the first by clip_id of those that are not left out for what they are by themselves; or,
    if all are, the first of all. So it does not depend on the order of events.
    """
    by_audio: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda one: one.clip_id):
        if record.audio_sha256:
            by_audio.setdefault(record.audio_sha256, []).append(record)
    originals = {}
    for same in by_audio.values():
        stays = next((one for one in same if not one.reasons(config)), same[0])
        originals.update({one.clip_id: stays.clip_id for one in same if one is not stays})
    return originals


def _is_of(record: Record, row: Row) -> bool:
    length_s = row.clip.end_s - row.clip.start_s
    return record.source_sha256 == row.saved_file.sha256 and record.length_s == length_s


def _figures_of(record: Record) -> dict[str, object]:
    if record.figures is None:
        return {}
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in asdict(record.figures).items()
    }


def _file_of(record: Record) -> dict[str, object]:
    made = record.made
    if made is None:
        return {}
    scaling = made.scaling
    return {
        "file_name": made.file_name,
        "sha256": made.sha256,
        "num_samples": made.num_samples,
        "duration_s": round(made.num_samples / made.sample_rate, 6),
        "sample_rate": made.sample_rate,
        "channels": made.channels,
        "shape": ";".join(map(str, made.shape)),
        "level_db": "" if scaling.level_db is None else round(scaling.level_db, 6),
        "offset": scaling.offset,
        "gain": scaling.gain,
    }
