"""`process`: what it writes, what it leaves out, and that it never touches the dataset."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from crash import leftovers
from sounds import fingerprint, tone, tree, write_dataset, ytids
from world import (
    BARK,
    CAT,
    DOG,
    GLOCKENSPIEL,
    PATIENCE_S,
    clean_environment,
    make_clips,
    run_command,
    run_installed,
)

from audioset_dl.config import Config, OutputConfig, ProcessConfig, load_config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.verify import verify_folder
from audioset_dl.errors import AudiosetDlError, ConfigError, OutputError, ToolMissingError
from audioset_dl.process import PRESETS, Scaling, make_log_mel, undo_scaling
from audioset_dl.process.folder import MANIFEST_COLUMNS
from audioset_dl.process.run import process
from audioset_dl.storage.parallel import run_parallel

pytestmark = pytest.mark.e2e  # each run of `process` starts workers, which import numpy anew
IDS = ytids(8)


@pytest.fixture
def recipe(tmp_path: Path) -> ProcessConfig:
    return ProcessConfig(dir=tmp_path / "processed", workers=1)


@pytest.fixture
def dataset(tmp_path: Path) -> OutputFolder:
    """Eight clips of each kind: good, silent, clipped, the same twice, offset, short."""
    bad = tone(2)
    bad[:600] = 1.0
    same = tone(4)
    sounds = [tone(0), 0 * tone(1), bad, same, same, tone(5) + np.float32(0.02),
              tone(6, length_s=7.5), tone(7)]  # fmt: skip
    return write_dataset(tmp_path / "audioset", dict(zip(IDS, sounds, strict=True)))


def changed(recipe: ProcessConfig, **changes: object) -> ProcessConfig:
    return ProcessConfig(**{**recipe.model_dump(), **changes})


def run(recipe: ProcessConfig, dataset: OutputFolder):
    return process(Config(process=recipe, output=OutputConfig(dir=dataset.path)))


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    return {row["ytid"]: row for row in csv.DictReader(path.read_text("utf-8").splitlines())}


def kept(recipe: ProcessConfig) -> dict[str, dict[str, str]]:
    return rows_of(recipe.dir / "manifest.csv")


def dropped(recipe: ProcessConfig) -> dict[str, str]:
    found = rows_of(recipe.dir / "dropped.csv")
    return {ytid: row["dropped_for"] for ytid, row in found.items()}


def array(recipe: ProcessConfig, ytid: str) -> np.ndarray:
    path = recipe.dir / kept(recipe)[ytid]["file_name"]
    return np.load(path) if path.suffix == ".npy" else soundfile.read(path, dtype="float32")[0]


def source(dataset: OutputFolder, ytid: str) -> np.ndarray:
    return soundfile.read(dataset.wav / "dog" / f"Y{ytid}_0.wav", dtype="float32")[0]


def test_what_is_written(dataset, recipe) -> None:
    done = run(recipe, dataset)
    assert (done.num_source, done.num_clips, done.num_made, done.exit_code) == (8, 6, 6, 0)
    assert dropped(recipe) == {IDS[1]: "silent", IDS[4]: "duplicate"}
    before = rows_of(dataset.manifest)
    for ytid, row in kept(recipe).items():
        assert tuple(row) == MANIFEST_COLUMNS
        for column in ("clip_id", "start_s", "end_s", "duration_s", "num_samples", "sample_rate",
                       "channels", "classes", "labels", "label_names", "subset"):  # fmt: skip
            assert row[column] == before[ytid][column], column
        assert row["source_sha256"] == before[ytid]["sha256"]
        made = (recipe.dir / row["file_name"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(made).hexdigest()
        np.testing.assert_array_equal(array(recipe, ytid), source(dataset, ytid))
    flags = {ytid: row["flags"] for ytid, row in kept(recipe).items() if row["flags"]}
    assert flags == {IDS[2]: "clipped", IDS[5]: "dc_offset", IDS[6]: "wrong_length"}
    assert done.flags == {"silent": 1, "clipped": 1, "dc_offset": 1, "wrong_length": 1,
                          "duplicate": 1}  # fmt: skip
    assert kept(recipe)[IDS[6]]["length_error"] == "-40000"
    assert float(kept(recipe)[IDS[5]]["dc_offset"]) == pytest.approx(0.02, abs=1e-3)
    twin = rows_of(recipe.dir / "dropped.csv")[IDS[4]]
    assert (twin["flags"], twin["duplicate_of"]) == ("duplicate", f"{IDS[3]}_0")


def test_the_dataset_is_never_touched(dataset, recipe, tmp_path) -> None:
    before = fingerprint(dataset.path)
    run(recipe, dataset)
    for change in ({"form": "npy"}, {"preset": "ast", "form": "logmel", "scale": "peak"}):
        run(changed(recipe, dir=tmp_path / str(len(change)), **change), dataset)
    for place in ("audioset", "audioset/wav", "audioset/wav/dog", "audioset/mine", ".", ".."):
        with pytest.raises(ConfigError, match="never written to; name a folder beside it"):
            run(changed(recipe, dir=tmp_path / place), dataset)
    (tmp_path / "link").symlink_to(dataset.wav)
    with pytest.raises(ConfigError, match="never written to"):
        run(changed(recipe, dir=tmp_path / "link"), dataset)
    assert fingerprint(dataset.path) == before
    assert not verify_folder(dataset, deep=True).faults


@pytest.mark.parametrize("place", ["clips", "clips/3e", "manifest.csv", "process.json"])
def test_nothing_is_written_through_links(dataset, recipe, place) -> None:
    run(recipe, dataset)
    shard = next((recipe.dir / "clips").iterdir())
    path = shard if place == "clips/3e" else recipe.dir / place
    target = dataset.manifest if path.is_file() else dataset.wav
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(target)
    before = fingerprint(dataset.path)
    with pytest.raises(OutputError, match="is a link: nothing is written through links"):
        run(recipe, dataset)
    assert fingerprint(dataset.path) == before


def test_a_folder_of_somebody_else_is_left(dataset, recipe) -> None:
    recipe.dir.mkdir()
    (recipe.dir / "manifest.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"holds manifest\.csv, which `process` did not write"):
        run(recipe, dataset)
    assert tree(recipe.dir) == {"manifest.csv": b"mine"}


def test_bad_files_are_told_and_left_out_until_mended(dataset, recipe) -> None:
    names = {ytid: dataset.path / row["file_name"] for ytid, row in
             rows_of(dataset.manifest).items()}  # fmt: skip
    good = names[IDS[0]].read_bytes()
    names[IDS[0]].write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    names[IDS[7]].unlink()
    done = run(recipe, dataset)
    assert done.exit_code == 1
    assert {one.clip_id: one.code for one in done.faults} == {
        f"{IDS[0]}_0": "changed", f"{IDS[7]}_0": "missing"}  # fmt: skip
    assert {IDS[0]: "changed", IDS[7]: "missing"}.items() <= dropped(recipe).items()
    assert IDS[0] not in kept(recipe)
    names[IDS[0]].write_bytes(good)
    again = run(recipe, dataset)
    assert (again.num_made, [one.code for one in again.faults]) == (1, ["missing"])
    assert IDS[0] in kept(recipe)


def test_what_drop_says_is_dropped(dataset, recipe) -> None:
    every = changed(recipe, drop=("clipped", "dc_offset", "wrong_length", "silent"))
    run(every, dataset)
    assert dropped(every) == {IDS[1]: "silent", IDS[2]: "clipped", IDS[5]: "dc_offset",
                              IDS[6]: "wrong_length"}  # fmt: skip
    nothing = changed(recipe, drop=(), dir=recipe.dir.with_name("all"))
    assert run(nothing, dataset).num_clips == 8
    assert kept(nothing)[IDS[4]]["flags"] == "duplicate"


@pytest.mark.parametrize("workers", [1, 3])
def test_a_duplicate_stands_in_where_the_first_is_left_out(tmp_path, recipe, workers) -> None:
    """The first of the three is of the wrong length for its segment; the second stays."""
    same = tone(1, length_s=5.0)
    folder = write_dataset(tmp_path / "audioset", dict.fromkeys(IDS[:3], same),
                           lengths_s={IDS[1]: 5.0, IDS[2]: 5.0})  # fmt: skip
    recipe = changed(recipe, drop=("wrong_length", "duplicate"), workers=workers)
    run(recipe, folder)
    assert list(kept(recipe)) == [IDS[1]]
    assert dropped(recipe) == {IDS[0]: "wrong_length;duplicate", IDS[2]: "duplicate"}


@pytest.mark.parametrize("short", ["keep", "pad", "repeat", "drop"])
def test_short_clips(dataset, recipe, short: str) -> None:
    recipe = changed(recipe, short=short, form="npy")
    run(recipe, dataset)
    if short == "drop":
        assert dropped(recipe)[IDS[6]] == "short"
        return
    sound = source(dataset, IDS[6])
    rest = {"keep": sound[:0], "pad": np.zeros(40_000, "f4"), "repeat": sound[:40_000]}[short]
    np.testing.assert_array_equal(array(recipe, IDS[6]), np.concatenate([sound, rest]))
    assert kept(recipe)[IDS[6]]["duration_s"] == ("7.5" if short == "keep" else "10.0")


@pytest.mark.parametrize("scale", ["peak", "rms", "loudness", "standardize"])
def test_scaled_files_can_be_scaled_back(dataset, recipe, scale: str) -> None:
    recipe = changed(recipe, scale=scale, drop=(), short="pad")
    run(recipe, dataset)
    for ytid, row in kept(recipe).items():
        sound = source(dataset, ytid)
        scaled = array(recipe, ytid)[: len(sound)]
        back = undo_scaling(scaled, Scaling(float(row["gain"]), float(row["offset"])))
        np.testing.assert_allclose(back, sound, rtol=0, atol=3e-7)
    gains = {ytid: float(row["gain"]) for ytid, row in kept(recipe).items()}
    assert gains.pop(IDS[1]) == 1
    assert not array(recipe, IDS[1]).any()
    assert sum(gain != 1 for gain in gains.values()) >= 6  # one reaches full scale already


@pytest.mark.parametrize("name", PRESETS)
def test_log_mel_after_scaling(dataset, recipe, name: str) -> None:
    """The spectrogram is that of the scaled samples at the preset's rate."""
    samples = changed(recipe, form="npy", preset=name, scale="rms", dir=recipe.dir / "samples")
    spectra = changed(samples, form="logmel", dir=recipe.dir / "spectra")
    run(samples, dataset)
    run(spectra, dataset)
    for ytid, row in kept(spectra).items():
        made = array(spectra, ytid)
        assert row["shape"] == ";".join(map(str, made.shape))
        assert int(row["sample_rate"]) == PRESETS[name].sample_rate
        assert int(row["num_samples"]) == int(float(row["duration_s"]) * PRESETS[name].sample_rate)
        np.testing.assert_array_equal(made, make_log_mel(array(samples, ytid), name))


def test_too_short_for_a_spectrogram(tmp_path, recipe) -> None:
    sounds = {IDS[0]: tone(0), IDS[1]: tone(1, length_s=0.02)}
    folder = write_dataset(tmp_path / "audioset", sounds)
    recipe = changed(recipe, form="logmel", preset="ast")
    done = run(recipe, folder)
    assert (dropped(recipe), done.exit_code) == ({IDS[1]: "too_few_samples"}, 0)


def test_stereo_and_what_is_no_number(tmp_path, recipe) -> None:
    stereo = np.stack([tone(1), tone(2)], axis=1)
    stereo[5, 0] = np.nan
    folder = write_dataset(tmp_path / "audioset", {IDS[0]: stereo})
    recipe = changed(recipe, drop=())
    run(recipe, folder)
    made = array(recipe, IDS[0])
    assert made.shape == (160_000, 2)
    assert made[5, 0] == 0
    row = kept(recipe)[IDS[0]]
    assert (row["flags"], row["shape"], row["channels"]) == ("nan", "160000;2", "2")


def test_workers_and_runs_change_no_byte(dataset, recipe) -> None:
    run(recipe, dataset)
    first = tree(recipe.dir)
    assert run(recipe, dataset).num_made == 0
    assert tree(recipe.dir) == first
    other = changed(recipe, dir=recipe.dir.with_name("other"), workers=3)
    run(other, dataset)
    assert tree(other.dir) == first


def test_other_settings_need_another_folder(dataset, recipe) -> None:
    run(recipe, dataset)
    first = tree(recipe.dir)
    with pytest.raises(ConfigError, match=r'form: "wav" there, "npy" now\); name another folder'):
        run(changed(recipe, form="npy"), dataset)
    assert tree(recipe.dir) == first


def test_what_is_damaged_is_made_again(dataset, recipe) -> None:
    run(recipe, dataset)
    first = tree(recipe.dir)
    names = [row["file_name"] for row in kept(recipe).values()]
    (recipe.dir / names[0]).write_bytes(b"x")
    (recipe.dir / names[1]).unlink()
    (recipe.dir / "manifest.csv").unlink()
    assert run(recipe, dataset).num_made == 2
    assert tree(recipe.dir) == first


def test_the_dataset_may_change_between_runs(dataset, recipe) -> None:
    """The first of two alike goes: the second takes its place. Files of others are left alone."""
    run(recipe, dataset)
    mine = recipe.dir / "clips" / "mine.txt"
    mine.write_text("mine")
    gone = recipe.dir / kept(recipe)[IDS[3]]["file_name"]
    lines = dataset.manifest.read_text().splitlines(keepends=True)
    dataset.manifest.write_text("".join(line for line in lines if IDS[3] not in line))
    done = run(recipe, dataset)
    assert (done.num_made, gone.exists(), mine.exists()) == (1, False, True)
    assert IDS[4] in kept(recipe)
    assert IDS[3] not in kept(recipe)
    dataset.manifest.write_text("".join(lines))
    run(recipe, dataset)
    assert dropped(recipe)[IDS[4]] == "duplicate"
    assert len(list(recipe.dir.rglob("Y*.wav"))) == 6


def test_a_clip_that_was_downloaded_anew_is_made_anew(dataset, recipe, tmp_path) -> None:
    """Other samples under the same name; and the same samples for a segment of another length."""
    run(recipe, dataset)
    sounds = {ytid: source(dataset, ytid) for ytid in IDS}
    sounds[IDS[0]] = tone(77)
    write_dataset(tmp_path / "audioset", sounds, lengths_s={IDS[6]: 7.5})
    assert run(recipe, dataset).num_made == 2
    np.testing.assert_array_equal(array(recipe, IDS[0]), sounds[IDS[0]])
    assert kept(recipe)[IDS[6]]["flags"] == ""


def test_records_from_elsewhere_move_nothing_outside(dataset, recipe, tmp_path) -> None:
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"x")
    run(recipe, dataset)
    records = recipe.dir / ".records.jsonl"
    document = json.loads(records.read_text().splitlines()[0])
    document["clip_id"] = "elsewhere00_0"
    document["made"] = {**document["made"], "file_name": "../outside.wav"}
    damage = f'{json.dumps(document)}\n{{"clip_id": 3}}\n[]\n{{"clip'
    records.write_text(records.read_text() + damage)
    assert run(recipe, dataset).num_made == 0
    assert outside.exists()


def test_a_clip_twice_is_refused(dataset, recipe) -> None:
    lines = dataset.manifest.read_text().splitlines(keepends=True)
    dataset.manifest.write_text("".join([*lines, lines[1]]))
    with pytest.raises(OutputError, match=r"stands in several rows; `audioset-dl verify --repair`"):
        run(recipe, dataset)


def test_no_dataset(tmp_path, recipe) -> None:
    with pytest.raises(OutputError, match="run `audioset-dl download`"):
        run(recipe, OutputFolder(tmp_path / "audioset"))
    assert not recipe.dir.exists()


def test_a_missing_library_is_told_before_anything_is_written(dataset, recipe, monkeypatch) -> None:
    def no_version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", no_version)
    with pytest.raises(ToolMissingError, match=r"pyloudnorm .*'audioset-dl\[process\]'"):
        run(changed(recipe, scale="loudness"), dataset)
    assert not recipe.dir.exists()
    assert run(recipe, dataset).num_clips == 6


def die(_task: object) -> None:
    os._exit(9)


def test_a_worker_that_dies_ends_the_run_with_what_to_do() -> None:
    with pytest.raises(AudiosetDlError, match=r"a worker process died.*fewer process\.workers"):
        list(run_parallel(die, [1, 2], 1))


def run_ended(signal_number: int, moment: str, number: int, config: Path):
    """Run `process`, which gets a signal then; it returns when the last of its workers has ended.

    For only then are the pipes closed that they have inherited.
    """
    script = Path(__file__).parents[1] / "killed_process.py"
    return subprocess.run(
        [sys.executable, script, str(int(signal_number)), moment, str(number), "process", config],
        capture_output=True, text=True, env=clean_environment(), timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.fixture
def eight(tmp_path: Path) -> OutputFolder:
    """Eight clips, of which two are twice there."""
    (tmp_path / "config.yaml").write_text("process: {workers: 2}\n")
    sounds = {ytid: tone(n % 6, length_s=1.0) for n, ytid in enumerate(IDS)}
    return write_dataset(tmp_path / "audioset", sounds)


MOMENTS = [("noting", 3), ("noting", 8), ("table", 1), ("table", 2), ("removing", 1)]


@pytest.mark.parametrize(("moment", "number"), MOMENTS)
def test_killed_and_run_again_it_is_the_same(tmp_path, eight, moment: str, number: int) -> None:
    config = tmp_path / "config.yaml"
    before = fingerprint(eight.path)
    assert run_installed("process", config, "--set", "process.dir=whole").returncode == 0
    killed = run_ended(signal.SIGKILL, moment, number, config)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run_installed("process", config).returncode == 0
    assert tree(tmp_path / "audioset-processed") == tree(tmp_path / "whole")
    assert fingerprint(eight.path) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_in_order(tmp_path, eight, number: signal.Signals) -> None:
    ended = run_ended(number, "noting", 6, tmp_path / "config.yaml")
    assert ended.returncode == 128 + number
    assert ended.stderr == "Interrupted; run the same command again to resume\n"
    assert leftovers(tmp_path / "audioset-processed") == []
    again = json.loads(run_installed("process", tmp_path / "config.yaml", "--json").stdout)
    assert again["num_clips"] == 6
    assert again["num_made"] <= 4  # four were noted, of which two at most are twice there


def test_from_download_to_statistics(make_world) -> None:
    clips = [
        *make_clips([DOG], 3), *make_clips([CAT], 3, first=3), *make_clips([BARK, DOG], 2, first=6),
        *make_clips([GLOCKENSPIEL], 2, first=8),
    ]  # fmt: skip
    world = make_world(clips)
    config = world.write_config(process={"form": "logmel", "preset": "ast", "workers": 2})
    assert world.download(config).returncode == 0
    assert run_command("verify", config, "--deep").returncode == 0
    before = fingerprint(world.output(config))
    done = run_installed("process", config)
    assert done.returncode == 0, done.stderr
    assert "log-mel spectrograms of ast, from mono at 16,000 Hz; 998 x 128" in done.stdout
    document = json.loads(run_installed("process", config, "--json").stdout)
    number = len(world.rows(config))
    assert (document["num_clips"], document["num_made"], document["warnings"]) == (number, 0, [])
    early = run_installed("statistics", config)
    assert early.returncode == 0, early.stderr
    assert f"{number} clips" in early.stdout  # all: nothing was split
    ids = sorted(row["clip_id"] for row in world.rows(config))
    output = world.output(config)
    fewshot = output.with_name(f"{output.name}-fewshot")
    fewshot.mkdir()
    (fewshot / "splits.json").write_text(
        json.dumps(
            {
                "format": 1,
                "seed": 0,
                "manifest_sha256": "",
                "classes": {"train": []},
                "clips": {"train": {clip_id: [DOG] for clip_id in ids[:3]}},
            }
        )
    )
    measured = run_installed("statistics", config)
    assert measured.returncode == 0, measured.stderr
    assert "3 clips of the train split, 383,232 values" in measured.stdout
    document = json.loads(run_installed("statistics", config, "--json").stdout)
    assert (document["num_clips"], len(document["channel_mean"])) == (3, 128)
    other = run_installed("statistics", config, "--set", "process.preset=metaaudio")
    assert other.returncode == 0, other.stderr  # the settings are those of process.json
    assert fingerprint(world.output(config)) == before


def test_what_a_dataset_can_not_give_is_told(tmp_path) -> None:
    write_dataset(tmp_path / "audioset", {IDS[0]: tone(length_s=1.0)})
    config = tmp_path / "config.yaml"
    config.write_text("process: {form: logmel, preset: panns, workers: 1}\n")
    done = run_installed("process", config)
    assert done.returncode == 0, done.stderr
    assert "Download with audio.sample_rate: 32000" in " ".join(done.stdout.split())


def test_a_bad_place_is_told_with_its_line(tmp_path) -> None:
    write_dataset(tmp_path / "audioset", {IDS[0]: tone(length_s=1.0)})
    config = tmp_path / "config.yaml"
    config.write_text("process:\n  dir: audioset/wav\n")
    done = run_installed("process", config)
    assert done.returncode == 2
    assert f"{config}:2: process.dir" in done.stderr
    for place, key in (("metadata", "metadata.dir"), ("audioset-fewshot/x", "fewshot.dir")):
        done = run_installed("process", config, "--set", f"process.dir={place}")
        assert done.returncode == 2
        assert f"({key}), which is only read here" in done.stderr
        assert not (tmp_path / place).exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{form: logmel}", "process: form: logmel needs a preset: metaaudio, ast,"),
        ("{scale: none, scale_target_db: -3}", "process.scale_target_db: scale: none has no tar"),
        ("{drop: [quiet]}", "process.drop[0]: expected silent, clipped, nan,"),
        ("{drop: [nan, nan]}", "process.drop[1]: the same flag as entry [0]; keep one"),
        ("{workers: 0}", "process.workers: expected a whole number from 1 to 256"),
        ("{preset: yamnet}", "process.preset: expected metaaudio, ast, panns, vggish or null"),
    ],
)
def test_faults_of_the_config(tmp_path, text: str, words: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"process: {text}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert words in str(caught.value)


def test_paths_are_of_the_config(tmp_path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("process: {dir: here, scale: rms, scale_target_db: -30}\n")
    assert load_config(path).process.dir == tmp_path / "here"
