"""Clips that are too short, brought to one length."""

from __future__ import annotations

import numpy as np

from audioset_dl.process.clean import Samples

CLIP_LENGTH_S = 10.0
"""Length of AudioSet's windows (https://research.google.com/audioset/download.html); those at the
end of a video are shorter."""


def fit_length(samples: Samples, num_samples: int, short: str) -> Samples:
    """Bring samples that are too few to a number; more are left as they are.

    Parameters
    ----------
    samples : array, shape (num_samples,) or (num_samples, channels)
        dtype and channels stay.
    num_samples : int
        Samples of a channel that are wanted.
    short : str
        ``keep``: as they are; ``pad``: zeros are put behind; ``repeat``: they begin anew from their
        start, as often as need be (no samples at all become zeros).
    """
    missing = num_samples - len(samples)
    if short == "keep" or missing <= 0:
        return samples
    if short == "repeat" and len(samples):
        return np.resize(samples, (num_samples, *samples.shape[1:]))
    return np.pad(samples, [(0, missing)] + [(0, 0)] * (samples.ndim - 1))
