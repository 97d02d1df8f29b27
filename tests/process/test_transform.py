"""Scaling: the level that was asked for, undone exactly, and silence left as it is."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
from sounds import RATE, tone

from audioset_dl.errors import ToolMissingError
from audioset_dl.process import apply_scaling, find_scaling, resample, to_mono, undo_scaling
from audioset_dl.process.extra import import_extra

METHODS = ("peak", "rms", "loudness", "standardize")


def level(samples: np.ndarray, method: str) -> float:
    sound = samples.astype(np.float64)
    if method == "loudness":
        return pyloudnorm.Meter(RATE).integrated_loudness(sound)
    amplitude = np.abs(sound).max() if method == "peak" else np.sqrt(np.mean(sound**2))
    return 20 * np.log10(amplitude)


@pytest.mark.parametrize(("method", "usual_db"), [("peak", 0), ("rms", -20), ("loudness", -23)])
@pytest.mark.parametrize("loudness", [0.9, 0.01])
def test_the_level_is_reached(method: str, usual_db: float, loudness: float) -> None:
    samples = tone(level=loudness)
    for target_db in (None, -12.5, 3.0):
        scaling = find_scaling(samples, RATE, method, target_db)
        scaled = apply_scaling(samples, scaling)
        expected = usual_db if target_db is None else target_db
        assert level(scaled, method) == pytest.approx(expected, abs=1e-4)
        assert scaled.dtype == np.float32
        assert scaling.level_db == pytest.approx(level(samples, method), abs=1e-6)


def test_standardize() -> None:
    samples = tone(level=0.05) + np.float32(0.03)
    scaled = apply_scaling(samples, find_scaling(samples, RATE, "standardize"))
    assert scaled.mean(dtype=np.float64) == pytest.approx(0, abs=1e-7)
    assert scaled.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    assert scaled.dtype == np.float32


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 2])
def test_scaling_can_be_undone(method: str, channels: int) -> None:
    samples = (tone(1, level=0.07) + np.float32(0.02)).reshape(-1, channels)
    samples = samples[:, 0] if channels == 1 else samples
    scaling = find_scaling(samples, RATE, method)
    assert scaling.gain != 1
    back = undo_scaling(apply_scaling(samples, scaling), scaling)
    # One rounding of what is scaled, one of the result.
    largest = np.abs(samples).max()
    np.testing.assert_allclose(back, samples, rtol=0, atol=2 * np.finfo(np.float32).eps * largest)
    assert back.shape == samples.shape


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "silence",
    [
        np.zeros(10 * RATE, np.float32),
        np.full(10 * RATE, 0.5, np.float32) * 1e-4,
        (1e-4 * tone()).astype(np.float32),
        np.zeros(0, np.float32),
        np.zeros((10 * RATE, 2), np.float32),
    ],
    ids=["zeros", "constant", "noise at -97 dBFS", "empty", "stereo"],
)
def test_silence_stays_silence(method: str, silence: np.ndarray) -> None:
    scaling = find_scaling(silence, RATE, method)
    assert (scaling.gain, scaling.offset) == (1, 0)
    np.testing.assert_array_equal(apply_scaling(silence, scaling), silence)


def test_a_constant_is_not_divided_by_its_deviation() -> None:
    constant = np.full(10 * RATE, 0.3, np.float32)
    scaled = apply_scaling(constant, find_scaling(constant, RATE, "standardize"))
    np.testing.assert_array_equal(scaled, constant)


def test_what_is_too_short_for_loudness_is_left() -> None:
    samples = tone(length_s=0.399)
    scaling = find_scaling(samples, RATE, "loudness")
    assert (scaling.gain, scaling.level_db) == (1, None)
    assert find_scaling(tone(length_s=0.4), RATE, "loudness").gain != 1


def test_floats_go_beyond_full_scale_and_are_not_clipped() -> None:
    samples = tone(level=0.5)
    scaled = apply_scaling(samples, find_scaling(samples, RATE, "rms", 0.0))
    assert np.abs(scaled).max() > 1
    assert np.corrcoef(scaled, samples)[0, 1] == pytest.approx(1, abs=1e-7)


def test_none_scales_nothing() -> None:
    samples = tone()
    scaling = find_scaling(samples, RATE, "none")
    assert (scaling.gain, scaling.offset, scaling.level_db) == (1, 0, None)
    np.testing.assert_array_equal(apply_scaling(samples, scaling), samples)


def test_mono_and_another_rate() -> None:
    stereo = np.stack([tone(1), tone(2)], axis=1)
    np.testing.assert_allclose(to_mono(stereo), (stereo[:, 0] + stereo[:, 1]) / 2, atol=1e-7)
    assert to_mono(stereo[:, 0]).shape == (10 * RATE,)
    time_s = np.arange(10 * RATE) / RATE
    low = np.sin(2 * np.pi * 1000 * time_s).astype(np.float32)
    up = resample(low, RATE, 32_000)
    assert (up.shape, up.dtype) == ((320_000,), np.float32)
    expected = np.sin(2 * np.pi * 1000 * np.arange(320_000) / 32_000)
    np.testing.assert_allclose(up[3200:-3200], expected[3200:-3200], atol=1e-5)
    assert resample(low[:12345], RATE, 22_050).shape == (round(12345 * 22_050 / RATE),)
    assert resample(stereo, RATE, 8000).shape == (80_000, 2)
    assert resample(low, RATE, RATE) is low


def test_a_missing_library_is_named_with_what_to_do() -> None:
    with pytest.raises(ToolMissingError, match=r"nosuchlib .*audioset-dl\[process\]"):
        import_extra("nosuchlib.part")
