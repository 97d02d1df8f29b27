"""Ratings and indices of classes: reading them, quality, and tables that are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.catalog.class_tables import Rating, read_class_indices, read_ratings
from audioset_dl.errors import MetadataError

DATA = Path(__file__).parents[1] / "data"
HEADER = "label_id,num_rated,num_true\n"


def _read(tmp_path: Path, content: str | bytes) -> dict[str, Rating]:
    path = tmp_path / "qa_true_counts.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_ratings(path)


def test_ratings_are_read_by_mid() -> None:
    ratings = read_ratings(DATA / "qa_true_counts.csv")

    assert len(ratings) == 18
    assert ratings["/m/0bt9lr"] == Rating(num_rated=10, num_true=9)


@pytest.mark.parametrize(
    ("rating", "quality"),
    [(Rating(10, 9), 0.9), (Rating(9, 9), 1.0), (Rating(10, 0), 0.0), (Rating(0, 0), None)],
)
def test_quality_is_the_share_of_true_labels_and_none_if_nobody_rated(
    rating: Rating, quality: float | None
) -> None:
    assert rating.quality == quality


@pytest.mark.parametrize(
    "content",
    [
        HEADER + "/m/a,10,9\n/m/b,0,0\n",
        HEADER + "/m/a,10,9\n\n/m/b,0,0",
        (HEADER + "/m/a,10,9\n/m/b,0,0\n").replace("\n", "\r\n"),
        "\ufeff" + HEADER + '"/m/a","10","9"\n/m/b,0,0\n',
    ],
)
def test_line_ends_quotes_and_byte_order_marks_do_not_matter(tmp_path: Path, content: str) -> None:
    assert _read(tmp_path, content) == {"/m/a": Rating(10, 9), "/m/b": Rating(0, 0)}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", None, "the file is empty"),
        (HEADER, 1, "holds no rows"),
        ("<!DOCTYPE html>\n<html>", 1, "expected the columns label_id,num_rated,num_true, found"),
        ("/m/a,10,9\n", 1, "expected the columns"),
        (HEADER + "/m/a,10\n", 2, "expected 3 columns, found 2"),
        (HEADER + "/m/a,10,9\n/m/b,10,9,1\n", 3, "expected 3 columns, found 4"),
        (HEADER + "Dog,10,9\n", 2, "label_id: expected an id like /m/0bt9lr, found 'Dog'"),
        (HEADER + "/m/a,ten,9\n", 2, "num_rated: expected a whole number, found 'ten'"),
        (HEADER + "/m/a,10,-1\n", 2, "num_true: expected a whole number, found '-1'"),
        (HEADER + "/m/a,10,9.0\n", 2, "num_true: expected a whole number"),
        (HEADER + "/m/a,٣,1\n", 2, "num_rated: expected a whole number"),
        (HEADER + f"/m/a,{'9' * 5000},1\n", 2, "num_rated: expected a whole number"),
        (HEADER + "/m/a,9,10\n", 2, "num_true 10 exceeds num_rated 9"),
        (HEADER + "\n/m/a,9,9\n/m/a,9,9\n", 4, "/m/a stands in the file twice"),
        (HEADER + '/m/a,9,"9\n', 2, "not a CSV row"),
        (HEADER + '/m/a,9,"9" 1\n', 2, "not a CSV row"),
        (HEADER + f"/m/a,9,{'9' * 200_000}\n", 2, "not a CSV row"),
        (HEADER + "/m/a,9,9\0\n", 2, "num_true: expected a whole number"),
        (HEADER.encode() + b"/m/a,9,9\n\xff", 3, "not a text in UTF-8"),
        (b"\x1f\x8b not gzip", None, "the gzip file is damaged or cut short"),
        (b"a" * (17 << 20), None, "larger than 4 MiB"),
    ],
)
def test_malformed_tables_are_refused_with_file_and_line(
    tmp_path: Path, content: str | bytes, line: int | None, message: str
) -> None:
    with pytest.raises(MetadataError) as caught:
        _read(tmp_path, content)

    assert message in str(caught.value)
    assert caught.value.path == tmp_path / "qa_true_counts.csv"
    assert caught.value.line == line


_ROWS = st.lists(st.lists(st.sampled_from(["/m/a", "/m/b", "1", "2", '"', "\n", "x"]), max_size=4))


@settings(deadline=None)
@given(st.binary(max_size=100) | _ROWS.map(lambda rows: "\n".join(map(",".join, rows)).encode()))
def test_any_rows_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: bytes
) -> None:
    try:
        ratings = _read(tmp_path_factory.getbasetemp(), HEADER.encode() + rows)
    except MetadataError:
        return
    assert all(rating.num_true <= rating.num_rated for rating in ratings.values())


@pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)
def test_google_ratings() -> None:
    ratings = read_ratings(Path(os.environ["AUDIOSET_METADATA"]) / "qa_true_counts.csv")

    assert len(ratings) == 527
    assert sum(rating.quality is None for rating in ratings.values()) == 70
    assert ratings["/m/05zppz"] == Rating(10, 9)


INDEX_HEADER = "index,mid,display_name\n"


def _read_indices(tmp_path: Path, content: str) -> dict[str, int]:
    path = tmp_path / "class_labels_indices.csv"
    path.write_text(content)
    return read_class_indices(path)


def test_indices_are_read_by_mid_in_the_order_of_the_file() -> None:
    indices = read_class_indices(DATA / "class_labels_indices.csv")

    assert list(indices.values()) == list(range(18))
    assert indices["/m/09x0r"] == 0
    assert list(indices)[:3] == ["/m/09x0r", "/m/05zppz", "/t/dd00013"]


def test_names_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    assert _read_indices(tmp_path, INDEX_HEADER + '5,/m/a,"Bee, ""wasp"", etc."\n') == {"/m/a": 5}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("mid,index,display_name\n", 1, "expected the columns index,mid,display_name"),
        (INDEX_HEADER + "0,/m/a,A\n0,/m/b,B\n", 3, "index 0 stands in the file twice"),
        (INDEX_HEADER + "0,/m/a,A\n1,/m/a,A\n", 3, "/m/a stands in the file twice"),
        (INDEX_HEADER + "x,/m/a,A\n", 2, "index: expected a whole number, found 'x'"),
        (INDEX_HEADER + "0,,A\n", 2, "mid: expected an id like /m/0bt9lr, found ''"),
        (INDEX_HEADER + "0,/m/a,Bee, wasp\n", 2, "expected 3 columns, found 4"),
    ],
)
def test_malformed_tables_of_indices_are_refused_with_file_and_line(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    with pytest.raises(MetadataError) as caught:
        _read_indices(tmp_path, content)

    assert message in str(caught.value)
    assert (caught.value.path, caught.value.line) == (tmp_path / "class_labels_indices.csv", line)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 3), st.sampled_from(["/m/a", "/m/b", "x"])), min_size=1))
def test_any_indices_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    content = INDEX_HEADER + "".join(f"{index},{mid},A\n" for index, mid in rows)
    well_formed = all(index >= 0 and mid != "x" for index, mid in rows)
    unique = all(len(set(column)) == len(rows) for column in zip(*rows, strict=True))
    if well_formed and unique:
        assert _read_indices(tmp_path_factory.getbasetemp(), content) == {mid: i for i, mid in rows}
    else:
        with pytest.raises(MetadataError):
            _read_indices(tmp_path_factory.getbasetemp(), content)


@pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)
def test_google_indices() -> None:
    indices = read_class_indices(Path(os.environ["AUDIOSET_METADATA"]) / "class_labels_indices.csv")

    assert list(indices.values()) == list(range(527))
    assert indices["/m/0bt9lr"] == 74
