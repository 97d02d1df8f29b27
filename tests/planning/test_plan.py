"""The plan: what a download is expected to take, and whether it then takes that."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import BARK, CAT, DOG, GLOCKENSPIEL, make_clips, run_command

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.catalog.clips import Clip
from audioset_dl.config import ClassesConfig, ClipsConfig, Config, DownloadConfig
from audioset_dl.planning.advice import find_advice
from audioset_dl.planning.cost import most_per_hour, paced_seconds, times_of
from audioset_dl.planning.losses import USUAL_LOSS, Losses, losses_after
from audioset_dl.planning.overlap import find_overlap, shares_alone
from audioset_dl.planning.plan import make_plan
from audioset_dl.selection.known_gone import Availability, Loss
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
    plan = make_plan(selection, config, {}, NO_LOSS)
    distinct = {clip_id for ranking in selection.rankings.values() for clip_id in ranking}
    assert plan.clips == plan.to_fetch == plan.expected.clips == len(distinct)
    dog = plan.classes[0]
    assert (dog.name, dog.wanted, dog.short) == ("Dog", dog.available, 1000 - dog.available)
    assert plan.times.configured == (len(distinct) - 1) * 10
    audio_s = sum(selection.clip(clip_id).duration_s for clip_id in distinct)
    assert plan.expected.disk_bytes == pytest.approx(audio_s * 32_000 + 44 * len(distinct))


def test_what_is_saved_is_not_fetched_and_what_is_gone_is_not_wanted(catalog) -> None:
    config = config_of(names=("Dog", "Cat"))
    ranking = select(catalog, config).rankings[DOG]
    states = {ranking[0]: ("saved", None), ranking[1]: ("gone", "removed")}
    plan = make_plan(select(catalog, config), config, states, NO_LOSS)
    dog = plan.classes[0]
    assert dog.available == len(ranking) - 1
    assert (plan.saved, plan.to_fetch) == (1, plan.clips - 1)
    assert plan.expected.asked == plan.to_fetch


@pytest.mark.parametrize("loss", [0.0, 0.2, 0.5, 0.95])
def test_losses_cost_candidates_and_requests(catalog, loss: float) -> None:
    config = config_of(None)
    plan = make_plan(select(catalog, config), config, {}, Losses(loss))
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
    plan = make_plan(selection, config, {}, Losses(0.2, {CAT: 0.5}))
    assert [one.needed for one in plan.classes] == [5, 8]
    assert [one.loss for one in plan.classes] == [0.2, 0.5]


@given(st.integers(0, 500), st.floats(0, 1))
def test_losses_of_what_was_tried_lie_between_it_and_the_usual(tried: int, share: float) -> None:
    gone = round(tried * share)
    found_loss = Loss(tried - gone, gone)
    losses = losses_after(Availability(found_loss, {DOG: found_loss}))
    found = gone / tried if tried else USUAL_LOSS
    for loss in (losses.share, losses.of(DOG)):
        assert min(found, USUAL_LOSS) - 1e-9 <= loss <= max(found, USUAL_LOSS) + 1e-9
    assert losses.of(CAT) == losses.share
    assert losses.of(DOG) < 1


def test_overlap_counts_each_clip_once_and_each_pair() -> None:
    overlap = find_overlap(
        {"a": frozenset("xy"), "b": frozenset("xyz"), "c": frozenset("x"), "d": frozenset("xy")}
    )
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


@pytest.mark.parametrize(
    ("videos", "delay_s", "cap", "addresses", "seconds"),
    [
        (0, 5, 300, 1, 0),
        (1, 5, 300, 1, 0),
        (11, 5, 300, 1, 50),
        (301, 5, 300, 1, 3600),
        (400, 5, 300, 1, 3600 + 99 * 5),
        (400, 20, 300, 1, 399 * 20),
        (602, 5, 300, 2, 3600),
        (100, 0, None, 1, None),
    ],
)
def test_time_at_the_configured_pace(videos, delay_s, cap, addresses, seconds) -> None:
    config = DownloadConfig(delay_s=delay_s, max_per_hour=cap)
    times = times_of(videos, config, addresses)
    assert times.configured == seconds
    assert times.guest == pytest.approx(-(-videos // addresses) * 12)
    assert times.account == pytest.approx(-(-videos // addresses) * 1.8)
    assert paced_seconds(-(-videos // addresses), config) == seconds


def advice_of(catalog: Catalog, config: Config, free_bytes: int | None = None) -> dict[str, str]:
    plan = make_plan(select(catalog, config), config, {})
    return {one.code: one.message for one in find_advice(plan, config, free_bytes)}


def test_warns_of_classes_with_too_few_clips(catalog) -> None:
    config = config_of(1000)
    words = advice_of(catalog, config)["few_clips"]
    assert "fewer than 1000 clips: Dog" in words
    available = len(select(catalog, config).rankings[DOG])
    just = config_of(available, names=("Dog",)).model_copy(
        update={"classes": ClassesConfig(include=("Dog",), descendants=False)}
    )
    found = advice_of(catalog, just)
    assert "few_clips" not in found
    assert "Dog about" in found["few_after_losses"]
    assert not {"few_clips", "few_after_losses"} & set(advice_of(catalog, config_of(None)))


def test_warns_of_a_class_that_is_hardly_ever_alone(tmp_path: Path) -> None:
    for name in ("ontology.json", "qa_true_counts.csv", "class_labels_indices.csv"):
        shutil.copy(DATA / name, tmp_path)
    rows = [f'{"a" * 10}{n}, 0.000, 10.000, "{CAT},{GLOCKENSPIEL}"\n' for n in range(9)]
    rows.append(f'{"b" * 11}, 0.000, 10.000, "{GLOCKENSPIEL}"\n')
    (tmp_path / "own.csv").write_text("# YTID, start_seconds, end_seconds, positive_labels\n"
                                      + "".join(rows))  # fmt: skip
    catalog = load_catalog(tmp_path, [str(tmp_path / "own.csv")])
    config = config_of(3, names=("Cat", "Glockenspiel"))
    assert "Cat 0%" in advice_of(catalog, config)["hardly_alone"]
    assert "Glockenspiel" not in advice_of(catalog, config)["hardly_alone"]
    assert "hardly_alone" not in advice_of(catalog, config_of(3, names=("Glockenspiel",)))


def test_warns_of_a_disk_that_is_too_small(catalog) -> None:
    config = config_of(3, names=("Dog",))
    needed = make_plan(select(catalog, config), config, {}).expected.disk_bytes
    assert "disk" in advice_of(catalog, config, needed - 1)
    assert "disk" not in advice_of(catalog, config, needed)
    assert "disk" not in advice_of(catalog, config, None)


@pytest.mark.parametrize(
    ("download", "warned"),
    [
        ({}, ""),
        ({"max_per_hour": 301}, "301 videos an hour"),
        ({"max_per_hour": 301, "delay_s": 12}, ""),
        ({"max_per_hour": None}, "720 videos an hour"),
        ({"max_per_hour": None, "delay_s": 0}, "no limit"),
        ({"max_per_hour": 2000, "delay_s": 0, "cookies": Path("c"), "cookies_use": "always"}, ""),
        (
            {"max_per_hour": 2001, "delay_s": 0, "cookies": Path("c"), "cookies_use": "always"},
            "an account",
        ),
        ({"max_per_hour": 301, "cookies": Path("c")}, "a guest"),
    ],
)
def test_warns_of_a_pace_that_youtube_does_not_allow(catalog, download, warned) -> None:
    words = advice_of(catalog, config_of(**download)).get("pace", "")
    assert warned in words
    assert bool(words) == bool(warned)


def test_the_fastest_pace_is_what_delay_and_cap_both_allow() -> None:
    assert most_per_hour(DownloadConfig(delay_s=36, max_per_hour=300)) == 100
    assert most_per_hour(DownloadConfig(delay_s=0, max_per_hour=300)) == 300


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
        distinct = {one for ranking in selection.rankings.values() for one in ranking}
        plan = make_plan(selection, config, {}, Losses(0.3))
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
