"""CSV tables: what is read, what is refused with its line, what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from audioset_dl.errors import OutputError
from audioset_dl.storage.tables import BadRow, Cells, read_table, write_table


def number_of(cells: Cells) -> int:
    number = int(cells["number"])
    if number < 0:
        raise BadRow(f"{number} is below 0")
    return number


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def test_what_is_written_is_read_back(path: Path) -> None:
    rows = [("a;b", 'say "so"', None), ("über, all", "two\nlines", 1.5)]
    write_table(path, ("one", "two", "three"), rows)
    assert list(read_table(path, dict)) == [
        {"one": "a;b", "two": 'say "so"', "three": ""},
        {"one": "über, all", "two": "two\nlines", "three": "1.5"},
    ]
    assert list(path.parent.iterdir()) == [path]


def test_rows_by_column_take_what_the_table_has(path: Path) -> None:
    write_table(path, ("a", "b"), [{"b": 1, "c": 2, "a": 0}, {"b": 3}])
    assert path.read_bytes() == b"a,b\n0,1\n,3\n"
    write_table(path, ("a", "b"), [])
    assert path.read_bytes() == b"a,b\n"


def test_a_byte_order_mark_and_empty_lines_are_skipped(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbfnumber,x\r\n1,a\r\n\r\n2,b\r\n")
    assert list(read_table(path, number_of, columns=("number",))) == [1, 2]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "expected the columns of a list, not found: number"),
        (b"a,b\n", 1, "not found: number"),
        (b"number\n1\nx\n", 3, "not a row of a list, or not whole"),
        (b"number\n-1\n", 2, "not a row of a list, or not whole (-1 is below 0)"),
        (b"number,b\n1\n", 2, "not whole (expected 2 cells, found 1)"),
        (b'number,b\n1,"a\nb"\nx,"a\nb"\n', 5, "not a row of a list, or not whole"),
        (b"number\n1,2\n", 2, "not whole (expected 1 cells, found 2)"),
        (b'number\n1\n"' + b"x" * 200_000, 3, "not a CSV row (field larger than field limit"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_line(path: Path, content, line, words) -> None:
    path.write_bytes(content)
    with pytest.raises(OutputError) as told:
        list(read_table(path, number_of, columns=("number",), what="list", fix="write it anew"))
    assert str(told.value).startswith(f"{path}:{line}: ")
    assert words in str(told.value)
    assert told.value.fix == "write it anew"


@pytest.mark.parametrize("what", ["missing", "a folder", "no text"])
def test_what_can_not_be_read_is_told(path: Path, what: str) -> None:
    if what == "a folder":
        path.mkdir()
    elif what == "no text":
        path.write_bytes(b"number\n\xff\xfe\n")
    with pytest.raises(OutputError, match=r"table\.csv can't be read: "):
        list(read_table(path, number_of))


def test_rows_are_read_one_by_one(path: Path) -> None:
    path.write_text("number\n1\n2\nbad\n")
    rows = read_table(path, number_of)
    assert (next(rows), next(rows)) == (1, 2)
