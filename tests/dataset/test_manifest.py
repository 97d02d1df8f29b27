"""manifest.csv and failures.csv."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from audioset_dl.dataset.manifest import (
    FAILURES_COLUMNS,
    MANIFEST_COLUMNS,
    read_manifest,
    write_failures,
    write_manifest,
)
from audioset_dl.dataset.rows import Row
from audioset_dl.errors import OutputError

NAMES = {"/m/0bt9lr": "Dog", "/m/01h3n": "Bee, wasp, etc."}


def make_record(clip, file=None, **changes) -> Row:
    values = {
        "clip": clip, "classes": ("/m/01h3n", "/m/0bt9lr"), "wanted": True,
        "state": "saved" if file else "gone", "code": None if file else "removed",
        "detail": "so, it says", "attempts": 1, "updated_at": "2026-11-22", "file": file, **changes,
    }  # fmt: skip
    return Row(values.pop("clip"), **values)


def test_columns_are_those_of_the_contract(tmp_path: Path, make_clip, make_saved) -> None:
    path = tmp_path / "manifest.csv"
    clip = make_clip(labels=("/m/0bt9lr", "/m/01h3n"))
    write_manifest(path, [make_record(clip, make_saved(num_samples=159_999))], NAMES)
    (row,) = csv.DictReader(path.read_text().splitlines())
    assert tuple(row) == MANIFEST_COLUMNS
    assert row["clip_id"] == "-a_cdefghi0_30000"
    assert row["classes"] == "Bee, wasp, etc.;Dog"
    assert (row["labels"], row["label_names"]) == ("/m/0bt9lr;/m/01h3n", "Dog;Bee, wasp, etc.")
    assert (row["start_s"], row["end_s"], row["duration_s"]) == ("30.0", "40.0", "9.999937")


def test_pandas_reads_ids_that_begin_with_a_minus(tmp_path: Path, make_clip, make_saved) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(path, [make_record(make_clip("-0123456789"), make_saved())], NAMES)
    assert pd.read_csv(path)["clip_id"].tolist() == ["-0123456789_30000"]


def test_failures_name_gone_and_waiting_clips_by_code(tmp_path: Path, make_clip, make_saved):
    path = tmp_path / "failures.csv"
    records = [
        make_record(make_clip("gone_______")),
        make_record(make_clip("saved______"), make_saved()),
        make_record(make_clip("waiting____"), state="waiting", code="network"),
        make_record(make_clip("untried____"), state="waiting", code=None),
    ]
    write_failures(path, records, NAMES)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert tuple(rows[0]) == FAILURES_COLUMNS
    assert [(row["ytid"], row["state"], row["code"]) for row in rows] == [
        ("gone_______", "gone", "removed"),
        ("waiting____", "waiting", "network"),
    ]


def test_a_manifest_is_read_back(tmp_path: Path, make_clip, make_saved) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(path, [make_record(make_clip(), make_saved())], NAMES)
    (row,) = read_manifest(path).rows
    assert (row.file.file_name, row.file.num_samples) == ("wav/dog/Y-a_cdefghi0_30000.wav", 160_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file_name,clip_id\n", "expected the columns of a manifest"),
        (",".join(MANIFEST_COLUMNS) + "\n" + "x," * 17 + "x\n", ":2: not a row of a manifest"),
        (",".join(MANIFEST_COLUMNS) + "\nx\n", ":2: not a row of a manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    with pytest.raises(OutputError, match=words):
        read_manifest(path)


def test_a_clip_that_only_an_earlier_config_wanted_has_no_classes(tmp_path, make_clip, make_saved):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [make_record(make_clip(), make_saved(), wanted=False)], NAMES)
    (row,) = csv.DictReader(path.read_text().splitlines())
    assert (row["classes"], row["label_names"]) == ("", "Dog")
