"""ClipDataset: arrays and labels for training loops, in one process or in several."""

from __future__ import annotations

import csv
import json
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from world import PATIENCE_S

import audioset_dl
from audioset_dl import ClipDataset
from audioset_dl.errors import OutputError
from audioset_dl.fewshot import EpisodeSampler

NAMES = ("Bee, wasp, etc.", "Cat", "Dog")
MIDS = ("/m/bee", "/m/cat", "/m/dog")


def write_dataset(folder: Path, *, each: int = 4, suffix: str = ".wav", channels: int = 1) -> None:
    """Write clips whose first sample is their number / 1000; number 0 carries Bee and Dog."""
    (folder / "wav").mkdir(parents=True)
    rows = []
    for number in range(3 * each):
        numbers = [0, 2] if number == 0 else [number % 3]
        array = np.zeros((400, channels), np.float32)
        array[0, :] = number / 1000 * np.arange(1, channels + 1)
        name = f"wav/Y{number:011d}_0{suffix}"
        if suffix == ".npy":
            np.save(folder / name, array.T)
        else:
            soundfile.write(folder / name, array, 8000, subtype="FLOAT")
        rows.append({
            "file_name": name, "clip_id": f"{number:011d}_0", "ytid": f"{number:011d}",
            "classes": NAMES[numbers[0]], "labels": ";".join(["/m/x", *(MIDS[n] for n in numbers)]),
            "label_names": ";".join(["Other", *(NAMES[n] for n in numbers)]), "sha256": f"{number}",
        })  # fmt: skip
    with (folder / "manifest.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows[::-1])


def write_splits(folder: Path, each: int = 4) -> None:
    clips = {
        f"{n:011d}_0": [MIDS[0], MIDS[2]] if n == 0 else [MIDS[n % 3]] for n in range(3 * each)
    }
    classes = [
        {"mid": mid, "name": name} for mid, name in zip(MIDS[::-1], NAMES[::-1], strict=True)
    ]
    folder.mkdir()
    (folder / "splits.json").write_text(json.dumps({
        "format": 1, "seed": 0, "manifest_sha256": "",
        "classes": {"train": classes, "validation": [], "test": []},
        "clips": {"train": clips, "validation": {}, "test": {}},
    }))  # fmt: skip


@pytest.mark.parametrize("suffix", [".wav", ".npy"])
def test_a_clip_is_a_float32_array_with_the_number_of_its_class(tmp_path: Path, suffix) -> None:
    write_dataset(tmp_path / "audioset", suffix=suffix)
    data = ClipDataset(tmp_path / "audioset")
    assert len(data) == 12
    assert data.classes == NAMES
    assert data.class_ids == MIDS
    assert data.split is None
    for number in range(12):
        array, label = data[number]
        assert array.dtype == np.float32
        assert array.shape == ((400,) if suffix == ".wav" else (1, 400))
        assert array.ravel()[0] == pytest.approx(number / 1000)
        assert label == number % 3
    assert data.labels[0] == (0, 2)
    assert data.clips[11].clip_id == "00000000011_0"
    with pytest.raises(IndexError):
        data[12]


def test_channels_come_first(tmp_path: Path) -> None:
    write_dataset(tmp_path / "audioset", channels=2)
    array, _ = ClipDataset(str(tmp_path / "audioset"))[5]
    assert array.shape == (2, 400)
    assert array[:, 0] == pytest.approx([0.005, 0.01])


def test_of_a_split_classes_have_its_numbers(tmp_path: Path) -> None:
    write_dataset(tmp_path / "audioset")
    write_splits(tmp_path / "fewshot")
    data = ClipDataset(tmp_path / "audioset", "train")
    assert data.classes == NAMES[::-1]
    assert [label for _, label in data] == [0, 1, 0] + [2, 1, 0] * 3
    hot = ClipDataset(
        tmp_path / "audioset", "train", tmp_path / "fewshot/splits.json", label="multi_hot"
    )
    assert hot[0][1].tolist() == [1, 0, 1]
    assert hot[1][1].tolist() == [0, 1, 0]
    assert hot[1][1].dtype == np.float32
    assert len(ClipDataset(tmp_path / "audioset", "test")) == 0
    half = ClipDataset(tmp_path / "audioset", "train", transform=lambda array: array[:200])
    assert half[0][0].shape == (200,)


def test_what_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist; run `audioset-dl download`"):
        ClipDataset(tmp_path / "audioset")
    write_dataset(tmp_path / "audioset", each=3)
    with pytest.raises(OutputError, match="audioset-dl split"):
        ClipDataset(tmp_path / "audioset", "train")
    write_splits(tmp_path / "fewshot", each=4)
    with pytest.raises(OutputError, match="3 of the 12 clips of the split train are not in"):
        ClipDataset(tmp_path / "audioset", "train")
    with pytest.raises(ValueError, match="no split is called 'dev'"):
        ClipDataset(tmp_path / "audioset", "dev")
    with pytest.raises(ValueError, match="expected id, multi_hot or names"):
        ClipDataset(tmp_path / "audioset", label="hot")
    path = tmp_path / "fewshot/splits.json"
    path.write_text(path.read_text().replace('_0": ["/m/cat"]', '_0": ["/m/dog"]'))
    write_dataset(tmp_path / "other/audioset")
    with pytest.raises(OutputError, match="does not carry the labels"):
        ClipDataset(tmp_path / "other/audioset", "train", path)


@pytest.mark.parametrize("suffix", [".wav", ".npy"])
def test_a_file_that_is_gone_or_broken_is_named(tmp_path: Path, suffix) -> None:
    write_dataset(tmp_path, suffix=suffix)
    data = ClipDataset(tmp_path)
    path = tmp_path / data.clips[3].file_name
    for content in (b"", b"no audio", None):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        with pytest.raises(OutputError, match="00000000003_0") as caught:
            data[3]
        assert "audioset-dl verify" in str(caught.value)


def test_no_pickle_is_read_from_an_array_file(tmp_path: Path) -> None:
    write_dataset(tmp_path, suffix=".npy")
    data = ClipDataset(tmp_path)
    np.save(tmp_path / data.clips[3].file_name, np.array([{}], object), allow_pickle=True)
    with pytest.raises(OutputError):
        data[3]


def first_samples(data: ClipDataset, indices: list[int]) -> list[float]:
    return [float(data[index][0][0]) for index in indices]


@pytest.mark.e2e
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_the_same_as_one_process(tmp_path: Path, method: str) -> None:
    write_dataset(tmp_path / "audioset")
    data = ClipDataset(tmp_path / "audioset")
    assert pickle.loads(pickle.dumps(data)).classes == data.classes
    sampler = EpisodeSampler(data, 2, 1, 1, episodes=12)
    alone = [first_samples(data, batch) for batch in sampler]
    for workers in (1, 4):
        # Not multiprocessing.Pool: leaving it kills its workers, and may wait for one for ever
        # (https://bugs.python.org/issue38501).
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            assert list(pool.map(partial(first_samples, data), sampler)) == alone


def test_a_sampler_may_be_sent_to_other_processes(tmp_path: Path) -> None:
    write_dataset(tmp_path / "audioset")
    sampler = EpisodeSampler(ClipDataset(tmp_path / "audioset"), 2, 1, 1)
    assert pickle.loads(pickle.dumps(sampler)).episode(9) == sampler.episode(9)


LOOP = """
import json, sys
from torch.utils.data import DataLoader
from audioset_dl import ClipDataset
from audioset_dl.fewshot import EpisodeSampler

data = ClipDataset(sys.argv[1], "train")
sampler = EpisodeSampler(data, 2, 1, 2, episodes=10)
found = []
for workers in (0, 1, 4):
    loader = DataLoader(data, batch_sampler=sampler, num_workers=workers)
    assert len(loader) == 10
    found.append([(audio[:, 0].tolist(), labels.tolist()) for audio, labels in loader])
print(json.dumps(found))
"""


@pytest.mark.skipif(not find_spec("torch"), reason="torch is not installed")
def test_a_data_loader_of_torch_gives_the_same_episodes_for_any_number_of_workers(
    tmp_path: Path,
) -> None:
    """In a process of its own, as loaders hand arrays over by sockets, which tests may not use."""
    write_dataset(tmp_path / "audioset")
    write_splits(tmp_path / "fewshot")
    done = subprocess.run(
        [sys.executable, "-c", LOOP, tmp_path / "audioset"],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    alone, one, four = json.loads(done.stdout)
    assert alone == one == four
    sampler = EpisodeSampler(ClipDataset(tmp_path / "audioset", "train"), 2, 1, 2)
    for index, (audio, labels) in enumerate(alone):
        episode = sampler.episode(index)
        numbers = [round(first * 1000) for first in audio]
        assert numbers == [*episode.support, *episode.query]
        places = [*episode.support_labels, *episode.query_labels]
        # Clip 0 carries two classes, and its own label is the first of them.
        assert all(
            label == episode.classes[place] or number == 0
            for number, label, place in zip(numbers, labels, places, strict=True)
        )


def test_the_package_gives_what_it_names_and_nothing_else() -> None:
    assert audioset_dl.ClipDataset is ClipDataset
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        audioset_dl.Nothing  # noqa: B018


def test_a_slice_and_splits_without_a_split_are_refused(tmp_path: Path) -> None:
    write_dataset(tmp_path / "audioset")
    with pytest.raises(TypeError):
        ClipDataset(tmp_path / "audioset")[0:2]
    with pytest.raises(ValueError, match="splits says nothing without split"):
        ClipDataset(tmp_path / "audioset", splits=tmp_path)


def write_unequal(folder: Path, *, number: int = 40) -> None:
    """Write clips of 8 kHz, of which some are shorter or longer than a second."""
    write_dataset(folder, each=number // 3)
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows):
        length = (8000, 3999, 8000, 9001)[place % 4]
        soundfile.write(folder / row["file_name"], np.full(length, 0.5, np.float32), 8000)
        row["sample_rate"] = "8000"
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def read_batch(folder: Path, split: str, numbers: list[int]) -> list[tuple[int, ...]]:
    data = ClipDataset(folder, split, length_s=1.0, label="multi_hot")
    clips = [data[number] for number in numbers]
    return [np.stack(arrays).shape for arrays in zip(*clips, strict=True)]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_every_split_have_one_shape(tmp_path: Path, workers: int) -> None:
    write_unequal(tmp_path / "audioset")
    ids = [f"{n:011d}_0" for n in range(39)]
    clips = {
        "train": {key: ["/m/x"] for key in ids[:24]},
        "validation": {key: ["/m/x"] for key in ids[24:30]},
        "test": {key: ["/m/x"] for key in ids[30:]},
    }
    (tmp_path / "audioset-split").mkdir()
    (tmp_path / "audioset-split" / "splits.json").write_text(json.dumps({
        "format": 1, "seed": 0, "manifest_sha256": "", "clips": clips,
        "classes": {key: [{"mid": "/m/x", "name": "Other"}] for key in clips},
    }))  # fmt: skip
    for split, of_split in clips.items():
        numbers = list(range(len(of_split)))
        batches = [numbers[start : start + 16] for start in range(0, len(numbers), 16)]
        read = partial(read_batch, tmp_path / "audioset", split)
        if workers:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                shapes = pool.map(read, batches)
        else:
            shapes = list(map(read, batches))
        assert shapes == [[(len(batch), 8000), (len(batch), 1)] for batch in batches]


def test_of_two_splits_one_must_be_named(tmp_path: Path) -> None:
    write_dataset(tmp_path / "audioset")
    write_splits(tmp_path / "audioset-fewshot")
    assert len(ClipDataset(tmp_path / "audioset", "train")) == 12
    write_splits(tmp_path / "audioset-split")
    with pytest.raises(OutputError, match=r"has two splits: .*; name one of them as splits"):
        ClipDataset(tmp_path / "audioset", "train")
    assert len(ClipDataset(tmp_path / "audioset", "train", tmp_path / "audioset-split")) == 12


def test_what_only_an_earlier_config_wanted_does_not_count(tmp_path: Path) -> None:
    write_dataset(tmp_path / "audioset")
    path = tmp_path / "audioset" / "manifest.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[3]["classes"] = ""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    left = {row.clip_id for row in ClipDataset(tmp_path / "audioset").clips}
    assert len(left) == 11
    assert rows[3]["clip_id"] not in left


@pytest.mark.parametrize("length_s", [0, -1.0, float("inf"), float("nan")])
def test_a_length_that_is_none_is_refused(tmp_path: Path, length_s: float) -> None:
    write_dataset(tmp_path / "audioset")
    with pytest.raises(ValueError, match="expected seconds, or None"):
        ClipDataset(tmp_path / "audioset", length_s=length_s)
