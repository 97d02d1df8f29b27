"""Two datasets beside each other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from datasets import clip_id, make_dataset
from world import BARK, CAT, DOG, run_command

from audioset_dl.errors import OutputError
from audioset_dl.sets.compare import compare, read_tables


def lines_of(*paths: Path) -> list[str]:
    return run_command("compare", *paths).stdout.splitlines()


def test_the_same_is_identical_wherever_and_however_it_lies(tmp_path: Path) -> None:
    a = make_dataset(tmp_path / "a", [1, 2])
    b = make_dataset(tmp_path / "b", {2: 2, 1: 1}, {3: ("gone", "private")}, folder="ab")
    found = compare(read_tables(a.path), read_tables(b.path))
    assert found.is_identical
    assert found.same_audio == [clip_id(1), clip_id(2)]
    done = run_command("compare", a.path, b.path)
    assert done.returncode == 0
    assert "The two hold the same clips with the same audio." in done.stdout


def test_what_only_one_has_and_why_the_other_lacks_it(tmp_path: Path) -> None:
    labels = {1: (DOG, BARK), 2: (DOG,), 3: (CAT,), 9: (CAT,)}
    a = make_dataset(tmp_path / "a", [1, 2, 3, 4], {9: ("waiting", "network")}, labels=labels)
    b = make_dataset(
        tmp_path / "b", [4, 9], {1: ("gone", "private"), 2: ("gone", "private")}, labels=labels
    )
    done = run_command("compare", a.path, b.path, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["identical"] is False
    assert found["only_in_a"] == [
        {"clip_id": clip_id(1), "code": "private"},
        {"clip_id": clip_id(2), "code": "private"},
        {"clip_id": clip_id(3), "code": "not known there"},
    ]
    assert found["only_in_b"] == [{"clip_id": clip_id(9), "code": "network"}]
    assert (found["same_audio"], found["other_audio"]) == (1, [])
    numbers = {
        one["name"]: (one["only_in_a"], one["only_in_b"], one["both"]) for one in found["classes"]
    }
    assert numbers == {"Bark": (1, 0, 0), "Cat": (1, 1, 0), "Dog": (2, 0, 1)}
    lines = lines_of(a.path, b.path)
    assert "only in A: 3 (B: private 2, not known there 1)" in lines
    assert "only in B: 1 (A: network 1)" in lines
    assert f"  {clip_id(9)} (network)" in lines
    assert any(line.split() == ["Dog", "2", "0", "1"] for line in lines)


def test_other_audio_is_told_by_the_hash(tmp_path: Path) -> None:
    a = make_dataset(tmp_path / "a", {1: 1, 2: 2})
    b = make_dataset(tmp_path / "b", {1: 1, 2: 77})
    found = compare(read_tables(a.path), read_tables(b.path))
    assert (found.same_audio, found.other_audio) == ([clip_id(1)], [clip_id(2)])
    assert (found.other_form, found.exit_code) == ([], 1)
    assert "in both, other audio: 1" in lines_of(a.path, b.path)


@pytest.mark.parametrize("how", ["rate", "subtype"])
def test_another_form_is_said_first(tmp_path: Path, how: str) -> None:
    a = make_dataset(tmp_path / "a", {1: 1})
    rate = 8_000 if how == "rate" else 16_000
    b = make_dataset(tmp_path / "b", {1: 2}, sample_rate=rate)
    if how == "subtype":
        b.run.write_text(b.run.read_text().replace("PCM_16", "FLOAT"))
    lines = lines_of(a.path, b.path)
    subtype = "FLOAT" if how == "subtype" else "PCM_16"
    assert lines[2] == (
        f"1 clip in another form: A 16000 Hz, 1 ch, PCM_16; B {rate} Hz, 1 ch, {subtype}"
    )


def test_what_process_made_is_no_dataset(tmp_path: Path) -> None:
    a = make_dataset(tmp_path / "a", [1])
    (a.path / "process.json").write_text("{}")
    with pytest.raises(OutputError, match="holds what `process` made, and no dataset"):
        read_tables(a.path)


def test_a_manifest_by_itself_will_do(tmp_path: Path) -> None:
    a = make_dataset(tmp_path / "a", [1, 2])
    b = make_dataset(tmp_path / "b", [1], {2: ("gone", "removed")})
    shutil.copy(a.manifest, b.path / "colleague.csv")
    alone = compare(read_tables(b.path), read_tables(b.path / "colleague.csv"))
    assert [one.code for one in alone.only_in_b] == ["removed"]
    turned = compare(read_tables(b.path / "colleague.csv"), read_tables(b.manifest))
    assert [one.code for one in turned.only_in_a] == ["removed"], "beside a manifest.csv"
    other = compare(read_tables(a.manifest), read_tables(b.path / "colleague.csv"))
    assert other.is_identical
    assert read_tables(b.path / "colleague.csv").failures == {}, "those are of another set"


def test_what_is_no_dataset(tmp_path: Path) -> None:
    a = make_dataset(tmp_path / "a", [1])
    (tmp_path / "empty").mkdir()
    assert run_command("compare", a.path, tmp_path / "none").returncode == 2
    done = run_command("compare", a.path, tmp_path / "empty")
    assert done.returncode == 7
    assert "manifest.csv does not exist" in done.stderr
    rows = a.manifest.read_text().splitlines()
    (tmp_path / "twice.csv").write_text("\n".join([*rows, rows[1]]))
    with pytest.raises(OutputError, match="stands in several rows"):
        read_tables(tmp_path / "twice.csv")
    a.failures.write_text("a,b\n")
    with pytest.raises(OutputError, match="columns of a failures"):
        read_tables(a.path)


def test_an_empty_dataset_is_one(tmp_path: Path) -> None:
    a = make_dataset(tmp_path / "a", [1])
    b = make_dataset(tmp_path / "b")
    lines = lines_of(a.path, b.path)
    assert "only in A: 1 (B: not known there 1)" in lines
    assert run_command("compare", b.path, b.path).returncode == 0
