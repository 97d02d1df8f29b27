"""One channel, another sample rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audioset_dl.process.clean import Samples
from audioset_dl.process.extra import import_extra

QUALITY = "VHQ"
"""soxr's setting: 28 bits of precision; the downloader resamples by soxr as well."""


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
        At most what is below half the smaller rate is kept.
    sample_rate, new_rate : int
        In Hz.

    Raises
    ------
    ToolMissingError
        soxr is not installed.
    """
    if new_rate == sample_rate:
        return samples
    soxr = import_extra("soxr")
    made: Samples = soxr.resample(samples, sample_rate, new_rate, quality=QUALITY)
    number = round(len(samples) * new_rate / sample_rate)
    missing = max(number - len(made), 0)
    padded = np.pad(made[:number], [(0, missing)] + [(0, 0)] * (samples.ndim - 1))
    return padded.astype(np.float32, copy=False)
