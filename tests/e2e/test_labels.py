"""Labels on the whole way: strong ones, lists, folders, plain splits, and what is bound to what."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from world import (
    BARK,
    CAT,
    DOG,
    MakeWorld,
    World,
    make_clips,
    run_installed,
)

from audioset_dl import ClipDataset
from audioset_dl.dataset.splits import SPLITS

pytestmark = pytest.mark.e2e

SHOWER = "/m/02f9f_"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_events(world: World, path: Path, numbers: range) -> list[tuple[str, float, float, str]]:
    clips = make_clips([DOG], 12)
    events = []
    for number in numbers:
        clip = clips[number]
        events += [(clip.clip_id, 5.0, 9.5, SHOWER), (clip.clip_id, 0.25, 1.0 + number, DOG)]
    lines = ["segment_id\tstart_time_seconds\tend_time_seconds\tlabel"]
    lines += ["\t".join(map(str, event)) for event in events]
    path.write_text("\n".join(lines) + "\n")
    return events


@pytest.fixture
def strong(make_world: MakeWorld) -> World:
    world = make_world([*make_clips([DOG], 8), *make_clips([CAT], 6, first=8)])
    metadata = world.folder / "metadata"
    metadata.mkdir(exist_ok=True)
    (metadata / "mid_to_display_name.tsv").write_text(f"{SHOWER}\tShower\n{DOG}\tHound\n")
    return world


def test_strong_labels_go_all_the_way(strong: World) -> None:
    path = strong.folder / "mine_strong.tsv"
    events = write_events(strong, path, range(5))
    config = strong.write_config(
        metadata={"segments": [str(strong.segments), str(path)]},
        classes={"include": ["Shower", "Hound", "Cat"], "descendants": False},
        clips={"per_class": 4},
    )
    planned = json.loads(run_installed("plan", config, "--json").stdout)
    of = {one["name"]: one for one in planned["classes"]}
    assert of["Shower"]["wanted"] == 4
    assert of["Shower"]["events"] >= 4
    assert "in the clips wanted: " in run_installed("plan", config).stdout
    assert " events of " in run_installed("classes", config).stdout
    done = strong.download(config)
    assert done.returncode == 0, done.stderr
    rows = {row["clip_id"]: row for row in strong.rows(config)}
    written = read_csv(strong.output(config) / "events.csv")
    expected = sorted(
        (rows[clip_id]["file_name"], clip_id, str(onset), str(offset), label)
        for clip_id, onset, offset, label in events
        if clip_id in rows
    )
    found = [tuple(row[name] for name in list(row)[:5]) for row in written]
    assert sorted(found) == expected
    assert [row["clip_id"] for row in written] == sorted(row["clip_id"] for row in written)
    names = {row["label"]: row["label_name"] for row in written}
    assert names == {SHOWER: "Shower", DOG: "Dog"}
    with_events = next(rows[clip_id] for clip_id, *_ in events if clip_id in rows)
    assert with_events["labels"] == f"{DOG};{SHOWER}"
    assert with_events["subset"] == strong.segments.stem
    classes = json.loads(run_installed("classes", config, "--json").stdout)
    shower = next(one for one in classes if one["name"] == "Shower")
    assert (shower["events"], shower["event_seconds"]) == (5, 22.5)
    dataset = ClipDataset(strong.output(config), label="multi_hot")
    assert dataset.classes == ("Cat", "Dog", "Shower")
    assert int(sum(dataset[n][1][2] for n in range(len(dataset)))) == sum(
        SHOWER in row["labels"] for row in rows.values()
    )


def test_a_merge_takes_events_along(strong: World) -> None:
    path = strong.folder / "mine_strong.tsv"
    write_events(strong, path, range(5))
    sections = {
        "metadata": {"segments": [str(strong.segments), str(path)]},
        "clips": {"per_class": None},
    }
    one = strong.write_config("one.yaml", classes={"include": ["Shower"]}, **sections)
    two = strong.write_config("two.yaml", classes={"include": ["Cat"]}, **sections)
    for config in (one, two):
        assert strong.download(config).returncode == 0
    whole = strong.folder / "whole"
    merged = run_installed("merge", whole, strong.output(one), strong.output(two))
    assert merged.returncode == 0, merged.stderr
    assert read_csv(whole / "events.csv") == read_csv(strong.output(one) / "events.csv")
    assert len(read_csv(whole / "events.csv")) == 10
    assert len(read_csv(whole / "manifest.csv")) == 11


def test_a_list_of_captions_is_downloaded_and_kept(strong: World) -> None:
    clips = make_clips([DOG], 3)
    path = strong.folder / "captions.csv"
    lines = ["youtube_id,start_time,caption"]
    lines += [f'{clip.ytid},{clip.start_s:g},"A dog, {n}"' for n, clip in enumerate(clips)]
    lines += [f"{clips[0].ytid},{clips[0].start_s:g},again"]
    path.write_text("\n".join(lines) + "\n")
    empty = strong.folder / "other_segments.csv"
    empty.write_text('abcdefghijk, 0.000, 10.000, "/m/01yrx"\n')
    config = strong.write_config(
        clips={"list": str(path)}, metadata={"segments": [str(empty)]}, classes={"include": []}
    )
    done = strong.download(config)
    assert done.returncode == 0, done.stderr
    assert "AudioCaps: 3 clips of 10 s" in done.stderr
    rows = strong.rows(config)
    assert {row["labels"] for row in rows} == {""}
    assert {Path(row["file_name"]).parent.name for row in rows} == {"unlabelled"}
    captions = read_csv(strong.output(config) / "list.csv")
    assert Counter(row["clip_id"] for row in captions)[clips[0].clip_id] == 2
    assert {row["caption"] for row in captions} == {"A dog, 0", "A dog, 1", "A dog, 2", "again"}
    assert run_installed("verify", config).returncode == 0
    again = strong.download(config)
    assert again.returncode == 0
    assert strong.rows(config) == rows
    assert len(ClipDataset(strong.output(config))) == 3


def test_a_bark_lies_in_bark(make_world: MakeWorld) -> None:
    world = make_world([*make_clips([DOG, BARK], 3), *make_clips([DOG], 2, first=3)])
    config = world.write_config(classes={"include": ["Dog", "Bark"]}, clips={"per_class": None})
    assert world.download(config).returncode == 0
    folders = Counter(Path(row["file_name"]).parent.name for row in world.rows(config))
    assert folders == {"bark": 3, "dog": 2}


@pytest.fixture
def two(make_world: MakeWorld) -> tuple[World, Path, Path]:
    """Two datasets beside each other, of dogs and of cats."""
    world = make_world([*make_clips([DOG], 12), *make_clips([CAT], 12, first=12)])
    dogs = world.write_config("dogs.yaml", classes={"include": ["Dog"]}, clips={"per_class": None})
    cats = world.write_config("cats.yaml", classes={"include": ["Cat"]}, clips={"per_class": None})
    for config in (dogs, cats):
        assert world.download(config).returncode == 0
    return world, dogs, cats


def test_a_folder_that_was_made_of_another_dataset_is_left_alone(two) -> None:
    world, dogs, cats = two
    done = json.loads(run_installed("process", dogs, "--json").stdout)
    assert done["source"] == str(world.output(dogs))
    place = f"process.dir={done['dir']}"
    before = sorted(Path(done["dir"]).rglob("*"))
    refused = run_installed("process", cats, "--set", place)
    assert refused.returncode == 7
    assert "was made of" in refused.stderr
    assert "name another folder as process.dir" in refused.stderr
    assert sorted(Path(done["dir"]).rglob("*")) == before
    split = run_installed("split", cats, "--by", "clips", "--set", place)
    assert split.returncode == 7
    assert "was made of" in split.stderr
    # A copy of the whole dataset is the same dataset.
    shutil.copytree(world.output(dogs), world.folder / "copy")
    copied = run_installed("process", dogs, "--set", "output.dir=copy", "--set", place)
    assert copied.returncode == 0, copied.stderr


def test_an_old_folder_of_another_dataset_is_known_by_its_clips(two) -> None:
    world, dogs, cats = two
    assert run_installed("process", dogs, "--set", "process.dir=processed").returncode == 0
    (world.folder / "processed" / "source.json").unlink()  # as version 0.1.0 left it
    refused = run_installed("process", cats, "--set", "process.dir=processed")
    assert refused.returncode == 7
    assert "holds clips that are not in" in refused.stderr
    made = json.loads(run_installed("process", cats, "--json").stdout)
    assert made["dir"] == str(world.folder / "cats-processed")
    again = json.loads(run_installed("process", dogs, "--json").stdout)
    assert again["dir"] == str(world.folder / "processed")
    assert again["num_made"] == 0


def test_a_plain_split_has_each_class_on_each_side_and_no_video_twice(two) -> None:
    world, _, _ = two
    config = world.write_config("both.yaml", clips={"per_class": None})
    assert world.download(config).returncode == 0
    done = run_installed("split", config, "--by", "clips", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["lacking"] == {}
    folder = world.folder / "both-split"
    rows = read_csv(folder / "splits.csv")
    sides = {(row["ytid"], row["split"]) for row in rows}
    assert len(sides) == len({ytid for ytid, _ in sides})
    assert json.loads((folder / "splits.json").read_text())["settings"]["by"] == "clips"
    sizes = [len(ClipDataset(world.folder / "both", name)) for name in SPLITS]
    assert sum(sizes) == len(world.rows(config))
    episodes = run_installed("episodes", config)
    assert episodes.returncode == 7  # only a few-shot split has episodes
    assert run_installed("split", config, "--by", "subset").returncode == 2  # no eval file
    both = run_installed(
        "split", config, "--set", "split.ratios=[0.5,0.25,0.25]",
        "--set", "fewshot.ratios=[0.5,0.25,0.25]",
    )  # fmt: skip
    assert both.returncode == 2
    assert "both fewshot.ratios and split.ratios" in both.stderr


def test_what_has_grown_since_is_told(two) -> None:
    world, dogs, _ = two
    few = ("--set", "clips.per_class=4")
    assert run_installed("prune", dogs, *few, "--yes").returncode == 0
    assert run_installed("process", dogs).returncode == 0
    done = run_installed("split", dogs, "--by", "clips", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"] == str(world.folder / "dogs-processed")
    assert "has changed since" not in done.stderr
    assert world.download(dogs).returncode == 0
    grown = run_installed("statistics", dogs)
    assert grown.returncode == 0, grown.stderr
    assert "dogs has changed since" in grown.stderr
    assert "it had 4 clips then, and has 12 now" in grown.stderr
    assert f"Made of {world.output(dogs)}." in grown.stdout


def test_prune_lists_and_deletes_what_is_not_wanted(two) -> None:
    world, dogs, _ = two
    number = len(world.rows(dogs))
    fewer = ("--set", "clips.per_class=4")
    listed = json.loads(run_installed("prune", dogs, *fewer, "--json").stdout)
    assert (len(listed["clips"]), listed["is_deleted"]) == (number - 4, False)
    assert len(world.rows(dogs)) == number
    done = run_installed("prune", dogs, *fewer, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Deleted." in done.stdout
    assert len(world.rows(dogs)) == 4
    assert len(list((world.output(dogs) / "wav").rglob("*.wav"))) == 4
    assert run_installed("verify", dogs).returncode == 0
    assert world.download(dogs).returncode == 0
    assert len(world.rows(dogs)) == number


def test_a_loop_gets_arrays_of_one_shape(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 6))
    config = world.write_config(classes={"include": ["Dog"]}, clips={"per_class": None})
    assert world.download(config).returncode == 0
    dataset = ClipDataset(world.output(config))
    short = ClipDataset(world.output(config), length_s=2.5, label="names")
    assert np.stack([dataset[n][0] for n in range(6)]).shape == (6, 160_000)
    assert np.stack([short[n][0] for n in range(6)]).shape == (6, 40_000)
    assert short[0][1] == "Dog"
    assert dataset.weights() == pytest.approx([1000 / 6.01] * 6)
