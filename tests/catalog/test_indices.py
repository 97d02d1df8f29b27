"""Class indices: reading them, and tables that are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.catalog.indices import read_class_indices
from audioset_dl.errors import MetadataError

DATA = Path(__file__).parents[1] / "data"
HEADER = "index,mid,display_name\n"


def _read(tmp_path: Path, content: str) -> dict[str, int]:
    path = tmp_path / "class_labels_indices.csv"
    path.write_text(content)
    return read_class_indices(path)


def test_indices_are_read_by_mid_in_the_order_of_the_file() -> None:
    indices = read_class_indices(DATA / "class_labels_indices.csv")

    assert list(indices.values()) == list(range(18))
    assert indices["/m/09x0r"] == 0
    assert list(indices)[:3] == ["/m/09x0r", "/m/05zppz", "/t/dd00013"]


def test_names_may_hold_commas_and_quotes(tmp_path: Path) -> None:
    assert _read(tmp_path, HEADER + '5,/m/a,"Bee, ""wasp"", etc."\n') == {"/m/a": 5}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("mid,index,display_name\n", 1, "expected the columns index,mid,display_name"),
        (HEADER + "0,/m/a,A\n0,/m/b,B\n", 3, "index 0 stands in the file twice"),
        (HEADER + "0,/m/a,A\n1,/m/a,A\n", 3, "/m/a stands in the file twice"),
        (HEADER + "x,/m/a,A\n", 2, "index: expected a whole number, found 'x'"),
        (HEADER + "0,,A\n", 2, "mid: expected an id like /m/0bt9lr, found ''"),
        (HEADER + "0,/m/a,Bee, wasp\n", 2, "expected 3 columns, found 4"),
    ],
)
def test_malformed_tables_are_refused_with_file_and_line(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    with pytest.raises(MetadataError) as caught:
        _read(tmp_path, content)

    assert message in str(caught.value)
    assert (caught.value.path, caught.value.line) == (tmp_path / "class_labels_indices.csv", line)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 3), st.sampled_from(["/m/a", "/m/b", "x"])), min_size=1))
def test_any_rows_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    content = HEADER + "".join(f"{index},{mid},A\n" for index, mid in rows)
    well_formed = all(index >= 0 and mid != "x" for index, mid in rows)
    unique = all(len(set(column)) == len(rows) for column in zip(*rows, strict=True))
    if well_formed and unique:
        assert _read(tmp_path_factory.getbasetemp(), content) == {mid: i for i, mid in rows}
    else:
        with pytest.raises(MetadataError):
            _read(tmp_path_factory.getbasetemp(), content)


@pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)
def test_google() -> None:
    indices = read_class_indices(Path(os.environ["AUDIOSET_METADATA"]) / "class_labels_indices.csv")

    assert list(indices.values()) == list(range(527))
    assert indices["/m/0bt9lr"] == 74
