"""One clip: read and checked, measured, transformed and written; and the note of what came of it.

Notes are kept while a run goes on, so that a stopped run can be resumed.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np
from pydantic import TypeAdapter

from audioset_dl.audio import cut
from audioset_dl.audio.wav import decode_wav, encode_wav
from audioset_dl.audio.wav_header import BadWavError
from audioset_dl.config import ProcessConfig
from audioset_dl.dataset.file_check import FileFault, read_checked
from audioset_dl.dataset.rows import Row
from audioset_dl.process.clean import Figures, Samples, find_flags, measure
from audioset_dl.process.folder import file_name_of
from audioset_dl.process.spectrograms import PRESETS, make_log_mel
from audioset_dl.process.transform import CLIP_LENGTH_S, Scaling, transform
from audioset_dl.storage.files import write_file

TOO_FEW_SAMPLES = "too_few_samples"
"""Code of a clip that is too short for a frame of its spectrogram."""


@dataclass(frozen=True)
class ProcessedFile:
    """A file that was made of a clip."""

    file_name: str
    """Relative to the processed folder."""
    sha256: str
    num_samples: int
    """Of a channel, before any spectrogram is made."""
    sample_rate: int
    """In Hz."""
    channels: int
    shape: tuple[int, ...]
    """Of the array: (num_samples,), (num_samples, channels) or (num_frames, n_mels)."""
    scaling: Scaling


@dataclass(frozen=True)
class ClipNote:
    """Everything that `process` found out about one clip of the dataset."""

    clip_id: str
    source_sha256: str
    length_s: float
    """``end_s - start_s``, which `figures` depend on."""
    audio_sha256: str = ""
    """Of the samples, their rate and channels: the same for files that sound the same."""
    figures: Figures | None = None
    """None if the file could not be read."""
    is_short: bool = False
    """True if the clip is shorter than `CLIP_LENGTH_S`."""
    made: ProcessedFile | None = None
    """None if the clip was left out."""
    code: str = ""
    """Why there can be no processed file: code of a `FileFault`, or `TOO_FEW_SAMPLES`."""
    detail: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags that need no other clip."""
        return () if self.figures is None else find_flags(self.figures)

    def reasons(self, recipe: ProcessConfig) -> tuple[str, ...]:
        """Return the reasons to leave the clip out that need no other clip."""
        if self.code:
            return (self.code,)
        short = ("short",) if self.is_short and recipe.short == "drop" else ()
        return (*(flag for flag in self.flags if flag in recipe.drop), *short)


_NOTE = TypeAdapter(ClipNote)


@dataclass(frozen=True)
class ClipJob:
    """Everything that a worker needs to process a clip."""

    dataset: Path
    folder: Path
    row: Row
    recipe: ProcessConfig
    known: ClipNote | None = None
    """Note of an earlier run, whose file is only to be checked."""


def make_clip(job: ClipJob) -> tuple[ClipNote, bool]:
    """Process one clip, unless its file is there already.

    Returns
    -------
    ClipNote
        What is known of the clip.
    bool
        True if the note is new.

    Raises
    ------
    OutputError
        The processed folder can't be written.
    """
    if job.known is not None and _is_there(job.folder, job.known.made):
        return job.known, False
    return _make_anew(job), True


def length_of(row: Row) -> float:
    """Return the length that a clip should have, in seconds, not rounded."""
    return row.clip.end_s - row.clip.start_s


def _make_anew(job: ClipJob) -> ClipNote:
    file = job.row.saved_file
    note = ClipNote(job.row.clip_id, file.sha256, length_of(job.row))
    content = read_checked(job.dataset, job.row)
    if isinstance(content, FileFault):
        return replace(note, code=content.code, detail=content.detail)
    try:
        data = decode_wav(content, "float32")
    except BadWavError as error:
        return replace(note, code="undecodable", detail=str(error))
    samples: Samples = data[:, 0] if data.shape[1] == 1 else data
    digest = hashlib.sha256(f"{samples.shape} {file.sample_rate}\n".encode())
    digest.update(np.ascontiguousarray(samples, "<f4").tobytes())
    note = replace(
        note,
        audio_sha256=digest.hexdigest(),
        figures=measure(samples, file.sample_rate, note.length_s),
        is_short=len(samples) < round(CLIP_LENGTH_S * file.sample_rate),
    )
    if note.reasons(job.recipe):
        return note
    made = _write(samples, job)
    if made is None:
        words = f"{len(samples)} samples are too few for a spectrogram"
        return replace(note, code=TOO_FEW_SAMPLES, detail=words)
    return replace(note, made=made)


def _write(samples: Samples, job: ClipJob) -> ProcessedFile | None:
    """Write the processed file; None if there are too few samples for one."""
    recipe = job.recipe
    array, rate, scaling = transform(samples, job.row.saved_file.sample_rate, recipe)
    num_samples, channels = len(array), 1 if array.ndim == 1 else array.shape[1]
    if recipe.form == "logmel":
        preset = PRESETS[str(recipe.preset)]
        if num_samples < preset.least_samples:
            return None
        array = make_log_mel(array, preset)
    name = file_name_of(job.row.clip_id, ".wav" if recipe.form == "wav" else ".npy")
    content = _encode(array, rate, recipe.form)
    write_file(job.folder / name, content)
    sha256 = hashlib.sha256(content).hexdigest()
    return ProcessedFile(name, sha256, num_samples, rate, channels, array.shape, scaling)


def _encode(array: np.ndarray, sample_rate: int, form: str) -> bytes:
    if form == "wav":
        return encode_wav(cut.Samples(array.reshape(len(array), -1), sample_rate), "FLOAT")
    file = io.BytesIO()
    # Little-endian and without pickle: the same bytes on every machine, safe to load.
    np.save(file, np.ascontiguousarray(array, "<f4"), allow_pickle=False)
    return file.getvalue()


def _is_there(folder: Path, made: ProcessedFile | None) -> bool:
    if made is None:
        return False
    try:
        content = (folder / made.file_name).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == made.sha256


def find_duplicates(notes: Iterable[ClipNote], recipe: ProcessConfig) -> dict[str, str]:
    """Return for each clip that repeats another one the clip that stays, by clip_id.

    The clip that stays is the first by clip_id that has no reason of its own to be left out; if all
    have one, the first of all. So the result does not depend on the order of the notes.
    """
    by_audio: dict[str, list[ClipNote]] = {}
    for note in sorted(notes, key=lambda one: one.clip_id):
        if note.audio_sha256:
            by_audio.setdefault(note.audio_sha256, []).append(note)
    originals = {}
    for same in by_audio.values():
        stays = next((one for one in same if not one.reasons(recipe)), same[0])
        originals.update({one.clip_id: stays.clip_id for one in same if one is not stays})
    return originals


def read_notes(path: Path) -> dict[str, ClipNote]:
    """Read the notes of earlier runs, by clip_id; skip lines that a crash cut off.

    A note with a file name that `process` would not give is skipped as well: it decides which file
    is removed.
    """
    notes: dict[str, ClipNote] = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            note = _NOTE.validate_python(json.loads(line))
        except ValueError:
            continue
        names = {file_name_of(note.clip_id, suffix) for suffix in (".wav", ".npy")}
        if note.made is None or note.made.file_name in names:
            notes[note.clip_id] = note
    return notes


def write_notes(path: Path, notes: Mapping[str, ClipNote]) -> None:
    """Write notes whole, sorted by clip_id."""
    write_file(path, "".join(_line(notes[clip_id]) for clip_id in sorted(notes)).encode())


def append_note(file: IO[str], note: ClipNote) -> None:
    """Append a note to a file of notes; the last note of a clip counts."""
    file.write(_line(note))
    file.flush()


def _line(note: ClipNote) -> str:
    return json.dumps(asdict(note)) + "\n"
