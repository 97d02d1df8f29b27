"""Repair: bad files go, their clips wait, the manifest says again what the journal says."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from world import CAT, DOG, World, make_clips, run_command, videos_of

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav import encode_wav
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.journal_reader import read_states
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest_writing import write_manifest
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.verify import Repair, repair_folder, verify_folder
from audioset_dl.errors import OutputError, OutputLockedError
from audioset_dl.simulator import Simulator
from audioset_dl.storage.files import write_file
from audioset_dl.storage.lock import hold_folder

NOW = "2026-11-22T12:00:00+00:00"
NAMES = {DOG: "Dog"}
FILES = [f"wav/dog/Yvideo-0000{number}_0.wav" for number in range(4)]
CLIPS = [f"video-0000{number}_0" for number in range(4)]


@pytest.fixture
def folder(tmp_path: Path, make_clip, make_saved) -> OutputFolder:
    """Four saved clips; the last is wanted by no config any more."""
    folder = OutputFolder(tmp_path / "out")
    clips = [make_clip(f"video-0000{n}", start_s=0.0, end_s=0.1) for n in range(4)]
    with open_journal(folder.journal) as journal:
        for number, clip in enumerate(clips):
            wav = make_wav(number)
            write_file(folder.path / FILES[number], wav)
            digest = hashlib.sha256(wav).hexdigest()
            saved = make_saved(FILES[number], sha256=digest, num_samples=1600, num_bytes=len(wav))
            journal.record_saved(Row(clip, file=saved, classes=(DOG,), wanted=number < 3))
        write_manifest(folder.manifest, journal.rows("saved"), NAMES)
    return folder


def make_wav(number: int) -> bytes:
    noise = np.random.default_rng(number).integers(-9000, 9000, (1600, 1), dtype="int16")
    return encode_wav(Samples(noise, 16_000), "PCM_16")


def repair(folder: OutputFolder, **options) -> Repair:
    return repair_folder(folder, NAMES, now=NOW, **options)


def actions(repaired: Repair) -> dict[tuple[str, str], str]:
    return {(one.fault.file_name, one.fault.code): one.action for one in repaired.repaired}


def states(folder: OutputFolder) -> list[str]:
    known = {clip_id: state for clip_id, state, _ in read_states(folder.journal)}
    return [known[clip_id] for clip_id in CLIPS]


def listed(folder: OutputFolder) -> list[str]:
    return [row["file_name"] for row in csv.DictReader(folder.manifest.read_text().splitlines())]


def edit_manifest(folder: OutputFolder, old: str, new: str) -> None:
    text = folder.manifest.read_text()
    assert old in text
    folder.manifest.write_text(text.replace(old, new, 1))


def test_where_all_is_well_nothing_changes(folder) -> None:
    before = folder.manifest.read_bytes()
    seen = []
    repaired = repair(folder, deep=True, on_files=lambda *some: seen.append(some))
    assert (repaired.repaired, repaired.exit_code, seen[0][0]) == ((), 0, 4)
    assert folder.manifest.read_bytes() == before
    assert states(folder) == ["saved"] * 4
    assert not list(folder.path.glob(".*holder*")), "the folder is given back"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "changed"),
        (lambda path: path.write_bytes(make_wav(2)), "changed"),
        (lambda path: os.truncate(path, 100), "changed"),
        (Path.unlink, "missing"),
    ],
    ids=["zeroed", "swapped", "truncated", "deleted"],
)
def test_a_bad_file_goes_and_its_clip_waits(folder, damage, code) -> None:
    damage(folder.path / FILES[1])
    repaired = repair(folder)
    assert actions(repaired) == {(FILES[1], code): "requeued"}
    assert repaired.exit_code == 1
    assert not (folder.path / FILES[1]).exists()
    assert states(folder) == ["saved", "waiting", "saved", "saved"]
    assert listed(folder) == [FILES[0], FILES[2], FILES[3]]
    assert verify_folder(folder).faults == ()


def test_a_clip_that_is_not_wanted_is_not_promised(folder) -> None:
    (folder.path / FILES[3]).write_bytes(b"x")
    repaired = repair(folder)
    assert actions(repaired) == {(FILES[3], "changed"): "removed"}
    assert repaired.exit_code == 0
    assert listed(folder) == FILES[:3]


def test_a_stray_is_named_and_left(folder) -> None:
    write_file(folder.path / "wav" / "cat" / "mine.wav", b"x")
    repaired = repair(folder)
    assert actions(repaired) == {("wav/cat/mine.wav", "stray"): "left"}
    assert repaired.exit_code == 1
    assert (folder.path / "wav" / "cat" / "mine.wav").read_bytes() == b"x"


def wrong_hash(folder: OutputFolder) -> tuple[str, str]:
    edit_manifest(folder, hashlib.sha256(make_wav(1)).hexdigest(), "0" * 64)
    return FILES[1], "changed"


def wrong_header(folder: OutputFolder) -> tuple[str, str]:
    edit_manifest(folder, ",1600,", ",1601,")
    return FILES[0], "format"


def row_left_out(folder: OutputFolder) -> tuple[str, str]:
    lines = folder.manifest.read_text().splitlines(keepends=True)
    folder.manifest.write_text("".join([lines[0], *lines[2:]]))
    return FILES[0], "unlisted"


def row_twice(folder: OutputFolder) -> tuple[str, str]:
    lines = folder.manifest.read_text().splitlines(keepends=True)
    folder.manifest.write_text("".join([*lines, lines[2]]))
    return FILES[1], "duplicate"


def another_file(folder: OutputFolder) -> tuple[str, str]:
    copy = "wav/dog/copy.wav"
    write_file(folder.path / copy, make_wav(0))
    edit_manifest(folder, FILES[0], copy)
    return copy, "unknown"


@pytest.mark.parametrize("edit", [wrong_hash, wrong_header, row_left_out, row_twice, another_file])
def test_a_manifest_edited_by_hand_is_written_anew_and_no_file_is_lost(folder, edit) -> None:
    before = folder.manifest.read_bytes()
    place = edit(folder)
    repaired = repair(folder)
    assert actions(repaired)[place] == "relisted"
    assert folder.manifest.read_bytes() == before
    assert states(folder) == ["saved"] * 4
    assert all((folder.path / name).exists() for name in FILES)


def test_a_row_that_points_outside_is_not_followed(folder) -> None:
    outside = folder.path.parent / "outside.wav"
    outside.write_bytes(b"not ours")
    edit_manifest(folder, FILES[0], "../outside.wav")
    repaired = repair(folder)
    assert actions(repaired)["../outside.wav", "outside"] == "relisted"
    assert outside.read_bytes() == b"not ours"
    assert listed(folder) == FILES


def test_a_row_of_a_clip_that_the_journal_does_not_know(folder) -> None:
    extra = "wav/dog/Yunknown-id0_0.wav"
    write_file(folder.path / extra, make_wav(0))
    line = folder.manifest.read_text().splitlines()[1]
    row = line.replace(FILES[0], extra).replace("video-00000", "unknown-id0")
    folder.manifest.write_text(folder.manifest.read_text() + row + "\n")
    repaired = repair(folder)
    assert (actions(repaired), repaired.exit_code) == ({}, 0), "the file is as the row says"
    assert "the journal did not know of 1 clip in the manifest" in repaired.notes[0]
    assert listed(folder) == [extra, *FILES]
    assert verify_folder(folder).faults == ()


def test_a_row_of_a_file_that_is_otherwise_is_not_believed(folder) -> None:
    extra = "wav/dog/Yunknown-id0_0.wav"
    write_file(folder.path / extra, make_wav(1))
    line = folder.manifest.read_text().splitlines()[1]
    row = line.replace(FILES[0], extra).replace("video-00000", "unknown-id0")
    folder.manifest.write_text(folder.manifest.read_text() + row + "\n")
    repaired = repair(folder)
    assert actions(repaired) == {(extra, "changed"): "unlisted"}
    assert repaired.exit_code == 1
    assert (folder.path / extra).exists()
    assert listed(folder) == FILES
    assert [fault.code for fault in verify_folder(folder).faults] == ["stray"]


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_text(""),
        lambda path: path.write_text(path.read_text().replace(",1600,", ",many,")),
        lambda path: path.write_text(path.read_text() + '"' + "x" * 200_000),
        lambda path: path.write_bytes(path.read_bytes() + b"\xff\xfe\0"),
    ],
    ids=["missing", "empty", "a bad number", "a long field", "no text"],
)
def test_a_manifest_that_can_not_be_read_is_written_anew(folder, damage) -> None:
    before = folder.manifest.read_bytes()
    damage(folder.manifest)
    with pytest.raises(OutputError):
        verify_folder(folder)
    (folder.path / FILES[2]).unlink()
    repaired = repair(folder)
    assert actions(repaired)["manifest.csv", "unreadable"] == "relisted"
    assert actions(repaired)[FILES[2], "missing"] == "requeued"
    assert set(folder.manifest.read_bytes().splitlines()) < set(before.splitlines())
    assert listed(folder) == [FILES[0], FILES[1], FILES[3]]


@pytest.mark.parametrize(
    "table",
    [
        b"file_name,clip_id\n",
        b"\xff\xfe" + "file_name,clip_id\n".encode("utf-16-le"),
        b"x;y;z\n1;2;3\n",
        b"RIFF\0\0\0\0WAVE",
        b"a shopping list\n",
    ],
)
@pytest.mark.parametrize("name", ["manifest.csv", "failures.csv"])
def test_a_table_of_somebody_else_is_refused_by_name(folder, table: bytes, name: str) -> None:
    (folder.path / name).write_bytes(table)
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=rf"{name}.*move it away"):
        repair(folder)
    after = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("is_left", [True, False])
def test_a_lost_journal_is_made_again_from_manifest_and_files(folder, is_left: bool) -> None:
    folder.journal.unlink()
    if is_left:
        folder.journal.touch()
    (folder.path / FILES[1]).write_bytes(b"x")
    repaired = repair(folder)
    assert "the journal did not know of 3 clips in the manifest" in repaired.notes[0]
    assert actions(repaired) == {(FILES[1], "changed"): "unlisted"}
    assert (folder.path / FILES[1]).read_bytes() == b"x"
    assert listed(folder) == [FILES[0], FILES[2], FILES[3]]


def test_a_folder_with_neither_journal_nor_manifest_is_no_dataset(folder) -> None:
    folder.journal.unlink()
    folder.manifest.unlink()
    with pytest.raises(OutputError, match="neither a journal nor a manifest"):
        repair(folder)


def test_an_older_journal_is_not_believed_over_a_file_that_is_as_the_manifest_says(folder) -> None:
    older = folder.journal.read_bytes()
    write_file(folder.path / FILES[1], make_wav(7))
    with open_journal(folder.journal) as journal:
        row = journal.find(CLIPS[1])
        digest = hashlib.sha256(make_wav(7)).hexdigest()
        journal.record_saved(replace(row, file=replace(row.file, sha256=digest)))
        write_manifest(folder.manifest, journal.rows("saved"), NAMES)
    folder.journal.write_bytes(older)
    before = folder.manifest.read_bytes()
    repaired = repair(folder)
    assert repaired.exit_code == 0
    assert (folder.path / FILES[1]).read_bytes() == make_wav(7)
    assert folder.manifest.read_bytes() == before


def test_a_run_under_way_is_not_disturbed(folder) -> None:
    (folder.path / FILES[1]).write_bytes(b"x")
    with hold_folder(folder.lock, NOW), pytest.raises(OutputLockedError):
        repair(folder)
    assert (folder.path / FILES[1]).exists()


def test_a_link_is_removed_and_not_what_it_points_to(folder) -> None:
    target = folder.path.parent / "target.wav"
    target.write_bytes(make_wav(1))
    (folder.path / FILES[1]).unlink()
    (folder.path / FILES[1]).symlink_to(target)
    assert actions(repair(folder)) == {(FILES[1], "outside"): "requeued"}
    assert target.exists()
    assert not (folder.path / FILES[1]).is_symlink()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clips = [*make_clips([DOG], 7), *make_clips([CAT], 3, first=100)]
    with Simulator(videos_of(clips)) as simulator:
        yield World(tmp_path, simulator, clips)


Damage = Callable[[Path], object]


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3000] ^= 4
    path.write_bytes(content)


def swap(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def test_exactly_the_bad_clips_are_got_again(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog", "Cat"]}, clips={"per_class": 7})
    assert world.download(config).returncode == 0
    files, output = world.files(config), world.output(config)
    names = sorted(files)
    flip_a_bit(output / names[0])
    os.truncate(output / names[1], 1000)
    (output / names[2]).write_bytes(bytes((output / names[2]).stat().st_size))
    swap(output / names[3], output / names[4])
    (output / names[5]).unlink()
    (output / "wav" / "stray.wav").write_bytes(b"stray")
    bad = {row["ytid"] for row in world.rows(config) if row["file_name"] in names[:6]}
    assert run_command("verify", config).returncode == 1

    repaired = run_command("verify", config, "--repair", "--json")
    found = {one["file_name"]: one["action"] for one in json.loads(repaired.stdout)["faults"]}
    assert found == {**dict.fromkeys(names[:6], "requeued"), "wav/stray.wav": "left"}
    assert repaired.returncode == 1
    assert world.status(config)["waiting"] == 6

    world.simulator.log.clear()
    assert world.download(config).returncode == 0
    asked = [request.ytid for request in world.simulator.log.select(kind="page")]
    assert sorted(asked) == sorted(bad)
    assert world.files(config) == files
    (output / "wav" / "stray.wav").unlink()
    last = run_command("verify", config, "--repair")
    assert (last.returncode, last.stdout) == (
        0, "10 files checked (hash and header): all are as they were written\n",
    )  # fmt: skip


def test_it_says_what_was_done_and_what_to_run_next(world: World) -> None:
    config = world.write_config(classes={"include": ["Cat"]})
    world.download(config)
    (name, *_) = world.files(config)
    (world.output(config) / name).unlink()
    done = run_command("verify", config, "--repair")
    assert f"missing: {name}: is not there: `audioset-dl download` fetches" in done.stdout
    assert "Run `audioset-dl download` to fetch these clips again." in done.stdout
    assert (world.output(config) / "manifest.csv").read_text().count("Cat") == 4
