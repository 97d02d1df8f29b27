"""A folder that version 0.1.0 wrote: read as it is, moved on by the first who writes, gone on with.

data/folder-0.1.0 was made by old_folder.py, with the code of 0.1.0.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from datasets import snapshot
from old_folder import (
    AGE,
    CHANGES,
    CLIPS,
    FOLDER,
    KNOWN_GONE,
    OUT_OF_RANGE,
    REMOVED,
    SAVED,
    SESSION,
    UNAVAILABLE,
    WAITING,
    write_old_config,
)
from world import DOG, MakeWorld, World, run_command

from audioset_dl.dataset import journal_schema
from audioset_dl.dataset.failures import read_failures
from audioset_dl.dataset.journal import open_journal
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import Row
from audioset_dl.dataset.status import count_clips, read_status, read_tried_clips
from audioset_dl.dataset.verify import verify_folder
from audioset_dl.errors import OutputError
from audioset_dl.sets.merge import merge_parts
from audioset_dl.storage.disk import FreeSpace

PROOFS = {
    REMOVED.clip_id: "said", AGE.clip_id: "said", OUT_OF_RANGE.clip_id: "found",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> OutputFolder:
    shutil.copytree(FOLDER, tmp_path / "old")
    return OutputFolder(tmp_path / "old")


@pytest.fixture
def read_only(folder: OutputFolder) -> Iterator[OutputFolder]:
    before = snapshot(folder.path)
    folder.path.chmod(0o555)
    yield folder
    folder.path.chmod(0o755)
    assert snapshot(folder.path) == before


def version_of(journal: Path) -> int:
    with closing(sqlite3.connect(journal)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def check_rows(rows: list[Row]) -> None:
    """See that what 0.1.0 told by the beginnings of ``detail`` is in its columns."""
    by_id = {row.clip_id: row for row in rows}
    assert {one: row.proof for one, row in by_id.items() if row.state == "gone"} == PROOFS
    assert by_id[AGE.clip_id].asked_as == "account"
    assert by_id[AGE.clip_id].detail.startswith("Sign in to confirm your age")
    assert by_id[REMOVED.clip_id].asked_as is None
    waiting = by_id[WAITING.clip_id]
    assert (waiting.state, waiting.code, waiting.proof) == ("waiting", "network", None)
    again = by_id[UNAVAILABLE.clip_id]
    assert (again.state, again.code, again.reopened) == ("waiting", "unavailable", "unavailable")
    assert KNOWN_GONE.clip_id not in by_id, "nothing is known of it"
    assert {row.clip.clip_id for row in rows if row.state == "saved"} == {
        clip.clip_id for clip in SAVED
    }


def check_counts(folder: OutputFolder) -> None:
    counts = read_status(folder).counts
    assert (counts.wanted, counts.saved, counts.gone, counts.waiting) == (4, 2, 4, 2)
    assert counts.failures == dict.fromkeys(
        ("age", "out_of_range", "private", "removed", "unavailable", "network"), 1
    )


def test_it_is_read_without_a_change(read_only) -> None:
    check_counts(read_only)
    with read_journal(read_only.journal) as journal:
        check_rows(list(journal.rows()))
    assert verify_folder(read_only, deep=True).faults == ()
    tried = read_tried_clips(read_only)
    assert (tried.overall.saved, tried.overall.gone) == (2, 3), "what was asked for"
    assert version_of(read_only.journal) == 1


def test_its_failures_csv_is_read(folder) -> None:
    rows = {row.clip_id: row for row in read_failures(folder.failures, {DOG: "Dog"})}
    taken = rows.pop(KNOWN_GONE.clip_id)
    assert (taken.state, taken.code, taken.detail) == ("gone", "private", "")
    assert (taken.known_from, taken.proof, taken.classes) == ("gone.csv", None, (DOG,))
    assert {one: row.proof for one, row in rows.items() if row.state == "gone"} == PROOFS
    assert rows[AGE.clip_id].asked_as == "account"
    assert rows[AGE.clip_id].detail.startswith("Sign in")


def test_who_writes_moves_it_on(folder) -> None:
    with open_journal(folder.journal) as journal:
        check_rows(list(journal.rows()))
        assert count_clips(journal).gone == 4
    assert version_of(folder.journal) == journal_schema.VERSION
    check_counts(folder)


def test_it_can_be_a_part_of_a_merge(read_only, tmp_path) -> None:
    out = OutputFolder(tmp_path / "out")
    merged = merge_parts(out, [read_only.path], now="2026-11-26T00:00:00+00:00")
    assert (merged.copied, merged.gone, merged.waiting) == (2, 4, 2)
    check_counts(out)
    with out.failures.open(newline="") as file:
        rows = {row["clip_id"]: row for row in csv.DictReader(file)}
    assert rows[KNOWN_GONE.clip_id]["known_from"] == "gone.csv"
    assert {row["classes"] for row in rows.values()} == {"Dog"}


@pytest.mark.parametrize("number", range(1, journal_schema.VERSION + 1))
def test_killed_while_moving_on_it_is_one_version_or_the_next(folder, number) -> None:
    """Killed right before each commit, with all of the step written."""
    if number == 1:
        folder.journal.unlink()
    steps = list(journal_schema.MIGRATIONS)
    steps[number - 1] += "SELECT die();"
    with closing(sqlite3.connect(folder.journal)) as connection:
        journal_schema.migrate(connection, to=number - 1)
    with closing(sqlite3.connect(folder.journal)) as connection:
        before = version_of(folder.journal), list(connection.iterdump())
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(folder.journal)
        connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
        journal_schema.MIGRATIONS = tuple(steps)
        journal_schema.migrate(connection)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    with closing(sqlite3.connect(folder.journal)) as connection:
        assert (version_of(folder.journal), list(connection.iterdump())) == before
    with open_journal(folder.journal) as journal:
        assert len(list(journal.rows())) == (0 if number == 1 else len(CLIPS) - 1)


def test_a_later_version_is_refused_with_what_to_do(folder) -> None:
    with closing(sqlite3.connect(folder.journal)) as connection:
        connection.execute(f"PRAGMA user_version = {journal_schema.VERSION + 1}")
    for open_it in (open_journal, read_journal):
        with pytest.raises(OutputError, match="another version") as told, open_it(folder.journal):
            pass
        assert told.value.fix == "use that one, or another output.dir"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(CLIPS, changes=CHANGES, sessions={SESSION})


def test_a_download_goes_on_with_it(world: World) -> None:
    config = write_old_config(world)
    shutil.copytree(FOLDER, world.output(config))
    before = world.files(config)
    planned = json.loads(run_command("plan", config, "--json").stdout)
    assert (planned["known_gone"], planned["to_fetch"]) == (1, 2)
    assert any("1 clip that version 0.1.0 took as gone" in one["message"] for one in
               planned["warnings"])  # fmt: skip
    done = world.download(config)
    assert done.returncode == 1, done.stderr
    assert world.files(config) == before
    asked = {request.ytid for request in world.simulator.log.select(kind="page")}
    assert asked >= {WAITING.ytid, UNAVAILABLE.ytid}, "vague words prove nothing"
    assert not asked & {REMOVED.ytid, AGE.ytid, OUT_OF_RANGE.ytid}
    assert "1 clip that version 0.1.0 took as gone by vague words" in done.stderr
    failures = {row["clip_id"]: row for row in world.rows(config, "failures.csv")}
    proofs = {one: row["proof"] for one, row in failures.items() if row["proof"]}
    assert proofs.items() >= PROOFS.items()
    assert failures[KNOWN_GONE.clip_id]["known_from"] == "gone.csv"
    assert failures[AGE.clip_id]["asked_as"] == "account"
    assert failures[WAITING.clip_id]["attempts"] == "2"
    status = world.status(config)
    assert (status["saved"], status["gone"], status["waiting"]) == (2, 5, 1)
    assert run_command("verify", config, "--deep").returncode == 0


@pytest.fixture
def wide(folder: OutputFolder) -> OutputFolder:
    """The folder, with 20,000 more clips that are wanted and were never asked for."""
    ytids = [f"w{number:010d}" for number in range(20_000)]
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        connection.executemany(
            "INSERT INTO clips (clip_id, ytid, start_s, end_s, labels, subset, classes, wanted,"
            " state, updated_at) VALUES (?, ?, 0, 10, '/m/a;/m/b', 'eval', ?, 1, 'waiting', 'now')",
            [(f"{ytid}_0", ytid, "/m/a;/m/b" if ytid < ytids[5000] else "/m/b") for ytid in ytids],
        )
    return folder


def test_only_the_number_is_kept_of_what_was_never_asked_for(wide) -> None:
    before = wide.journal.stat().st_size
    with read_journal(wide.journal) as journal:
        assert count_clips(journal).waiting == 20_002
    with open_journal(wide.journal) as journal:
        assert count_clips(journal).waiting == 20_002
        numbers = journal.num_wanted()
        assert (numbers[""], numbers["/m/a"], numbers["/m/b"]) == (20_004, 5000, 20_000)
        check_rows(list(journal.rows()))
    assert wide.journal.stat().st_size < before / 50


def test_without_room_for_its_new_form_it_stays_as_it_is(folder, monkeypatch) -> None:
    before = folder.journal.read_bytes()
    room = FreeSpace(100_000, None)
    monkeypatch.setattr(journal_schema, "find_free_space", lambda _path: room)
    words = "takes [0-9,]+ bytes, 100,000 bytes"
    with pytest.raises(OutputError, match=words) as told, open_journal(folder.journal):
        pass
    assert "make room" in told.value.fix
    assert folder.journal.read_bytes() == before
    monkeypatch.undo()
    with open_journal(folder.journal) as journal:
        check_rows(list(journal.rows()))
