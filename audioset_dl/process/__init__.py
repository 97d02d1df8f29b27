"""After the download: cleaning, scaling, arrays and spectrograms, and their statistics.

Reads a downloaded dataset and never writes to it. Every step is a function of arrays that also
works on its own.
"""

from audioset_dl.process.clean import Figures, find_flags, measure, replace_nonfinite
from audioset_dl.process.spectrograms import PRESETS, Preset, make_log_mel
from audioset_dl.process.statistics import (
    Moments,
    Statistics,
    apply_statistics,
    load_statistics,
    merge_moments,
    moments_of,
)
from audioset_dl.process.transform import (
    Scaling,
    apply_scaling,
    find_scaling,
    fit_length,
    resample,
    to_mono,
    undo_scaling,
)

__all__ = [
    "PRESETS",
    "Figures",
    "Moments",
    "Preset",
    "Scaling",
    "Statistics",
    "apply_scaling",
    "apply_statistics",
    "find_flags",
    "find_scaling",
    "fit_length",
    "load_statistics",
    "make_log_mel",
    "measure",
    "merge_moments",
    "moments_of",
    "replace_nonfinite",
    "resample",
    "to_mono",
    "undo_scaling",
]
