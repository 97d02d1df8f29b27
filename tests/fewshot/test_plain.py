"""Plain splits: each class on each side, no video or sound on two, Google's own subsets."""

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from audioset_dl.catalog.catalog import load_catalog
from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.ontology import Node
from audioset_dl.dataset.rows import Row, SavedFile
from audioset_dl.errors import ConfigError
from audioset_dl.fewshot.plain import PlainSplit, split_clips

RATIOS = (0.8, 0.1, 0.1)
NODES = [Node(f"/m/{n}", f"Class {n}") for n in range(6)]


def make_row(number: int, labels: list[int], *, subset: str = "train", **names: str) -> Row:
    ytid, sound = names.get("ytid", f"{number:011d}"), names.get("sound", f"{number}")
    clip = Clip(ytid, number, number + 10.0, tuple(f"/m/{n}" for n in labels), subset)
    file = SavedFile("", 1, 1, 1, 0, sound, "", "", 0, "")
    return Row(clip, file=file, state="saved")


def check(split: PlainSplit, rows: list[Row]) -> None:
    """Every clip is on one side or left out, and no video or sound on two."""
    parts = split.clips
    placed = [clip_id for clips in parts.values() for clip_id in clips]
    assert sorted([*placed, *split.dropped]) == sorted(row.clip_id for row in rows)
    for key in ("ytid", "audio_hash"):
        seen = [
            {getattr(row, key) for row in rows if row.clip_id in clips} for clips in parts.values()
        ]
        assert not any(seen[a] & seen[b] for a, b in ((0, 1), (0, 2), (1, 2)))


def test_all_labels_are_spread_by_the_ratios() -> None:
    rows = [make_row(n, [n % 5, *([5] if n % 7 == 0 else [])]) for n in range(700)]
    split = split_clips(rows, NODES, RATIOS, by="clips", seed=1)
    check(split, rows)
    assert {name: len(clips) for name, clips in split.clips.items()} == pytest.approx(
        {"train": 560, "validation": 70, "test": 70}, abs=3
    )
    assert split.num_clips_of("test")["/m/5"] == pytest.approx(10, abs=1)
    assert split.deviation()[1] < 0.02


@pytest.mark.parametrize("number", [3, 4, 7])
def test_a_rare_class_has_clips_on_each_side(number: int) -> None:
    rows = [make_row(n, [0, *([1] if n < number else [])]) for n in range(200)]
    split = split_clips(rows, NODES, RATIOS, by="clips", seed=0)
    assert not split.lacking
    assert min(split.num_clips_of(name)["/m/1"] for name in split.clips) >= 1


def test_clips_that_share_a_video_or_a_sound_stay_together() -> None:
    rows = [
        make_row(n, [n % 3], ytid=f"{n // 3:011d}", sound=str(n // 3 if n % 2 else n))
        for n in range(90)
    ]
    check(split_clips(rows, NODES, (0.4, 0.3, 0.3), by="clips", seed=0), rows)


@pytest.mark.parametrize("seed", range(5))
def test_groups_move_until_each_side_has_each_class(seed: int) -> None:
    """Few videos with many labels each, where the ratios alone leave classes out."""
    random = Random(seed)
    rows = [
        make_row(
            n, random.sample(range(6), random.randint(1, 3)), ytid=f"{random.randrange(15):011d}"
        )
        for n in range(25)
    ]
    split = split_clips(rows, NODES, RATIOS, by="clips", seed=0)
    check(split, rows)
    assert not split.lacking


def test_what_can_not_be_on_each_side_is_named() -> None:
    rows = [make_row(n, [1], ytid="one_video__") for n in range(3)]
    rows += [make_row(n, [0]) for n in range(10, 40)]
    split = split_clips(rows, NODES, RATIOS, by="clips", seed=0)
    assert list(split.lacking) == ["/m/1"]


def test_googles_eval_is_test_and_what_shares_with_it_is_left_out() -> None:
    rows = [make_row(n, [n % 2], subset="balanced_train") for n in range(100)]
    rows += [make_row(n, [n % 2], subset="eval") for n in range(100, 140)]
    rows[0] = make_row(0, [0], subset="balanced_train", ytid=rows[100].ytid)
    rows[1] = make_row(1, [1], subset="balanced_train", sound="101")
    split = split_clips(rows, NODES, RATIOS, by="subset", seed=0)
    check(split, rows)
    assert split.dropped == {rows[0].clip_id: "video", rows[1].clip_id: "sound"}
    assert sorted(split.clips["test"]) == sorted(row.clip_id for row in rows[100:])
    assert len(split.clips["validation"]) == pytest.approx(98 / 9, abs=1)


def test_the_same_seed_gives_the_same_split_in_any_order() -> None:
    rows = [make_row(n, [n % 5]) for n in range(60)]
    one = split_clips(rows, NODES, RATIOS, by="clips", seed=3)
    assert split_clips(rows[::-1], NODES, RATIOS, by="clips", seed=3) == one
    assert split_clips(rows, NODES, RATIOS, by="clips", seed=4).clips != one.clips


def test_what_can_not_be_split_is_refused() -> None:
    rows = [make_row(n, [0]) for n in range(9)]
    with pytest.raises(ConfigError, match="no clip is of Google's eval files"):
        split_clips(rows, NODES, RATIOS, by="subset", seed=0)
    with pytest.raises(ConfigError, match="no clip carries a chosen class"):
        split_clips(rows, NODES[1:], RATIOS, by="clips", seed=0)


@pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)
@pytest.mark.parametrize(("by", "worst"), [("clips", 0.05), ("subset", 0.25)])
def test_google_classes_have_clips_on_each_side(by, worst: float) -> None:
    catalog = load_catalog(Path(os.environ["AUDIOSET_METADATA"]), ["balanced_train", "eval"])
    rows = [Row(catalog.segments.clip(row)) for row in range(len(catalog.segments))]
    split = split_clips(rows, catalog.labelled, RATIOS, by=by, seed=0)
    totals = Counter(mid for row in rows for mid in row.labels)
    assert len(split.classes) == len(totals) == 527
    assert not split.lacking
    assert split.deviation()[1] < worst
