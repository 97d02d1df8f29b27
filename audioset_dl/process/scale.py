"""The level of a clip, changed by one gain and one offset, so that it can be undone.

``scaled = (samples - offset) * gain``. Nothing is limited or clipped: the results are floats, which
may go beyond full scale. Silence stays what it is: a clip whose level lies below a floor gets a
gain of 1, as its noise would otherwise be made as loud as sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audioset_dl.process.clean import SILENT_PEAK_DB, SILENT_RMS_DB, Samples, to_db
from audioset_dl.process.extra import import_extra

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS_DB = {"peak": 0.0, "rms": -20.0, "loudness": -23.0}
"""Usual levels: full scale for peaks; -20 dBFS, the reference level of SMPTE RP 155, for RMS; the
-23 LUFS of EBU R 128 (https://tech.ebu.ch/publications/r128) for loudness."""
FLOORS_DB = {
    "peak": SILENT_PEAK_DB,
    "rms": SILENT_RMS_DB,
    "loudness": SILENT_RMS_DB,
    "standardize": SILENT_RMS_DB,
}
"""Levels below which a clip is silence and is not scaled; for loudness the absolute gate of ITU-R
BS.1770-4, below which there is no loudness at all."""
LOUDNESS_BLOCK_S = 0.4
"""Length of the gating block of ITU-R BS.1770-4: shorter clips have no loudness."""


@dataclass(frozen=True)
class Scaling:
    """How one clip is scaled: ``(samples - offset) * gain``."""

    gain: float = 1.0
    """Factor; 1 for silence."""
    offset: float = 0.0
    """Taken away before; 0 but for ``standardize``."""
    level_db: float | None = None
    """Level that was found, in dBFS (``loudness``: LUFS); -inf for digital silence; None: none was
    looked for, or the clip is too short to have a loudness."""


def find_scaling(
    samples: Samples, sample_rate: int, method: str, target_db: float | None = None
) -> Scaling:
    """Find how a clip is to be scaled.

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
    """
    if method == "none":
        return Scaling()
    sound = samples.astype(np.float64)
    offset = float(sound.mean()) if method == "standardize" and sound.size else 0.0
    level_db = _LEVELS[method](sound - offset, sample_rate)
    if level_db is None or not level_db >= FLOORS_DB[method]:  # nor is NaN a level
        return Scaling(level_db=level_db)
    if target_db is None:
        target_db = TARGETS_DB.get(method, 0.0)
    return Scaling(10 ** ((target_db - level_db) / 20), offset, level_db)


def apply_scaling(samples: Samples, scaling: Scaling) -> Samples:
    """Return ``(samples - offset) * gain`` as float32, computed in float64; the shape stays."""
    return ((samples.astype(np.float64) - scaling.offset) * scaling.gain).astype(np.float32)


def undo_scaling(samples: Samples, scaling: Scaling) -> Samples:
    """Return what was scaled, to the rounding of float32; the shape stays."""
    return (samples.astype(np.float64) / scaling.gain + scaling.offset).astype(np.float32)


def _peak_db(sound: np.ndarray, _sample_rate: int) -> float:
    return to_db(float(np.abs(sound).max(initial=0)))


def _rms_db(sound: np.ndarray, _sample_rate: int) -> float:
    return to_db(float(np.sqrt(np.square(sound).mean()))) if sound.size else -np.inf


def _loudness_db(sound: np.ndarray, sample_rate: int) -> float | None:
    if len(sound) < LOUDNESS_BLOCK_S * sample_rate:
        return None
    if not sound.any():
        return -np.inf
    meter = import_extra("pyloudnorm").Meter(sample_rate, block_size=LOUDNESS_BLOCK_S)
    return float(meter.integrated_loudness(sound))


_LEVELS: dict[str, Callable[[np.ndarray, int], float | None]] = {
    "peak": _peak_db,
    "rms": _rms_db,
    "loudness": _loudness_db,
    "standardize": _rms_db,
}
