"""Makes tests/data/log_mel.npz from the reference implementations; says how far ours is from them.

Needs an environment with torch, torchaudio, torchlibrosa, torchvggish and librosa, which the
project itself does not:

    PYTHONPATH=. python scripts/golden_log_mel.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import torchaudio
from torchlibrosa.stft import LogmelFilterBank, Spectrogram
from torchvggish import mel_features, vggish_params

from audioset_dl.process import PRESETS, make_log_mel

PATH = Path(__file__).parent.parent / "tests" / "data" / "log_mel.npz"


def make_signal(sample_rate: int) -> np.ndarray:
    """Return 0.35 s of int16: a rising tone, noise, an offset, and a stretch of silence."""
    num_samples = round(0.35 * sample_rate)
    time_s = np.arange(num_samples) / sample_rate
    noise = np.random.default_rng(0).standard_normal(num_samples)
    sound = 0.3 * np.sin(2 * np.pi * (200 * time_s + 4000 * time_s**2)) + 0.01 * noise + 0.02
    sound[num_samples // 3 : num_samples // 2] = 0
    return np.round(sound * 32768).astype(np.int16)


def metaaudio(samples: torch.Tensor) -> np.ndarray:
    """As to_spec.py of MetaAudio, but the mel spectrogram by torchaudio in the place of librosa."""
    mel = torchaudio.transforms.MelSpectrogram(
        16_000, n_fft=1024, hop_length=512, n_mels=128, power=2.0, norm="slaney",
        mel_scale="slaney", pad_mode="constant",
    ).to(samples.dtype)  # fmt: skip
    power = 2.0
    return 20.0 / power * np.log10(mel(samples).numpy().T + sys.float_info.epsilon)


def ast(samples: torch.Tensor) -> np.ndarray:
    """As src/dataloader.py of AST."""
    waveform = samples[np.newaxis]
    waveform = waveform - waveform.mean()
    return torchaudio.compliance.kaldi.fbank(
        waveform, htk_compat=True, sample_frequency=16_000, use_energy=False,
        window_type="hanning", num_mel_bins=128, dither=0.0, frame_shift=10,
    ).numpy()  # fmt: skip


def panns(samples: torch.Tensor) -> np.ndarray:
    """As pytorch/models.py of audioset_tagging_cnn."""
    spectrogram = Spectrogram(
        n_fft=1024, hop_length=320, win_length=1024, window="hann", center=True,
        pad_mode="reflect", freeze_parameters=True,
    ).to(samples.dtype)  # fmt: skip
    log_mel = LogmelFilterBank(
        sr=32_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000, ref=1.0, amin=1e-10, top_db=None,
        freeze_parameters=True,
    ).to(samples.dtype)  # fmt: skip
    with torch.no_grad():
        return log_mel(spectrogram(samples[np.newaxis])).numpy()[0, 0]


def vggish(samples: torch.Tensor) -> np.ndarray:
    """As vggish_input.py of VGGish, before it is cut into examples."""
    return mel_features.log_mel_spectrogram(
        samples.numpy(),
        audio_sample_rate=vggish_params.SAMPLE_RATE,
        log_offset=vggish_params.LOG_OFFSET,
        window_length_secs=vggish_params.STFT_WINDOW_LENGTH_SECONDS,
        hop_length_secs=vggish_params.STFT_HOP_LENGTH_SECONDS,
        num_mel_bins=vggish_params.NUM_MEL_BINS,
        lower_edge_hertz=vggish_params.MEL_MIN_HZ,
        upper_edge_hertz=vggish_params.MEL_MAX_HZ,
    )


REFERENCES = {"metaaudio": metaaudio, "ast": ast, "panns": panns, "vggish": vggish}


def main() -> None:
    arrays = {f"signal_{rate}": make_signal(rate) for rate in (16_000, 32_000)}
    print("largest differences:  reference float32 - float64,  ours - float32,  ours - float64")
    for name, reference in REFERENCES.items():
        signal = arrays[f"signal_{PRESETS[name].sample_rate}"] / 32768
        exact = reference(torch.from_numpy(signal))
        single = reference(torch.from_numpy(signal.astype(np.float32)))
        ours = make_log_mel(signal.astype(np.float32), name)
        arrays[name] = exact.astype(np.float32)
        gaps = (single - exact, ours - single, ours - exact)
        print(f"{name:10} {ours.shape}", *(f"{np.abs(gap).max():.1e}" for gap in gaps))
    np.savez_compressed(PATH, **arrays)
    print(f"wrote {PATH}: {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
