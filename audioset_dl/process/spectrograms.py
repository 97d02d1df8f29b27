"""The log-mel spectrograms that known models were trained on: their numbers, and how to make them.

All numbers are from the models' own code; `Preset.source` names the file. librosa makes the two
presets of its kind. Those of Kaldi's and HTK's kind, with triangles on the mel scale, are made here
by numpy: librosa draws its triangles in Hz, and kaldi-native-fbank refuses AST's 128 bands, one of
which holds no bin of the FFT.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from audioset_dl.process.clean import Samples
from audioset_dl.process.extra import import_extra

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


@dataclass(frozen=True)
class Preset:
    """Numbers of one kind of log-mel spectrogram."""

    name: str
    source: str
    """Where the numbers come from."""
    kind: str
    """librosa: made by `librosa.feature.melspectrogram`; kaldi: frames as in Kaldi and HTK."""
    sample_rate: int
    """In Hz."""
    n_fft: int
    win_length: int
    """In samples."""
    hop_length: int
    """In samples."""
    n_mels: int
    fmin: float
    """Lower edge of the lowest mel band, in Hz."""
    fmax: float
    """Upper edge of the highest mel band, in Hz."""
    log: str
    """Formula from power (vggish: magnitude) to logarithm."""
    least_samples: int
    """Fewest samples that give a frame."""
    version: int = 1
    """Rises when the same samples give other numbers, if only in the last digits."""

    def num_frames(self, num_samples: int) -> int:
        """Return the number of frames of a clip."""
        if self.kind == "librosa":
            return 1 + num_samples // self.hop_length
        return 1 + (num_samples - self.win_length) // self.hop_length


# MetaAudio leaves the rest to librosa: Hann window, centred frames, Slaney's mel scale and area
# normalization. The frames at both ends are padded with zeros, as librosa does since 0.9; until 0.8
# it mirrored the signal, and MetaAudio does not say which version it used.
METAAUDIO = Preset(
    name="metaaudio",
    source="github.com/CHeggan/MetaAudio-A-Few-Shot-Audio-Classification-Benchmark, "
    "Dataset Processing/to_spec.py",
    kind="librosa", sample_rate=16_000,
    n_fft=1024, win_length=1024, hop_length=512, least_samples=1024,
    n_mels=128, fmin=0.0, fmax=8000.0, log="10 * log10(power + 2.2e-16)",
)  # fmt: skip
# AST's next steps are left to the model: zeros up to 1,024 frames, then
# (x + 4.2677393) / (2 * 4.5689974), the statistics of AudioSet.
AST = Preset(
    name="ast",
    source="github.com/YuanGongND/ast, src/dataloader.py (torchaudio.compliance.kaldi.fbank)",
    kind="kaldi", sample_rate=16_000,
    n_fft=512, win_length=400, hop_length=160, least_samples=400,
    n_mels=128, fmin=20.0, fmax=8000.0, log="ln(max(power, 1.19e-7))", version=2,
)  # fmt: skip
# Hann window, centred frames, the signal mirrored at both ends, Slaney's mel scale and area
# normalization. PANNs' own networks take waveforms and make this themselves.
PANNS = Preset(
    name="panns",
    source="github.com/qiuqiangkong/audioset_tagging_cnn, scripts/4_train.sh and pytorch/models.py "
    "(torchlibrosa.stft)",
    kind="librosa", sample_rate=32_000,
    n_fft=1024, win_length=1024, hop_length=320, least_samples=1024,
    n_mels=64, fmin=50.0, fmax=14_000.0, log="10 * log10(max(power, 1e-10))",
)  # fmt: skip
# VGGish takes examples of 96 frames: rows 0 to 95, 96 to 191, and so on.
VGGISH = Preset(
    name="vggish",
    source="github.com/tensorflow/models, research/audioset/vggish/vggish_params.py and "
    "mel_features.py",
    kind="kaldi", sample_rate=16_000,
    n_fft=512, win_length=400, hop_length=160, least_samples=400,
    n_mels=64, fmin=125.0, fmax=7500.0, log="ln(magnitude + 0.01)",
)  # fmt: skip

_AST_WINDOW = np.hanning(AST.win_length)
"""Symmetric, as Kaldi's "hanning"."""
_FRAMES_AT_A_TIME = 128

PRESETS = {preset.name: preset for preset in (METAAUDIO, AST, PANNS, VGGISH)}


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


def _make_ast(samples: Samples) -> _Floats:
    # AST also subtracts the mean of the clip first; subtracting that of each frame makes it void.
    sound = samples.astype(np.float64)
    means = _frames(sound, AST).mean(axis=1, keepdims=True)
    # Of a frame less its mean: the first sample, which has none before it, and the others.
    first = (1 - _KALDI_PREEMPHASIS) * (_frames(sound, AST)[:, :1] - means)
    emphasized = sound.copy()
    emphasized[1:] -= _KALDI_PREEMPHASIS * sound[:-1]
    others, offsets = _frames(emphasized, AST), (1 - _KALDI_PREEMPHASIS) * means
    power = np.empty((len(means), AST.n_mels), np.float32)
    # In blocks that stay in the cache of a core, and in the same arrays: half of the time.
    block = np.zeros((_FRAMES_AT_A_TIME, AST.n_fft))
    bins = np.empty((_FRAMES_AT_A_TIME, AST.n_fft // 2 + 1), np.float32)
    for start in range(0, len(means), _FRAMES_AT_A_TIME):
        some = slice(start, start + _FRAMES_AT_A_TIME)
        number = len(means[some])
        frames = block[:number, : AST.win_length]
        np.subtract(others[some], offsets[some], out=frames)
        frames[:, :1] = first[some]
        frames *= _AST_WINDOW
        spectrum = np.fft.rfft(block[:number])
        bins[:number] = np.square(spectrum.real) + np.square(spectrum.imag)
        np.matmul(bins[:number], _mel_matrix_of_ast(), out=power[some])
    np.maximum(power, np.float32(_KALDI_FLOOR), out=power)
    return np.log(power, out=power)


@cache
def _mel_matrix_of_ast() -> LogMel:
    return make_mel_matrix(AST).astype(np.float32)


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
        y=samples, sr=preset.sample_rate, n_fft=preset.n_fft, win_length=preset.win_length,
        hop_length=preset.hop_length, n_mels=preset.n_mels, fmin=preset.fmin, fmax=preset.fmax,
        window="hann", center=True, pad_mode=pad_mode, power=2.0,
    )  # fmt: skip
    return power.T


def _frames(sound: _Array, preset: Preset) -> _Array:
    """Return the whole frames, shape (num_frames, win_length); the rest is left out."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, preset.win_length)
    return windows[:: preset.hop_length]


def _to_mel(frequency_hz: npt.ArrayLike) -> _Array:
    """Return mels without their factor of 1127, which cancels out in triangles between mels."""
    return np.log1p(np.asarray(frequency_hz, np.float64) / _MEL_BREAK_HZ)
