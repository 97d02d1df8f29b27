"""The command `process`: which clips it makes, which it leaves out, and what it writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from audioset_dl.config import ConfigSource, ProcessConfig, as_config
from audioset_dl.dataset.derived import (
    check_source,
    find_fewshot,
    find_processed,
    note_source,
)
from audioset_dl.dataset.file_check import FileFault
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import Manifest, read_manifest
from audioset_dl.dataset.manifest_writing import manifest_cells
from audioset_dl.dataset.rows import Row
from audioset_dl.process.clip import (
    TOO_FEW_SAMPLES,
    ClipJob,
    ClipNote,
    ProcessedFile,
    append_note,
    find_duplicates,
    length_of,
    make_clip,
    read_notes,
    write_notes,
)
from audioset_dl.process.folder import (
    DROPPED_COLUMNS,
    MANIFEST_COLUMNS,
    ProcessedFolder,
    check_beside,
    check_ours,
    claim_folder,
    find_target_db,
    settings_of,
)
from audioset_dl.storage.clock import utc_now
from audioset_dl.storage.files import as_output_error, is_temporary, remove_file
from audioset_dl.storage.guards import check_apart
from audioset_dl.storage.lock import hold_folder
from audioset_dl.storage.parallel import run_parallel
from audioset_dl.storage.tables import write_table

_Cells = dict[str, object]
"""The cells of a row by column; both tables leave out some of them."""


@dataclass(frozen=True)
class ProcessReport:
    """What a run of `process` did and found."""

    num_source: int
    """Clips of the dataset."""
    num_clips: int
    """Clips that are now in the processed folder."""
    num_made: int
    """Of them, those that this run made."""
    left_out: Mapping[str, int]
    """Clips that were left out, by the first of their reasons."""
    flags: Mapping[str, int]
    """Number of clips with each flag, left out or not."""
    faults: Sequence[FileFault]
    """Files of the dataset that are not as the manifest says; their clips are left out."""
    lowest_rate: int | None
    """Lowest sample rate of the dataset, in Hz; None for an empty one."""
    target_db: float | None
    """Level that clips were scaled to, in dBFS or LUFS; None if there is none."""
    shapes: Mapping[str, int]
    """Number of clips with each shape."""
    dir: str
    """Folder of the processed clips."""
    source: str = ""
    """Folder of the dataset that they were made of."""

    @property
    def exit_code(self) -> int:
        """1 if files of the dataset are bad, else 0."""
        return 1 if self.faults else 0


def process(
    config: ConfigSource,
    *,
    on_start: Callable[[int], object] = lambda _: None,
    on_clip: Callable[[], object] = lambda: None,
) -> ProcessReport:
    """Clean, scale and convert the downloaded clips, into the folder ``process.dir``.

    Does what the command `audioset-dl process` does. The dataset is only read. Killed and run
    again, it comes to the same files, byte by byte. It starts new processes (``spawn``): a script
    that calls it needs ``if __name__ == "__main__":``.

    Parameters
    ----------
    config : path, dict or Config
        A config.yaml, its keys as a dict, or a loaded config.
    on_start, on_clip : callable
        Called with the number of clips, and after each clip; for a progress bar.

    Raises
    ------
    ConfigError
        ``process.dir`` is not apart from folders that are only read, or was made by other settings.
    OutputError
        There is no manifest; or the processed folder can't be written, or was made of another
        dataset.
    OutputLockedError
        Another run processes into the same folder.
    ToolMissingError
        A library of the extra ``process`` is not installed.

    Examples
    --------
    >>> from audioset_dl import process
    >>> done = process("config.yaml")
    >>> done.num_clips, done.left_out, done.shapes
    (39, {}, {'160000': 39})
    """
    config = as_config(config)
    recipe, output = config.process, OutputFolder(config.output.dir)
    folder = ProcessedFolder(find_processed(config))
    others = {"metadata.dir": config.metadata.dir, "fewshot.dir": find_fewshot(config)}
    check_apart("process.dir", folder.path, others)
    check_beside(folder.path, output.path)
    manifest = read_manifest(output.manifest)
    sources = dict(sorted(manifest.by_clip_id().items()))
    settings = settings_of(recipe)
    check_ours(folder)
    check_source(folder.path, output.path, ["manifest.csv"], key="process.dir")
    with hold_folder(folder.lock, utc_now()):
        claim_folder(folder, recipe, settings)
        note_source(folder.path, output.path)
        run = _Run(recipe, folder, manifest, sources)
        on_start(len(sources))
        run.make_all(on_clip)
        return replace(run.finish(), source=str(output.path))


class _Run:
    """One run: the notes about all clips, and what follows from them."""

    def __init__(
        self,
        recipe: ProcessConfig,
        folder: ProcessedFolder,
        manifest: Manifest,
        sources: Mapping[str, Row],
    ) -> None:
        self._recipe = recipe
        self._folder = folder
        self._manifest = manifest
        self._sources = sources
        self._old = read_notes(folder.notes)
        self._notes = {
            clip_id: note
            for clip_id, note in self._old.items()
            if clip_id in sources and _is_of(note, sources[clip_id])
        }
        self._made: set[str] = set()
        self._originals: dict[str, str] = {}

    def make_all(self, on_clip: Callable[[], object]) -> None:
        """Make the files that are not there."""
        write_notes(self._folder.notes, self._notes)
        jobs = []
        for clip_id in self._sources:
            note = self._notes.get(clip_id)
            # Clips that were left out have no file to look for. A bad file may have been repaired.
            if note is None or note.made is not None or note.code:
                jobs.append(self._job(clip_id, note))
            else:
                on_clip()
        self._make(jobs, on_clip)
        # A duplicate of a clip that is now left out takes its place, and may have no file yet.
        self._originals = find_duplicates(self._notes.values(), self._recipe)
        missing = [
            self._job(clip_id)
            for clip_id, note in self._notes.items()
            if note.made is None and not self._reasons(note)
        ]
        self._make(missing, lambda: None)

    def finish(self) -> ProcessReport:
        """Write the tables, and remove the files of clips that are left out."""
        rows = [self._row(self._notes[clip_id]) for clip_id in self._sources]
        kept = [row for row in rows if not row["dropped_for"]]
        dropped = [row for row in rows if row["dropped_for"]]
        write_table(self._folder.manifest, MANIFEST_COLUMNS, kept)
        write_table(self._folder.dropped, DROPPED_COLUMNS, dropped)
        self._remove_all_but({str(row["file_name"]) for row in kept})
        for clip_id in (str(row["clip_id"]) for row in dropped):
            self._notes[clip_id] = replace(self._notes[clip_id], made=None)
        write_notes(self._folder.notes, self._notes)
        return self._report(kept, dropped)

    def _job(self, clip_id: str, note: ClipNote | None = None) -> ClipJob:
        dataset, row = self._manifest.path.parent, self._sources[clip_id]
        return ClipJob(dataset, self._folder.path, row, self._recipe, known=note)

    def _make(self, jobs: Sequence[ClipJob], on_clip: Callable[[], object]) -> None:
        path = self._folder.notes
        with as_output_error(path), path.open("a", encoding="utf-8") as file:
            for note, is_new in run_parallel(make_clip, jobs, self._recipe.workers):
                self._notes[note.clip_id] = note
                if is_new:
                    append_note(file, note)
                    self._made.add(note.clip_id)
                on_clip()

    def _reasons(self, note: ClipNote) -> tuple[str, ...]:
        is_left_out = note.clip_id in self._originals and "duplicate" in self._recipe.drop
        return (*note.reasons(self._recipe), *(("duplicate",) if is_left_out else ()))

    def _row(self, note: ClipNote) -> _Cells:
        original = self._originals.get(note.clip_id, "")
        flags = (*note.flags, "duplicate") if original else note.flags
        figures = vars(note.figures) if note.figures else {}
        return {
            **manifest_cells(self._sources[note.clip_id], self._manifest.names),
            "source_sha256": note.source_sha256,
            "flags": ";".join(flags),
            "duplicate_of": original,
            "dropped_for": ";".join(self._reasons(note)),
            "detail": note.detail,
            **{name: _round(figure) for name, figure in figures.items()},
            **(_cells_of_file(note.made) if note.made else {}),
        }

    def _remove_all_but(self, file_names: set[str]) -> None:
        """Remove files that `process` wrote and no longer wants; leave all others alone."""
        notes = (*self._old.values(), *self._notes.values())
        for made in {note.made for note in notes if note.made is not None}:
            if made.file_name not in file_names:
                remove_file(self._folder.path / made.file_name)
        for path in self._folder.clips.glob("*/.*"):
            if is_temporary(path):  # of a run that was killed
                remove_file(path)

    def _report(self, kept: Sequence[_Cells], dropped: Sequence[_Cells]) -> ProcessReport:
        notes = [self._notes[clip_id] for clip_id in self._sources]
        flags = Counter(flag for note in notes for flag in note.flags)
        if self._originals:
            flags["duplicate"] = len(self._originals)
        rates = [row.saved_file.sample_rate for row in self._sources.values()]
        return ProcessReport(
            num_source=len(self._sources),
            num_clips=len(kept),
            num_made=len(self._made.intersection(str(row["clip_id"]) for row in kept)),
            left_out=dict(Counter(str(row["dropped_for"]).split(";")[0] for row in dropped)),
            flags=dict(flags),
            faults=[
                FileFault(self._sources[one.clip_id].file_name, one.clip_id, one.code, one.detail)
                for one in notes
                if one.code not in ("", TOO_FEW_SAMPLES)
            ],
            lowest_rate=min(rates, default=None),
            target_db=find_target_db(self._recipe),
            shapes=dict(Counter(str(row["shape"]) for row in kept)),
            dir=str(self._folder.path),
        )


def _is_of(note: ClipNote, row: Row) -> bool:
    """Return True if the note still holds for the file that the dataset has now."""
    return note.source_sha256 == row.saved_file.sha256 and note.length_s == length_of(row)


def _cells_of_file(made: ProcessedFile) -> _Cells:
    return {
        **vars(made),
        # Gain and offset are not rounded: they undo the scaling.
        **vars(made.scaling),
        "level_db": _round(made.scaling.level_db),
        "duration_s": _round(made.num_samples / made.sample_rate),
        "shape": ";".join(map(str, made.shape)),
    }


def _round(figure: float | None) -> float | None:
    return round(figure, 6) if isinstance(figure, float) else figure
