"""Log-mel spectrograms against the models' own code.

tests/data/log_mel.npz was made by scripts/golden_log_mel.py from torchaudio (AST, MetaAudio's
numbers), torchlibrosa (PANNs) and torchvggish, in float64.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sounds import tone

from audioset_dl.process import PRESETS, make_log_mel
from audioset_dl.process.spectrograms import make_mel_matrix

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "log_mel.npz")
CLOSE = {"metaaudio": 2e-4, "ast": 2e-4, "panns": 1e-4, "vggish": 1e-6}
"""Largest differences; dB for metaaudio and panns, else natural logarithms. The references in
float32 differ from themselves in float64 by 7e-5, 8e-4, 2e-4 and 0."""


@pytest.mark.parametrize("name", PRESETS)
def test_as_the_reference_has_it(name: str) -> None:
    preset = PRESETS[name]
    samples = (GOLDEN[f"signal_{preset.sample_rate}"] / 32768).astype(np.float32)
    made = make_log_mel(samples, name)
    assert made.dtype == np.float32
    assert made.shape == GOLDEN[name].shape
    np.testing.assert_allclose(made, GOLDEN[name], rtol=0, atol=CLOSE[name])


def test_the_golden_signal_is_not_silence_alone() -> None:
    for name in PRESETS:
        assert np.ptp(GOLDEN[name]) > 4


@pytest.mark.parametrize(
    ("name", "shape"),
    [("metaaudio", (313, 128)), ("ast", (998, 128)), ("panns", (1001, 64)), ("vggish", (998, 64))],
)
def test_ten_seconds(name: str, shape: tuple[int, int]) -> None:
    preset = PRESETS[name]
    samples = tone(rate=preset.sample_rate)
    made = make_log_mel(samples, preset)
    assert made.shape == shape
    assert preset.num_frames(len(samples)) == shape[0]
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", PRESETS)
def test_silence_is_finite(name: str) -> None:
    made = make_log_mel(np.zeros(32_000, np.float32), name)
    assert np.isfinite(made).all()
    assert np.ptp(made) == 0


@pytest.mark.parametrize("name", PRESETS)
def test_too_few_samples_and_channels_are_refused(name: str) -> None:
    least = PRESETS[name].least_samples
    assert len(make_log_mel(tone()[:least], name)) == PRESETS[name].num_frames(least)
    with pytest.raises(ValueError, match="shape"):
        make_log_mel(tone()[: least - 1], name)
    with pytest.raises(ValueError, match="shape"):
        make_log_mel(np.zeros((32_000, 2), np.float32), name)


def test_one_band_of_ast_is_always_empty() -> None:
    """Why kaldi-native-fbank refuses it; torchaudio warns of it."""
    empty = make_mel_matrix(PRESETS["ast"]).sum(axis=0) == 0
    assert empty.sum() == 1
    made = make_log_mel(tone(), "ast")
    assert np.unique(made[:, empty]).tolist() == [np.log(np.finfo(np.float32).eps, dtype="float32")]


def test_louder_by_6_db_is_6_db_more() -> None:
    """Why the level must be scaled before: what is done to samples moves the spectrogram."""
    quiet, loud = (make_log_mel(tone(rate=32_000, level=one), "panns") for one in (0.1, 0.2))
    np.testing.assert_allclose(loud - quiet, 20 * np.log10(2), atol=2e-3)
