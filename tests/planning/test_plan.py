"""The plan: what a download is expected to take, and whether it then takes that."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from world import BARK, CAT, DOG, make_clips, run_command

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.catalog.clips import Clip
from audioset_dl.config import ClassesConfig, ClipsConfig, Config, DownloadConfig
from audioset_dl.planning.estimates import Losses
from audioset_dl.planning.plan import find_overlap, make_plan, shares_alone
from audioset_dl.selection.select import select

DATA = Path(__file__).parents[1] / "data"
NO_LOSS = Losses(0)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train", "eval", "unbalanced_train"])


def config_of(per_class: int | None = 10, *, names: tuple[str, ...] = ("Dog",), **download):
    return Config(
        classes=ClassesConfig(include=names, descendants=len(names) == 1),
        clips=ClipsConfig(per_class=per_class),
        download=DownloadConfig(**download),
    )


def test_shared_clips_count_once_and_what_is_short_is_said(catalog) -> None:
    config = config_of(1000, delay_s=10, max_per_hour=None)
    selection = select(catalog, config)
    plan = make_plan(selection, config, (), NO_LOSS)
    distinct = np.unique(np.concatenate(list(selection.rankings.values())))
    assert plan.clips == plan.to_fetch == plan.expected.clips == len(distinct)
    dog = plan.classes[0]
    assert (dog.name, dog.wanted, dog.short) == ("Dog", dog.available, 1000 - dog.available)
    assert plan.times.configured == (len(distinct) - 1) * 10
    audio_s = selection.table.durations_s(distinct).sum()
    assert plan.expected.disk_bytes == pytest.approx(audio_s * 32_000 + 44 * len(distinct))


def test_what_is_saved_is_not_fetched_and_what_is_gone_is_not_wanted(catalog) -> None:
    config = config_of(names=("Dog", "Cat"))
    ranking = select(catalog, config).rankings[DOG]
    saved, gone = catalog.segments.clip_ids(ranking[:2])
    states = [(saved, "saved", None), (gone, "gone", "removed")]
    plan = make_plan(select(catalog, config), config, states, NO_LOSS)
    dog = plan.classes[0]
    assert dog.available == len(ranking) - 1
    assert (plan.saved, plan.to_fetch) == (1, plan.clips - 1)
    assert plan.expected.asked == plan.to_fetch


@pytest.mark.parametrize("loss", [0.0, 0.2, 0.5, 0.95])
def test_losses_cost_candidates_and_requests(catalog, loss: float) -> None:
    config = config_of(None)
    plan = make_plan(select(catalog, config), config, (), Losses(loss))
    for one in plan.classes:
        assert one.needed == one.available == one.wanted
        assert one.expected == round(one.available * (1 - loss))
    expected = plan.expected
    assert expected.asked == expected.clips + expected.gone
    assert expected.gone == pytest.approx(expected.asked * loss, abs=1)
    assert expected.requests == 5 * expected.clips + 3 * expected.gone


def test_a_class_of_its_own_loss_needs_its_own_number_of_candidates(catalog) -> None:
    config = config_of(4, names=("Dog", "Cat"))
    selection = select(catalog, config)
    plan = make_plan(selection, config, (), Losses(0.2, {CAT: 0.5}))
    assert [one.needed for one in plan.classes] == [5, 8]
    assert [one.loss for one in plan.classes] == [0.2, 0.5]


def long_clips(mids: list[str], number: int, first: int) -> list[Clip]:
    """Return clips that start on full tens of seconds, as Google's do."""
    return [
        Clip(clip.ytid, start_s, start_s + 10, clip.labels, "made")
        for n, clip in enumerate(make_clips(mids, number, first=first))
        for start_s in [10.0 * (n % 20)]
    ]


def test_the_run_takes_what_the_plan_said(make_world) -> None:
    """Clips, bytes and requests, to 5 %; one video in five is gone."""
    clips = [
        *long_clips([DOG], 70, 0),
        *long_clips([DOG, BARK], 50, 100),
        *long_clips([CAT], 90, 200),
    ]
    fields = {
        clip.ytid: {
            "duration_s": 240.0,
            "itags": (251,),
            "behaviour": ("private", "removed")[n % 2] if n % 5 == 2 else "ok",
        }
        for n, clip in enumerate(clips)
    }
    world = make_world(clips, changes=fields)
    config = world.write_config(
        classes={"include": ["Dog", "Bark", "Cat"], "descendants": False},
        clips={"per_class": 60},
        download={"workers": 8},
    )
    planned = json.loads(run_command("plan", config, "--expect-gone", "0.2", "--json").stdout)
    assert world.simulator.log.requests == ()
    assert world.download(config).returncode == 0
    status, expected = world.status(config), planned["expected"]
    assert expected["clips"] == pytest.approx(status["saved"], rel=0.05)
    assert expected["asked"] == pytest.approx(status["saved"] + status["gone"], rel=0.05)
    log = world.simulator.log
    assert expected["requests"] == pytest.approx(len(log.requests), rel=0.05)
    assert expected["media_bytes"] == pytest.approx(log.media_bytes(), rel=0.05)
    on_disk = sum(path.stat().st_size for path in world.output(config).rglob("*.wav"))
    assert expected["disk_bytes"] == pytest.approx(on_disk, rel=0.05)
    again = json.loads(run_command("plan", config, "--json").stdout)
    assert (again["saved"], again["to_fetch"]) == (status["saved"], 0)
    assert again["expected"]["requests"] == 0


@pytest.fixture
def world(make_world):
    return make_world([*make_clips([DOG], 4), *make_clips([DOG, CAT], 4, first=10)])


def test_the_plan_of_a_lost_journal_goes_by_the_manifest(world) -> None:
    config = world.write_config(clips={"per_class": 2})
    world.download(config)
    (world.output(config) / "journal.sqlite").unlink()
    plan = json.loads(run_command("plan", config, "--json").stdout)
    assert plan["saved"] == plan["clips"] > 0


def test_the_plan_as_a_table(world) -> None:
    config = world.write_config()
    rows = list(csv.DictReader(run_command("plan", config, "--csv").stdout.splitlines()))
    assert [row["name"] for row in rows] == ["Dog", "Cat", "Glockenspiel"]
    assert [row["short"] for row in rows] == ["0", "0", "3"]


def test_the_plan_for_people(world) -> None:
    text = run_command("plan", world.write_config(), "--expect-gone", "0.5").stdout
    assert re.search(r"^Glockenspiel +0 +0 +3 ", text, re.MULTILINE)
    for words in ("up to 3 clips of a class", "50%; --expect-gone", "Warning: 1 class has fewer",
                  "300 videos an hour of a guest", "free"):  # fmt: skip
        assert words in text
    assert max(map(len, text.split("To begin")[0].splitlines())) <= 100


@pytest.mark.parametrize("share", ["1", "-0.1", "20%"])
def test_a_share_that_is_none_is_refused(world, share: str) -> None:
    done = run_command("plan", world.write_config(), "--expect-gone", share)
    assert done.returncode == 2
    assert "--expect-gone" in done.stderr


def test_the_plan_refuses_what_the_download_would_refuse(world) -> None:
    config = world.write_config(download={"yt_dlp": {"formt": "x"}})
    done = run_command("plan", config)
    assert done.returncode == 2
    assert "did you mean format?" in done.stderr


def test_the_plan_goes_by_what_others_found(make_world) -> None:
    clips = [*make_clips([DOG], 40), *make_clips([CAT], 40, first=100)]
    world = make_world(clips)
    found = world.folder / "gone.csv"
    rows = [
        f"{clip.clip_id},{state},{'removed' if state == 'gone' else ''},{clip.labels[0]}\n"
        for n, clip in enumerate(clips)
        for state in ["gone" if n < 30 else "saved"]
    ]
    found.write_text("clip_id,state,code,labels\n" + "".join(rows))
    config = world.write_config(clips={"per_class": 4})
    planned = json.loads(run_command("plan", config, "--json", "--availability", found).stdout)
    losses = {row["name"]: row["loss"] for row in planned["classes"]}
    assert losses["Dog"] == pytest.approx((30 + 10 * 0.3556) / 50, abs=1e-3)
    assert losses["Cat"] == pytest.approx((0 + 10 * 0.3556) / 50, abs=1e-3)
    both = run_command("plan", config, "--availability", found, "--expect-gone", "0.1")
    assert both.returncode == 2
    assert "one of them" in both.stderr
    text = run_command("plan", config, "--availability", found).stdout
    assert str(found) in "".join(text.split())
    assert "--expect-gone" not in text
    missing = run_command("plan", config, "--availability", world.folder / "none.csv")
    assert missing.returncode == 2
    assert "--availability" in missing.stderr


def test_a_list_is_asked_for_once_and_whole(make_world) -> None:
    clips = make_clips([DOG], 10)
    world = make_world(clips)
    (world.folder / "list.csv").write_text(
        "clip_id\n" + "".join(f"{clip.clip_id}\n" for clip in clips)
    )
    config = world.write_config(clips={"list": "list.csv"})
    expected = json.loads(run_command("plan", config, "--json").stdout)["expected"]
    assert (expected["asked"], expected["gone"], expected["clips"]) == (10, 2, 8)
    assert expected["requests"] == 8 * 5 + 2 * 3


def test_no_more_videos_are_asked_for_than_there_are(catalog) -> None:
    for per_class in (None, 1000):
        config = config_of(per_class)
        selection = select(catalog, config)
        distinct = np.unique(np.concatenate(list(selection.rankings.values())))
        plan = make_plan(selection, config, (), Losses(0.3))
        assert plan.expected.asked == len(distinct)
        assert plan.expected.clips == pytest.approx(0.7 * len(distinct), abs=1)


def test_a_plan_with_nothing_left_says_so(world) -> None:
    config = world.write_config(classes={"include": ["Cat"]}, clips={"per_class": 2})
    assert "To begin: audioset-dl download" in run_command("plan", config).stdout
    world.download(config)
    text = run_command("plan", config).stdout
    assert "nothing is left to fetch" in text
    assert "To begin" not in text
    assert "time" not in text


def test_the_plan_of_a_list_says_so(make_world) -> None:
    clips = make_clips([DOG], 4)
    world = make_world(clips)
    (world.folder / "list.csv").write_text(f"clip_id\n{clips[2].clip_id}\n")
    (world.folder / "gone.csv").write_text(
        f"clip_id,state,code,labels\n{clips[2].clip_id},gone,removed,\n"
    )
    text = run_command("plan", world.write_config(clips={"list": "list.csv"})).stdout
    assert "clips.per_class does not count" in text
    assert "1 wanted" in text
    config = world.write_config(clips={"list": "list.csv", "known_gone": "gone.csv"})
    assert "1 more is known to be gone" in run_command("plan", config).stdout


def test_overlap_counts_each_clip_once_and_each_pair() -> None:
    overlap = find_overlap({("x", "y"): 2, ("x", "y", "z"): 1, ("x",): 1})
    assert overlap.clips == 3
    assert overlap.pairs == {("x", "y"): 3, ("x", "z"): 1, ("y", "z"): 1}
    assert overlap.by_class == {"x": 3, "y": 3, "z": 1}


def test_a_relative_is_no_company(catalog) -> None:
    table, ontology = catalog.segments, catalog.ontology
    assert shares_alone([DOG, BARK], table, ontology) == {DOG: 1, BARK: 1}
    rows = [table.labels_of(row) for row in table.rows_of(DOG)]
    with_cat = sum(CAT in labels for labels in rows)
    assert 0 < with_cat < len(rows)
    shares = shares_alone([DOG, BARK, CAT], table, ontology)
    assert shares[DOG] == pytest.approx(1 - with_cat / len(rows), abs=1e-4)
    unused = next(node.mid for node in ontology if not len(table.rows_of(node.mid)))
    assert shares_alone([unused], table, ontology) == {}
