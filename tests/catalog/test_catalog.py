"""The catalog: its parts together, and parts that do not fit together."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.errors import MetadataError

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "metadata"))


def test_the_parts_are_read_from_the_folder() -> None:
    catalog = load_catalog(DATA, ["balanced_train", "eval"])

    assert len(catalog.ontology) == 24
    assert len(catalog.ratings) == len(catalog.indices) == 18
    assert len(catalog.segments) == 38
    assert catalog.segments.subsets == ("balanced_train", "eval")


def test_labelled_classes_are_in_ontology_order(folder: Path) -> None:
    path = folder / "class_labels_indices.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(rows)]))
    catalog = load_catalog(folder, [])

    names = [node.name for node in catalog.labelled]
    assert names[:3] == ["Speech", "Male speech, man speaking", "Children playing"]
    assert len(names) == 18
    assert {"Song"} <= set(names)
    assert {"Human sounds", "Wolf-whistling", "Brief tone"}.isdisjoint(names)


def test_quality_is_none_where_nobody_rated() -> None:
    catalog = load_catalog(DATA, [])

    assert catalog.quality("/m/0bt9lr") == 0.9
    assert catalog.quality("/m/064t9") is None
    assert catalog.quality("/t/dd000138") is None


def test_segments_are_read_only_if_asked_for(folder: Path) -> None:
    (folder / "eval_segments.csv").write_text("broken")
    catalog = load_catalog(folder, [])

    assert len(catalog.segments) == 0
    assert catalog.segments.num_clips("/m/0bt9lr") == 0


def test_compressed_and_own_files_are_read(folder: Path, tmp_path: Path) -> None:
    plain = folder / "eval_segments.csv"
    (folder / "eval_segments.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    own = tmp_path / "my.dogs.csv"
    own.write_text("aaaaaaaaaaa,0,10,/m/0bt9lr\n")
    packed = tmp_path / "cats.csv.gz"
    packed.write_bytes(gzip.compress(b"bbbbbbbbbbb,0,10,/m/01yrx\n"))
    table = load_catalog(folder, ["eval", str(own), str(packed), "eval"]).segments

    assert table.subsets == ("eval", "my.dogs", "cats")
    assert len(table) == 14
    assert table.num_duplicates == 0
    assert table.clip(12).subset == "my.dogs"


def test_only_googles_own_files_must_have_as_many_rows_as_they_say(folder: Path) -> None:
    path = folder / "eval_segments.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    assert len(load_catalog(folder, [str(path)]).segments) == 11
    with pytest.raises(MetadataError, match="header says 12 segments, it holds 11"):
        load_catalog(folder, ["eval"])


@pytest.mark.parametrize(
    ("file_name", "row", "message"),
    [
        ("qa_true_counts.csv", "/m/nope,1,1\n", ":20: the label /m/nope is not in the ontology"),
        ("class_labels_indices.csv", '99,/t/dd0001,"X"\n', ":20: the label /t/dd0001 is not in"),
        (
            "eval_segments.csv",
            'aaaaaaaaaaa, 0.000, 9.000, "/m/0bt9lr,/t/dd0001"\n',
            ":16: the label /t/dd0001 is not in the ontology",
        ),
        ("eval_segments.csv", "aaaaaaaaaaa,0,9,/m/0bt9lrx\n", ":16: the label /m/0bt9lrx is"),
    ],
)
def test_labels_that_the_ontology_lacks_are_named_with_file_and_line(
    folder: Path, file_name: str, row: str, message: str
) -> None:
    path = folder / file_name
    path.write_text(path.read_text().replace("=12", "=13") + row)

    with pytest.raises(MetadataError) as caught:
        load_catalog(folder, ["balanced_train", "eval"])
    assert f"{path}{message}" in str(caught.value)


@pytest.mark.parametrize(
    "file_name", ["ontology.json", "qa_true_counts.csv", "class_labels_indices.csv",
                  "eval_segments.csv"]
)  # fmt: skip
def test_a_missing_file_is_named(folder: Path, file_name: str) -> None:
    (folder / file_name).unlink()

    with pytest.raises(MetadataError, match="the file is missing; download http") as caught:
        load_catalog(folder, ["eval"])
    assert caught.value.path == folder / file_name


@pytest.mark.parametrize("name", ["balanced", "no/such.csv"])
def test_an_unknown_segment_file_is_named(folder: Path, name: str) -> None:
    with pytest.raises(MetadataError, match="expected one of balanced_train, eval, unbalanced"):
        load_catalog(folder, [name])


def test_files_about_classes_are_no_segment_files(folder: Path) -> None:
    with pytest.raises(MetadataError, match="ratings lists no clips"):
        load_catalog(folder, ["ratings"])


def test_the_test_data_are_made_up_and_hold_what_tests_need() -> None:
    catalog = load_catalog(DATA, ["balanced_train", "eval", "unbalanced_train"])
    ytids = [clip_id[:11] for clip_id in catalog.segments.clip_ids()]

    assert any(ytid.startswith("-") for ytid in ytids)
    assert any("_" in ytid for ytid in ytids)
    assert any(len(catalog.ontology.parents(node.mid)) == 2 for node in catalog.labelled)
    assert any(node.is_restricted for node in catalog.labelled)
    assert any(catalog.quality(node.mid) is None for node in catalog.labelled)


@pytest.fixture(scope="module")
def google() -> Catalog:
    return load_catalog(Path(os.environ["AUDIOSET_METADATA"]), ["balanced_train", "eval"])


needs_google = pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)


@needs_google
@pytest.mark.parametrize(
    ("name", "num_labelled"),
    [("Dog", 7), ("Musical instrument", 80), ("Vehicle", 44), ("Animal", 65), ("Music", 150)],
)
def test_google_subtrees(google: Catalog, name: str, num_labelled: int) -> None:
    subtree = google.ontology.descendants(google.ontology.find(name).mid)

    assert sum(node.mid in subtree for node in google.labelled) == num_labelled


@needs_google
def test_google_classes(google: Catalog) -> None:
    assert len(google.labelled) == 527
    assert sum(node.is_leaf for node in google.labelled) == 401
    assert len(google.segments) == 42_531


@needs_google
@pytest.mark.parametrize(
    ("min_quality", "num_leaves", "num_classes"),
    [(0, 335, 447), (0.5, 263, 374), (0.8, 142, 221), (0.9, 87, 137), (1, 43, 79)],
)
def test_google_quality(
    google: Catalog, min_quality: float, num_leaves: int, num_classes: int
) -> None:
    good = [
        node
        for node in google.labelled
        if not node.is_restricted
        and (quality := google.quality(node.mid)) is not None
        and quality >= min_quality
    ]

    assert sum(node.is_leaf for node in good) == num_leaves
    assert len(good) == num_classes
