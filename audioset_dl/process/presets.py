"""The log-mel spectrograms that known models were trained on: numbers from their own sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """One way of making log-mel spectrograms."""

    name: str
    source: str
    """Where the numbers stand."""
    kind: str
    """librosa: by `librosa.feature.melspectrogram`; kaldi: frames as Kaldi and HTK cut them."""
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
    """How powers (vggish: magnitudes) become logarithms."""
    least_samples: int
    """Samples below which there is no spectrogram."""

    def num_frames(self, num_samples: int) -> int:
        """Return how many frames a number of samples gives."""
        if self.kind == "librosa":
            return 1 + num_samples // self.hop_length
        return 1 + (num_samples - self.win_length) // self.hop_length


METAAUDIO = Preset(
    name="metaaudio",
    source="github.com/CHeggan/MetaAudio-A-Few-Shot-Audio-Classification-Benchmark, "
    "Dataset Processing/to_spec.py",
    kind="librosa",
    sample_rate=16_000,
    n_fft=1024,
    win_length=1024,
    hop_length=512,
    n_mels=128,
    fmin=0.0,
    fmax=8000.0,
    log="10 * log10(power + 2.2e-16)",
    least_samples=1024,
)
"""Its other numbers are librosa's own: Hann window, centred frames, Slaney's mel scale and area
normalization. The frames at both ends are padded with zeros, as librosa does since 0.9 (until 0.8
it mirrored the signal; MetaAudio does not say which it was)."""
AST = Preset(
    name="ast",
    source="github.com/YuanGongND/ast, src/dataloader.py (torchaudio.compliance.kaldi.fbank)",
    kind="kaldi",
    sample_rate=16_000,
    n_fft=512,
    win_length=400,
    hop_length=160,
    n_mels=128,
    fmin=20.0,
    fmax=8000.0,
    log="ln(max(power, 1.19e-7))",
    least_samples=400,
)
"""What AST does after it is left to the model: zeros up to 1,024 frames, then
``(x + 4.2677393) / (2 * 4.5689974)``, the statistics of AudioSet."""
PANNS = Preset(
    name="panns",
    source="github.com/qiuqiangkong/audioset_tagging_cnn, scripts/4_train.sh and pytorch/models.py "
    "(torchlibrosa.stft)",
    kind="librosa",
    sample_rate=32_000,
    n_fft=1024,
    win_length=1024,
    hop_length=320,
    n_mels=64,
    fmin=50.0,
    fmax=14_000.0,
    log="10 * log10(max(power, 1e-10))",
    least_samples=1024,
)
"""Hann window, centred frames, the signal mirrored at both ends, Slaney's mel scale and area
normalization. The PANNs' own networks take waveforms and make this themselves."""
VGGISH = Preset(
    name="vggish",
    source="github.com/tensorflow/models, research/audioset/vggish/vggish_params.py and "
    "mel_features.py",
    kind="kaldi",
    sample_rate=16_000,
    n_fft=512,
    win_length=400,
    hop_length=160,
    n_mels=64,
    fmin=125.0,
    fmax=7500.0,
    log="ln(magnitude + 0.01)",
    least_samples=400,
)
"""VGGish takes it in examples of 96 frames: rows 0 to 95, 96 to 191, and so on."""

PRESETS = {preset.name: preset for preset in (METAAUDIO, AST, PANNS, VGGISH)}
"""All of them by name."""
