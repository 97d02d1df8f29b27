"""Statistics: those of a two-pass computation, in any order; refused where they do not belong."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sounds import tone, write_dataset, ytids

from audioset_dl.config import Config, FewshotConfig, OutputConfig, ProcessConfig
from audioset_dl.errors import OutputError
from audioset_dl.process import (
    Moments,
    apply_statistics,
    load_statistics,
    merge_moments,
    moments_of,
)
from audioset_dl.process.folder import ProcessedFolder
from audioset_dl.process.run import process
from audioset_dl.process.statistics import compute_statistics, merge_channels, summarize

IDS = [f"{ytid}_0" for ytid in ytids(5)]
TRAIN = IDS[:4]


def summary(parts: dict[str, np.ndarray]):
    moments = {clip_id: moments_of(part) for clip_id, part in parts.items()}
    return summarize(moments, split="train", clips_sha256="c" * 64, settings_sha256="s" * 64)


@given(
    st.lists(
        arrays.arrays(np.float32, st.tuples(st.integers(0, 9), st.just(3)),
                      elements=st.floats(-1e3, 1e3, width=32)),
        min_size=1, max_size=6,
    ),
    st.floats(-1e6, 1e6),
)  # fmt: skip
def test_merged_moments_are_those_of_all(parts: list[np.ndarray], offset: float) -> None:
    shifted = [part.astype(np.float64) + offset for part in parts]
    total = Moments(0, np.zeros(3), np.zeros(3))
    for part in shifted:
        total = merge_moments(total, moments_of(part))
    whole = np.concatenate(shifted)
    assert total.count == len(whole)
    if len(whole):
        np.testing.assert_allclose(total.mean, whole.mean(axis=0), rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(total.std, whole.std(axis=0), rtol=1e-9, atol=1e-6)
        one = merge_channels(total)
        assert one.count == whole.size
        assert one.mean[0] == pytest.approx(whole.mean(), rel=1e-12, abs=1e-9)
        assert one.std[0] == pytest.approx(whole.std(), rel=1e-9, abs=1e-6)


def test_no_digits_are_lost_far_from_0() -> None:
    """Where the difference of sums of squares would give nonsense."""
    rng = np.random.default_rng(0)
    parts = [1e8 + rng.standard_normal((1000, 2)) for _ in range(50)]
    total = moments_of(parts[0])
    for part in parts[1:]:
        total = merge_moments(total, moments_of(part))
    whole = np.concatenate(parts)
    np.testing.assert_allclose(total.std, whole.std(axis=0), rtol=1e-9)
    naive = np.sqrt(np.mean(whole**2, axis=0) - np.mean(whole, axis=0) ** 2 + 0j)
    assert not np.allclose(naive, whole.std(axis=0), rtol=1e-3)


def test_the_order_of_arrival_changes_no_bit() -> None:
    rng = np.random.default_rng(1)
    parts = {f"clip{n}": rng.standard_normal((37 + n, 4)).astype(np.float32) for n in range(20)}
    backwards = dict(reversed(parts.items()))
    assert summary(parts) == summary(backwards)


def test_of_each_clip() -> None:
    rng = np.random.default_rng(2)
    parts = {f"clip{n}": rng.standard_normal((50, 4)).astype(np.float32) + n for n in range(3)}
    found = summary(parts)
    for clip_id, part in parts.items():
        expected = part.mean(dtype=np.float64), part.std(dtype=np.float64)
        np.testing.assert_allclose(found.clips[clip_id], expected, rtol=1e-12)


def test_different_channels_are_refused() -> None:
    with pytest.raises(OutputError, match="clip b has 2 channels, those before it 1"):
        summary({"a": np.ones(3), "b": np.ones((3, 2))})


def test_applied_to_what_they_are_of() -> None:
    rng = np.random.default_rng(3)
    part = (rng.standard_normal((400, 3)) * [1, 5, 0.1] + [0, 7, -2]).astype(np.float32)
    found = summary({"a": part})
    by_channel = apply_statistics(part, found)
    np.testing.assert_allclose(by_channel.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(by_channel.std(axis=0), 1, atol=1e-5)
    for by in ("global", "sample"):
        one = apply_statistics(part, found, by=by)
        assert one.mean(dtype=np.float64) == pytest.approx(0, abs=1e-6)
        assert one.std(dtype=np.float64) == pytest.approx(1, abs=1e-6)
    other = apply_statistics(part + np.float32(5), found, by="global")
    assert other.mean() == pytest.approx(5 / found.std, rel=1e-4)
    batch = apply_statistics(np.stack([part, part]), found)
    np.testing.assert_array_equal(batch[1], by_channel)
    assert by_channel.dtype == np.float32


def test_a_channel_that_never_changes_becomes_0() -> None:
    part = np.stack([np.full(9, -15.9), np.arange(9)], axis=1).astype(np.float32)
    applied = apply_statistics(part, summary({"a": part}))
    assert np.isfinite(applied).all()
    np.testing.assert_allclose(applied[:, 0], 0, atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    found = summary({"a": np.ones((3, 4))})
    with pytest.raises(ValueError, match=r"of 3 channels .* expected 4"):
        apply_statistics(np.ones((5, 3)), found)
    with pytest.raises(ValueError, match="by='band'"):
        apply_statistics(np.ones((5, 4)), found, by="band")
    with pytest.raises(OutputError, match=r"of other settings .*audioset-dl statistics"):
        apply_statistics(np.ones((5, 4)), found, settings_sha256="t" * 64)
    apply_statistics(np.ones((5, 4)), found, settings_sha256="s" * 64)


def config_in(folder: Path, workers: int = 1) -> Config:
    recipe = {"workers": workers, "form": "logmel", "preset": "vggish"}
    return Config(
        process=ProcessConfig(dir=folder / "processed", **recipe),
        fewshot=FewshotConfig(dir=folder / "split"),
        output=OutputConfig(dir=folder / "audioset"),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_in(tmp_path)


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    path = tmp_path / "split" / "splits.json"
    path.parent.mkdir()
    clips = {
        "train": {clip_id: ["/m/0bt9lr"] for clip_id in TRAIN},
        "validation": {},
        "test": {IDS[4]: []},
    }
    classes = {name: [] for name in clips}
    about = {"format": 1, "seed": 0, "manifest_sha256": "", "classes": classes}
    path.write_text(json.dumps({**about, "clips": clips}))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset and what was processed of it; each test gets a copy."""
    path = tmp_path_factory.mktemp("made")
    sounds = {ytid: tone(n, length_s=2.0, level=0.1 * 2**-n) for n, ytid in enumerate(ytids(5))}
    write_dataset(path / "audioset", sounds)
    process(config_in(path))
    return path


@pytest.fixture
def folder(tmp_path: Path, config: Config, made: Path) -> ProcessedFolder:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return ProcessedFolder(config.process.dir)


def test_of_a_folder(config: Config, folder: ProcessedFolder, splits: Path, tmp_path: Path) -> None:
    measured = compute_statistics(config_in(tmp_path, workers=2))
    rows = folder.read_manifest().by_clip_id()
    parts = [np.load(folder.path / rows[clip_id].file_name) for clip_id in TRAIN]
    whole = np.concatenate(parts).astype(np.float64)
    found = measured.statistics
    assert (found.num_clips, found.num_values) == (4, whole.size)
    np.testing.assert_allclose(found.channel_mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.channel_std, whole.std(axis=0), rtol=1e-12)
    assert found.mean == pytest.approx(whole.mean(), rel=1e-12)
    assert found.std == pytest.approx(whole.std(), rel=1e-12)
    assert IDS[4] not in found.clips
    assert load_statistics(folder.path) == found
    first = folder.statistics.read_bytes()
    compute_statistics(config)
    assert folder.statistics.read_bytes() == first


def test_clips_that_are_not_there_are_counted(config, folder, splits) -> None:
    document = json.loads(splits.read_text())
    document["clips"]["train"]["elsewhere00_0"] = []
    splits.write_text(json.dumps(document))
    assert compute_statistics(config).num_missing == 1
    document["clips"]["train"] = {"elsewhere00_0": []}
    splits.write_text(json.dumps(document))
    with pytest.raises(OutputError, match="none of the 1 train clips"):
        compute_statistics(config)


def test_other_clips_or_settings_are_refused(config, folder, splits) -> None:
    compute_statistics(config)
    text = folder.manifest.read_text()
    rows = [row.saved_file for row in folder.read_manifest().rows]
    folder.manifest.write_text(text.replace(rows[0].sha256, "0" * 64))
    with pytest.raises(OutputError, match=r"other clips .*audioset-dl statistics"):
        load_statistics(folder.path)
    folder.manifest.write_text(text.replace(rows[4].sha256, "0" * 64))  # not of the train split
    load_statistics(folder.path)
    with pytest.raises(OutputError, match="other clips"):
        load_statistics(folder.path, clips_sha256="0" * 64)
    with pytest.raises(OutputError, match="other settings"):
        load_statistics(folder.path, settings_sha256="0" * 64)
    settings = json.loads(folder.settings.read_text())
    folder.settings.write_text(json.dumps({**settings, "settings_sha256": "1" * 64}))
    with pytest.raises(OutputError, match="other settings"):
        load_statistics(folder.path)


def test_another_split_is_refused(config, folder, splits, tmp_path: Path) -> None:
    compute_statistics(config)
    assert load_statistics(folder.path, splits=splits).split == "train"
    document = json.loads(splits.read_text())
    clips = document["clips"]
    clips["train"][IDS[4]] = clips["test"].pop(IDS[4])
    clips["test"][TRAIN[0]] = clips["train"].pop(TRAIN[0])
    splits.write_text(json.dumps(document))
    with pytest.raises(OutputError, match=r"another split than .*: 4 clips, of which 3 are"):
        load_statistics(folder.path, splits=splits)
    load_statistics(folder.path)  # there is none beside the folder
    beside = folder.path.parent / "fewshot"
    beside.mkdir()
    (beside / "splits.json").write_text(splits.read_text())
    with pytest.raises(OutputError, match="run `audioset-dl statistics`"):
        load_statistics(folder.path)


def test_a_damaged_clip_is_not_measured(config, folder, splits) -> None:
    path = folder.path / folder.read_manifest().rows[0].file_name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"SHA-256 is another; run `audioset-dl process`"):
        compute_statistics(config)
    path.unlink()
    with pytest.raises(OutputError, match="can't be read: No such file"):
        compute_statistics(config)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"clips": {"test": {}}}', '{"clips": {"train": 3}}', "\ufffe"]
)
def test_splits_that_are_none(config, folder, splits, text: str) -> None:
    splits.write_text(text)
    with pytest.raises(OutputError, match=r"is not a splits\.json"):
        compute_statistics(config)
    splits.unlink()
    measured = compute_statistics(config)  # nothing was split: all clips count
    assert (measured.statistics.split, measured.statistics.num_clips) == ("all", len(IDS))
    assert load_statistics(folder.path).split == "all"


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"channel_mean": 3}, {"clips": []}, {"mean": float("inf")}, None]
)
def test_statistics_that_are_none(config, folder, splits, change) -> None:
    with pytest.raises(OutputError, match="does not exist; run `audioset-dl statistics`"):
        load_statistics(folder.path)
    compute_statistics(config)
    document = json.loads(folder.statistics.read_text())
    folder.statistics.write_text("" if change is None else json.dumps({**document, **change}))
    with pytest.raises(OutputError, match=r"can't be read .*`audioset-dl statistics`"):
        load_statistics(folder.path)


def test_a_folder_that_was_not_processed(config: Config, splits: Path) -> None:
    with pytest.raises(
        OutputError, match=r"process\.json does not exist; run `audioset-dl process`"
    ):
        compute_statistics(config)


def test_the_dataclass_is_what_the_file_holds(config, folder, splits) -> None:
    found = compute_statistics(config).statistics
    assert json.loads(folder.statistics.read_text())["num_clips"] == found.num_clips
    assert replace(found, mean=1.0) != found
