"""Splits for few-shot learning: what never meets, how many, and the same for the same seed."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import make_row

from audioset_dl.catalog.catalog import load_catalog
from audioset_dl.catalog.ontology import Node, Ontology
from audioset_dl.config import ClassesConfig, FewshotConfig
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.splits import SPLITS
from audioset_dl.errors import ConfigError, OutputError
from audioset_dl.export.metaaudio import list_class_files, write_class_folders, write_class_lists
from audioset_dl.fewshot import Split, make_split, read_split
from audioset_dl.fewshot.assign import (
    Unit,
    assign,
    group_tied,
    measure_jaccard,
    share_out,
    share_out_strata,
)
from audioset_dl.fewshot.members import read_clips
from audioset_dl.fewshot.split import list_metadata_clips, saved_splits, write_split
from audioset_dl.selection.classes import select_classes

REAL = os.environ.get("AUDIOSET_METADATA")
DEFAULT = (0.7, 0.1, 0.2)


def mid(number: int) -> str:
    return f"/m/c{number:03}"


def make_ontology(num_leaves: int, per_root: int = 4) -> Ontology:
    """Return roots with leaves below them: leaf n is ``mid(n)``."""
    leaves = [Node(mid(n), f"Leaf {n}") for n in range(num_leaves)]
    groups = [leaves[start : start + per_root] for start in range(0, num_leaves, per_root)]
    nodes: list[Node] = []
    for number, below in enumerate(groups):
        nodes += [Node(f"/m/r{number}", f"Root {number}", tuple(one.mid for one in below)), *below]
    return Ontology(tuple(nodes))


def clip(number: int, labels, *, video: int | None = None, sound: str = "") -> Row:
    return make_row(f"{number if video is None else video:011d}", number, labels, sound)


def single_clips(num_classes: int, each: int = 3) -> list[Row]:
    return [clip(n * each + i, [mid(n)]) for n in range(num_classes) for i in range(each)]


def split_of(clips, ontology: Ontology, *, seed: int = 0, chosen=None, **changes):
    config = FewshotConfig(**{"min_clips": 1, **changes})
    chosen = [node for node in ontology if node.is_leaf] if chosen is None else chosen
    return make_split(clips, chosen, ontology, config, seed=seed)


# How many ---------------------------------------------------------------------------------------


def test_the_largest_remainders_get_what_is_left() -> None:
    assert share_out(142, DEFAULT) == [100, 14, 28]
    assert share_out(8, DEFAULT) == [6, 1, 1], "5.6, 0.8, 1.6: the first of equal remainders"
    assert share_out(10, (0.7, 0.1, 0.2)) == [7, 1, 2], "not 0.1 * 10 = 1.0000000000000002"
    assert share_out(3, (0.5, 0.0, 0.5)) == [2, 0, 1]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_strata_are_rounded_with_all_sums_kept(sizes: list[int], chance: random.Random) -> None:
    totals = share_out(sum(sizes), [chance.random() + 0.01 for _ in SPLITS])
    cells = share_out_strata(sizes, totals)
    assert [sum(row) for row in cells] == sizes
    assert [sum(column) for column in zip(*cells, strict=True)] == totals
    for size, row in zip(sizes, cells, strict=True):
        for total, cell in zip(totals, row, strict=True):
            assert abs(cell * sum(sizes) - size * total) < max(sum(sizes), 1), "up or down"


@given(st.sets(st.integers(0, 10_000), min_size=2, max_size=60), st.integers(0, 5))
def test_a_class_more_moves_at_most_one_at_each_cut(numbers: set[int], seed: int) -> None:
    *old, new = sorted(numbers, key=lambda number: hash((number, seed)))
    before = assign([Unit((mid(n),)) for n in old], DEFAULT, seed)
    after = assign([Unit((mid(n),)) for n in [new, *old]], DEFAULT, seed)
    moved = [one for one in before.keys() & after.keys() if before[one] != after[one]]
    changes = Counter(frozenset({before[one], after[one]}) for one in moved)
    assert max(changes.values(), default=0) <= 1
    assert all("train" in change for change in changes), "never between validation and test"


def test_seeds_differ_and_each_class_gets_everywhere() -> None:
    units = [Unit((mid(n),)) for n in range(10)]
    found = {
        (one, where) for seed in range(60) for one, where in assign(units, DEFAULT, seed).items()
    }
    assert found == {(mid(n), where) for n in range(10) for where in SPLITS}


def test_a_group_goes_where_it_fits_and_the_others_fill_up() -> None:
    for seed in range(30):
        units = [Unit((mid(0), mid(1), mid(2))), *(Unit((mid(n),)) for n in range(3, 10))]
        found = assign(units, DEFAULT, seed)
        assert found[mid(0)] == found[mid(1)] == found[mid(2)] == "train"
        assert Counter(found.values()) == {"train": 7, "validation": 1, "test": 2}


def test_a_group_gets_everywhere_where_it_has_room() -> None:
    units = [Unit((mid(0), mid(1))), *(Unit((mid(n),)) for n in range(2, 30))]
    found = Counter(assign(units, DEFAULT, seed)[mid(0)] for seed in range(100))
    assert found.keys() == set(SPLITS)
    assert 55 < found["train"] < 85


def test_a_group_too_large_for_any_split_goes_to_the_largest() -> None:
    found = assign([Unit(tuple(map(mid, range(9)))), Unit((mid(9),))], DEFAULT, 0)
    assert Counter(found.values()) == {"train": 9, "test": 1}


def test_ties_reach_over_others() -> None:
    assert group_tied("abcde", [("a", "b"), ("d", "b")]) == [("a", "b", "d"), ("c",), ("e",)]
    overlap = measure_jaccard([["a", "b"], ["b"], ["b", "c"], ["c"], ["d"]])
    assert overlap == {("a", "b"): 1 / 3, ("b", "c"): 1 / 4}


# What never meets -------------------------------------------------------------------------------


@st.composite
def worlds(draw):
    """Draw an ontology of two levels, clips that share labels, videos and sounds, and a config."""
    num_classes = draw(st.integers(3, 14))
    ontology = make_ontology(num_classes, draw(st.integers(1, 6)))
    mids = [node.mid for node in ontology]
    chance = draw(st.randoms(use_true_random=False))
    num_clips = draw(st.integers(5, 50))
    most = draw(st.sampled_from([1, 2, 4]))
    clips = [
        clip(
            number,
            chance.sample(mids, chance.randint(1, min(most, len(mids)))),
            video=chance.randrange(num_clips),
            sound=f"{chance.randrange(num_clips)}",
        )
        for number in range(num_clips)
    ]
    config = FewshotConfig(
        min_clips=draw(st.integers(1, 2)),
        ratios=draw(
            st.sampled_from([DEFAULT, (0.5, 0.25, 0.25), (0.6, 0.0, 0.4), (0.2, 0.3, 0.5)])
        ),
        group_threshold=draw(st.sampled_from([0.05, 0.1, 0.5, None])),
        stratify=draw(st.sampled_from([None, "root", "parent"])),
        mixed_clips=draw(st.sampled_from(["drop", "keep_out_of_train"])),
    )
    return ontology, clips, config, draw(st.integers(-5, 5))


@pytest.mark.e2e
@settings(max_examples=300, deadline=None)
@given(worlds())
def test_whatever_the_config_splits_never_meet(world) -> None:
    ontology, clips, config, seed = world
    richest = max(Counter(one for each in clips for one in each.labels).values())
    if richest < config.min_clips:
        with pytest.raises(ConfigError, match="no class has 2 clips"):
            make_split(clips, list(ontology), ontology, config, seed=seed)
        return
    split = make_split(clips, list(ontology), ontology, config, seed=seed)
    check_nothing_meets(split, config)
    eligible = split.eligible.mids
    assert not any(ontology.ancestors(one) & eligible for one in eligible)
    check_numbers(split)
    again = make_split(clips[::-1], list(ontology), ontology, config, seed=seed)
    assert again.split_of == split.split_of
    assert again.clip_splits == split.clip_splits


def check_nothing_meets(split: Split, config: FewshotConfig) -> None:
    mids = {name: {node.mid for node in split.classes(name)} for name in SPLITS}
    members = {name: [split.clips[one] for one in split.clip_splits.clips[name]] for name in SPLITS}
    for one, two in combinations(SPLITS, 2):
        assert not mids[one] & mids[two]
        for key in (lambda c: c.clip_id, lambda c: c.ytid, lambda c: c.audio_hash):
            assert not {key(c) for c in members[one]} & {key(c) for c in members[two]}
    for name, others in mids.items():
        beyond = set().union(*mids.values()) - others
        if config.mixed_clips == "drop" or name == "train":
            assert not any(beyond & set(c.labels) for c in members[name])
        for clip_id, carried in split.clip_splits.clips[name].items():
            assert set(carried) == others & set(split.clips[clip_id].labels) != set()
    assert split.overlap.is_none
    for group in split.groups:
        assert len({split.split_of[one] for one in group}) == 1


def check_numbers(split: Split) -> None:
    kept = sum(len(clips) for clips in split.clip_splits.clips.values())
    assert kept + len(split.clip_splits.dropped) == split.num_clips
    numbers = {name: len(split.classes(name)) for name in SPLITS}
    assert sum(numbers.values()) == len(split.eligible.classes)
    largest = max((len(group) for group in split.groups), default=1)
    for name, number in numbers.items():
        assert abs(number - split.wanted[name]) <= 2 * (largest - 1), "exact where none are tied"


def test_two_clips_of_a_video_and_two_of_a_sound_stay_on_one_side() -> None:
    ontology = make_ontology(10)
    clips = single_clips(10)
    split = split_of(clips, ontology)
    train, test = split.classes("train")[0].mid, split.classes("test")[0].mid
    clips += [
        clip(900, [train], video=900), clip(901, [test], video=900),
        clip(902, [train], sound="same"), clip(903, [test], sound="same"),
        clip(904, [train, test]),
    ]  # fmt: skip
    more = split_of(clips, ontology, group_threshold=None)
    assert more.clip_splits.dropped == {
        clips[-5].clip_id: "video", clips[-3].clip_id: "duplicate", clips[-1].clip_id: "mixed",
    }  # fmt: skip
    kept = split_of(clips, ontology, group_threshold=None, mixed_clips="keep_out_of_train")
    assert kept.clip_splits.kept_out_of_train == {clips[-1].clip_id}
    assert clips[-1].clip_id in kept.clip_splits.clips["test"]
    assert kept.overlap.mixed_clips == 1
    assert kept.overlap.is_none


def test_the_lower_class_takes_part_unless_it_has_too_few_clips() -> None:
    ontology = make_ontology(3, per_root=2)
    clips = [clip(n, ["/m/r0", mid(n % 2)]) for n in range(6)] + [clip(9, [mid(2), "/m/r1"])]
    split = split_of(clips, ontology, chosen=list(ontology), min_clips=2)
    assert [node.name for node in split.eligible.classes] == ["Leaf 0", "Leaf 1"]
    left = {one.node.name: (one.num_clips, one.below) for one in split.eligible.left_out}
    assert left == {
        "Root 0": (6, (mid(0), mid(1))), "Root 1": (1, ()), "Leaf 2": (1, ()),
    }  # fmt: skip
    split = split_of(clips, ontology, chosen=list(ontology), min_clips=4)
    assert [node.name for node in split.eligible.classes] == ["Root 0"]


def test_held_out_roots_go_to_test_with_what_is_tied_to_them() -> None:
    ontology = make_ontology(12, per_root=3)
    clips = [*single_clips(12), *(clip(500 + n, [mid(0), mid(11)]) for n in range(3))]
    for seed in range(5):
        split = split_of(clips, ontology, seed=seed, holdout=("Root 0",))
        test = {node.mid for node in split.classes("test")}
        assert test >= {mid(0), mid(1), mid(2), mid(11)}
    with pytest.raises(ConfigError, match=r"fewshot\.holdout\[0\].*Leaf 1"):
        split_of(clips, ontology, holdout=("Leav 1",))
    with pytest.raises(ConfigError, match="takes part"):
        split_of(single_clips(4), ontology, holdout=("Root 3",))


@pytest.mark.parametrize("stratify", ["root", "parent"])
def test_each_root_is_spread_by_the_ratios(stratify) -> None:
    ontology = make_ontology(40, per_root=10)
    clips = single_clips(40)
    for seed in range(10):
        found = split_of(clips, ontology, seed=seed, stratify=stratify).split_of
        for root in range(4):
            below = Counter(found[mid(n)] for n in range(root * 10, root * 10 + 10))
            assert below == {"train": 7, "validation": 1, "test": 2}


def test_a_given_split_is_kept_and_the_rules_for_clips_hold(tmp_path: Path) -> None:
    ontology = make_ontology(6)
    clips = [*single_clips(6), *(clip(100 + n, [mid(0), mid(3)]) for n in range(2))]
    path = tmp_path / "given.json"
    lists = {"train": ["Leaf 0", mid(1)], "validation": ["Leaf 2"], "test": ["Leaf 3"]}
    path.write_text(json.dumps(lists))
    split = split_of(clips, ontology, given=path)
    names = {name: [node.name for node in split.classes(name)] for name in SPLITS}
    assert names == {"train": ["Leaf 0", "Leaf 1"], "validation": ["Leaf 2"], "test": ["Leaf 3"]}
    assert split.clip_splits.num_dropped("mixed") == 2
    assert split.cut_ties == {(mid(0), mid(3)): 2 / 8}
    assert split.overlap.is_none


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "expected"),
        ('{"dev": ["Leaf 0"]}', "'dev' is not a split"),
        ('{"train": "Leaf 0"}', "'train' is not a split with a list"),
        ('{"train": ["Leaf 0", 7]}', "found 7"),
        ('{"train": ["Leaf 0"], "test": ["Leaf 0"]}', "in train already"),
        ('{"train": ["Leav 0"]}', "did you mean 'Leaf 0'"),
        ("{}", "names no class"),
    ],
)
def test_a_given_split_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "given.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"fewshot\.given: .*given\.json") as caught:
        split_of(single_clips(4), make_ontology(4), given=path)
    assert words in str(caught.value)


def test_too_few_clips_for_any_class_is_an_error_with_the_most_there_are() -> None:
    with pytest.raises(ConfigError, match=r"fewshot.min_clips: no class has 4 clips.*: 3"):
        split_of(single_clips(4), make_ontology(4), min_clips=4)


def test_the_mean_of_random_splits_is_that_of_all_random_splits() -> None:
    ontology = make_ontology(10)
    clips = [*single_clips(10), *(clip(200 + n, [mid(n), mid((n + 3) % 10)]) for n in range(10))]
    found = [split_of(clips, ontology, seed=seed) for seed in range(300)]
    measured = np.mean([split.naive.clips for split in found])
    # Of 45 pairs 21 + 0 + 1 lie in one split of 7, 1 and 2.
    assert found[0].naive_clips_mean == pytest.approx(10 * (1 - 22 / 45))
    assert measured == pytest.approx(found[0].naive_clips_mean, rel=0.05)


# The files --------------------------------------------------------------------------------------


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    ontology = make_ontology(10)
    clips = [*single_clips(10), clip(77, [mid(0), mid(9)])]
    for folder, order in (("a", clips), ("b", clips[::-1])):
        split = split_of(order, ontology)
        write_split(tmp_path / folder, split)
        write_class_lists(tmp_path / folder, saved_splits(split))
    write_split(tmp_path / "c", split_of(clips, ontology, seed=1))
    files = {path.name for path in (tmp_path / "a").iterdir()}
    assert files == {
        "splits.json", "splits.csv", "dropped.csv", "report.json", "splits.npy", "classes.csv",
    }  # fmt: skip
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a/splits.json").read_bytes() != (tmp_path / "c/splits.json").read_bytes()


def test_splits_json_is_read_as_it_was_written(tmp_path: Path) -> None:
    clips = single_clips(10)
    split = split_of(clips, make_ontology(10), seed=3)
    write_split(tmp_path, split)
    for name in SPLITS:
        saved = read_split(tmp_path, name)
        assert saved == read_split(tmp_path / "splits.json", name)
        assert saved.seed == 3
        assert saved.classes == tuple((n.mid, n.name) for n in split.classes(name))
        assert dict(saved.clips) == split.clip_splits.clips[name]
    with pytest.raises(ValueError, match="expected one of train"):
        read_split(tmp_path, "dev")
    for text in ("", "[]", "{}", '{"format": 2}', '{"format": 1, "seed": 0}'):
        (tmp_path / "splits.json").write_text(text)
        with pytest.raises(OutputError, match="audioset-dl split"):
            read_split(tmp_path, "train")
    with pytest.raises(OutputError, match="does not exist"):
        read_split(tmp_path / "none", "train")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"seed": 3', '"seed": 4', "was changed since `split` wrote it; run `audioset-dl split`"),
        ('"validation"', '"dev"', "was changed since `split` wrote it"),
        ('"seed": 3', '"seed": 1e400', "is not a splits.json .seed: "),
        ('"seed": 3', '"seed": true', "is not a splits.json .seed: "),
        ('"format": 1', '"format": 2', "is not a splits.json .format: "),
        ('"clips": {', '"clips": {"dev": 1e400,', "is not a splits.json .clips.dev: "),
    ],
)
def test_splits_json_is_not_taken_when_it_was_edited(tmp_path, old, new, words) -> None:
    write_split(tmp_path, split_of(single_clips(10), make_ontology(10), seed=3))
    path = tmp_path / "splits.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(OutputError, match=words):
        read_split(tmp_path, "train")


def test_splits_json_may_be_written_down_otherwise(tmp_path: Path) -> None:
    write_split(tmp_path, split_of(single_clips(10), make_ontology(10), seed=3))
    path, saved = tmp_path / "splits.json", read_split(tmp_path, "train")
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document, indent=3))
    assert read_split(path, "train") == saved
    del document["sha256"]  # as version 0.1.0 wrote it
    path.write_text(json.dumps(document))
    assert read_split(path, "train") == saved


def test_metaaudio_finds_its_classes_and_files(tmp_path: Path) -> None:
    """As its own code reads them (dataset_/DatasetClasses.py): by the name of the folder."""
    source = tmp_path / "audioset"
    (source / "wav").mkdir(parents=True)
    clips = [*single_clips(10), clip(77, [mid(0), mid(1)])]
    for one in clips:
        (source / one.file_name).write_bytes(one.clip_id.encode())
    split = split_of(clips, make_ontology(10), ratios=(1.0, 0.0, 0.0))
    splits = saved_splits(split)
    files = list_class_files(splits, {one.clip_id: one.file_name for one in clips})
    folder = tmp_path / "metaaudio"
    write_class_lists(folder, splits)
    assert write_class_folders(folder, files, source) == 30
    class_splits = np.load(folder / "splits.npy", allow_pickle=True)
    assert class_splits.any() is not None
    train, val, test = class_splits
    assert (train, val, test) == ([f"leaf_{n}" for n in range(10)], [], [])
    found: Counter[str] = Counter()
    for root, _, names in os.walk(folder / "data"):
        if names and root.split("/")[-1] in train:
            found[root.split("/")[-1]] += len(names)
    assert found == dict.fromkeys(train, 3), "not the clip of two classes"

    mine = folder / "data/leaf_0/notes.txt"
    mine.write_text("mine")
    (source / clips[0].file_name).write_bytes(b"longer than it was before")
    dropped = next(iter(files))
    fewer = {name: original for name, original in files.items() if name != dropped}
    assert write_class_folders(folder, fewer, source) == (
        dropped != f"leaf_0/Y{clips[0].clip_id}.wav"
    )
    assert mine.read_text() == "mine"
    assert not (folder / "data" / dropped).exists()
    copy = folder / "data" / next(iter(fewer))
    copy.write_bytes(b"")
    assert (source / fewer[next(iter(fewer))]).read_bytes(), "a copy, and no link"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "metaaudio").mkdir()
    (tmp_path / "metaaudio/data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link"):
        write_class_folders(tmp_path / "metaaudio", {"a/Y.wav": "wav/Y.wav"}, tmp_path)


HEAD = "file_name,clip_id,ytid,classes,labels,label_names,sha256"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file_name,clip_id\n", "manifest.csv:1: expected the columns"),
        (f"{HEAD}\nwav/a.wav,bad,bad,Dog,/m/a,Dog,0\n", "manifest.csv:2: .*clip_id 'bad'"),
        (f"{HEAD}\n../a.wav,abcdefghijk_0,abcdefghijk,Dog,/m/a,Dog,0\n", "file_name"),
        (f"{HEAD}\n/a.wav,abcdefghijk_0,abcdefghijk,Dog,/m/a,Dog,0\n", "file_name"),
        (f"{HEAD}\na.wav,abcdefghijk_0,abcdefghijk,Dog,/m/a;/m/b,Dog,0\n", "manifest.csv:2"),
        (f"{HEAD}\n" + "a.wav,abcdefghijk_0,abcdefghijk,Dog,/m/a,Dog,0\n" * 2, "in several rows"),
        (f"{HEAD}\na.wav,abcdef", "manifest.csv:2"),
    ],
)
def test_a_manifest_that_is_none_is_refused_with_its_line(tmp_path: Path, text, words) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(OutputError, match=words):
        read_clips(tmp_path)


def test_the_same_sound_is_told_by_the_source_where_a_file_was_processed(tmp_path: Path) -> None:
    row = "a.wav,abcdefghijk_0,abcdefghijk,Dog,/m/a,Dog,0"
    (tmp_path / "manifest.csv").write_text(f"{HEAD},source_sha256\n{row},7\n")
    assert [one.audio_hash for one in read_clips(tmp_path).rows] == ["7"]
    (tmp_path / "manifest.csv").write_text(f"{HEAD}\n{row}\n")
    assert [one.audio_hash for one in read_clips(tmp_path).rows] == ["0"]


# Google's own files -----------------------------------------------------------------------------


@pytest.mark.skipif(not REAL, reason="AUDIOSET_METADATA names no folder with Google's files")
def test_leaks_of_a_naive_split_of_googles_classes_and_none_of_ours() -> None:
    catalog = load_catalog(Path(REAL), ["balanced_train", "eval"])
    chosen = select_classes(catalog, ClassesConfig(leaf_only=True, min_quality=0.8))
    table = list_metadata_clips(catalog.segments, [node.mid for node in chosen])
    split = make_split(table, chosen, catalog.ontology, FewshotConfig(), seed=0)
    assert {name: len(split.classes(name)) for name in SPLITS} == split.wanted
    assert split.wanted == {"train": 100, "validation": 14, "test": 28}
    assert split.num_clips == 17_131
    assert split.naive_clips_mean / split.num_clips == pytest.approx(0.08, abs=0.005)
    assert split.naive.clips / split.num_clips == pytest.approx(0.08, abs=0.02)
    assert set(vars(split.overlap).values()) == {0}
    assert (len(split.groups), sum(map(len, split.groups))) == (15, 34)
    assert len(split.clip_splits.dropped) / split.num_clips < 0.05
