"""Faults of a clip's sound: measured as figures, and named by flags.

Levels are relative to full scale: an amplitude of 1.0 is 0 dBFS, for peaks and for RMS alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Shape (num_samples,) or (num_samples, channels); full scale is 1.0."""

# More digital zeros than this: half of the clip was never sound.
SILENT_ZERO_SHARE = 0.5
# 33 of the 32,768 steps of 16 bits: below it lies the noise of coding and of sound cards.
SILENT_PEAK_DB = -60.0
# The absolute gate of ITU-R BS.1770-4, annex 1 (https://www.itu.int/rec/R-REC-BS.1770), below which
# nothing counts as sound. The gate is in LUFS; for a level over the whole band it is near enough.
SILENT_RMS_DB = -70.0
QUIET_FRAME_S = 0.1
QUIET_FRAME_DB = -60.0
# More quiet frames than this: of 10 s less than half a second is sound.
SILENT_QUIET_SHARE = 0.95
# Lossy coding and resampling blur the flat tops of clipped waves, so that these often stay below
# full scale.
CLIPPED_LEVEL = 0.999
# So many such samples in a row are a flat top; one or two are a peak.
CLIPPED_RUN = 3
CLIPPED_SHARE = 0.001
# 1 % of full scale, -40 dBFS. No standard gives a number. The mean of sound itself is smaller: a
# tone of f Hz and full scale has over T seconds a mean of at most 1 / (pi f T), which is 0.0016 for
# 20 Hz, the lowest that is heard, and 10 s.
DC_OFFSET = 0.01


@dataclass(frozen=True)
class Figures:
    """Measurements of a clip's sound, over all channels."""

    zero_share: float
    """Share of samples that are exactly 0, from 0 to 1."""
    peak_db: float
    """Largest amplitude, in dBFS; -inf for digital silence."""
    rms_db: float
    """Root mean square, in dBFS; -inf for digital silence."""
    quiet_share: float
    """Share of frames of `QUIET_FRAME_S` seconds whose RMS is below `QUIET_FRAME_DB`."""
    clipped_share: float
    """Share of samples in runs of `CLIPPED_RUN` or more at or above `CLIPPED_LEVEL`."""
    nan_share: float
    """Share of samples that are not finite; they count as 0 in the other figures."""
    dc_offset: float
    """Of the channels' means, the one farthest from 0; full scale is 1."""
    length_error: int
    """Samples of a channel beyond ``end_s - start_s``; negative if samples are missing."""


def measure(samples: Samples, sample_rate: int, length_s: float) -> Figures:
    """Measure the figures that flags follow from.

    Parameters
    ----------
    samples : array of float32, shape (num_samples,) or (num_samples, channels)
        Full scale is 1.0.
    sample_rate : int
        In Hz.
    length_s : float
        Seconds that the clip should have: ``end_s - start_s``.

    Examples
    --------
    >>> import numpy as np
    >>> figures = measure(np.zeros(16_000, np.float32), sample_rate=16_000, length_s=1.5)
    >>> figures.zero_share, figures.peak_db, figures.length_error
    (1.0, -inf, -8000)
    >>> find_flags(figures)
    ('silent', 'wrong_length')
    """
    error = len(samples) - round(length_s * sample_rate)
    if samples.size == 0:
        return Figures(1.0, -np.inf, -np.inf, 1.0, 0.0, 0.0, 0.0, error)
    nan_share = 1 - float(np.isfinite(samples).mean())
    sound = replace_nonfinite(samples).astype(np.float64).reshape(len(samples), -1)
    return Figures(
        zero_share=float((sound == 0).mean()),
        peak_db=to_db(float(np.abs(sound).max())),
        rms_db=to_db(float(np.sqrt(np.square(sound).mean()))),
        quiet_share=_quiet_share(sound, sample_rate),
        clipped_share=_clipped_share(sound),
        nan_share=nan_share,
        dc_offset=float(max(sound.mean(axis=0), key=abs)),
        length_error=error,
    )


def find_flags(figures: Figures) -> tuple[str, ...]:
    """Return the flags of a clip: silent, clipped, nan, dc_offset, wrong_length, in this order.

    The flag duplicate needs the other clips; see `find_duplicates`.
    """
    is_silent = (
        figures.zero_share > SILENT_ZERO_SHARE
        or figures.peak_db < SILENT_PEAK_DB
        or figures.rms_db < SILENT_RMS_DB
        or figures.quiet_share > SILENT_QUIET_SHARE
    )
    found = {
        "silent": is_silent,
        "clipped": figures.clipped_share > CLIPPED_SHARE,
        "nan": figures.nan_share > 0,
        "dc_offset": abs(figures.dc_offset) > DC_OFFSET,
        "wrong_length": figures.length_error != 0,
    }
    return tuple(flag for flag, is_so in found.items() if is_so)


def replace_nonfinite(samples: Samples) -> Samples:
    """Replace NaN and infinities by 0; shape and dtype stay."""
    return np.where(np.isfinite(samples), samples, np.zeros_like(samples))


def to_db(amplitude: float) -> float:
    """Return the level of an amplitude: 0 dB for 1.0, -inf for 0."""
    return 20 * float(np.log10(amplitude)) if amplitude > 0 else -np.inf


def _quiet_share(sound: npt.NDArray[np.float64], sample_rate: int) -> float:
    length = min(max(round(QUIET_FRAME_S * sample_rate), 1), len(sound))
    whole = sound[: len(sound) // length * length]
    power = np.square(whole.reshape(-1, length * sound.shape[1])).mean(axis=1)
    return float((power < 10 ** (QUIET_FRAME_DB / 10)).mean())


def _clipped_share(sound: npt.NDArray[np.float64]) -> float:
    is_high = np.abs(sound) >= CLIPPED_LEVEL
    if len(sound) < CLIPPED_RUN:
        return 0.0
    num_places = len(sound) - CLIPPED_RUN + 1
    begins = np.ones((num_places, sound.shape[1]), np.bool_)
    for shift in range(CLIPPED_RUN):
        begins &= is_high[shift : num_places + shift]
    is_flat = np.zeros_like(is_high)
    for shift in range(CLIPPED_RUN):
        is_flat[shift : num_places + shift] |= begins
    return float(is_flat.mean())
