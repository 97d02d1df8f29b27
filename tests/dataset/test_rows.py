"""An output folder from somebody else: its tables move, remove and read nothing outside it."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from world import DOG, World, make_clips, run_command, videos_of

from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.rows import Row, check_clip, check_saved_file, check_types
from audioset_dl.errors import OutputError
from audioset_dl.simulator import Simulator
from audioset_dl.storage.lock import hold_folder

WAV_BYTES = 320_044


@pytest.mark.parametrize(
    "changes",
    [
        {"ytid": "../../../ab"}, {"ytid": "short"}, {"ytid": None}, {"start_s": "0"},
        {"start_s": float("nan")}, {"start_s": -1.0}, {"end_s": 30.0}, {"end_s": float("inf")},
    ],
)  # fmt: skip
def test_what_is_no_clip(make_clip, changes) -> None:
    check_clip(make_clip())
    with pytest.raises(ValueError, match=r"ytid|times"):
        check_clip(make_clip(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        *({"file_name": name} for name in
          ("../x.wav", "/etc/passwd", "wav/../../x.wav", "other/x.wav", "", "wav/a\0b", None)),
        {"sample_rate": 0}, {"channels": None}, {"num_samples": -1}, {"sha256": b"x"},
    ],
)  # fmt: skip
def test_what_is_no_file_of_ours(make_saved, changes) -> None:
    check_saved_file(make_saved())
    changed = replace(make_saved(), **changes)
    with pytest.raises((TypeError, ValueError), match=r"file_name|audio|channels|sha256"):
        (check_types(changed), check_saved_file(changed))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clips = make_clips([DOG], 3)
    with Simulator(videos_of(clips)) as simulator:
        yield World(tmp_path, simulator, clips)


def change(world: World, output: Path, assignment: str) -> None:
    """Change the row of one clip in a journal, as nobody but an attacker or a bad disk would."""
    connection = sqlite3.connect(output / "journal.sqlite")
    connection.execute(
        f"UPDATE clips SET {assignment} WHERE clip_id = ?",
        (min(world.clips),),
    )
    connection.commit()
    connection.close()


def test_a_journal_that_points_elsewhere_or_is_nonsense(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    assert world.download(config).returncode == 0
    output, good = world.output(config), world.folder / "good"
    shutil.copytree(output, good)
    mine = world.folder / "mine.wav"
    mine.write_bytes(bytes(WAV_BYTES))
    for assignment in ("file_name = '../mine.wav'", "labels = x'ff00'"):
        shutil.rmtree(output)
        shutil.copytree(good, output)
        change(world, output, assignment)
        for arguments in (("download",), ("verify", "--repair")):
            done = run_command(arguments[0], config, *arguments[1:])
            assert done.returncode == 7, done.stderr
            assert "holds a row that audioset-dl did not write" in done.stderr
        assert mine.stat().st_size == WAV_BYTES
        assert mine.read_bytes() not in [path.read_bytes() for path in output.rglob("*.wav")]


def test_a_manifest_that_points_elsewhere_is_not_believed(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    assert world.download(config).returncode == 0
    output = world.output(config)
    files = world.files(config)
    (name, *_) = files
    mine = world.folder / "mine.wav"
    shutil.copy(output / name, mine)
    manifest = output / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(name, "../mine.wav"))
    for journal in output.glob("journal.sqlite*"):
        journal.unlink()
    assert world.download(config).returncode == 0
    assert mine.exists()
    assert world.files(config) == files


def test_labels_that_a_csv_has_otherwise_now(world: World) -> None:
    """A clip that was saved under a class and is labelled with another one today."""
    config = world.write_config(classes={"include": ["Dog"]})
    assert world.download(config).returncode == 0
    text = world.segments.read_text()
    world.segments.write_text(text.replace(DOG, "/m/01yrx"))
    world.write_config(classes={"include": ["Cat"]})
    world.simulator.log.clear()
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert world.simulator.log.requests == ()
    assert {row["label_names"] for row in world.rows(config)} == {"Cat"}
    assert all(name.startswith("wav/cat/") for name in world.files(config))


def test_a_disk_that_fails_while_the_folder_is_held(tmp_path: Path, monkeypatch) -> None:
    lock = tmp_path / ".lock"

    def fail(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", fail)
    with hold_folder(lock, "now"):
        assert lock.exists()
    monkeypatch.undo()
    with hold_folder(lock, "now"):
        pass


def test_a_row_is_named_by_its_clip(tmp_path: Path, make_clip, make_saved) -> None:
    clip, path = make_clip(), tmp_path / "journal.sqlite"
    with open_journal(path) as journal:
        journal.record_saved(Row(clip, file=make_saved("../x.wav"), classes=(DOG,)))
        with pytest.raises(OutputError, match=rf"{clip.clip_id}.*file_name '\.\./x\.wav'"):
            list(journal.rows())
