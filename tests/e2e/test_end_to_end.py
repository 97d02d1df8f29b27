"""The main job as a user runs it: the installed command against a simulated YouTube."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import soundfile
from world import (
    BARK,
    CAT,
    COMMAND,
    DOG,
    GLOCKENSPIEL,
    PATIENCE_S,
    MakeWorld,
    Process,
    World,
    clean_environment,
    make_clips,
    run_command,
    videos_of,
    wait_for,
    write_segments,
)

from audioset_dl.catalog.catalog import load_catalog
from audioset_dl.catalog.clips import Clip
from audioset_dl.simulator import Budget, Simulator


def all_clips() -> list[Clip]:
    return [
        *make_clips([DOG], 6),
        *make_clips([CAT], 6, first=100),
        *make_clips([DOG, BARK], 2, first=200),
        *make_clips([GLOCKENSPIEL], 2, first=300),
    ]


def test_from_csv_to_exact_wavs_with_a_manifest(make_world: MakeWorld) -> None:
    world = make_world(all_clips())
    config = world.write_config()
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    rows = world.rows(config)
    assert Counter(row["classes"] for row in rows) == {"Dog": 3, "Cat": 3, "Glockenspiel": 2}
    assert world.heard(config) == {row["clip_id"]: True for row in rows}
    assert world.wavs(config) == {row["file_name"] for row in rows}
    for row in rows:
        info = soundfile.info(world.output(config) / row["file_name"])
        assert (info.frames, info.samplerate, info.channels) == (160_000, 16_000, 1)
        assert info.subtype == "PCM_16"
        clip = world.clips[row["clip_id"]]
        assert row["file_name"].endswith(f"/Y{clip.ytid}_{round(clip.start_s * 1000)}.wav")
    assert "8 of 8 clips saved" in done.stdout
    assert "Glockenspiel: 2 of 3" in done.stdout
    run = json.loads((world.output(config) / "run.json").read_text())
    assert run["config"]["clips"]["per_class"] == 3
    assert run["versions"]["yt-dlp"]
    assert len(run["metadata"]["ontology.json"]) == 64


def test_run_again_no_request_is_made(make_world: MakeWorld) -> None:
    world = make_world(all_clips())
    config = world.write_config()
    world.download(config)
    manifest = (world.output(config) / "manifest.csv").read_bytes()
    world.simulator.log.clear()
    again = world.download(config)
    assert again.returncode == 0
    assert world.simulator.log.requests == ()
    assert "(0 by this run)" in again.stdout
    assert (world.output(config) / "manifest.csv").read_bytes() == manifest


def test_workers_and_order_of_rows_change_nothing(make_world: MakeWorld) -> None:
    clips = all_clips()
    gone = {clips[n].ytid: {"behaviour": "private"} for n in (0, 3, 8)}
    world = make_world(clips, changes=gone)
    one = world.write_config("one.yaml", download={"workers": 1})
    assert world.download(one).returncode == 0
    random.Random(1).shuffle(clips)
    write_segments(world.segments, clips)
    many = world.write_config("many.yaml", download={"workers": 8})
    assert world.download(many).returncode == 0
    assert world.files(one) == world.files(many)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_run_again_gives_the_same_set(make_world: MakeWorld, number: int) -> None:
    world = make_world(all_clips(), rtt_s=0.03)
    whole, cut = world.write_config("whole.yaml"), world.write_config("cut.yaml")
    assert world.download(whole).returncode == 0
    with Process(
        [COMMAND, "download", cut, "--set", "download.workers=2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
    ) as process:  # fmt: skip
        wait_for(lambda: world.wavs(cut))
        process.send_signal(number)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + number
    assert "run the same command again to resume" in stderr
    assert leftovers(world.output(cut)) == []
    saved = world.files(cut)
    assert 0 < len(saved) < 8
    assert world.download(cut).returncode == 0
    assert world.files(cut) == world.files(whole)
    assert saved.items() <= world.files(cut).items()


def leftovers(output: Path) -> list[Path]:
    return [*output.rglob("*.tmp"), *output.glob(".fetching")]


def test_gone_clips_are_replaced_and_named_by_code(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 10)
    fates = ["removed", "private", "terminated", "copyright", "geo", "members", "ok", "unavailable"]
    changes = {
        clip.ytid: {"behaviour": fate} for clip, fate in zip(clips, fates, strict=False)
    }  # fmt: skip
    world = make_world(clips, changes=changes)
    config = world.write_config(classes={"include": ["Dog"]}, clips={"per_class": 4})
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert {row["ytid"] for row in world.rows(config)} == {clips[n].ytid for n in (6, 8, 9)}
    codes = {row["ytid"]: row["code"] for row in world.rows(config, "failures.csv")}
    assert codes == {
        clip.ytid: fate for clip, fate in zip(clips, fates, strict=False) if fate != "ok"
    }
    assert "Dog: 3 of 4" in done.stdout
    assert "7 gone for good" in done.stdout
    status = world.status(config)
    assert (status["wanted"], status["saved"], status["gone"], status["waiting"]) == (3, 3, 7, 0)
    assert status["failures"] == dict.fromkeys(codes.values(), 1)


def test_a_class_is_filled_up_from_its_ranking(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 10)
    world = make_world(clips)
    first = world.write_config("first.yaml", classes={"include": ["Dog"]})
    world.download(first)
    lost = world.rows(first)[0]["ytid"]
    with Simulator(videos_of(clips, **{lost: {"behaviour": "removed"}})) as later:
        world.simulator = later
        second = world.write_config("second.yaml", classes={"include": ["Dog"]})
        world.download(second)
    before = {row["ytid"] for row in world.rows(first)}
    after = {row["ytid"] for row in world.rows(second)}
    assert len(after) == 3
    assert before - after == {lost}, "only the place of the gone clip was given away"


def test_media_faults_are_got_over_and_hold_nobody_else_up(make_world: MakeWorld) -> None:
    faults = ["http_503", "http_403", "html_200", "wrong_range", "full_200",
              "reset:head", "reset:0", "reset:1", "reset", "reset:-1",
              "truncate", "truncate:-1", "stall", "stall:1000", "trickle"]  # fmt: skip
    clips = make_clips([DOG], len(faults) + 8)
    changes = {
        clip.ytid: {"faults": ("",) * (number % 2) + (fault,)}
        for number, (clip, fault) in enumerate(zip(clips, faults, strict=False))
    }
    world = make_world(clips, changes=changes)
    config = world.write_config(
        classes={"include": ["Dog"]}, clips={"per_class": None}, download={"timeout_s": 4}
    )
    done = world.download(config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(world.heard(config)) == len(clips)
    assert all(world.heard(config).values())
    log = world.simulator.log
    last_page = {r.ytid: r.time_s for r in log.select(kind="page")}
    healthy = max(last_page[clip.ytid] for clip in clips if clip.ytid not in changes)
    slow = [last_page[clip.ytid] for clip, fault in zip(clips, faults, strict=False)
            if fault.startswith(("stall", "trickle"))]  # fmt: skip
    assert healthy < min(slow), "the healthy waited for those that stand still"


def test_what_fails_on_and_on_waits_for_another_run(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 3)
    world = make_world(clips, changes={clips[0].ytid: {"faults": ("http_503",) * 4}})
    config = world.write_config(classes={"include": ["Dog"]}, download={"attempts": 2})
    done = world.download(config)
    assert done.returncode == 1
    assert "1 not fetched yet: run the same command again" in done.stdout
    (failure,) = world.rows(config, "failures.csv")
    assert (failure["ytid"], failure["state"], failure["code"]) == (
        clips[0].ytid, "waiting", "network",
    )  # fmt: skip
    assert world.download(config).returncode == 0
    assert len(world.rows(config)) == 3
    assert world.rows(config, "failures.csv") == []


def test_a_budget_is_waited_for_and_costs_no_clip(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 6)
    world = make_world(clips, budget=Budget(capacity=3, refill_per_s=1, lockout_s=0.5))
    config = world.write_config(
        classes={"include": ["Dog"]}, clips={"per_class": 6}, download={"workers": 2}
    )
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.rows(config)) == 6
    assert "YouTube refuses this address; next try at" in done.stderr


def test_on_throttle_stop_exits_5(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 3)
    world = make_world(clips)
    world.simulator.refuse_all("bot_check")
    config = world.write_config(classes={"include": ["Dog"]}, download={"on_throttle": "stop"})
    done = world.download(config)
    assert done.returncode == 5
    assert "bot_check" in done.stderr
    assert world.status(config)["waiting"] == 3


def test_a_segment_beyond_the_end_of_its_video(make_world: MakeWorld) -> None:
    clips = [Clip("past_the_en", 40.0, 50.0, (DOG,), "made"),
             Clip("ends_within", 20.0, 30.0, (DOG,), "made")]  # fmt: skip
    world = make_world(clips, changes={
        "past_the_en": {"duration_s": 20.0}, "ends_within": {"duration_s": 24.5},
    })  # fmt: skip
    config = world.write_config(classes={"include": ["Dog"]})
    assert world.download(config).returncode == 0
    (row,) = world.rows(config)
    assert row["ytid"] == "ends_within"
    assert abs(float(row["duration_s"]) - 4.5) < 0.05
    (failure,) = world.rows(config, "failures.csv")
    assert (failure["ytid"], failure["code"]) == ("past_the_en", "out_of_range")
    assert failure["proof"] == "found"
    media = world.simulator.log.select(kind="media", ytid="past_the_en")
    assert [request.range for request in media] == ["bytes=0-16383"] * 2, "its index, twice"


def test_options_for_yt_dlp_reach_it(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 2)
    world = make_world(clips)
    config = world.write_config(
        classes={"include": ["Dog"]}, download={"yt_dlp": {"format": "140"}}
    )
    assert world.download(config).returncode == 0
    assert {row["source_format"].split()[0] for row in world.rows(config)} == {"140"}


def test_a_format_that_no_video_has_ends_the_run_and_says_so(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 2))
    config = world.write_config(
        classes={"include": ["Dog"]}, download={"yt_dlp": {"format": "999"}, "attempts": 2}
    )
    done = world.download(config)
    assert done.returncode == 1
    assert "format: no format of the video's own sound fits '999'" in done.stdout


def test_another_form_of_audio(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 2))
    config = world.write_config(
        classes={"include": ["Dog"]},
        audio={"sample_rate": None, "channels": None, "subtype": "FLOAT"},
        output={"layout": "sharded"},
    )
    assert world.download(config).returncode == 0
    for row in world.rows(config):
        info = soundfile.info(world.output(config) / row["file_name"])
        assert info.samplerate == int(row["sample_rate"]) == {"1": 44100, "2": 48000}[
            row["source_format"][:1]
        ]  # fmt: skip
        assert (info.channels, info.subtype) == (2, "FLOAT")
    assert all(world.heard(config).values())
    other = world.write_config(classes={"include": ["Dog"]})
    refused = world.download(other)
    assert refused.returncode == 2
    assert "choose another output.dir" in refused.stderr


def test_a_config_that_grows_moves_and_keeps_what_is_there(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG, BARK], 4))
    config = world.write_config(classes={"include": ["Bark"]})
    world.download(config)
    before = {row["clip_id"]: row["sha256"] for row in world.rows(config)}
    assert all(name.startswith("wav/bark/") for name in world.files(config))
    world.simulator.log.clear()
    world.write_config(
        classes={"include": ["Dog"], "descendants": False}, clips={"per_class": None}
    )
    assert world.download(config).returncode == 0
    assert all(name.startswith("wav/dog/") for name in world.files(config))
    assert world.wavs(config) == set(world.files(config))
    after = {row["clip_id"]: row["sha256"] for row in world.rows(config)}
    assert before.items() <= after.items()
    assert world.simulator.log.count(kind="page") == len(after) - len(before)


def test_what_is_kept_is_not_asked_for_again_and_never_lost(make_world: MakeWorld) -> None:
    """Refills that are on the disk from an earlier config, and no longer to be had."""
    clips = make_clips([DOG], 12)
    world = make_world(clips)
    config = world.write_config(classes={"include": ["Dog"]}, clips={"per_class": None})
    assert world.download(config).returncode == 0
    all_files = world.files(config)
    few = ("--set", "clips.per_class=3")
    assert world.download(config, *few).returncode == 0
    lost = min(row["file_name"] for row in world.rows(config) if row["classes"])
    (world.output(config) / lost).unlink()
    gone = {clip.ytid: {"behaviour": "removed"} for clip in clips}
    with Simulator(videos_of(clips, **gone)) as later:
        world.simulator = later
        config = world.write_config(classes={"include": ["Dog"]}, clips={"per_class": None})
        for _ in range(2):
            done = world.download(config, *few)
            assert done.returncode == 0, done.stderr
            assert "3 of 3 clips saved" in done.stdout
            assert "(0 by this run)" in done.stdout
            assert run_command("verify", config, "--repair").returncode == 0
        assert len(later.log.select(kind="page")) == 1, "only the lost one is asked for"
    assert world.files(config) == {k: v for k, v in all_files.items() if k != lost}
    assert world.wavs(config) == all_files.keys() - {lost}


def test_a_lost_journal_loses_no_refill(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 10)
    fates = {clip.ytid: {"behaviour": "private"} for clip in clips[:5]}
    world = make_world(clips, changes=fates)
    config = world.write_config(classes={"include": ["Dog"]}, clips={"per_class": 4})
    assert world.download(config).returncode == 0
    files = world.files(config)
    for path in world.output(config).glob("journal.sqlite*"):
        path.unlink()
    world.simulator.log.clear()
    assert world.download(config).returncode == 0
    assert world.files(config) == files
    assert not world.simulator.log.select(kind="media")


def test_a_file_of_the_user_is_left_alone(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 3)
    world = make_world(clips, changes={clips[0].ytid: {"behaviour": "removed"}})
    config = world.write_config(classes={"include": ["Dog"]})
    assert world.download(config).returncode == 0
    theirs = world.output(config) / "wav/from_colleague" / f"Y{clips[0].clip_id}.wav"
    theirs.parent.mkdir()
    theirs.write_bytes(b"the last copy")
    assert world.download(config).returncode == 0
    assert theirs.read_bytes() == b"the last copy"


def test_a_killed_run_has_nothing_for_verify_to_find(make_world: MakeWorld) -> None:
    """What the manifest does not list yet is known to the journal."""
    world = make_world(make_clips([DOG], 4))
    config = world.write_config(classes={"include": ["Dog"]})
    world.download(config)
    manifest = world.output(config) / "manifest.csv"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[:2]))
    found = run_command("verify", config)
    assert found.returncode == 0, found.stdout
    assert "3 files checked" in found.stdout
    (world.output(config) / min(world.wavs(config))).write_bytes(b"x")
    (world.output(config) / max(world.wavs(config))).write_bytes(b"x")
    assert "changed 2" in run_command("verify", config).stdout


def test_a_move_that_was_not_noted_any_more_is_noted_later(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG, BARK], 3))
    config = world.write_config(classes={"include": ["Bark"]})
    world.download(config)
    before = world.files(config)
    (world.output(config) / "wav/dog").mkdir()
    moved = min(before)
    (world.output(config) / moved).rename(world.output(config) / moved.replace("/bark/", "/dog/"))
    world.simulator.log.clear()
    world.write_config(classes={"include": ["Dog", "Bark"]})
    assert world.download(config).returncode == 0
    assert world.simulator.log.requests == ()
    assert sorted(world.files(config).values()) == sorted(before.values())
    assert world.wavs(config) == set(world.files(config))


def test_a_file_that_was_deleted_is_got_again(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 4))
    config = world.write_config(classes={"include": ["Dog"]})
    world.download(config)
    files = world.files(config)
    deleted, cut = sorted(files)[:2]
    (world.output(config) / deleted).unlink()
    os.truncate(world.output(config) / cut, 1000)
    found = run_command("verify", config, "--json")
    assert found.returncode == 1
    faults = {fault["file_name"]: fault["code"] for fault in json.loads(found.stdout)["faults"]}
    assert faults == {deleted: "missing", cut: "changed"}
    assert world.download(config).returncode == 0
    assert world.files(config) == files
    assert run_command("verify", config, "--deep").returncode == 0


def test_a_lost_journal_is_made_again_from_the_manifest(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 4))
    config = world.write_config(classes={"include": ["Dog"]})
    world.download(config)
    manifest = (world.output(config) / "manifest.csv").read_bytes()
    damaged = min(world.files(config))
    with (world.output(config) / damaged).open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    stray = world.output(config) / "wav" / "dog" / "mine.wav"
    stray.write_bytes(b"not of this program")
    for path in world.output(config).glob("journal.sqlite*"):
        path.unlink()
    world.simulator.log.clear()
    refused = world.download(config, "--set", "audio.sample_rate=8000")
    assert refused.returncode == 2, "the files that were taken up have another format"
    assert world.download(config).returncode == 0
    assert {request.ytid for request in world.simulator.log.select(kind="page")} == {
        row["ytid"] for row in world.rows(config) if row["file_name"] == damaged
    }
    again = (world.output(config) / "manifest.csv").read_bytes()
    assert [line for line in again.splitlines() if damaged.encode() not in line] == [
        line for line in manifest.splitlines() if damaged.encode() not in line
    ]
    assert stray.exists()


def test_a_second_run_on_the_same_folder_exits_6(make_world: MakeWorld) -> None:
    world = make_world(all_clips(), rtt_s=2)
    config = world.write_config()
    with Process(
        [COMMAND, "download", config], env=clean_environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as first:  # fmt: skip
        wait_for((world.output(config) / "journal.sqlite").exists)
        second = world.download(config)
        running = world.status(config)["running"]
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=PATIENCE_S) == 130
    assert second.returncode == 6
    assert f"process {first.pid}" in second.stderr
    assert running["pid"] == first.pid


def test_missing_metadata_is_fetched_through_the_proxy(tmp_path: Path) -> None:
    data = Path(__file__).parents[1] / "data"
    with Simulator(default=None, metadata_dir=data) as simulator:
        (tmp_path / "config.yaml").write_text(
            f"download: {{proxies: ['{simulator.address}'], verify_tls: false}}"
        )
        done = run_command("classes", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert simulator.log.count(kind="metadata") == 5
    assert "not the copies of 2017-2022 that are known: ontology.json, " in done.stderr
    names = {row["name"] for row in json.loads(done.stdout)}
    assert {"Dog", "Bee, wasp, etc."} <= names
    assert (tmp_path / "metadata" / "ontology.json").read_bytes() == (
        data / "ontology.json"
    ).read_bytes()


REAL = os.environ.get("AUDIOSET_METADATA")


@pytest.mark.skipif(not REAL, reason="AUDIOSET_METADATA names no folder with Google's files")
def test_ten_a_class_from_googles_own_files(tmp_path: Path) -> None:
    catalog = load_catalog(Path(REAL), ["balanced_train", "eval"])
    table = catalog.segments
    rows = sorted({int(row) for mid in (DOG, CAT, GLOCKENSPIEL) for row in table.rows_of(mid)})
    clips = [table.clip(row) for row in rows]
    with Simulator(videos_of(clips)) as simulator:
        world = World(tmp_path, simulator, clips)
        config = world.write_config(
            seed=2,
            metadata={"dir": REAL, "segments": ["balanced_train", "eval"]},
            clips={"per_class": 10},
        )
        done = world.download(config)
    assert done.returncode == 0, done.stderr
    saved = world.rows(config)
    assert len(saved) == 30
    for row in saved:
        length = float(row["end_s"]) - float(row["start_s"])
        assert int(row["num_samples"]) == round(length * 16_000)
    assert all(world.heard(config).values())
    assert {row["source_format"].split()[0] for row in saved} == {"251", "140"}
    ytids = [row["ytid"] for row in saved]
    assert any(ytid.startswith("-") for ytid in ytids)
    assert any("_" in ytid for ytid in ytids)
    starts_s = {float(row["start_s"]) for row in saved}
    assert 0 in starts_s
    assert any(start_s % 10 for start_s in starts_s)
    assert {row["num_samples"] for row in saved} == {"160000", "144000"}, "9 s stay 9 s"
