"""The log-mel spectrograms that known models were trained on.

All numbers are from the models' own code; `Preset.source` names the file.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    n_mels=128, fmin=20.0, fmax=8000.0, log="ln(max(power, 1.19e-7))",
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

PRESETS = {preset.name: preset for preset in (METAAUDIO, AST, PANNS, VGGISH)}
