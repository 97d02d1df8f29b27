"""Parts of one dataset put into one folder: nothing lost, nothing overwritten."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import (
    NOW,
    clip_id,
    clip_of,
    known_gone_row,
    make_dataset,
    make_wav,
    saved_file,
    snapshot,
)
from world import BARK, CAT, DOG, GLOCKENSPIEL, PATIENCE_S, MakeWorld, clean_environment, make_clips
from world import run_command as run

from audioset_dl.dataset.failures import write_failures
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.resume import write_pending
from audioset_dl.dataset.rows import Row, add_known_gone
from audioset_dl.dataset.run_info import read_run_info
from audioset_dl.dataset.status import count_clips
from audioset_dl.dataset.verify import verify_folder
from audioset_dl.dataset.writing import take_up_files
from audioset_dl.errors import ConfigError, OutputError, OutputLockedError
from audioset_dl.sets import merge as merge_module
from audioset_dl.sets.merge import Merged, merge_parts
from audioset_dl.storage.disk import FreeSpace
from audioset_dl.storage.lock import hold_folder


@pytest.fixture
def out(tmp_path: Path) -> OutputFolder:
    return OutputFolder(tmp_path / "out")


def merge(out: OutputFolder, *parts: OutputFolder) -> Merged:
    return merge_parts(out, [part.path for part in parts], now=NOW)


def rows_of(out: OutputFolder) -> dict[str, Row]:
    with read_journal(out.journal) as journal:
        return {row.clip_id: row for row in journal.rows()}


def troubles(merged: Merged) -> list[tuple[str, str]]:
    return [(one.clip_id, one.code) for one in merged.troubles]


def files_but_the_journal(out: OutputFolder) -> dict[str, bytes]:
    return {name: found for name, found in snapshot(out.path).items() if "journal" not in name}


def test_the_clips_of_all_parts_and_what_is_known_of_others(tmp_path: Path, out) -> None:
    a = make_dataset(tmp_path / "a", [1, 2], {5: ("gone", "private"), 6: ("waiting", "network")})
    b = make_dataset(
        tmp_path / "b", [2, 3, 5], {1: ("gone", "removed"), 6: ("gone", "removed")},
        classes=[CAT], folder="cat",
    )  # fmt: skip
    before = snapshot(a.path), snapshot(b.path)
    merged = merge(out, a, b)
    assert (merged.copied, merged.present, merged.exit_code) == (4, 1, 0)
    assert (merged.saved, merged.gone, merged.waiting) == (4, 1, 0)
    assert (snapshot(a.path), snapshot(b.path)) == before, "the parts are as they were"
    assert verify_folder(out, deep=True).faults == ()
    known = rows_of(out)
    assert {one: (row.state, row.code) for one, row in known.items()} == {
        clip_id(1): ("saved", None), clip_id(2): ("saved", None), clip_id(3): ("saved", None),
        clip_id(5): ("saved", None), clip_id(6): ("gone", "removed"),
    }  # fmt: skip
    assert known[clip_id(2)].classes == (DOG, CAT), "of both parts"
    assert known[clip_id(2)].file.file_name == f"wav/dog/Y{clip_id(2)}.wav", "the first part's"
    assert known[clip_id(3)].file.file_name == f"wav/cat/Y{clip_id(3)}.wav"
    rows = list(csv.DictReader(out.manifest.read_text().splitlines()))
    assert [row["classes"] for row in rows] == ["Dog;Cat", "Dog;Cat", "Cat", "Dog;Cat"]
    assert len(out.failures.read_text().splitlines()) == 2
    info = read_run_info(out.run)
    assert info.config["audio"] == {"sample_rate": 16_000, "channels": 1, "subtype": "PCM_16"}
    assert [node["name"] for node in info.classes] == ["Dog", "Cat"]
    assert [part["path"] for part in info.parts] == [str(a.path), str(b.path)]
    assert not out.scratch.exists()


def test_merging_again_changes_nothing(tmp_path: Path, out) -> None:
    a = make_dataset(tmp_path / "a", [1, 2], {5: ("gone", "private")})
    b = make_dataset(tmp_path / "b", [3])
    merge(out, a, b)
    before = {
        name: content for name, content in snapshot(out.path).items() if "journal" not in name
    }
    known = rows_of(out)
    again = merge(out, a, b)
    assert (again.copied, again.present) == (0, 3)
    assert files_but_the_journal(out) == before
    assert rows_of(out) == known


def test_what_out_holds_already_stays(tmp_path: Path) -> None:
    out = make_dataset(tmp_path / "out", [1, 4], {2: ("gone", "private"), 7: ("gone", "removed")})
    a = make_dataset(tmp_path / "a", [1, 2], {4: ("gone", "removed")}, classes=[BARK])
    merged = merge(out, a)
    assert (merged.copied, merged.present, merged.saved, merged.gone) == (1, 1, 3, 1)
    known = rows_of(out)
    assert known[clip_id(1)].classes == (DOG, BARK)
    assert known[clip_id(4)].state == known[clip_id(2)].state == "saved"
    assert known[clip_id(7)].code == "removed"
    assert verify_folder(out).faults == ()


def test_other_audio_of_one_clip_is_told_and_the_first_is_kept(tmp_path: Path, out) -> None:
    a, b = (
        make_dataset(tmp_path / "a", {1: 1}),
        make_dataset(tmp_path / "b", {1: 99}, classes=[CAT]),
    )
    merged = merge(out, a, b)
    assert troubles(merged) == [(clip_id(1), "conflict")]
    assert merged.troubles[0].path == str(b.path / f"wav/dog/Y{clip_id(1)}.wav")
    assert merged.exit_code == 1
    assert (out.path / f"wav/dog/Y{clip_id(1)}.wav").read_bytes() == make_wav(1)
    assert rows_of(out)[clip_id(1)].classes == (DOG, CAT), "what it counts for is of both"


def test_a_damaged_file_is_told_and_another_part_gives_the_clip(tmp_path: Path, out) -> None:
    a, b = make_dataset(tmp_path / "a", [1, 2]), make_dataset(tmp_path / "b", [1])
    for number in (1, 2):
        (a.path / f"wav/dog/Y{clip_id(number)}.wav").write_bytes(make_wav(50))
    merged = merge(out, a, b)
    assert troubles(merged) == [(clip_id(1), "changed"), (clip_id(2), "changed")]
    known = rows_of(out)
    assert (known[clip_id(1)].state, known[clip_id(2)].state) == ("saved", "waiting")
    assert known[clip_id(2)].wanted
    assert known[clip_id(2)].file is None
    assert verify_folder(out).faults == ()


def test_a_lost_file_of_out_comes_back_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    out, a = make_dataset(tmp_path / "out", [1, 2]), make_dataset(tmp_path / "a", [1, 2])
    (out.path / f"wav/dog/Y{clip_id(1)}.wav").unlink()
    damaged = out.path / f"wav/dog/Y{clip_id(2)}.wav"
    damaged.write_bytes(b"x")
    merged = merge(out, a)
    assert troubles(merged) == [(clip_id(2), "changed")]
    assert merged.troubles[0].path == str(damaged)
    assert damaged.read_bytes() == b"x", "nothing is overwritten"
    assert (out.path / f"wav/dog/Y{clip_id(1)}.wav").read_bytes() == make_wav(1)


@pytest.mark.parametrize("what", ["a file", "a link"])
def test_what_stands_in_the_way_is_left(tmp_path: Path, out, what: str) -> None:
    a = make_dataset(tmp_path / "a", [1])
    target = out.path / f"wav/dog/Y{clip_id(1)}.wav"
    target.parent.mkdir(parents=True)
    if what == "a file":
        target.write_bytes(b"mine")
    else:
        target.symlink_to(tmp_path / "elsewhere")
    merged = merge(out, a)
    assert troubles(merged) == [(clip_id(1), "in_the_way")]
    assert not (tmp_path / "elsewhere").exists()
    assert what == "a link" or target.read_bytes() == b"mine"
    assert rows_of(out)[clip_id(1)].state == "waiting"


def test_parts_of_another_form_are_refused_before_anything_is_written(tmp_path, out) -> None:
    a = make_dataset(tmp_path / "a", [1])
    b = make_dataset(tmp_path / "b", [2], sample_rate=8_000)
    words = "a holds clips made with sample_rate 16000; .*b holds .* 8000"
    with pytest.raises(ConfigError, match=words):
        merge(out, a, b)
    assert not out.path.exists()
    a.run.unlink()
    with pytest.raises(ConfigError, match=words):
        merge(out, a, b)
    own = make_dataset(tmp_path / "own", [3], sample_rate=8_000)
    before = {name: one for name, one in snapshot(own.path).items() if name.startswith("wav")}
    with pytest.raises(ConfigError, match="nothing was merged"):
        merge(own, a)
    assert {n: c for n, c in snapshot(own.path).items() if n.startswith("wav")} == before
    empty = make_dataset(tmp_path / "empty", sample_rate=44_100)
    assert merge(out, a, empty).exit_code == 0, "no audio, no difference"


def test_without_a_journal_the_tables_will_do(tmp_path: Path, out) -> None:
    a = make_dataset(
        tmp_path / "a", [1, 2], {3: ("gone", "private"), 4: ("waiting", "network")},
        labels={1: (DOG, BARK)}, classes=[BARK, DOG],
    )  # fmt: skip
    for path in a.path.glob("journal*"):
        path.unlink()
    merged = merge(out, a)
    assert (merged.saved, merged.gone, merged.waiting) == (2, 1, 1)
    known = rows_of(out)
    assert known[clip_id(1)].classes == (BARK, DOG)
    assert known[clip_id(1)].clip == clip_of(1, (DOG, BARK))
    assert (known[clip_id(3)].code, known[clip_id(3)].attempts) == ("private", 1)
    assert not list(a.path.glob("journal*"))
    assert verify_folder(out).faults == ()


def test_what_a_killed_run_had_not_noted_is_taken_along(tmp_path: Path, out) -> None:
    a = make_dataset(tmp_path / "a", [1], {2: ("waiting", "network"), 3: ("waiting", "network")})
    content = make_wav(2)
    name = f"wav/dog/Y{clip_id(2)}.wav"
    (a.path / name).write_bytes(content)
    a.scratch.mkdir()
    write_pending(a, clip_of(2), saved_file(name, content))
    write_pending(a, clip_of(3), saved_file(f"wav/dog/Y{clip_id(3)}.wav", content))
    merged = merge(out, a)
    assert (merged.saved, merged.waiting, merged.exit_code) == (2, 1, 0)


def test_of_two_who_say_gone_the_one_who_asked_is_believed(tmp_path: Path, out) -> None:
    a = make_dataset(tmp_path / "a", [9], {1: ("waiting", "network")})
    take_as_gone(a, 1)
    b = make_dataset(tmp_path / "b", [], {1: ("gone", "private")})
    merge(out, a, b)
    assert rows_of(out)[clip_id(1)].code == "private"


def take_as_gone(out: OutputFolder, number: int, labels: tuple[str, ...] = (DOG,)) -> None:
    """Leave what a run leaves that took a clip as gone without asking."""
    row = known_gone_row(clip_of(number), "removed", labels, known_from="x.csv", now=NOW)
    with open_journal(out.journal) as journal:
        journal.note_known_gone(["removed"])
        write_failures(out.failures, add_known_gone(journal.rows(), [row]), {DOG: "Dog"})


def test_what_a_part_took_as_gone_without_asking_is_known_and_not_in_the_journal(
    tmp_path: Path, out
) -> None:
    a = make_dataset(tmp_path / "a", [9], {1: ("waiting", "network")})
    take_as_gone(a, 1)
    b = make_dataset(tmp_path / "b", [], {2: ("gone", "private")})
    take_as_gone(b, 3)
    for _ in ("merged", "merged again"):
        merged = merge(out, a, b)
        assert (merged.saved, merged.gone, merged.waiting) == (1, 3, 0)
        rows = list(csv.DictReader(out.failures.read_text().splitlines()))
        assert [(row["clip_id"], row["known_from"], row["attempts"]) for row in rows] == [
            (clip_id(1), "x.csv", "1"), (clip_id(2), "", "1"), (clip_id(3), "x.csv", "0"),
        ]  # fmt: skip
        assert {row["classes"] for row in rows} == {"Dog"}
        assert {one: row.state for one, row in rows_of(out).items()} == {
            clip_id(1): "waiting", clip_id(2): "gone", clip_id(9): "saved",
        }  # fmt: skip
        with read_journal(out.journal) as journal:
            counts = count_clips(journal)
        assert (counts.gone, counts.waiting) == (3, 0)
        assert counts.failures == {"removed": 2, "private": 1}


@pytest.mark.parametrize("how", ["twice", "out", "below", "above"])
def test_folders_that_are_not_apart_are_refused(tmp_path: Path, how: str) -> None:
    a = make_dataset(tmp_path / "a", [1])
    paths = {
        "twice": (tmp_path / "out", a.path, tmp_path / "a" / ".." / "a"),
        "out": (a.path, a.path),
        "below": (a.path / "wav", a.path),
        "above": (tmp_path, a.path),
    }[how]
    with pytest.raises(ConfigError, match="are not apart"):
        merge_parts(OutputFolder(paths[0]), paths[1:], now=NOW)


def test_a_folder_in_use_is_waited_for(tmp_path: Path, out) -> None:
    a = make_dataset(tmp_path / "a", [1])
    with (
        hold_folder(a.lock, NOW),
        pytest.raises(OutputLockedError, match=r"another run holds .*a \(process"),
    ):
        merge(out, a)
    with hold_folder(out.lock, NOW), pytest.raises(OutputLockedError, match="out"):
        merge(out, a)
    # One that was killed elsewhere left this behind; the lock is what counts.
    a.lock.with_name(".lock-holder.json").write_text(
        json.dumps({"pid": 1, "host": "elsewhere", "since": NOW})
    )
    assert merge(out, a).saved == 1


def test_there_must_be_room_before_anything_is_copied(tmp_path, out, monkeypatch) -> None:
    a = make_dataset(tmp_path / "a", [1, 2])
    size = len(make_wav(1))
    monkeypatch.setattr(
        merge_module, "find_free_space", lambda _path: FreeSpace(2 * size - 1, None)
    )
    with pytest.raises(OutputError, match=rf"2 files to copy have {2 * size:,} bytes"):
        merge(out, a)
    assert not list(out.wav.rglob("*.wav"))
    monkeypatch.setattr(merge_module, "find_free_space", lambda _path: FreeSpace(2 * size, None))
    assert merge(out, a).copied == 2


def test_what_is_no_dataset_is_no_part(tmp_path: Path, out) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match="holds no dataset"):
        merge(out, OutputFolder(tmp_path / "a"))
    assert run("merge", out.path).returncode == 2
    assert run("merge", out.path, tmp_path / "none").returncode == 2
    assert not out.path.exists()


def test_a_folder_of_other_things_does_not_become_a_dataset(tmp_path: Path, out) -> None:
    out.path.mkdir()
    (out.path / "thesis.tex").write_text("mine")
    part = make_dataset(tmp_path / "a", [1])
    with pytest.raises(ConfigError, match=r"is no dataset and not empty \(there is thesis.tex\)"):
        merge(out, part)
    assert [path.name for path in out.path.iterdir()] == ["thesis.tex"]
    (out.path / "thesis.tex").unlink()
    assert merge(out, part).copied == 1


def test_metadata_that_differ_are_named(tmp_path: Path, out) -> None:
    a, b = make_dataset(tmp_path / "a", [1]), make_dataset(tmp_path / "b", [2])
    b.run.write_text(b.run.read_text().replace('"ontology.json": "0"', '"ontology.json": "1"'))
    done = run("merge", out.path, a.path, b.path)
    assert done.returncode == 0
    assert "not chosen from the same metadata: ontology.json differ" in done.stdout


def test_a_hostile_part_leads_nowhere(tmp_path: Path, out) -> None:
    a = make_dataset(tmp_path / "a", [1])
    secret = tmp_path / "secret.wav"
    secret.write_bytes(make_wav(1))
    shutil.rmtree(a.path / "wav/dog")
    (a.path / "wav/dog").symlink_to(tmp_path)
    (tmp_path / f"Y{clip_id(1)}.wav").write_bytes(make_wav(1))
    merged = merge(out, a)
    assert troubles(merged) == [(clip_id(1), "outside")]
    for path in a.path.glob("journal*"):
        path.unlink()
    a.manifest.write_text(a.manifest.read_text().replace("wav/dog/", "wav/../../"))
    with pytest.raises(OutputError, match="not a row of a manifest"):
        merge(out, a)


def adopted(out: OutputFolder, copy: Path) -> set[str]:
    """Return the clips that a download would take up of a copy of what is there."""
    shutil.copytree(out.path, copy)
    with open_journal(OutputFolder(copy).journal) as journal:
        take_up_files(journal, OutputFolder(copy))
        return {record.clip.clip_id for record in journal.rows("saved")}


@pytest.mark.e2e
@pytest.mark.parametrize(
    "moment",
    ["writing", "before rename", "after rename", "after folder", "before put", "after put"],
)
def test_a_killed_merge_goes_on(tmp_path: Path, out, moment: str) -> None:
    a = make_dataset(tmp_path / "a", [1, 2, 3], {5: ("gone", "private")})
    b = make_dataset(tmp_path / "b", [3, 4])
    command = [sys.executable, Path(__file__).parents[1] / "killed.py", moment, "2", "merge"]
    killed = subprocess.run(
        [*command, out.path, a.path, b.path],
        env=clean_environment(), capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for path in out.wav.rglob("Y*.wav"):
        assert path.read_bytes() in {make_wav(n) for n in (1, 2, 3, 4)}, "whole, or not there"
    if moment in ("after rename", "after folder", "before put"):
        taken_up = adopted(out, tmp_path / "copy")
        assert {path.stem[1:] for path in out.wav.rglob("Y*.wav")} == taken_up, "by a download too"
    merged = merge(out, a, b)
    assert (merged.saved, merged.gone, merged.exit_code) == (4, 1, 0)
    assert verify_folder(out, deep=True).faults == ()
    assert not list(out.path.rglob(".*.tmp"))


def test_slices_of_two_machines_are_the_set_of_one(make_world: MakeWorld) -> None:
    clips = [
        *make_clips([DOG], 5),
        *make_clips([CAT, DOG], 3, first=100),
        *make_clips([CAT], 3, first=200),
        *make_clips([GLOCKENSPIEL], 4, first=300),
    ]
    gone = {clips[0].ytid: "private", clips[11].ytid: "removed"}
    world = make_world(clips, changes={one: {"behaviour": b} for one, b in gone.items()})
    whole = world.write_config("whole.yaml", clips={"per_class": 4})
    parts = [
        world.write_config(
            f"part{n}.yaml",
            clips={"per_class": 4},
            classes={"include": ["Dog", "Cat", "Glockenspiel"], "slice": bounds},
        )
        for n, bounds in enumerate([[0, 2], [2, 3]])
    ]
    for config in (whole, *parts):
        assert world.download(config).returncode == 0
    out = world.folder / "all"
    done = run("merge", out, *(world.output(config) for config in parts), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["saved"] == len(world.rows(whole))
    assert run("compare", out, world.output(whole)).returncode == 0

    settled = world.write_config("settled.yaml", clips={"per_class": 4}, output={"dir": "all"})
    assert run("verify", settled, "--deep").returncode == 0
    world.simulator.log.clear()
    again = run("download", settled)
    assert again.returncode == 0, again.stderr
    assert "(0 by this run)" in again.stdout
    assert not world.simulator.log.requests, "all is there, or known to be gone"
    same = [(row["clip_id"], row["file_name"], row["classes"]) for row in world.rows(whole)]
    with (out / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["clip_id"], row["file_name"], row["classes"]) for row in rows] == same
    assert run("verify", settled, "--deep").returncode == 0
    assert len(read_run_info(out / "run.json").parts) == 2, "where it comes from is still known"


def test_how_many_one_of_them_wanted_is_not_said_of_all(tmp_path: Path, out) -> None:
    make_dataset(out.path, [1])
    with open_journal(out.journal) as journal:
        journal.note_num_wanted({"": 2, DOG: 2})
    merge(out, make_dataset(tmp_path / "a", [2, 3], {4: ("waiting", "network")}))
    with read_journal(out.journal) as journal:
        counts = count_clips(journal)
    assert (counts.wanted, counts.saved, counts.waiting) == (4, 3, 1)
