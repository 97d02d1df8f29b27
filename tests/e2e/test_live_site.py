"""States of the site that recordings and reports show: what a run makes of them, end to end."""

from __future__ import annotations

import os
import subprocess

import pytest
from world import COMMAND, DOG, PATIENCE_S, MakeWorld, World, clean_environment, make_clips

from audioset_dl.simulator import Spell

DOGS = {"include": ["Dog"]}
QUICK = {"throttle_wait_s": 0.05, "attempts": 2}


def config_of(world: World, name: str = "config.yaml", per_class: int | None = 4, **download):
    return world.write_config(
        name, classes=DOGS, clips={"per_class": per_class}, download={**QUICK, **download}
    )


STATES = {
    "account_locked": "account_locked", "restricted": "restricted", "drm": "drm",
    "unlisted": "unlisted", "unavailable": "unavailable", "bot_check": "bot_check",
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_a_site_that_answers_all_alike_takes_no_clip(make_world: MakeWorld, state: str) -> None:
    """All videos that play answer so; some are private, which they say as ever."""
    clips = make_clips([DOG], 10)
    private = {clips[n].ytid: {"behaviour": "private"} for n in (2, 7)}
    world = make_world(clips, changes=private)
    config = config_of(world, on_throttle="stop")
    world.simulator.cast(Spell(state))
    done = world.download(config)
    assert done.returncode == 5, done.stderr
    assert state in done.stderr
    gone = {row["ytid"] for row in world.rows(config, "failures.csv") if row["state"] == "gone"}
    assert gone <= private.keys()
    assert world.files(config) == {}
    world.simulator.cast()
    assert world.download(config).returncode == 0, "without --retry"
    assert len(world.files(config)) == 4
    assert all(world.heard(config).values())


def test_refused_for_hours_in_the_same_words_the_run_ends(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 6))
    config = config_of(world, throttle_wait_s=0.001)
    world.simulator.cast(Spell("restricted"))
    done = world.download(config)
    assert done.returncode == 1
    assert "for hours, each time in the same words (restricted" in done.stderr
    assert {row["state"] for row in world.rows(config, "failures.csv")} == {"waiting"}


@pytest.mark.parametrize("state", ["unavailable", "drm", "live", "unlisted"])
def test_what_is_gone_for_good_is_replaced_after_proof(make_world: MakeWorld, state: str) -> None:
    clips = make_clips([DOG], 24)
    gone = {clips[n].ytid: {"behaviour": state} for n in range(0, 24, 3)}
    world = make_world(clips, changes=gone)
    config = config_of(world, per_class=12)
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 12
    rows = world.rows(config, "failures.csv")
    assert {(row["code"], row["proof"]) for row in rows} == {(state, "twice")}
    assert {row["ytid"] for row in rows} <= gone.keys()


def test_one_video_that_alone_is_refused(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 6)
    world = make_world(clips, changes={clips[3].ytid: {"behaviour": "bot_check"}})
    for name, on_throttle in (("wait.yaml", "wait"), ("stop.yaml", "stop")):
        config = config_of(world, name, per_class=None, on_throttle=on_throttle)
        done = world.download(config)
        assert done.returncode == 1, done.stderr
        assert len(world.files(config)) == 5
        (row,) = world.rows(config, "failures.csv")
        assert (row["state"], row["code"], row["attempts"]) == ("waiting", "bot_check", "2")


def test_where_one_client_is_refused_the_others_play(make_world: MakeWorld) -> None:
    clips = make_clips([DOG], 4)
    world = make_world(clips)
    config = config_of(world)
    world.simulator.cast(Spell("ok:drm_for_tv"))
    assert world.download(config).returncode == 0
    assert len(world.files(config)) == 4


@pytest.mark.parametrize(
    ("sound", "track"),
    [
        ("dubs", "original"), ("quiet_original", "original"), ("aac_original", "original"),
        ("mono_original", "original"), ("described_first", "original"),
        ("muxed_original", "unmarked"), ("spatial", "only"), ("surround", "only"),
        ("muxed", "only"),
    ],
)  # fmt: skip
def test_the_sound_is_the_videos_own(make_world: MakeWorld, sound: str, track: str) -> None:
    clips = make_clips([DOG], 2)
    world = make_world(clips, changes={clip.ytid: {"sound": sound} for clip in clips})
    config = config_of(world)
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert all(world.heard(config).values())
    rows = world.rows(config)
    assert {row["track"] for row in rows} == {track}
    if "muxed" in sound:
        assert {row["source_format"].split()[0] for row in rows} == {"18"}


@pytest.mark.parametrize(
    "changes",
    [
        {"sound": "dub_only"}, {"sound": "no_audio"}, {"behaviour": "members:trailer"},
        {"behaviour": "live:now"}, {"behaviour": "live:over"}, {"behaviour": "live:recording"},
        {"behaviour": "copyright:worldwide"}, {"behaviour": "geo:legal"},
        {"behaviour": "members:level"},
    ],
)  # fmt: skip
def test_what_can_not_be_had_is_replaced_and_no_media_fetched(make_world, changes) -> None:
    clips = make_clips([DOG], 8)
    odd = clips[1]
    world = make_world(clips, changes={odd.ytid: changes})
    config = config_of(world, per_class=7)
    codes = {"dub_only": "dubbed", "no_audio": "no_audio"}
    expected = codes.get(changes.get("sound", ""), changes.get("behaviour", "").partition(":")[0])
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert len(world.files(config)) == 7
    found = world.rows(config, "failures.csv")
    if found:  # the ranking may have come to it
        assert [(row["ytid"], row["state"], row["code"]) for row in found] == [
            (odd.ytid, "gone", expected)
        ]
    assert world.simulator.log.media_bytes(odd.ytid) == 0


@pytest.mark.parametrize("behaviour", ["live:now", "ok"])
def test_no_ffmpeg_on_the_path_is_ever_started(make_world: MakeWorld, tmp_path, behaviour) -> None:
    clips = make_clips([DOG], 2)
    changes = {clip.ytid: {"behaviour": behaviour, "packing": "hls"} for clip in clips}
    world = make_world(clips, changes=changes)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ffmpeg", "ffprobe", "aria2c", "curl", "wget"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho $0 >>{tmp_path}/started\n")
        program.chmod(0o755)
    environment = clean_environment()
    environment["PATH"] = os.pathsep.join((str(folder), environment["PATH"], "/bin"))
    config = config_of(world)
    done = subprocess.run(
        [COMMAND, "download", config], capture_output=True, text=True, env=environment,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "started").exists()
    assert len(world.files(config)) == (2 if behaviour == "ok" else 0)


def test_saved_clips_of_unknown_track_are_asked_for_again(make_world: MakeWorld) -> None:
    """As of version 0.1.0, which could take a dub."""
    clips = make_clips([DOG], 4)
    world = make_world(clips)
    config = config_of(world)
    assert world.download(config).returncode == 0
    first = {row["clip_id"]: row for row in world.rows(config)}
    dub, *_ = first.values()
    forget_tracks(world, config, dub["file_name"])
    assert world.download(config).returncode == 0
    told = subprocess.run(
        [COMMAND, "verify", config], capture_output=True, text=True, env=clean_environment(),
        check=False,
    )  # fmt: skip
    assert "4 files of which the audio track is not known" in told.stdout
    done = world.download(config, "--retry", "track")
    assert done.returncode == 0, done.stderr
    again = {row["clip_id"]: row for row in world.rows(config)}
    assert {row["track"] for row in again.values()} == {"only"}
    for clip_id, row in again.items():
        assert row["sha256"] == first[clip_id]["sha256"]
        is_dub = clip_id == dub["clip_id"]
        assert (row["saved_at"] == first[clip_id]["saved_at"]) or is_dub
    assert all(world.heard(config).values())


def forget_tracks(world: World, config, file_name: str) -> None:
    """Put another sound into one file, and make the journal that of before."""
    import hashlib
    import sqlite3
    from contextlib import closing

    import numpy as np
    import soundfile

    path = world.output(config) / file_name
    noise = np.random.default_rng(0).normal(0, 0.1, 160_000)
    soundfile.write(path, noise, 16_000, subtype="PCM_16")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with closing(sqlite3.connect(world.output(config) / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE clips SET track = ''")
        journal.execute(
            "UPDATE clips SET sha256 = ?, num_bytes = ? WHERE file_name = ?",
            (digest, path.stat().st_size, file_name),
        )
