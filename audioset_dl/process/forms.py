"""The form of a clip: one channel, another sample rate, one length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audioset_dl.process.clean import Samples
from audioset_dl.process.extra import import_extra

CLIP_LENGTH_S = 10.0
"""Length of AudioSet's windows (https://research.google.com/audioset/download.html); those at the
end of a video are shorter."""
# 28 bits of precision (https://python-soxr.readthedocs.io), more than float32 holds. ffmpeg also
# resamples by soxr when a clip is downloaded, so both steps sound alike.
QUALITY = "VHQ"


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
