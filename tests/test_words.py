"""Numbers, sizes, times, lists and tables, as people read them."""

from __future__ import annotations

import pytest

from audioset_dl import words


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (320_044, "320 kB"), (12_345_678, "12.3 MB"),
     (5e12, "5 TB")],
)  # fmt: skip
def test_sizes(num_bytes: float, text: str) -> None:
    assert words.size(num_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h"),
     (172_799, "48.0 h"), (172_800, "2.0 days")],
)  # fmt: skip
def test_lengths_of_time(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_numbers_with_their_noun() -> None:
    assert words.count(1, "clip") == "1 clip"
    assert words.count(1234, "class", "classes") == "1,234 classes"
    assert words.by_code({"removed": 1200, "age": 1}) == "removed 1,200, age 1"


def test_long_lists_are_cut_and_counted() -> None:
    names = list("abcdefg")
    assert words.some(names[:5]) == "a, b, c, d, e"
    assert words.some(names, "; ") == "a; b; c; d; e and 2 more"
    lines = [f"line {number}" for number in range(1030)]
    assert words.first_lines(lines[:20]) == lines[:20]
    assert words.first_lines(lines, "and {}; see --json")[19:] == [
        "line 19", "and 1,010; see --json",
    ]  # fmt: skip


def test_csv_has_heads_also_without_rows() -> None:
    rows = [{"name": "Bee, wasp, etc.", "mids": ("/m/1", "/m/2")}, {"name": "Dog", "mids": []}]
    assert words.to_csv(rows) == 'name,mids\n"Bee, wasp, etc.",/m/1;/m/2\nDog,'
    assert words.to_csv([], ("name", "mids")) == "name,mids"
    assert words.to_csv([]) == ""


def test_a_table_is_cut_to_a_width_in_its_first_column() -> None:
    rows = [("a name that is long", 1), ("short", 1000), ("a line of its own", None)]
    assert words.table(("class", "clips"), rows, width=20).splitlines() == [
        "class          clips",
        "a name that …      1",
        "short          1,000",
        "a line of its own",
    ]


def test_a_table_writes_numbers_and_shares_and_aligns_them_to_the_right() -> None:
    rows = [("a", 1234, 0.25, "x"), ("b", 0, None, "yes")]
    assert words.table(("class", "clips", "share", "word"), rows).splitlines() == [
        "class  clips  share  word",
        "a      1,234    25%  x",
        "b          0         yes",
    ]
    assert words.table(("class", "clips"), []) == "class  clips"
