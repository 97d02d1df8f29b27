"""Small datasets on the disk, without a download: real WAV files, journals and tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from world import BARK, CAT, DOG

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav import encode_wav
from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.failures import write_failures
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest_writing import write_manifest
from audioset_dl.dataset.rows import Row, SavedFile
from audioset_dl.dataset.run_info import RunInfo, write_run_info
from audioset_dl.storage.files import write_file

NOW = "2026-11-22T12:00:00+00:00"
NAMES = {DOG: "Dog", BARK: "Bark", CAT: "Cat"}
RATE = 16_000


def make_wav(number: int, sample_rate: int = RATE) -> bytes:
    noise = np.random.default_rng(number).integers(-9000, 9000, (1600, 1), dtype="int16")
    return encode_wav(Samples(noise, sample_rate), "PCM_16")


def clip_of(number: int, labels: Sequence[str] = (DOG,)) -> Clip:
    return Clip(f"video-{number:05d}", 1.5, 1.6, tuple(labels), "made")


def clip_id(number: int) -> str:
    return clip_of(number).clip_id


def make_dataset(
    path: Path,
    saved: Mapping[int, int] | Sequence[int] = (),
    failed: Mapping[int, tuple[str, str]] | None = None,
    *,
    labels: Mapping[int, Sequence[str]] | None = None,
    classes: Sequence[str] = (DOG,),
    sample_rate: int = RATE,
    folder: str = "dog",
) -> OutputFolder:
    """Write a dataset.

    ``saved`` holds the numbers of clips, or also those of what they sound like; ``failed`` states
    and codes of others; ``classes`` those that wanted them all.
    """
    out = OutputFolder(path)
    sounds = saved if isinstance(saved, Mapping) else {number: number for number in saved}
    failed = failed or {}
    clips = {n: clip_of(n, (labels or {}).get(n, (DOG,))) for n in (*sounds, *failed)}
    with open_journal(out.journal) as journal:
        for number, sound in sounds.items():
            content = make_wav(sound, sample_rate)
            name = f"wav/{folder}/Y{clip_id(number)}.wav"
            write_file(out.path / name, content)
            file = saved_file(name, content, sample_rate)
            journal.record_saved(Row(clips[number], file=file, classes=tuple(classes)))
        for number, (state, code) in failed.items():
            row = Row(
                clips[number], classes=tuple(classes), state=state, code=code, detail="so",
                updated_at=NOW,
            )  # fmt: skip
            journal.record_failed(row, charged=True)
        write_manifest(out.manifest, journal.rows("saved"), NAMES)
        write_failures(out.failures, journal.rows(), NAMES)
    named = [{"mid": mid, "name": NAMES[mid]} for mid in classes]
    audio = {"sample_rate": sample_rate, "channels": 1, "subtype": "PCM_16"}
    info = RunInfo({"audio": audio}, {}, {"ontology.json": "0"}, named, NOW)
    write_run_info(out.run, info)
    return out


def saved_file(name: str, content: bytes, sample_rate: int = RATE) -> SavedFile:
    return SavedFile(
        file_name=name, num_samples=1600, sample_rate=sample_rate, channels=1,
        num_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), source_format="251",
        method="ranged", bytes_fetched=1, saved_at=NOW,
    )  # fmt: skip


def snapshot(path: Path) -> dict[str, bytes]:
    """Return all files below a folder with what they hold."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file()
    }


def known_gone_row(
    clip: Clip, code: str, classes: tuple[str, ...], *, known_from: str, now: str
) -> Row:
    """Return the row of a clip that is taken as gone without asking, as a run makes it."""
    return Row(
        clip, classes=classes, state="gone", code=code, detail="", updated_at=now,
        known_from=known_from,
    )  # fmt: skip
