"""One clip: read and checked, measured, scaled, brought to its form, written."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audioset_dl.audio import cut
from audioset_dl.audio.wav import BadWavError, decode_wav, encode_wav
from audioset_dl.config import ProcessConfig
from audioset_dl.dataset.file_check import FileFault, read_checked
from audioset_dl.dataset.rows import Row
from audioset_dl.process.clean import Samples, measure, replace_nonfinite
from audioset_dl.process.folder import file_name_of
from audioset_dl.process.forms import CLIP_LENGTH_S, fit_length, resample, to_mono
from audioset_dl.process.notes import TOO_FEW_SAMPLES, ClipNote, ProcessedFile
from audioset_dl.process.presets import PRESETS
from audioset_dl.process.scale import Scaling, apply_scaling, find_scaling
from audioset_dl.process.spectrograms import make_log_mel
from audioset_dl.storage.files import write_file


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
    content = read_checked(job.dataset, job.row)
    if isinstance(content, FileFault):
        return _unusable(job, content.code, content.detail), True
    try:
        data = decode_wav(content, "float32")
    except BadWavError as error:
        return _unusable(job, "undecodable", str(error)), True
    samples: Samples = data[:, 0] if data.shape[1] == 1 else data
    note = _examine(samples, job)
    if note.reasons(job.recipe):
        return note, True
    made = _make(samples, job)
    if made is None:
        words = f"{len(samples)} samples are too few for a spectrogram"
        return replace(note, code=TOO_FEW_SAMPLES, detail=words), True
    return replace(note, made=made), True


def length_of(row: Row) -> float:
    """Return the length that a clip should have, in seconds, not rounded."""
    return row.clip.end_s - row.clip.start_s


def transform(
    samples: Samples, sample_rate: int, recipe: ProcessConfig
) -> tuple[Samples, int, Scaling]:
    """Return the samples as the recipe wants them, their rate in Hz, and how they were scaled.

    The order: values that are not finite become 0; with a preset, the channels are mixed to one and
    resampled to its rate; the clip is scaled by its own level; a short clip is lengthened.

    Parameters
    ----------
    samples : array of float32, shape (num_samples,) or (num_samples, channels)
    sample_rate : int
        In Hz.
    recipe : ProcessConfig
        ``short``, ``scale``, ``scale_target_db`` and ``preset`` of it.
    """
    samples = replace_nonfinite(samples)
    if recipe.preset is not None:
        new_rate = PRESETS[recipe.preset].sample_rate
        samples = resample(to_mono(samples), sample_rate, new_rate)
        sample_rate = new_rate
    scaling = find_scaling(samples, sample_rate, recipe.scale, recipe.scale_target_db)
    if recipe.scale != "none":
        samples = apply_scaling(samples, scaling)
    # Scaled before it is lengthened: zeros at the end would lower the level of a short clip.
    fitted = fit_length(samples, round(CLIP_LENGTH_S * sample_rate), recipe.short)
    return fitted, sample_rate, scaling


def _unusable(job: ClipJob, code: str, detail: str) -> ClipNote:
    source_sha256 = job.row.saved_file.sha256
    return ClipNote(job.row.clip_id, source_sha256, length_of(job.row), code=code, detail=detail)


def _examine(samples: Samples, job: ClipJob) -> ClipNote:
    rate, length_s = job.row.saved_file.sample_rate, length_of(job.row)
    digest = hashlib.sha256(f"{samples.shape} {rate}\n".encode())
    digest.update(np.ascontiguousarray(samples, "<f4").tobytes())
    return ClipNote(
        clip_id=job.row.clip_id,
        source_sha256=job.row.saved_file.sha256,
        length_s=length_s,
        audio_sha256=digest.hexdigest(),
        figures=measure(samples, rate, length_s),
        is_short=len(samples) < round(CLIP_LENGTH_S * rate),
    )


def _make(samples: Samples, job: ClipJob) -> ProcessedFile | None:
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
