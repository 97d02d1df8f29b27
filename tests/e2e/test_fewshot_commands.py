"""`split` and `episodes` as they are installed, on a dataset that was downloaded."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path

import pytest
from world import World, make_clips, run_command, videos_of

from audioset_dl import ClipDataset
from audioset_dl.fewshot import EpisodeSampler
from audioset_dl.simulator import Simulator

BARK, PURR, PLAY, BUZZ, GLOCKENSPIEL, POP = (
    "/m/05tny_", "/m/02yds9", "/t/dd00013", "/m/07pjwq1", "/m/0dwtp", "/m/064t9",
)  # fmt: skip
MIDS = (BARK, PURR, PLAY, BUZZ, GLOCKENSPIEL, POP)
NAMES = ("Bark", "Purr", "Children playing", "Buzz", "Glockenspiel", "Pop music")
FEWSHOT = {
    "min_clips": 4, "ratios": [0.34, 0.33, 0.33], "n_way": 2, "k_shot": 1, "q_query": 2,
    "episodes": 20, "group_threshold": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    """Four clips of each of six classes and one of two of them, downloaded."""
    clips = [one for n, mid in enumerate(MIDS) for one in make_clips([mid], 4, first=4 * n)]
    clips += make_clips([BARK, POP], 1, first=90) + make_clips([BARK, PURR], 1, first=91)
    folder = tmp_path_factory.mktemp("world")
    with Simulator(videos_of(clips)) as simulator:
        world = World(folder, simulator, clips)
        config = configured(world)
        done = world.download(config)
        assert done.returncode == 0, done.stderr
        yield world


def configured(world: World, name: str = "audioset.yaml", **changes) -> Path:
    return world.write_config(
        name,
        classes={"include": list(NAMES)},
        clips={"per_class": None},
        output={"dir": "audioset"},
        fewshot={**FEWSHOT, "dir": name.removesuffix(".yaml") + "-fewshot", **changes},
    )


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_from_a_dataset_to_episodes_in_a_loop(world: World) -> None:
    config = configured(world)
    before = contents(world.folder / "audioset")
    done = run_command("split", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "26 carry one of the classes" in done.stdout
    folder = world.folder / "audioset-fewshot"
    assert f"Written to {folder}." in done.stdout
    document = json.loads((folder / "splits.json").read_text())
    assert [len(document["classes"][name]) for name in ("train", "validation", "test")] == [2, 2, 2]
    assert sorted(
        one["name"] for all_of in document["classes"].values() for one in all_of
    ) == sorted(NAMES)
    with (folder / "splits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["clip_id"]: row["split"] for row in rows} == {
        clip_id: name for name, clips in document["clips"].items() for clip_id in clips
    }
    with (folder / "dropped.csv").open() as file:
        dropped = list(csv.DictReader(file))
    assert len(rows) + len(dropped) == 26
    assert all(row["rule"] == "mixed" and "Bark" in row["classes"] for row in dropped)

    done = run_command("episodes", config)
    assert done.returncode == 0, done.stderr
    assert "60 episodes (20 of train, 20 of validation, 20 of test)" in done.stdout
    lines = [json.loads(line) for line in (folder / "episodes.jsonl").read_text().splitlines()]
    for name in document["classes"]:
        data = ClipDataset(world.folder / "audioset", name, folder)
        sampler = EpisodeSampler(data, 2, 1, 2, episodes=20)
        ours = [line for line in lines if line["split"] == name]
        for line, batch in zip(ours, sampler, strict=True):
            assert line["support"] + line["query"] == [data.clips[one].clip_id for one in batch]
        samples, label = data[0]
        assert samples.shape == (160_000,)
        assert abs(samples).max() > 0.01
        assert data.class_ids[label] in data.clips[0].labels
    assert contents(world.folder / "audioset") == before, "the dataset is only read"


def test_the_same_again_is_the_same_byte_for_byte(world: World) -> None:
    first, second = (configured(world, f"{name}.yaml") for name in ("one", "two"))
    for config in (first, second):
        assert run_command("split", config, "-q").returncode == 0
        assert run_command("episodes", config, "-q").returncode == 0
    found = contents(world.folder / "one-fewshot")
    assert found == contents(world.folder / "two-fewshot")
    assert {"splits.json", "episodes.jsonl", "report.json", "metaaudio/splits.npy"} <= set(found)
    assert any(name.startswith("metaaudio/data/bark/Y") for name in found)
    assert run_command("split", first, "--set", "seed=8", "--no-copies").returncode == 0
    assert contents(world.folder / "one-fewshot")["splits.json"] != found["splits.json"]
    warned = run_command("episodes", first)
    assert "the split was made with seed 8; seed is 0" in warned.stderr


def test_a_preview_goes_by_the_metadata_and_writes_nothing(world: World) -> None:
    config = configured(world, "look.yaml")
    done = run_command("split", config, "--preview", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["clips"] == 26
    assert document["overlap"]["clips"] == 0
    assert sum(one["classes"] for one in document["splits"].values()) == 6
    assert not (world.folder / "look-fewshot").exists()
    assert "Nothing was written." in run_command("split", config, "--preview").stdout


def test_too_few_clips_are_told_for_all_splits_before_anything_is_written(world: World) -> None:
    config = configured(world, "few.yaml", q_query=30)
    assert run_command("episodes", config).returncode == 7, "no split yet"
    assert run_command("split", config, "--no-copies").returncode == 0
    done = run_command("episodes", config)
    assert done.returncode == 1
    assert done.stderr.count("31 are needed (1 support + 30 query)") == 3
    assert "Glockenspiel: 4 clips" in done.stderr
    assert not (world.folder / "few-fewshot/episodes.jsonl").exists()
    one = run_command("episodes", config, "--split", "test", "--set", "fewshot.q_query=2", "--json")
    assert json.loads(one.stdout)["episodes"] == {"test": 20}


def test_a_fault_is_told_with_its_line(world: World) -> None:
    config = configured(world, "wrong.yaml", holdout=["Musik"])
    done = run_command("split", config)
    assert done.returncode == 2
    assert "wrong.yaml:" in done.stderr
    assert "fewshot.holdout[0]" in done.stderr
    assert "'Music'" in done.stderr
    inside = configured(world, "inside.yaml", dir="audioset/wav/fewshot")
    done = run_command("split", inside)
    assert done.returncode == 2
    assert "is not apart from" in done.stderr
    assert not (world.folder / "audioset/wav/fewshot").exists()


def test_a_dataset_with_files_missing_is_not_split(world: World) -> None:
    config = configured(world, "lost.yaml")
    [path, *_] = sorted((world.folder / "audioset/wav").rglob("*.wav"))
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        done = run_command("split", config)
    finally:
        aside.rename(path)
    assert done.returncode == 7
    assert "1 of the 26 files" in done.stderr
    assert "audioset-dl verify --repair" in done.stderr
    assert not (world.folder / "lost-fewshot").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_folder_that_cannot_be_written_is_told(world: World) -> None:
    config = configured(world, "shut.yaml")
    (world.folder / "shut-fewshot").mkdir(mode=0o500)
    done = run_command("split", config)
    assert done.returncode == 7
    assert "can't be written" in done.stderr


@pytest.mark.parametrize("key", ["output.dir", "process.dir", "metadata.dir"])
@pytest.mark.parametrize("below", ["", "/below"])
def test_nothing_is_written_into_what_is_only_read(world: World, key: str, below: str) -> None:
    config = configured(world, "apart.yaml")
    processed = world.folder / "others"
    processed.mkdir(exist_ok=True)
    place = {"output.dir": "audioset", "process.dir": "others", "metadata.dir": "metadata"}[key]
    before = contents(world.folder / place)
    for command in ("split", "episodes"):
        done = run_command(command, config, "--set", f"fewshot.dir={place}{below}",
                           "--set", "process.dir=others")  # fmt: skip
        assert done.returncode == 2, done.stdout
        assert f"({key}), which is only read here" in done.stderr
    assert contents(world.folder / place) == before


def test_a_preview_takes_no_folder(world: World) -> None:
    done = run_command("split", configured(world), "--preview", "--folder", world.folder)
    assert done.returncode == 2
    assert "leave out --folder" in done.stderr


def test_folders_of_classes_that_an_earlier_split_had_are_taken_away(world: World) -> None:
    config = configured(world, "fewer.yaml")
    assert run_command("split", config).returncode == 0
    data = world.folder / "fewer-fewshot" / "metaaudio" / "data"
    (data / "pop_music" / "notes.txt").write_text("mine")
    done = run_command("split", config, "--set", "classes.include=[Bark, Purr, Glockenspiel]")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in data.iterdir()}
    assert names == {"bark", "purr", "glockenspiel", "pop_music"}
    assert [path.name for path in (data / "pop_music").iterdir()] == ["notes.txt"]
