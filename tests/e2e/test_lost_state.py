"""Folders whose state was partly lost, or that hold files of others: nothing good is fetched again,
and nothing of the user's is overwritten or removed."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import soundfile
from world import (
    COMMAND,
    DOG,
    PATIENCE_S,
    MakeWorld,
    Process,
    World,
    clean_environment,
    make_clips,
    run_installed,
    wait_for,
)

from audioset_dl.dataset.journal_reader import read_journal

pytestmark = pytest.mark.e2e
DOGS = {"include": ["Dog"]}
NUM_CLIPS = 8


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """Eight clips, all saved; the simulator's log is empty."""
    world = make_world(make_clips([DOG], NUM_CLIPS))
    done = world.download(dogs(world))
    assert done.returncode == 0, done.stderr
    world.simulator.log.clear()
    return world


def dogs(world: World, **sections: object) -> Path:
    return world.write_config(classes=DOGS, clips={"per_class": None}, **sections)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def empty(folder: Path) -> None:
    for path in folder.glob("journal.sqlite-*"):
        path.unlink()
    (folder / "journal.sqlite").write_bytes(b"")


def remove(folder: Path) -> None:
    for path in folder.glob("journal.sqlite*"):
        path.unlink()


@pytest.mark.parametrize("lose", [empty, remove])
@pytest.mark.parametrize("command", [["download"], ["verify", "--repair"]])
def test_a_lost_journal_costs_nothing(world: World, lose, command: list[str]) -> None:
    config = dogs(world)
    folder = world.output(config)
    before = world.files(config)
    lose(folder)
    done = run_installed(*command, config)
    assert done.returncode == 0, done.stderr
    assert "the journal did not know of 8 clips" in done.stdout + done.stderr
    assert world.files(config) == before
    assert [row["classes"] for row in world.rows(config)] == ["Dog"] * NUM_CLIPS
    assert world.download(config).returncode == 0
    assert world.simulator.log.requests == ()


def test_a_journal_older_than_the_manifest_costs_nothing(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], NUM_CLIPS))
    few = world.write_config(classes=DOGS, clips={"per_class": 2})
    assert world.download(few).returncode == 0
    config = dogs(world)
    folder = world.output(config)
    older = (folder / "journal.sqlite").read_bytes()
    assert world.download(config).returncode == 0
    world.simulator.log.clear()
    remove(folder)
    (folder / "journal.sqlite").write_bytes(older)
    for command in (["verify", "--repair"], ["verify"], ["download"]):
        assert run_installed(*command, config).returncode == 0
        assert len(world.files(config)) == len(world.wavs(config)) == NUM_CLIPS
    assert world.simulator.log.requests == ()


def with_bom(text: str) -> bytes:
    return b"\xef\xbb\xbf" + text.encode()


def with_windows_lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("change", [with_bom, with_windows_lines])
def test_a_manifest_that_a_spreadsheet_saved_is_read(world: World, change) -> None:
    config = dogs(world)
    folder = world.output(config)
    remove(folder)
    manifest = folder / "manifest.csv"
    manifest.write_bytes(change(manifest.read_text()))
    assert world.download(config).returncode == 0
    assert world.simulator.log.requests == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[: len(line) // 2],
        lambda line: line.replace(b",16000,", b",many,"),
        lambda line: b'"' + line,
        lambda line: b"\xff\xfe" + line,
        lambda line: line + b",more",
    ],
)
@pytest.mark.parametrize("number", [1, NUM_CLIPS])
def test_one_bad_row_costs_its_clip_only(world: World, damage, number: int) -> None:
    config = dogs(world)
    folder = world.output(config)
    before = world.files(config)
    remove(folder)
    manifest = folder / "manifest.csv"
    lines = manifest.read_bytes().split(b"\n")
    lost = world.rows(config)[number - 1]["ytid"]
    lines[number] = damage(lines[number])
    manifest.write_bytes(b"\n".join(lines))
    done = world.download(config)
    assert done.returncode == 0, done.stderr
    assert f"manifest.csv:{number + 1}: not " in done.stderr
    assert world.files(config) == before
    assert {request.ytid for request in world.simulator.log.select(kind="page")} == {lost}


def with_semicolons(text: str) -> bytes:
    return text.replace(";", "|").replace(",", ";").encode()


def in_utf_16(text: str) -> bytes:
    return text.encode("utf-16")


def of_others(text: str) -> bytes:
    return b"name,price\napples,3\n"


@pytest.mark.parametrize("change", [with_semicolons, in_utf_16, of_others])
@pytest.mark.parametrize("loses_journal", [True, False])
def test_a_table_that_is_not_ours_is_refused_before_anything_is_written(
    world: World, change, loses_journal: bool
) -> None:
    config = dogs(world)
    folder = world.output(config)
    if loses_journal:
        remove(folder)
    manifest = folder / "manifest.csv"
    manifest.write_bytes(change(manifest.read_text()))
    before = contents(folder)
    for command in (["download"], ["verify", "--repair"]):
        done = run_installed(*command, config)
        assert done.returncode == 7
        assert "manifest.csv" in done.stderr
        assert "move it away" in done.stderr
        assert contents(folder) == before
    assert world.simulator.log.requests == ()


def test_changes_of_the_journal_that_a_crash_took_are_known_from_notes(make_world) -> None:
    world = make_world(make_clips([DOG], NUM_CLIPS), rtt_s=0.05)
    config = dogs(world, download={"workers": 1})
    folder = world.output(config)
    with Process(
        [COMMAND, "download", config], stderr=subprocess.DEVNULL, env=clean_environment()
    ) as process:
        wait_for(lambda: len(list(folder.rglob("Y*.wav"))) >= 4, process)
        process.send_signal(signal.SIGKILL)
    assert world.rows(config) == [], "the manifest lists nothing yet"
    (folder / "journal.sqlite-wal").unlink()
    saved = {path.name[1:12] for path in folder.rglob("Y*.wav")}
    world.simulator.log.clear()
    assert world.download(config).returncode == 0
    asked = {request.ytid for request in world.simulator.log.select(kind="page")}
    assert not asked & saved
    assert len(world.files(config)) == NUM_CLIPS


def test_without_run_json_the_clips_themselves_tell_their_form(world: World) -> None:
    for audio in ({"sample_rate": 32000}, {"channels": 2}, {"subtype": "PCM_24"}):
        config = dogs(world, audio=audio)
        (world.output(config) / "run.json").unlink(missing_ok=True)
        done = world.download(config)
        assert done.returncode == 2, done.stderr
        assert "holds clips made with sample_rate 16000, channels 1, subtype PCM_16" in done.stderr
    assert world.download(dogs(world)).returncode == 0
    assert world.simulator.log.requests == ()


def test_a_clip_is_found_where_it_was_before_a_move(world: World) -> None:
    config = dogs(world, output={"dir": "config", "layout": "sharded"})
    assert world.download(config).returncode == 0
    moved = next(world.output(config).rglob("Y*.wav"))
    before = world.output(config) / "wav" / "dog" / moved.name
    before.parent.mkdir(exist_ok=True)
    moved.rename(before)  # as if a power failure took the move back
    assert world.download(config).returncode == 0
    assert moved.exists()
    assert not before.exists()
    assert world.simulator.log.requests == ()


def test_files_of_the_user_stay(world: World) -> None:
    config = dogs(world)
    folder = world.output(config)
    mine = [".x.tmp", "wav/.x.tmp", "wav/dog/.Ymine.tmp", "notes.txt", "mine/.a.12-00000000.tmp"]
    for name in mine:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine")
    ours = ["wav/dog/.Yabc_0.wav.77-0a1b2c3d.tmp", ".manifest.csv.77-0a1b2c3d.tmp"]
    for name in ours:
        (folder / name).write_text("half")
    assert world.download(config).returncode == 0
    assert [(folder / name).read_text() for name in mine] == ["mine"] * len(mine)
    assert not any((folder / name).exists() for name in ours)


def test_a_file_in_the_way_of_a_move_is_refused_by_name(world: World) -> None:
    config = dogs(world)
    name = next(path.name for path in world.output(config).rglob("Y*.wav"))
    config = dogs(world, output={"dir": "config", "layout": "sharded"})
    for digits in range(256):
        way = world.output(config) / "wav" / f"{digits:02x}" / name
        way.parent.mkdir()
        way.write_text("mine")
    done = world.download(config)
    assert done.returncode == 7
    assert "is not the clip's own file" in done.stderr
    assert all(path.read_text() == "mine" for path in world.output(config).glob(f"wav/??/{name}"))
    assert (world.output(config) / "wav" / "dog" / name).exists()


def test_what_a_killed_doctor_left_hinders_nothing(world: World) -> None:
    config = dogs(world)
    left = world.output(config) / ".doctor-abc123.tmp"
    (left / "wav").mkdir(parents=True)
    (left / ".lock").touch()
    assert world.download(config).returncode == 0
    assert not left.exists()


def test_a_lock_that_is_removed_lets_no_second_run_in(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 30), rtt_s=0.1)
    config = dogs(world, download={"workers": 1})
    folder = world.output(config)
    with Process(
        [COMMAND, "download", config], stderr=subprocess.PIPE, text=True, env=clean_environment()
    ) as first:
        wait_for(lambda: list(folder.rglob("Y*.wav")), first)
        first.send_signal(signal.SIGSTOP)  # or it notices before the second one looks
        (folder / ".lock").unlink()
        second = run_installed("download", config)
        first.send_signal(signal.SIGCONT)
        _, stderr = first.communicate(timeout=PATIENCE_S)
    assert second.returncode == 6, second.stderr
    assert "somebody removed" in second.stderr
    assert first.returncode == 6, stderr
    assert ".lock was removed or replaced" in stderr
    assert world.download(config).returncode == 0
    assert len(world.files(config)) == 30


def test_tables_and_journal_follow_the_umask(make_world: MakeWorld) -> None:
    world = make_world(make_clips([DOG], 2))
    config = dogs(world)
    subprocess.run(
        ["/bin/sh", "-c", 'umask 002 && exec "$0" download "$1" -q', COMMAND, config],
        env=clean_environment(), check=True,
    )  # fmt: skip
    files = [path for path in world.output(config).rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o664"}


def test_a_copy_of_the_folder_is_gone_on_with(world: World) -> None:
    config = dogs(world)
    copy = world.folder / "copy"
    shutil.copytree(world.output(config), copy)
    other = world.write_config(
        "other.yaml", classes=DOGS, clips={"per_class": None}, output={"dir": "copy"}
    )
    assert world.download(other).returncode == 0
    assert world.simulator.log.requests == ()
    assert [path.name for path in (copy / "wav").iterdir()] == ["dog"]
    assert soundfile.info(next(copy.rglob("Y*.wav"))).frames == 160_000


def test_a_run_notes_which_manifest_is_its_own(world: World) -> None:
    config = dogs(world)
    with read_journal(world.output(config) / "journal.sqlite") as journal:
        assert len(journal.read_note("manifest") or "") == 64
