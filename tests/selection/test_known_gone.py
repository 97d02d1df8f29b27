"""What is gone, as knowledge that others can use."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from datasets import known_gone_row
from world import BARK, CAT, DATA, DOG, MakeWorld, World, make_clips, run_command

from audioset_dl.catalog.catalog import load_catalog
from audioset_dl.config import ClipsConfig, Config, DownloadConfig
from audioset_dl.dataset.failures import write_failures
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.rows import Row, add_known_gone
from audioset_dl.dataset.status import count_clips
from audioset_dl.errors import ConfigError
from audioset_dl.outcomes import VAGUE_CODES
from audioset_dl.selection.known import find_known
from audioset_dl.selection.lists import (
    GONE_FOR_ALL,
    GONE_FOR_GUESTS,
    KnownGone,
    load_known_gone,
)
from audioset_dl.selection.ranking import rank_clips
from audioset_dl.selection.select import Selection

NOW = "2026-11-22T12:00:00+00:00"
TABLE = f"""\
clip_id,state,code,labels
00000000000_0,gone,private,{DOG};{CAT}
00000000001_0,gone,geo,{DOG}
00000000002_0,gone,age,{DOG}
00000000003_0,waiting,network,{DOG}
00000000004_0,saved,,{DOG}
00000000005_0,gone,removed,{CAT}
00000000005_0,saved,,{CAT}
00000000006_0,gone,bot_check,{CAT}
"""


def read_known_gone(path: Path, *, has_account: bool = False) -> Mapping[str, str]:
    account = {"cookies_from_browser": "firefox"} if has_account else {}
    clips = ClipsConfig(known_gone=path)
    return load_known_gone(Config(clips=clips, download=DownloadConfig(**account))).codes


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "gone.csv"
    path.write_text(TABLE)
    return path


def test_the_codes_that_count_are_those_that_are_gone_but_for_the_asker() -> None:
    codes = {"private", "members", "terminated", "copyright", "removed", "out_of_range"}
    assert codes <= GONE_FOR_ALL
    assert GONE_FOR_ALL.isdisjoint({"geo", *VAGUE_CODES})
    assert {"age"} == GONE_FOR_GUESTS - GONE_FOR_ALL


def test_vague_words_of_others_are_no_proof(tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    rows = [f"0000000000{n}_0,gone,{code}\n" for n, code in enumerate([*VAGUE_CODES, "removed"])]
    path.write_text("clip_id,state,code\n" + "".join(rows))
    known = load_known_gone(Config(clips=ClipsConfig(known_gone=path)))
    assert set(known.codes.values()) == {"removed"}
    assert known.num_vague == len(VAGUE_CODES)


def test_what_is_gone_for_everybody_counts(table: Path) -> None:
    assert read_known_gone(table, has_account=True) == {"00000000000_0": "private"}
    guest = read_known_gone(table)
    assert guest == {"00000000000_0": "private", "00000000002_0": "age"}


@pytest.mark.parametrize("key", ["cookies", "cookies_from_browser"])
def test_with_cookies_what_accounts_may_see_is_asked_for(table: Path, key: str) -> None:
    config = Config(
        clips=ClipsConfig(known_gone=table),
        download=DownloadConfig(**{key: Path("c") if key == "cookies" else "firefox"}),
    )
    assert set(load_known_gone(config).codes) == {"00000000000_0"}
    assert load_known_gone(Config()).codes == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clip_id,code\n", ":1: expected a column state, found 'clip_id, code'"),
        ("clip_id,state,code\nx,gone,private\n", ":2: clip_id: expected <YouTube id>"),
        ("a,b\n", "expected a row of column names with clip_id"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as told:
        read_known_gone(path)
    assert told.value.problems[0].key == "clips.known_gone"


def test_what_is_saved_or_found_gone_here_needs_no_report() -> None:
    catalog = load_catalog(DATA, ["eval"])
    saved, gone, waiting, new = catalog.segments.clip_ids()[:4]
    known = {saved: "private", gone: "private", waiting: "private", new: "removed", "x": "removed"}
    states = [(saved, "saved", None), (gone, "gone", "drm"), (waiting, "waiting", "network")]
    known_here = find_known(catalog.segments, [*states, ("other-clip__0", "saved", None)])
    selection = Selection((), catalog, None, known_gone=KnownGone(known))
    assert selection.reported_gone(known_here) == {2: "private", 3: "removed"}
    assert selection.reported_gone(known_here, retry=["private"]) == {3: "removed"}
    assert known_here.codes == {2: "network"}


def test_what_is_taken_as_gone_is_counted_and_not_in_the_journal(tmp_path, make_clip) -> None:
    clips = [make_clip(f"video-0000{n}") for n in range(3)]
    ids = [clip.clip_id for clip in clips]
    with open_journal(tmp_path / "journal.sqlite") as journal:
        gone = Row(clips[0], state="gone", code="private", detail="seen", updated_at=NOW)
        journal.record_failed(gone, charged=True)
        journal.note_num_wanted({"": 1})
        journal.note_known_gone(["removed", "private"])
        assert list(journal.states()) == [(ids[0], "gone", "private")]
        counts = count_clips(journal)
        assert (counts.wanted, counts.gone, counts.waiting) == (1, 3, 1)
        assert counts.failures == {"private": 2, "removed": 1}
        journal.forget_num_wanted()
        assert count_clips(journal).gone == 1, "the next run may have another list"


def test_the_rows_of_what_is_taken_as_gone(tmp_path: Path, make_clip) -> None:
    clips = [make_clip(f"video-0000{n}") for n in range(3)]
    known = [
        known_gone_row(clip, "removed", (DOG,), known_from="gone.csv", now=NOW)
        for clip in reversed(clips[1:])
    ]
    tried = [
        Row(clips[0], state="gone", code="private", detail="seen", attempts=1, proof="said"),
        Row(clips[1], code="network", detail="reset", attempts=2, asked_as="guest"),
    ]
    write_failures(tmp_path / "failures.csv", add_known_gone(tried, known), {DOG: "Dog"})
    with (tmp_path / "failures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    keys = ("ytid", "state", "code", "detail", "attempts", "proof", "asked_as", "known_from")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("video-00000", "gone", "private", "seen", "1", "said", "", ""),
        ("video-00001", "gone", "removed", "", "2", "", "", "gone.csv"),
        ("video-00002", "gone", "removed", "", "0", "", "", "gone.csv"),
    ]
    assert rows[1]["classes"] == "Dog"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Of ten dogs four are gone: by removed, private, age and geo; and one cat."""
    clips = [*make_clips([DOG], 10), *make_clips([CAT, BARK], 3, first=100)]
    behaviours = ["removed", "private", "age", "geo"]
    changes = {clip.ytid: {"behaviour": b} for clip, b in zip(clips, behaviours, strict=False)}
    changes[clips[10].ytid] = {"behaviour": "removed"}
    return make_world(clips, changes=changes)


def test_what_one_found_gone_another_need_not_ask_for(world: World) -> None:
    wanted = {"include": ["Dog", "Cat", "Bark"], "descendants": False}
    first = world.write_config("first.yaml", classes=wanted, clips={"per_class": None})
    assert world.download(first).returncode == 0
    printed = run_command("status", first, "--availability", "--csv")
    assert printed.returncode == 0
    (world.folder / "gone.csv").write_text(printed.stdout)
    rows = list(csv.DictReader(io.StringIO(printed.stdout)))
    assert list(rows[0]) == ["clip_id", "ytid", "state", "code", "labels", "seen_at"]
    codes = {row["ytid"]: row["code"] for row in rows if row["state"] == "gone"}
    assert sorted(codes.values()) == ["age", "geo", "private", "removed", "removed"]
    assert sum(row["state"] == "saved" for row in rows) == 8

    second = world.write_config(
        "second.yaml", classes=wanted, clips={"per_class": None, "known_gone": "gone.csv"}
    )
    world.simulator.log.clear()
    planned = json.loads(run_command("plan", second, "--json").stdout)
    done = world.download(second)
    assert done.returncode == 0, done.stderr
    asked = {request.ytid for request in world.simulator.log.requests}
    taken = {ytid for ytid, code in codes.items() if code != "geo"}
    assert not taken & asked
    assert {ytid for ytid, code in codes.items() if code == "geo"} <= asked
    assert (planned["known_gone"], planned["to_fetch"]) == (4, 9)
    assert "4 of these by clips.known_gone, without asking" in done.stdout
    failures = {row["ytid"]: row for row in world.rows(second, "failures.csv")}
    assert {ytid: row["code"] for ytid, row in failures.items()} == codes
    for ytid in taken:
        assert (failures[ytid]["detail"], failures[ytid]["known_from"]) == ("", "gone.csv")
        assert (failures[ytid]["state"], failures[ytid]["attempts"]) == ("gone", "0")
    assert world.files(first) == world.files(second)
    handed_on = run_command("status", second, "--availability", "--csv").stdout
    tried = {row["ytid"] for row in csv.DictReader(io.StringIO(handed_on))}
    assert not tried & taken, "what was not asked for was not seen"


def test_a_failures_csv_will_do_and_refills_take_the_place(world: World) -> None:
    first = world.write_config("first.yaml", clips={"per_class": 3})
    assert world.download(first).returncode == 0
    shutil.copy(world.output(first) / "failures.csv", world.folder / "theirs.csv")
    known = {r["clip_id"] for r in world.rows(first, "failures.csv") if r["code"] != "geo"}
    second = world.write_config("second.yaml", clips={"per_class": 3, "known_gone": "theirs.csv"})
    done = world.download(second)
    assert done.returncode == 0, done.stderr
    assert world.files(first) == world.files(second)
    status = world.status(second)
    assert status == world.status(first)
    assert known, "else this tests nothing"


def test_what_is_saved_stays_and_what_is_known_can_be_asked_for(world: World) -> None:
    config = world.write_config(clips={"per_class": 2})
    assert world.download(config).returncode == 0
    before = world.files(config)
    table = "clip_id,state,code\n" + "".join(f"{clip_id},gone,private\n" for clip_id in world.clips)
    (world.folder / "all.csv").write_text(table)
    world.write_config(clips={"per_class": 4, "known_gone": "all.csv"})
    assert world.download(config).returncode == 0
    assert world.files(config) == before
    again = world.download(config, "--retry", "private")
    assert again.returncode == 0, again.stderr
    assert len(world.files(config)) > len(before)
    assert before.items() <= world.files(config).items()

    more = world.files(config)
    world.write_config(clips={"per_class": None})
    assert world.download(config).returncode == 0
    assert len(world.files(config)) == 8, "without the table all are asked for"
    assert more.items() <= world.files(config).items()


def test_without_the_table_what_it_said_is_forgotten(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 4)
    world = make_world(clips)
    (world.folder / "x.csv").write_text(f"clip_id,state,code\n{clips[0].clip_id},gone,removed\n")
    config = world.write_config(clips={"per_class": 4, "known_gone": "x.csv"})
    assert world.download(config).returncode == 0
    assert len(world.files(config)) == 3
    world.write_config(clips={"per_class": 4})
    planned = json.loads(run_command("plan", config, "--json").stdout)
    assert (planned["to_fetch"], planned["known_gone"]) == (1, 0)
    assert world.download(config).returncode == 0
    assert len(world.files(config)) == 4
    assert world.rows(config, "failures.csv") == []


def test_a_refill_that_is_known_to_be_gone_is_passed_over_and_noted(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 3)
    first, second, third = rank_clips(0, DOG, [clip.clip_id for clip in clips])
    world = make_world(clips, changes={first[:11]: {"behaviour": "private"}})
    (world.folder / "x.csv").write_text(f"clip_id,state,code\n{second},gone,removed\n")
    config = world.write_config(clips={"per_class": 1, "known_gone": "x.csv"})
    done = world.download(config)
    assert [row["clip_id"] for row in world.rows(config)] == [third], done.stderr
    codes = {row["clip_id"]: row["code"] for row in world.rows(config, "failures.csv")}
    assert codes == {first: "private", second: "removed"}
    assert "2 gone for good" in done.stdout
    assert "1 of these by clips.known_gone" in done.stdout


def test_the_table_and_the_document_of_availability(world: World) -> None:
    config = world.write_config(
        classes={"include": ["Dog", "Cat", "Bark"], "descendants": False},
        clips={"per_class": None},
    )
    assert world.download(config).returncode == 0
    text = run_command("status", config, "--availability").stdout
    lines = {line.split()[0]: line.split(maxsplit=5) for line in text.splitlines() if line.strip()}
    assert lines["Cat"][1:] == ["3", "2", "1", "33%", "removed 1"]
    assert lines["Bark"][1:] == ["3", "2", "1", "33%", "removed 1"]
    assert lines["all"][1:5] == ["13", "8", "5", "38%"]
    assert "other 1" in lines["Dog"][5]
    assert max(map(len, text.splitlines()[1:])) <= 80
    document = json.loads(run_command("status", config, "--availability", "--json").stdout)
    assert document["saved"] == 8
    assert document["availability"]["all"]["codes"] == {
        "removed": 2, "private": 1, "age": 1, "geo": 1,
    }  # fmt: skip
    by_name = {one["name"]: one for one in document["availability"]["classes"]}
    assert by_name["Dog"]["gone"] == 4
    assert by_name["Dog"]["share_gone"] == pytest.approx(0.4)


@pytest.mark.parametrize("options", [["--csv"], ["--csv", "--availability", "--json"]])
def test_options_that_do_not_go_together(tmp_path: Path, options: list[str]) -> None:
    done = run_command("status", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert "--csv needs --availability" in done.stderr
