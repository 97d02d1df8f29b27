"""Files against the manifest: every kind of damage is named."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav import encode_wav
from audioset_dl.dataset import file_check, listed
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest_writing import write_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.verify import verify_folder
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import write_file

NAMES = [f"wav/dog/Yvideo-0000{number}_0.wav" for number in range(3)]


@pytest.fixture
def folder(tmp_path: Path, make_clip, make_saved) -> OutputFolder:
    records = []
    for number, name in enumerate(NAMES):
        noise = np.random.default_rng(number).integers(-9000, 9000, (1600, 1), dtype="int16")
        wav = encode_wav(Samples(noise, 16_000), "PCM_16")
        write_file(tmp_path / name, wav)
        file = make_saved(name, sha256=hashlib.sha256(wav).hexdigest(), num_samples=1600)
        clip = make_clip(f"video-0000{number}", start_s=0.0, end_s=0.1)
        records.append(Row(clip, file=file, classes=("/m/0bt9lr",), state="saved"))
    write_manifest(tmp_path / "manifest.csv", records, {})
    return OutputFolder(tmp_path)


def faults(folder: OutputFolder, **options) -> dict[str, str]:
    return {fault.file_name: fault.code for fault in verify_folder(folder, **options).faults}


def test_all_is_well(folder) -> None:
    seen = []
    result = verify_folder(folder, deep=True, on_files=lambda *some: seen.append(some))
    assert (result.num_files, result.faults, result.exit_code) == (3, (), 0)
    num_bytes = sum((folder.path / name).stat().st_size for name in NAMES)
    assert seen == [(3, num_bytes)]


def test_many_files_are_checked_by_several_processes(folder, monkeypatch) -> None:
    flip_a_bit(folder.path / NAMES[0])
    (folder.path / NAMES[2]).unlink()
    alone = verify_folder(folder, deep=True)
    monkeypatch.setattr(file_check, "_MANY", 2)
    monkeypatch.setattr(listed, "_ROWS", 1)
    seen = []
    together = verify_folder(folder, deep=True, on_files=lambda *some: seen.append(some))
    assert together == alone
    assert [fault.code for fault in together.faults] == ["changed", "missing"]
    assert sum(num_files for num_files, _ in seen) == 3


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (flip_a_bit, "changed"),
        (lambda path: os.truncate(path, path.stat().st_size - 2), "changed"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "changed"),
        (lambda path: path.write_bytes((path.parent.parent.parent / NAMES[2]).read_bytes()),
         "changed"),
        (lambda path: path.write_bytes(b""), "changed"),
        (Path.unlink, "missing"),
        (lambda path: (path.unlink(), path.mkdir()), "missing"),
    ],
    ids=["bit", "truncated", "zeroed", "swapped", "empty", "deleted", "a folder"],
)  # fmt: skip
def test_each_damage_is_named(folder, damage, code) -> None:
    damage(folder.path / NAMES[1])
    assert faults(folder) == {NAMES[1]: code}
    assert verify_folder(folder).exit_code == 1


def test_a_stray_file_is_named(folder) -> None:
    stray = folder.path / "wav" / "cat" / "other.wav"
    write_file(stray, b"x")
    assert faults(folder) == {"wav/cat/other.wav": "stray"}


def test_a_manifest_that_says_other_than_the_header(folder) -> None:
    text = folder.manifest.read_text().replace(",1600,16000,", ",1601,16000,", 1)
    folder.manifest.write_text(text)
    assert faults(folder) == {NAMES[0]: "format"}


def test_a_row_that_points_outside_is_not_followed(folder, tmp_path) -> None:
    outside = tmp_path.parent / "outside.wav"
    outside.write_bytes((folder.path / NAMES[0]).read_bytes())
    text = folder.manifest.read_text().replace(NAMES[0], "../outside.wav")
    folder.manifest.write_text(text)
    assert faults(folder)["../outside.wav"] == "outside"


def test_a_row_twice(folder) -> None:
    lines = folder.manifest.read_text().splitlines()
    folder.manifest.write_text("\n".join([*lines, lines[1]]) + "\n")
    assert faults(folder) == {NAMES[0]: "duplicate"}


def test_deep_finds_what_the_hash_can_not(folder, make_clip, make_saved) -> None:
    """A file that was written with samples that are no numbers."""
    data = np.full((1600, 1), np.nan, dtype="float32")
    wav = encode_wav(Samples(data, 16_000), "FLOAT")
    (folder.path / NAMES[0]).write_bytes(wav)
    old = folder.manifest.read_text().splitlines()[1].split(",")[13]
    text = folder.manifest.read_text().replace(old, hashlib.sha256(wav).hexdigest())
    folder.manifest.write_text(text)
    assert faults(folder) == {}
    assert faults(folder, deep=True) == {NAMES[0]: "undecodable"}


@pytest.mark.parametrize("start", ["inf", "nan", "1e999", "x", ""])
def test_a_start_that_is_none_is_told_with_its_line(folder, start) -> None:
    lines = folder.manifest.read_text().splitlines()
    cells = lines[1].split(",")
    cells[3] = start
    folder.manifest.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    with pytest.raises(OutputError, match=r"manifest\.csv:2: not a row of a manifest"):
        verify_folder(folder)
