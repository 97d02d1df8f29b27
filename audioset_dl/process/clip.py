"""The way of one clip: read and checked, measured, scaled, brought to its form, written."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audioset_dl.audio import cut
from audioset_dl.audio.wav import BadWavError, encode_wav, read_format
from audioset_dl.config import ProcessConfig
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.verify import FileFault, read_checked
from audioset_dl.process.clean import Figures, Samples, find_flags, measure, replace_nonfinite
from audioset_dl.process.folder import file_name_of
from audioset_dl.process.forms import resample, to_mono
from audioset_dl.process.lengths import CLIP_LENGTH_S, fit_length
from audioset_dl.process.presets import PRESETS
from audioset_dl.process.scale import Scaling, apply_scaling, find_scaling
from audioset_dl.process.spectrograms import make_log_mel
from audioset_dl.storage.files import write_file

TOO_FEW_SAMPLES = "too_few_samples"
"""What leaves a clip out that is too short for a frame of its spectrogram."""


@dataclass(frozen=True)
class Made:
    """A processed file."""

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
class Record:
    """What is known of one clip of the dataset."""

    clip_id: str
    source_sha256: str
    length_s: float
    """``end_s - start_s``, which `figures` go by."""
    audio_sha256: str = ""
    """Of the samples, their rate and channels: the same for files that sound the same."""
    figures: Figures | None = None
    """None if the file could not be read."""
    is_short: bool = False
    """Whether it has less than `CLIP_LENGTH_S`."""
    made: Made | None = None
    """None if the clip was left out."""
    code: str = ""
    """Why there can be no processed file: a code of `FileFault`, or `TOO_FEW_SAMPLES`."""
    detail: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that the clip has by itself."""
        return () if self.figures is None else find_flags(self.figures)

    def reasons(self, recipe: ProcessConfig) -> tuple[str, ...]:
        """Return what by itself leaves the clip out."""
        if self.code:
            return (self.code,)
        short = ("short",) if self.is_short and recipe.short == "drop" else ()
        return (*(flag for flag in self.flags if flag in recipe.drop), *short)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Record:
        """Return what `to_json` made of it; `ValueError`, `TypeError` or `KeyError` if nothing."""
        values = dict(document)
        if values["figures"] is not None:
            values["figures"] = Figures(**values["figures"])
        if values["made"] is not None:
            made = dict(values["made"])
            made["scaling"] = Scaling(**made["scaling"])
            values["made"] = Made(**{**made, "shape": tuple(made["shape"])})
        return cls(**values)


@dataclass(frozen=True)
class Task:
    """What a worker needs to know of a clip."""

    dataset: Path
    folder: Path
    row: Row
    length_s: float
    recipe: ProcessConfig
    known: Record | None = None
    """What an earlier run made of the clip, whose file is only to be checked."""


def make_clip(task: Task) -> tuple[Record, bool]:
    """Make one processed clip, if it is not there already; return what is known, and if it is new.

    Raises
    ------
    OutputError
        The processed folder can't be written.
    """
    if task.known is not None and _is_there(task.folder, task.known.made):
        return task.known, False
    content = read_checked(task.dataset, task.row)
    if isinstance(content, FileFault):
        return _failed(task, content.code, content.detail), True
    try:
        samples = decode(content)
    except BadWavError as error:
        return _failed(task, "undecodable", str(error)), True
    record = _examine(samples, task)
    if record.reasons(task.recipe):
        return record, True
    made = _make(samples, task)
    if made is None:
        words = f"{len(samples)} samples are too few for a spectrogram"
        return replace(record, code=TOO_FEW_SAMPLES, detail=words), True
    return replace(record, made=made), True


def decode(wav: bytes) -> Samples:
    """Return the samples of a WAV file: float32, shape (num_samples,) or (num_samples, channels).

    Raises
    ------
    BadWavError
        It can't be decoded.
    """
    try:
        data, _ = soundfile.read(io.BytesIO(wav), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadWavError(f"can't be decoded ({error.error_string})") from error
    expected = read_format(wav).num_samples
    if len(data) != expected:
        raise BadWavError(f"holds {len(data)} samples, its header says {expected}")
    samples: Samples = data[:, 0] if data.shape[1] == 1 else data
    return samples


def transform(
    samples: Samples, sample_rate: int, recipe: ProcessConfig
) -> tuple[Samples, int, Scaling]:
    """Return the samples as the recipe wants them, their rate in Hz, and how they were scaled.

    In this order: what is not finite becomes 0; one channel at the preset's rate, if there is one;
    scaled, by the level of the clip's own sound; filled up, if it is short.

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
    fitted = fit_length(samples, round(CLIP_LENGTH_S * sample_rate), recipe.short)
    return fitted, sample_rate, scaling


def _failed(task: Task, code: str, detail: str) -> Record:
    row = task.row
    return Record(row.clip_id, row.saved_file.sha256, task.length_s, code=code, detail=detail)


def _examine(samples: Samples, task: Task) -> Record:
    rate = task.row.saved_file.sample_rate
    digest = hashlib.sha256(f"{samples.shape} {rate}\n".encode())
    digest.update(np.ascontiguousarray(samples, "<f4").tobytes())
    return Record(
        clip_id=task.row.clip_id,
        source_sha256=task.row.saved_file.sha256,
        length_s=task.length_s,
        audio_sha256=digest.hexdigest(),
        figures=measure(samples, rate, task.length_s),
        is_short=len(samples) < round(CLIP_LENGTH_S * rate),
    )


def _make(samples: Samples, task: Task) -> Made | None:
    """Write the processed file; None if there are too few samples for one."""
    recipe = task.recipe
    array, rate, scaling = transform(samples, task.row.saved_file.sample_rate, recipe)
    num_samples, channels = len(array), 1 if array.ndim == 1 else array.shape[1]
    if recipe.form == "logmel":
        preset = PRESETS[str(recipe.preset)]
        if num_samples < preset.least_samples:
            return None
        array = make_log_mel(array, preset)
    name = file_name_of(task.row.clip_id, ".wav" if recipe.form == "wav" else ".npy")
    content = _encode(array, rate, recipe.form)
    write_file(task.folder / name, content)
    sha256 = hashlib.sha256(content).hexdigest()
    return Made(name, sha256, num_samples, rate, channels, array.shape, scaling)


def _encode(array: np.ndarray, sample_rate: int, form: str) -> bytes:
    if form == "wav":
        return encode_wav(cut.Samples(array.reshape(len(array), -1), sample_rate), "FLOAT")
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array, "<f4"), allow_pickle=False)
    return file.getvalue()


def _is_there(folder: Path, made: Made | None) -> bool:
    if made is None:
        return False
    try:
        content = (folder / made.file_name).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == made.sha256
