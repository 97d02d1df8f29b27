"""What becomes of a clip's samples: their channels, rate, level and length.

A clip is scaled by one gain and one offset, so that it can be undone: ``scaled = (samples - offset)
* gain``. Nothing is limited or clipped: the results are floats, which may go beyond full scale. A
clip whose level is below a floor gets a gain of 1; otherwise the noise of silent clips would become
as loud as sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audioset_dl.config import ProcessConfig
from audioset_dl.process.clean import (
    SILENT_PEAK_DB,
    SILENT_RMS_DB,
    Samples,
    replace_nonfinite,
    to_db,
)
from audioset_dl.process.extra import import_extra
from audioset_dl.process.spectrograms import PRESETS

CLIP_LENGTH_S = 10.0
"""Length of AudioSet's windows (https://research.google.com/audioset/download.html); those at the
end of a video are shorter."""
# 28 bits of precision (https://python-soxr.readthedocs.io), more than float32 holds. ffmpeg also
# resamples by soxr when a clip is downloaded, so both steps sound alike.
QUALITY = "VHQ"
# Usual levels: full scale for peaks; for RMS -20 dBFS, the reference level of SMPTE RP 155; for
# loudness the -23 LUFS of EBU R 128 (https://tech.ebu.ch/publications/r128).
TARGETS_DB = {"peak": 0.0, "rms": -20.0, "loudness": -23.0}
# Levels below which a clip is silence and is not scaled. For loudness, the absolute gate of ITU-R
# BS.1770-4 (https://www.itu.int/rec/R-REC-BS.1770): below it there is no loudness at all.
FLOORS_DB = {
    "peak": SILENT_PEAK_DB,
    **dict.fromkeys(("rms", "loudness", "standardize"), SILENT_RMS_DB),
}
# Gating block of ITU-R BS.1770-4: a shorter clip has no loudness.
LOUDNESS_BLOCK_S = 0.4


@dataclass(frozen=True)
class Scaling:
    """The scaling of one clip: ``(samples - offset) * gain``."""

    gain: float = 1.0
    """Factor; 1 for silence."""
    offset: float = 0.0
    """Subtracted first; 0 except for ``standardize``."""
    level_db: float | None = None
    """Measured level, in dBFS (``loudness``: LUFS); -inf for digital silence; None if it was not
    measured, or the clip is too short to have a loudness."""


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


def to_mono(samples: Samples) -> Samples:
    """Return the mean of the channels, shape (num_samples,), float32."""
    if samples.ndim == 1:
        return samples
    mean: npt.NDArray[np.float64] = samples.mean(axis=1, dtype=np.float64)
    return mean.astype(np.float32)


def resample(samples: Samples, sample_rate: int, new_rate: int) -> Samples:
    """Resample by soxr, channel by channel.

    The result has ``round(num_samples * new_rate / sample_rate)`` samples, float32.

    Parameters
    ----------
    samples : array of float32, shape (num_samples,) or (num_samples, channels)
        Frequencies above half the smaller rate are removed.
    sample_rate, new_rate : int
        In Hz.

    Raises
    ------
    ToolMissingError
        soxr is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> resample(np.zeros(16_000, np.float32), 16_000, 32_000).shape
    (32000,)
    """
    if new_rate == sample_rate:
        return samples
    soxr = import_extra("soxr")
    made: Samples = soxr.resample(samples, sample_rate, new_rate, quality=QUALITY)
    # soxr may return a sample more or less; every clip of one length has to keep one length.
    number = round(len(samples) * new_rate / sample_rate)
    return _pad(made[:number], number).astype(np.float32, copy=False)


def fit_length(samples: Samples, num_samples: int, short: str) -> Samples:
    """Lengthen a clip that is too short; return a longer one as it is.

    Parameters
    ----------
    samples : array, shape (num_samples,) or (num_samples, channels)
        dtype and channels stay.
    num_samples : int
        Samples of a channel that are wanted.
    short : str
        ``keep``: do nothing; ``pad``: add zeros at the end; ``repeat``: repeat the clip from its
        start as often as needed (an empty clip becomes zeros).

    Examples
    --------
    >>> import numpy as np
    >>> fit_length(np.array([1, 2, 3], np.float32), 5, "repeat")
    array([1., 2., 3., 1., 2.], dtype=float32)
    """
    if short == "keep" or len(samples) >= num_samples:
        return samples
    if short == "repeat" and len(samples):
        return np.resize(samples, (num_samples, *samples.shape[1:]))
    return _pad(samples, num_samples)


def _pad(samples: Samples, num_samples: int) -> Samples:
    missing = max(num_samples - len(samples), 0)
    return np.pad(samples, [(0, missing)] + [(0, 0)] * (samples.ndim - 1))


def find_scaling(
    samples: Samples, sample_rate: int, method: str, target_db: float | None = None
) -> Scaling:
    """Measure a clip and return the scaling that brings it to a level.

    Parameters
    ----------
    samples : array of float32, shape (num_samples,) or (num_samples, channels)
        All finite; full scale is 1.0. All channels get the same gain.
    sample_rate : int
        In Hz.
    method : str
        ``none``; ``peak``: the largest amplitude; ``rms``: the root mean square; ``loudness``: the
        integrated loudness of EBU R 128, by pyloudnorm; ``standardize``: mean 0 and standard
        deviation 1.
    target_db : float, optional
        Level to reach, in dBFS or LUFS; `TARGETS_DB` unless given.

    Raises
    ------
    ToolMissingError
        For ``loudness``, where pyloudnorm is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> samples = np.array([0.0, 0.25, -0.5], np.float32)
    >>> scaling = find_scaling(samples, 16_000, "peak")
    >>> apply_scaling(samples, scaling)
    array([ 0. ,  0.5, -1. ], dtype=float32)
    >>> undo_scaling(apply_scaling(samples, scaling), scaling)
    array([ 0.  ,  0.25, -0.5 ], dtype=float32)
    """
    if method == "none":
        return Scaling()
    sound = samples.astype(np.float64)
    offset = float(sound.mean()) if method == "standardize" and sound.size else 0.0
    level_db = _measure_level(sound - offset, sample_rate, method)
    if level_db is None or not level_db >= FLOORS_DB[method]:  # `not >=` also refuses NaN
        return Scaling(level_db=level_db)
    if target_db is None:
        target_db = TARGETS_DB.get(method, 0.0)
    return Scaling(10 ** ((target_db - level_db) / 20), offset, level_db)


def apply_scaling(samples: Samples, scaling: Scaling) -> Samples:
    """Return ``(samples - offset) * gain`` as float32, computed in float64; the shape stays."""
    return ((samples.astype(np.float64) - scaling.offset) * scaling.gain).astype(np.float32)


def undo_scaling(samples: Samples, scaling: Scaling) -> Samples:
    """Return the samples before `apply_scaling`, to the rounding of float32; the shape stays."""
    return (samples.astype(np.float64) / scaling.gain + scaling.offset).astype(np.float32)


def _measure_level(sound: np.ndarray, sample_rate: int, method: str) -> float | None:
    """Return the level of `Scaling.level_db`."""
    if method == "peak":
        return to_db(float(np.abs(sound).max(initial=0)))
    if method != "loudness":
        return to_db(float(np.sqrt(np.square(sound).mean()))) if sound.size else -np.inf
    if len(sound) < LOUDNESS_BLOCK_S * sample_rate:
        return None
    if not sound.any():
        return -np.inf
    meter = import_extra("pyloudnorm").Meter(sample_rate, block_size=LOUDNESS_BLOCK_S)
    return float(meter.integrated_loudness(sound))
