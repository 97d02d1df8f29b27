"""Log-mel spectrograms as the models of the presets expect them.

librosa makes the two presets of its kind. Those of Kaldi's and HTK's kind, with triangles on the
mel scale, are made here by numpy: librosa draws its triangles in Hz, and kaldi-native-fbank refuses
AST's 128 bands, one of which holds no bin of the FFT.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from audioset_dl.process.clean import Samples
from audioset_dl.process.extra import import_extra
from audioset_dl.process.presets import AST, METAAUDIO, PANNS, PRESETS, VGGISH, Preset

LogMel = npt.NDArray[np.float32]
"""Shape (num_frames, n_mels)."""
_Array = npt.NDArray[np.float64]
_Floats = npt.NDArray[np.floating]

# Mel scale of HTK and Kaldi: 1127 ln(1 + f / 700) (The HTK Book, section 5.4).
_MEL_BREAK_HZ = 700.0
# sys.float_info.epsilon, which MetaAudio adds to powers (to_spec.py).
_METAAUDIO_EPSILON = float(np.finfo(np.float64).eps)
# `amin` in pytorch/models.py of PANNs.
_PANNS_AMIN = 1e-10
# Least power, and `preemphasis_coefficient`, in Kaldi and torchaudio.compliance.kaldi
# (https://github.com/pytorch/audio/blob/main/src/torchaudio/compliance/kaldi.py).
_KALDI_FLOOR = float(np.finfo(np.float32).eps)
_KALDI_PREEMPHASIS = 0.97
# LOG_OFFSET of vggish_params.py.
_VGGISH_OFFSET = 0.01


def make_log_mel(samples: Samples, preset: Preset | str) -> LogMel:
    """Make the log-mel spectrogram of a preset.

    Parameters
    ----------
    samples : array of float32, shape (num_samples,)
        One channel at the preset's sample rate; full scale is 1.0. Nothing is scaled here; scale
        the samples first if you want that.
    preset : Preset or str
        One of `PRESETS`, or its name.

    Returns
    -------
    array of float32, shape (num_frames, n_mels)
        In dB (metaaudio, panns) or natural logarithms (ast, vggish), as the model wants it.

    Raises
    ------
    ValueError
        The samples are not of one channel, or too few for a frame.
    ToolMissingError
        librosa is needed and not installed.

    Examples
    --------
    >>> import numpy as np
    >>> make_log_mel(np.zeros(160_000, np.float32), "ast").shape
    (998, 128)
    """
    preset = PRESETS[preset] if isinstance(preset, str) else preset
    if samples.ndim != 1 or len(samples) < preset.least_samples:
        raise ValueError(
            f"{preset.name} needs samples of shape (n,), n at least {preset.least_samples}, "
            f"found shape {samples.shape}"
        )
    return _MAKERS[preset.name](samples).astype(np.float32, copy=False)


def make_mel_matrix(preset: Preset) -> _Array:
    """Return triangular filters that are straight on the mel scale, as in HTK and Kaldi.

    Returns
    -------
    array of float64, shape (n_fft // 2 + 1, n_mels)
        Multiply the powers or magnitudes of the FFT's bins by it, from the right.
    """
    edges = np.linspace(_to_mel(preset.fmin), _to_mel(preset.fmax), preset.n_mels + 2)
    bins = _to_mel(np.arange(preset.n_fft // 2 + 1) * preset.sample_rate / preset.n_fft)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rise = (bins[:, np.newaxis] - left) / (centre - left)
    fall = (right - bins[:, np.newaxis]) / (right - centre)
    return np.maximum(0, np.minimum(rise, fall))


def _make_metaaudio(samples: Samples) -> _Floats:
    power = _librosa_mel(samples, METAAUDIO, "constant")
    decibels: _Floats = 10 * np.log10(power + _METAAUDIO_EPSILON)
    return decibels


def _make_panns(samples: Samples) -> _Floats:
    power = _librosa_mel(samples, PANNS, "reflect")
    decibels: _Floats = 10 * np.log10(np.maximum(power, _PANNS_AMIN))
    return decibels


def _make_ast(samples: Samples) -> _Array:
    # AST also subtracts the mean of the clip first; subtracting that of each frame makes it void.
    frames = _frames(samples.astype(np.float64), AST)
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = np.hanning(AST.win_length)  # symmetric, as Kaldi's "hanning"
    spectrum = np.fft.rfft((frames - _KALDI_PREEMPHASIS * before) * window, AST.n_fft)
    power = np.square(np.abs(spectrum)) @ make_mel_matrix(AST)
    return np.log(np.maximum(power, _KALDI_FLOOR))


def _make_vggish(samples: Samples) -> _Array:
    frames = _frames(samples.astype(np.float64), VGGISH)
    window = np.hanning(VGGISH.win_length + 1)[:-1]  # periodic
    spectrum = np.fft.rfft(frames * window, VGGISH.n_fft)
    return np.log(np.abs(spectrum) @ make_mel_matrix(VGGISH) + _VGGISH_OFFSET)


_MAKERS = {
    "metaaudio": _make_metaaudio,
    "ast": _make_ast,
    "panns": _make_panns,
    "vggish": _make_vggish,
}


def _librosa_mel(samples: Samples, preset: Preset, pad_mode: str) -> _Floats:
    power: _Floats = import_extra("librosa.feature").melspectrogram(
        y=samples,
        sr=preset.sample_rate,
        n_fft=preset.n_fft,
        win_length=preset.win_length,
        hop_length=preset.hop_length,
        window="hann",
        center=True,
        pad_mode=pad_mode,
        power=2.0,
        n_mels=preset.n_mels,
        fmin=preset.fmin,
        fmax=preset.fmax,
    )
    return power.T


def _frames(sound: _Array, preset: Preset) -> _Array:
    """Return the whole frames, shape (num_frames, win_length); the rest is left out."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, preset.win_length)
    return windows[:: preset.hop_length]


def _to_mel(frequency_hz: npt.ArrayLike) -> _Array:
    """Return mels without their factor of 1127, which cancels out in triangles between mels."""
    return np.log1p(np.asarray(frequency_hz, np.float64) / _MEL_BREAK_HZ)
