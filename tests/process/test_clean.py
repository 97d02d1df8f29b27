"""Cleaning: each fault of a sound gives its flag and its figure, and a good sound gives none."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE, tone

from audioset_dl.process import find_flags, fit_length, measure, replace_nonfinite


def flags(samples: np.ndarray, length_s: float = 10.0, rate: int = RATE) -> tuple[str, ...]:
    return find_flags(measure(samples.astype(np.float32), rate, length_s))


def with_zeros(share: float) -> np.ndarray:
    samples = tone()
    samples[: round(share * len(samples))] = 0
    return samples


def faint(level_db: float) -> np.ndarray:
    """A sine of this RMS and peak + 3 dB."""
    time_s = np.arange(10 * RATE) / RATE
    return np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * 440 * time_s)


def bursts(quiet_frames: int) -> np.ndarray:
    """100 frames of 100 ms, some of them faint noise at -66 dBFS, but no digital zeros."""
    samples = tone(level=0.5)
    noise = np.random.default_rng(1).standard_normal(len(samples)) * 10 ** (-66 / 20)
    samples[: quiet_frames * RATE // 10] = noise[: quiet_frames * RATE // 10]
    return samples


def clipped(num_runs: int, run: int, level: float = 1.0) -> np.ndarray:
    samples = 0.5 * tone()
    for start in range(0, num_runs * 50, 50):
        samples[start : start + run] = level
    return samples


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (tone(), ()),
        (np.zeros(10 * RATE), ("silent",)),
        (with_zeros(0.49), ()),
        (with_zeros(0.51), ("silent",)),
        (faint(-59.0), ()),
        (faint(-61.0), ("silent",)),  # its peak is at -58 dBFS, but its frames are quiet
        (faint(-64.0), ("silent",)),
        (bursts(95), ()),
        (bursts(96), ("silent",)),
        (clipped(60, 3), ("clipped",)),  # 180 of 160,000 samples
        (clipped(50, 3), ()),
        (clipped(60, 3, -0.9995), ("clipped",)),
        (clipped(60, 3, 0.998), ()),
        (clipped(200, 2), ()),
        (tone() + 0.011, ("dc_offset",)),
        (tone() - 0.011, ("dc_offset",)),
        (tone() + 0.009, ()),
        (tone()[:-1], ("wrong_length",)),
        (np.append(tone(), 0.1), ("wrong_length",)),
        (np.zeros(0), ("silent", "wrong_length")),
    ],
)  # fmt: skip
def test_flags(samples: np.ndarray, expected: tuple[str, ...]) -> None:
    assert flags(samples) == expected


def test_silence_by_rms_alone() -> None:
    """Clicks: loud peaks, few zeros, and frames above -60 dBFS in more than 5 of 100."""
    samples = 1e-5 * np.ones(10 * RATE) * np.where(np.arange(10 * RATE) % 2, 1, -1)
    for frame in range(0, 60, 10):
        samples[frame * RATE // 10] = 0.05
    figures = measure(samples.astype(np.float32), RATE, 10.0)
    assert figures.peak_db > -40
    assert figures.quiet_share <= 0.95
    assert figures.rms_db < -70
    assert find_flags(figures) == ("silent",)


def test_what_is_no_number_is_a_flag_and_becomes_0() -> None:
    samples = tone()
    samples[[5, 6, 7]] = np.nan, np.inf, -np.inf
    figures = measure(samples, RATE, 10.0)
    assert find_flags(figures) == ("nan",)
    assert figures.nan_share == pytest.approx(3 / len(samples), rel=1e-6)
    assert np.isfinite([figures.rms_db, figures.peak_db, figures.dc_offset]).all()
    mended = replace_nonfinite(samples)
    assert mended.dtype == np.float32
    assert mended[[5, 6, 7]].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(mended[8:], samples[8:])


def test_figures_of_a_known_sound() -> None:
    samples = np.tile([0.5, -0.5, 0.0, 0.0], 4 * RATE // 4).astype(np.float32)
    figures = measure(samples, RATE, 10.0)
    assert figures.zero_share == 0.5
    assert figures.peak_db == pytest.approx(20 * np.log10(0.5))
    assert figures.rms_db == pytest.approx(10 * np.log10(0.125))
    assert figures.length_error == -6 * RATE
    assert (figures.dc_offset, figures.quiet_share, figures.clipped_share) == (0, 0, 0)


def test_channels_are_looked_at_together_but_for_runs_and_offsets() -> None:
    left = clipped(120, 3)
    stereo = np.stack([left, tone() + 0.011], axis=1)
    assert flags(stereo) == ("clipped", "dc_offset")
    alternating = np.zeros((10 * RATE, 2), np.float32) + 0.1 * tone()[:, np.newaxis]
    alternating[:1000:2, 0] = alternating[1:1000:2, 1] = 1.0  # never two in a row in one channel
    assert measure(alternating, RATE, 10.0).clipped_share == 0


@pytest.mark.parametrize("shape", [(7,), (7, 2)])
def test_short_clips(shape: tuple[int, ...]) -> None:
    samples = np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)
    padded = fit_length(samples, 17, "pad")
    assert padded.shape == (17, *shape[1:])
    np.testing.assert_array_equal(padded[:7], samples)
    assert not padded[7:].any()
    repeated = fit_length(samples, 17, "repeat")
    np.testing.assert_array_equal(repeated, np.concatenate([samples, samples, samples[:3]]))
    assert {one.dtype for one in (padded, repeated)} == {np.dtype(np.float32)}
    for short in ("keep", "pad", "repeat"):
        assert fit_length(samples, 5, short) is samples  # too long is not cut
    assert fit_length(samples, 17, "keep") is samples
    assert fit_length(samples[:0], 3, "repeat").tolist() == np.zeros((3, *shape[1:])).tolist()
