"""Sounds, and datasets made of them as a download leaves them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav import encode_wav
from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest_writing import write_manifest
from audioset_dl.dataset.rows import Row, SavedFile
from audioset_dl.storage.files import write_file

RATE = 16_000
NOW = "2026-11-24T12:00:00+00:00"


def tone(seed: int = 0, *, length_s: float = 10.0, rate: int = RATE, level: float = 0.2):
    """Return a tone with a little noise, float32, that differs by seed; its mean is near 0."""
    num_samples = round(length_s * rate)
    time_s = np.arange(num_samples) / rate
    noise = np.random.default_rng(seed).standard_normal(num_samples)
    sound = np.sin(2 * np.pi * (300 + 37 * seed) * time_s) + 0.1 * noise
    return (level * sound).astype(np.float32)


def write_dataset(
    path: Path,
    sounds: Mapping[str, np.ndarray],
    *,
    rate: int = RATE,
    subtype: str = "FLOAT",
    lengths_s: Mapping[str, float] | None = None,
) -> OutputFolder:
    """Write sounds by ytid as clips of 10 s (or ``lengths_s``) from 0, and the manifest of them."""
    folder = OutputFolder(path)
    records = []
    for ytid, sound in sounds.items():
        clip = Clip(ytid, 0.0, (lengths_s or {}).get(ytid, 10.0), ("/m/0bt9lr",), "made")
        name = f"wav/dog/Y{clip.clip_id}.wav"
        data = sound.reshape(len(sound), -1)
        wav = encode_wav(Samples(data, rate), subtype)
        write_file(path / name, wav)
        sha256 = hashlib.sha256(wav).hexdigest()
        file = SavedFile(name, len(data), rate, data.shape[1], len(wav), sha256,
                         "251 opus 128k", "ranged", 200_000, NOW)  # fmt: skip
        records.append(Row(clip, file=file, classes=clip.labels, state="saved"))
    records.sort(key=lambda record: record.clip.clip_id)
    write_manifest(folder.manifest, records, {"/m/0bt9lr": "Dog"})
    return folder


def make_row(ytid: str, second: int, labels: Iterable[str], sha256: str = "") -> Row:
    """Return the row of a saved clip from a second on, whose file there need not be."""
    clip = Clip(ytid, float(second), second + 10.0, tuple(labels), "made")
    file = SavedFile(f"wav/Y{clip.clip_id}.wav", 10 * RATE, RATE, 1, 0, sha256, "", "", 0, NOW)
    return Row(clip, file=file, state="saved")


def ytids(number: int) -> list[str]:
    return [f"sound-{n:05d}" for n in range(number)]


def tree(path: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder, but for locks."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and not file.name.startswith(".lock")
    }


def fingerprint(path: Path) -> dict[str, tuple[object, ...]]:
    """Return all that can be seen of each file and folder: content, times, mode."""
    return {
        file.relative_to(path).as_posix(): (
            file.read_bytes() if file.is_file() else b"",
            file.stat().st_mtime_ns,
            file.stat().st_ctime_ns,
            file.stat().st_mode,
        )
        for file in [path, *sorted(path.rglob("*"))]
    }
