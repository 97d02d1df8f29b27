"""manifest.csv and failures.csv."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from audioset_dl.dataset.failures import FAILURES_COLUMNS, read_failures, write_failures
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.manifest_writing import MANIFEST_COLUMNS, write_manifest
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


def test_rows_are_read_back_as_they_were(tmp_path: Path, make_clip, make_saved) -> None:
    path = tmp_path / "manifest.csv"
    labels = ("/m/0bt9lr", "/m/01h3n")
    files = [make_saved(f"wav/dog/Yvideo-0000{n}_30000.wav", num_bytes=0) for n in range(2)]
    rows = [
        make_record(
            make_clip(f"video-0000{n}", labels=labels), file, detail=None, attempts=0,
            updated_at=file.saved_at, classes=labels[:1] if n else (), wanted=bool(n),
        )
        for n, file in enumerate(files)
    ]  # fmt: skip
    write_manifest(path, rows, NAMES)
    manifest = read_manifest(path)
    assert manifest.rows == rows
    assert manifest.names == NAMES
    assert list(manifest.by_clip_id().values()) == rows
    with path.open("a") as file:
        file.write(path.read_text().splitlines()[2] + "\n")
    with pytest.raises(OutputError, match="clip video-00001_30000 stands in several rows"):
        read_manifest(path).by_clip_id()


def test_failures_are_read_back_as_they_were(tmp_path: Path, make_clip) -> None:
    path = tmp_path / "failures.csv"
    clips = [make_clip(f"video-0000{n}", labels=(), subset="") for n in range(3)]
    rows = [
        make_record(clips[0], proof="said", asked_as="guest"),
        make_record(clips[1], state="waiting", code="network", asked_as="account"),
        make_record(clips[2], known_from="list.csv", detail=""),
    ]
    write_failures(path, rows, NAMES)
    assert read_failures(path, NAMES) == rows
    assert {row.classes for row in read_failures(path)} == {()}
    assert read_failures(tmp_path / "none.csv") == []


def test_a_manifest_of_what_was_made_of_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    columns = ("file_name", "clip_id", "classes", "labels", "label_names", "sha256", "ytid")
    head = ",".join([*columns, "source_sha256"])
    cells = "-a_cdefghi0_30000,Dog,/m/0bt9lr,Dog,1,-a_cdefghi0,2"
    path.write_text(f"{head}\nclips/a.npy,{cells}\n")
    manifest = read_manifest(path, columns=columns)
    (row,) = manifest.rows
    assert (row.clip.start_s, row.classes) == (30.0, ("/m/0bt9lr",))
    assert row.file.file_name == "clips/a.npy"
    assert row.source_sha256 == "2"
    for name in ("../a.npy", "/a.npy", "clips/../../a.npy", ""):
        path.write_text(f"{head}\n{name},{cells}\n")
        with pytest.raises(OutputError, match=":2: not a row of a manifest"):
            read_manifest(path, columns=columns)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wav/dog", "wav/../.."), ("wav/dog", "/wav"), ("30.0", "nan"), ("30.0", "inf"),
        ("40.0", "20.0"), (",-a_cdefghi0,", ",-a_cdefghi1,"), (",Dog,wav", ",Dog;Cat,wav"),
    ],
)  # fmt: skip
def test_a_row_that_no_run_can_have_written_is_refused(
    tmp_path: Path, make_clip, make_saved, old: str, new: str
) -> None:
    path = tmp_path / "manifest.csv"
    clip = make_clip(subset="wav")
    write_manifest(path, [make_record(clip, make_saved(), classes=clip.labels)], NAMES)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(OutputError, match=":2: not a row of a manifest"):
        read_manifest(path)
