"""Segment CSVs: the table, its numbers, what counts as a clip, and files that are refused."""

from __future__ import annotations

import gzip
import os
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.catalog import segment_csv
from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.reading import find_label
from audioset_dl.catalog.segment_csv import LabelSets, parse_block
from audioset_dl.catalog.segments import SegmentTable, make_table, read_segments
from audioset_dl.catalog.sources import SegmentSource
from audioset_dl.errors import MetadataError

DATA = Path(__file__).parents[1] / "data"
SUBSETS = ("balanced_train", "eval", "unbalanced_train")
DOG, SPEECH = "/m/0bt9lr", "/m/09x0r"
ROW = '-a_cdefghi0, 30.000, 40.000, "/m/05tny_,/m/0bt9lr"\n'
HEADER = (
    "# Segments csv created Sun Mar  5 10:54:31 2017\n"
    "# num_ytids={0}, num_segs={0}, num_unique_labels=2, num_positive_labels=2\n"
    "# YTID, start_seconds, end_seconds, positive_labels\n"
)


def _gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # the same in each worker of pytest-xdist


@pytest.fixture(scope="module")
def table() -> SegmentTable:
    return read_segments(
        [SegmentSource(DATA / f"{name}_segments.csv", name, is_google=True) for name in SUBSETS]
    )


def _read(tmp_path: Path, content: str | bytes, *, is_google: bool = False) -> SegmentTable:
    path = tmp_path / "mine.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_segments([SegmentSource(path, "mine", is_google)])


def _clips(table: SegmentTable) -> list[Clip]:
    return [table.clip(row) for row in range(len(table))]


def _lines() -> list[list[str]]:
    """Return the fields of the rows in tests/data, taken apart by hand."""
    rows = []
    for subset in SUBSETS:
        for line in (DATA / f"{subset}_segments.csv").read_text().splitlines()[3:]:
            head, labels, _ = line.split('"')
            rows.append([*head.strip(", ").split(", "), labels, subset])
    return rows


def test_all_rows_of_all_files_are_read(table: SegmentTable) -> None:
    assert len(table) == 54
    assert table.subsets == SUBSETS
    assert table.num_duplicates == 0
    assert _clips(table) == [
        Clip(ytid, float(start), float(end), tuple(labels.split(",")), subset)
        for ytid, start, end, labels, subset in _lines()
    ]


def test_a_clip_knows_its_id_and_duration() -> None:
    clip = Clip("-a_cdefghi0", 7.4, 17.4, (DOG,), "eval")

    assert clip.clip_id == "-a_cdefghi0_7400"
    assert clip.duration_s == 10.0


def test_rows_of_a_label_are_those_that_carry_it(table: SegmentTable) -> None:
    for mid in table.mids:
        expected = [row for row, line in enumerate(_lines()) if mid in line[3].split(",")]
        assert table.rows_of(mid).tolist() == expected
        assert table.num_clips(mid) == len(expected) > 0


def test_labels_are_matched_whole(table: SegmentTable) -> None:
    assert table.num_clips("/t/dd000138") == 1
    assert table.num_clips("/t/dd00013") == 4
    assert set(table.rows_of("/t/dd00013")).isdisjoint(table.rows_of("/t/dd000138"))
    assert table.num_clips("/m/0bt9l") == table.num_clips("/m/0bt9lr ") == 0


def test_clips_are_counted_by_subset(table: SegmentTable) -> None:
    assert [table.num_clips(DOG, subset) for subset in SUBSETS] == [6, 2, 5]
    assert table.num_clips(DOG, "mine") == 0
    assert table.num_clips("/m/none", "eval") == 0


def test_rows_that_are_handed_out_do_not_give_access_to_the_table(table: SegmentTable) -> None:
    with pytest.raises(ValueError, match="read-only"):
        table.rows_of(DOG)[0] = 0


def test_clip_ids_are_in_the_order_asked_for(table: SegmentTable) -> None:
    rows = table.rows_of(SPEECH)[::-1]

    assert table.clip_ids(rows) == [table.clip(row).clip_id for row in rows]
    assert table.clip_ids() == [clip.clip_id for clip in _clips(table)]
    assert table.clip_ids(np.empty(0, np.int32)) == []


def test_durations_are_in_seconds(table: SegmentTable) -> None:
    durations = table.durations_s()

    assert durations.dtype == np.float64
    assert durations.tolist() == [clip.duration_s for clip in _clips(table)]
    assert table.durations_s(table.rows_of("/m/0dwtp")).tolist() == [10.0, 10.0, 6.5, 10.0, 10.0]


def test_find_is_the_inverse_of_clip_ids(table: SegmentTable) -> None:
    assert [table.find(clip_id) for clip_id in table.clip_ids()] == list(range(len(table)))


@pytest.mark.parametrize(
    "clip_id",
    ["", "-PTuSgR7cMy", "-PTuSgR7cMy_20001", "-PTuSgR7cMy_020000", "-PTuSgR7cMz_20000",
     "-PTuSgR7cMy_20000 ", "-PTuSgR7cMy_-1", "-PTuSgR7cMy_9999999999", "-PTuSgR7cMy_٢٠٠٠٠",
     "-ptusgr7cmy_20000"],
)  # fmt: skip
def test_find_finds_nothing_else(table: SegmentTable, clip_id: str) -> None:
    assert table.find("-PTuSgR7cMy_20000") is not None
    assert table.find(clip_id) is None


def test_no_files_make_an_empty_table() -> None:
    table = read_segments([])

    assert (len(table), table.mids, table.subsets) == (0, (), ())
    assert table.num_clips(DOG) == table.num_duplicates == 0
    assert table.clip_ids() == table.durations_s().tolist() == table.rows_of(DOG).tolist() == []
    assert table.find("-PTuSgR7cMy_20000") is None


def test_the_order_of_rows_decides_row_numbers_only(tmp_path: Path, table: SegmentTable) -> None:
    lines = [line for name in SUBSETS
             for line in (DATA / f"{name}_segments.csv").read_text().splitlines()[3:]]  # fmt: skip
    random.Random(0).shuffle(lines)
    shuffled = _read(tmp_path, "\n".join(lines))

    assert shuffled.clip_ids() != table.clip_ids()
    assert shuffled.mids == table.mids
    for mid in table.mids:
        expected = sorted(table.clip_ids(table.rows_of(mid)))
        assert sorted(shuffled.clip_ids(shuffled.rows_of(mid))) == expected


def test_the_first_of_two_rows_with_one_clip_id_is_kept(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text(ROW + "xxxxxxxxxxx,0,1,/m/09x0r\n" + ROW.replace("40.000", "39.000"))
    second.write_text("yyyyyyyyyyy,0,1,/m/09x0r\n" + ROW.replace("/m/05tny_", SPEECH)
                      + ROW.replace("30.0", "31.0"))  # fmt: skip
    table = read_segments([SegmentSource(first, "a"), SegmentSource(second, "b")])

    assert table.num_duplicates == 2
    assert table.clip_ids() == [
        "-a_cdefghi0_30000", "xxxxxxxxxxx_0", "yyyyyyyyyyy_0", "-a_cdefghi0_31000"
    ]  # fmt: skip
    assert table.clip(0) == Clip("-a_cdefghi0", 30.0, 40.0, ("/m/05tny_", DOG), "a")
    assert table.num_clips(SPEECH) == 2
    assert table.find("-a_cdefghi0_30000") == 0


def test_ids_that_differ_by_case_or_last_character_are_different_clips(tmp_path: Path) -> None:
    ids = ["aaaaaaaaaaa", "Aaaaaaaaaaa", "aaaaaaaaaaA", "aaaaaaaaaa-"]

    assert len(_read(tmp_path, "".join(f"{ytid},0,1,/m/a\n" for ytid in ids))) == 4


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd-_"), st.integers(0, 3)), min_size=1))
def test_duplicates_are_those_of_a_set(
    tmp_path_factory: pytest.TempPathFactory, clips: list[tuple[str, int]]
) -> None:
    content = "".join(f'{c * 11}, {s}.000, 9.000, "/m/a"\n' for c, s in clips)
    table = _read(tmp_path_factory.getbasetemp(), content)

    assert table.clip_ids() == list(dict.fromkeys(f"{c * 11}_{s * 1000}" for c, s in clips))
    assert table.num_duplicates == len(clips) - len(set(clips))


PLAIN = Clip("-a_cdefghi0", 30.0, 40.0, ("/m/05tny_", DOG), "mine")


@pytest.mark.parametrize(
    "content",
    [
        ROW,
        ROW.strip(),
        HEADER.format(1) + ROW,
        HEADER.format(77) + ROW,
        "\ufeff" + HEADER.format(1) + ROW,
        (HEADER.format(1) + ROW).replace("\n", "\r\n"),
        "YTID,start_seconds,end_seconds,positive_labels\n" + ROW,
        "YTID, start_seconds, end_seconds, positive_labels\r\n" + ROW,
        '"YTID","start_seconds","end_seconds","positive_labels"\n' + ROW,
        "\n\n" + ROW + "\n  \n",
        '-a_cdefghi0,30,40,"/m/05tny_,/m/0bt9lr"',
        '"-a_cdefghi0","30.0","40.0","/m/05tny_,/m/0bt9lr"',
        '-a_cdefghi0,3e1,+40.,"/m/05tny_, /m/0bt9lr"',
        '-a_cdefghi0, 29.9999999, 40.000000000000007, "/m/05tny_,/m/0bt9lr"\n',
        '-a_cdefghi0, 30.000, 40.000, "/m/05tny_,/m/0bt9lr,/m/05tny_"\n',
        '  -a_cdefghi0,   30.000 , 40.000, "/m/05tny_,/m/0bt9lr" \t\r\n',
    ],
)
def test_all_ways_of_writing_a_row_are_read_alike(tmp_path: Path, content: str) -> None:
    assert _clips(_read(tmp_path, content)) == [PLAIN]
    assert _clips(_read(tmp_path, gzip.compress(content.encode()))) == [PLAIN]


def test_a_single_label_needs_no_quotes(tmp_path: Path) -> None:
    assert _clips(_read(tmp_path, "-a_cdefghi0, 30.000, 40.000, /m/09x0r\n")) == [
        Clip("-a_cdefghi0", 30.0, 40.0, (SPEECH,), "mine")
    ]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_csv, "_BLOCK_BYTES", 1 << 16)


@pytest.mark.usefixtures("small_blocks")
def test_one_odd_row_among_many_blocks_changes_nothing(tmp_path: Path) -> None:
    rows = [f'{n:011d}, {n}.000, {n + 10}.000, "/m/a{n % 700},/m/b"\n' for n in range(6000)]
    plain = _read(tmp_path, "".join(rows))
    rows[1] = "\n" + rows[1].replace('"', "  '").replace("'", '"')
    odd = _read(tmp_path, "".join(rows))

    assert sum(map(len, rows)) > 3 * segment_csv._BLOCK_BYTES
    assert len(plain) == 6000
    assert _clips(odd) == _clips(plain)
    assert plain.num_clips("/m/b") == 6000
    assert plain.rows_of("/m/a1").tolist() == list(range(1, 6000, 700))


@pytest.mark.usefixtures("small_blocks")
def test_a_bad_row_far_down_is_named_by_its_line(tmp_path: Path) -> None:
    rows = [f'{n:011d}, {n}.000, {n + 10}.000, "/m/a"\n' for n in range(9000)]
    rows[5] = "\r\n" + rows[5]
    rows[8000] = rows[8000].replace("8010.000", "80l0.000")
    with pytest.raises(MetadataError, match=r"end_seconds is not a number: '80l0\.000'") as caught:
        _read(tmp_path, HEADER.format(9000) + "".join(rows))

    assert caught.value.line == 3 + 8001 + 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("tooshort, 0.000, 1.000, /m/a", "expected a YouTube id (11 of A-Z a-z 0-9 _ -), found"),
        ("twelve_chars, 0.000, 1.000, /m/a", "expected a YouTube id"),
        ("abc.efghijk, 0.000, 1.000, /m/a", "found 'abc.efghijk'"),
        ("abc/efghijk, 0.000, 1.000, /m/a", "expected a YouTube id"),
        ("aaaaaaaaaaa, x, 1.000, /m/a", "start_seconds is not a number: 'x'"),
        ("aaaaaaaaaaa, , 1.000, /m/a", "start_seconds is not a number: ''"),
        ("aaaaaaaaaaa, 1_0, 11, /m/a", "start_seconds is not a number: '1_0'"),
        ("aaaaaaaaaaa, ٣, 11, /m/a", "holds characters outside ASCII"),
        ("aaaaaaaaaaa, 0:30, 40, /m/a", "start_seconds is not a number: '0:30'"),
        ("aaaaaaaaaaa, 0, nan, /m/a", "end_seconds is not a finite number: 'nan'"),
        ("aaaaaaaaaaa, 0, inf, /m/a", "end_seconds is not a finite number"),
        ("aaaaaaaaaaa, 0, 1e999, /m/a", "end_seconds is not a finite number"),
        ("aaaaaaaaaaa, 0, 1e306, /m/a", "end_seconds is not a finite number"),
        ("aaaaaaaaaaa, 0\t, 9, /m/a", "start_seconds is not a number"),
        ("aaaaaaaaaaa, -1.000, 9.000, /m/a", "start_seconds must not be negative, found -1.000"),
        ("aaaaaaaaaaa, 0.000, -1.000, /m/a", "end_seconds must not be negative, found -1.000"),
        ("aaaaaaaaaaa, 10.000, 10.000, /m/a", "end_seconds must come after start_seconds"),
        ("aaaaaaaaaaa, 10.000, 10.0004, /m/a", "end_seconds must come after start_seconds"),
        ("aaaaaaaaaaa, 20.000, 10.000, /m/a", "found 20.000 and 10.000"),
        ("aaaaaaaaaaa, 0.000, 9e9, /m/a", "far beyond any video's length: 9e9"),
        ("aaaaaaaaaaa, 0.000, 10.000", "expected the 4 columns YTID, start_seconds, end_seconds,"),
        ("aaaaaaaaaaa 0.000 10.000 /m/a", "found 1"),
        ("aaaaaaaaaaa, 0.000, 10.000,", "expected labels like /m/0bt9lr, found ''"),
        ('aaaaaaaaaaa, 0.000, 10.000, ""', "expected labels like /m/0bt9lr, found ''"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/a,"', "expected labels like /m/0bt9lr, found ''"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/a;/m/b"', "found '/m/a;/m/b'"),
        ('aaaaaaaaaaa, 0.000, 10.000, x"/m/a"', "expected labels like /m/0bt9lr, found 'x"),
        ('aaaaaaaaaaa, 0.000, 10.000, "Dog"', "found 'Dog'"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/A"', "found '/m/A'"),
        ("aaaaaaaaaaa, 0.000, 10.000, /m/a,/m/b", "several labels must be one quoted field"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/a', "not a CSV row (unexpected end of data)"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/a" x', "not a CSV row"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/a"b', "not a CSV row"),
        ("aaaaaaaaaaa, 0.000, 10.000, /m/a\rbbbbbbbbbbb, 0.000, 10.000, /m/a\n", "not a CSV row"),
        ("\ufeffaaaaaaaaaaa, 0.000, 10.000, /m/a", "holds characters outside ASCII"),
        ('aaaaaaaaaaa, 0.000, 10.000, "/m/a\0"', "holds NUL bytes"),
        ("aaaaaaaaaaa\0b, 0.000, 10.000, /m/a", "holds NUL bytes"),
        ("aaaaaaaaaaa, 0.000, 10.000, \x85", "holds characters outside ASCII"),
        ("# a comment further down", "found 1"),
        ("#NAME?, 0.000, 10.000, /m/a", "found '#NAME?'; a spreadsheet takes ids that begin"),
        ("aaaaaaaaaaa, 0.000, 10.000, " + "/m/a," * 200_000, "a line of more than 65,536 bytes"),
        ('aaaaaaaaaaa, 0.000, 10.000, "' + "/m/a," * 200_000 + '"', "a line of more than 65,536"),
        ('aaaaaaaaaaa, 0.000, 10.000, "' + "/m/a," * 8_000 + '/m/a"', "a label field of 40,00"),
        ("a" * 1_000_000, "a line of more than 65,536 bytes"),
    ],
)
def test_a_malformed_row_is_refused_with_file_and_line(
    tmp_path: Path, row: str, message: str
) -> None:
    with pytest.raises(MetadataError) as caught:
        _read(tmp_path, f"{HEADER.format(3)}{ROW}{row}\n{ROW}")

    assert message in str(caught.value)
    assert (caught.value.path, caught.value.line) == (tmp_path / "mine.csv", 5)
    assert len(str(caught.value)) < len(str(tmp_path)) + 250


@pytest.mark.parametrize("lost", ["#NAME?", "#REF!", "#VALEUR!", "#N/A", "#", "# formula"])
@pytest.mark.parametrize(
    "row", ["%s, 30.000, 40.000, /m/a\n", '%s,30,4E1,"/m/a"\n', "%s;30;40;/m\n"]
)
@pytest.mark.parametrize("above", ["", HEADER.format(3), "# a comment, 1, 2\n"])
def test_a_row_that_lost_its_id_is_no_comment(tmp_path, lost: str, row: str, above: str) -> None:
    with pytest.raises(
        MetadataError, match=r"expected a YouTube id, found '#.*a spreadsheet"
    ) as met:
        _read(tmp_path, above + row % lost + ROW)
    assert (met.value.path, met.value.line) == (tmp_path / "mine.csv", above.count("\n") + 1)


def test_a_row_that_somebody_commented_out_is_a_comment(tmp_path: Path) -> None:
    rows = "#aaaaaaaaaaa, 0, 10, /m/a\n# bbbbbbbbbbb;0;10;/m/a\n#--\n# taken out: 3, 4, 5\n"
    assert len(_read(tmp_path, HEADER.format(1) + rows + ROW)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no segments"),
        (HEADER.format(0).encode(), "holds no segments"),
        (b"\n \n", "holds no segments"),
        (b"YTID,start_seconds,end_seconds,positive_labels\n", "holds no segments"),
        (b"<!DOCTYPE html>\n<html></html>", ":1: expected the 4 columns"),
        (b"\xff\xfe" + ROW.encode("utf-16-le"), ":1: holds NUL bytes"),
        (bytes(range(256)) * 10_000, "holds NUL bytes"),
        (random.Random(0).randbytes(300_000), ""),
        (b"\0" * 5_000_000, "a line of more than 65,536 bytes"),
        (ROW.replace("\n", "\r").encode() * 2, "not a CSV row"),
        (b"#" * 1_000_000, "a line of more than 65,536 bytes"),
        (_gz(ROW.encode() * 9000)[:-20], "damaged or cut short"),
        (_gz(ROW.encode() * 9000)[:500], "damaged or cut short"),
        (b"\x1f\x8b\x08" + b"x" * 100, "damaged or cut short"),
        (_gz(ROW.encode()) + b"garbage", "damaged or cut short"),
    ],
)
def test_what_is_no_segment_csv_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(MetadataError) as caught:
        _read(tmp_path, content)

    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "mine.csv"))


def test_a_missing_file_and_a_folder_are_metadata_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(MetadataError, match="can't be read"):
            read_segments([SegmentSource(path, "mine")])


def test_a_line_without_end_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(64):
            file.write(b"a" * (1 << 20))
    tracemalloc.start()
    with pytest.raises(MetadataError, match=r":1: a line of more than 65,536 bytes"):
        read_segments([SegmentSource(path, "mine")])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 8 * segment_csv._BLOCK_BYTES


@pytest.mark.parametrize("num_segs", [0, 1, 3])
def test_googles_own_files_must_be_whole(tmp_path: Path, num_segs: int) -> None:
    content = HEADER.format(num_segs) + ROW + ROW.replace("-a", "-b")

    assert len(_read(tmp_path, content)) == 2
    with pytest.raises(MetadataError) as caught:
        _read(tmp_path, content, is_google=True)
    assert f"its header says {num_segs} segments, it holds 2" in str(caught.value)
    assert "delete the file to have it downloaded again" in str(caught.value)


def test_googles_own_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = (DATA / "eval_segments.csv").read_bytes()
    data = whole.index(b"\n-") + 1
    for end in range(data, len(whole) - 1):
        with pytest.raises(MetadataError, match="delete the file to have it downloaded again"):
            _read(tmp_path, whole[:end], is_google=True)
    assert len(_read(tmp_path, whole[:-1], is_google=True)) == 12


def test_a_label_is_found_in_its_file() -> None:
    path = DATA / "balanced_train_segments.csv"
    lines = path.read_text().splitlines()

    assert lines[find_label(path, "/t/dd00013") - 1].endswith('"/t/dd00013"')
    assert "/t/dd000138" in lines[find_label(path, "/t/dd000138") - 1]
    assert find_label(path, "/t/dd0001") is None


_PIECES = st.sampled_from(
    ["aaaaaaaaaaa", "-b_cdefghi0", "short", "0.000", "10.000", "-1", "1e3", "nan", "/m/a",
     "/m/a,/m/b", "/t/dd00013", '"', '""', "\n", "\r\n", "\r", "\t", ",", ", ", " ", "#", "\0",
     "é", "YTID", 'aaaaaaaaaaa, 0.000, 10.000, "/m/a"\n', '-b_cdefghi0, 5.500, 9.000, "/m/b"\n']
)  # fmt: skip
_ALMOST_ROWS = st.lists(_PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode())


@settings(deadline=None)
@given(st.binary(max_size=300) | _ALMOST_ROWS)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    try:
        table = _read(tmp_path_factory.getbasetemp(), content)
    except MetadataError as error:
        assert error.path is not None  # noqa: PT017
        return
    assert all(0 <= clip.start_s < clip.end_s and clip.labels for clip in _clips(table))


def _mostly(*texts: str) -> st.SearchStrategy[str]:
    """Draw the first texts, up to the ``|``, more often than those after it."""
    usual, odd = texts[: texts.index("|")], texts[texts.index("|") + 1 :]
    return st.integers(0, 15).flatmap(lambda n: st.sampled_from(usual if n else odd))


_LINES = st.lists(
    st.tuples(
        _mostly("aaaaaaaaaaa", "  -b_cdefghi0", "|", '"ccccccccccc"', "\tddddddddddd", "short", ""),
        _mostly(",", ", ", ",   ", "|", " ,", ",,", "\t"),
        _mostly("0", "5.500", " 7 ", "1e1", "|", '"8"', "9\t", "\r9", "1_0", "inf", '"9\n"'),
        _mostly("10.001", "10.00149999999", "+11.", "|", "0x20", "nan", "-1", ""),
        _mostly("/m/a", '"/m/a,/m/b"', '"/m/a, /m/b "', "|", '"/m/a"b', 'x"/m/a"', '"/m/a', '"\n"',
                '"/m/a""', '"/m/a\n"', "/m/a,/m/b", "/m/a\0", '"', ""),
        _mostly("\n", "\r\n", "|", " \n", "\t\n", "\r", "\n\n", "\n \n"),
    ).map(lambda row: row[0] + row[1] + row[2] + row[1] + row[3] + row[1] + row[4] + row[5]),
    min_size=1, max_size=4,
).map(lambda lines: "".join(lines).encode())  # fmt: skip


@pytest.mark.e2e
@settings(deadline=None, max_examples=500)
@given(_LINES | _ALMOST_ROWS)
def test_the_fast_way_reads_what_the_slow_one_reads(content: bytes) -> None:
    block = content if content.endswith(b"\n") else content + b"\n"
    sets = LabelSets()
    try:
        fast = segment_csv._parse_columns(segment_csv._split_block(block), sets)
    except ValueError:
        return
    slow = segment_csv._parse_columns(segment_csv._split_lines(block, sets), sets)
    assert len(fast.ytids) == block.count(b"\n")
    for column in ("ytids", "start_ms", "end_ms"):
        assert getattr(fast, column).tolist() == getattr(slow, column).tolist()
    assert [sets.sets[code] for code in fast.set_codes] == [
        sets.sets[code] for code in slow.set_codes
    ]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_the_fast_way_takes_googles_rows(monkeypatch: pytest.MonkeyPatch, newline: bytes) -> None:
    monkeypatch.delattr(segment_csv, "_split_lines")
    content = (DATA / "eval_segments.csv").read_bytes()
    block = content[content.index(b"\n-") + 1 :].replace(b"\n", newline)
    rows = parse_block(block, LabelSets())

    assert len(rows.ytids) == 12
    assert (rows.ytids[0], rows.start_ms[0]) == (b"-6XUi5Ahuqp", 30_000)
    assert {rows.start_ms.dtype, rows.end_ms.dtype, rows.set_codes.dtype} == {np.dtype(np.int32)}


def test_equal_label_fields_share_a_number() -> None:
    label_sets = LabelSets()

    assert label_sets["/m/a,/m/b"] == label_sets["/m/a,/m/b"] == 0
    assert label_sets["/m/a"] == 1
    assert label_sets.sets == [("/m/a", "/m/b"), ("/m/a",)]


needs_google = pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)


@pytest.fixture(scope="module")
def google() -> SegmentTable:
    folder = Path(os.environ["AUDIOSET_METADATA"])
    paths = [folder / f"{name}_segments.csv" for name in SUBSETS]
    found = [path if path.exists() else Path(f"{path}.gz") for path in paths]
    sources = zip(found, SUBSETS, strict=True)
    return read_segments([SegmentSource(path, name, is_google=True) for path, name in sources])


@needs_google
def test_google_has_all_clips(google: SegmentTable) -> None:
    assert len(google) == 2_084_320
    assert len(google.mids) == 527
    assert google.num_duplicates == 0
    assert sum(google.num_clips(mid, "unbalanced_train") for mid in google.mids) == 4_020_212


@needs_google
@pytest.mark.parametrize(
    ("mid", "counts"),
    [
        ("/m/0bt9lr", [273, 230, 13_202]),
        ("/m/05tny_", [60, 60, 2_512]),
        ("/m/01yrx", [122, 109, 3_733]),
        ("/m/09x0r", [5_735, 5_324, 999_421]),
        ("/m/0dwtp", [66, 64, 3_989]),
    ],
)
def test_google_clips_of_a_class(google: SegmentTable, mid: str, counts: list[int]) -> None:
    assert [google.num_clips(mid, subset) for subset in SUBSETS] == counts


@needs_google
def test_google_lengths_and_ids(google: SegmentTable) -> None:
    odd = np.abs(google.durations_s() - 10) > 0.0005
    clip_ids = google.clip_ids(np.arange(42_531, len(google)))

    assert np.count_nonzero(odd[42_531:]) == 23_365  # 23,375 in floats: 64.9 - 54.9 != 10
    assert google.durations_s().min() == 1.0
    assert sum(clip_id[0] == "-" for clip_id in clip_ids) == 62_080


@needs_google
def test_google_clips_are_all_found(google: SegmentTable) -> None:
    rows = np.arange(0, len(google), 999)

    assert [google.find(clip_id) for clip_id in google.clip_ids(rows)] == rows.tolist()


def test_find_all_is_find_of_each(table: SegmentTable) -> None:
    clip_ids = [*table.clip_ids()[::-1], "", "x", "-PTuSgR7cMy_20001", "-PTuSgR7cMy_020000",
                "zzzzzzzzzzz_0", "-----------_9999999999"]  # fmt: skip
    rows = [table.find(clip_id) for clip_id in clip_ids]
    assert table.find_all(clip_ids).tolist() == [-1 if row is None else row for row in rows]
    assert table.find_all([]).tolist() == []
    assert read_segments([]).find_all(["-PTuSgR7cMy_20000"]).tolist() == [-1]


def test_several_clips_of_a_video_are_found() -> None:
    clips = [Clip("aaaaaaaaaaa", start, start + 10, (DOG,), "mine") for start in (30.0, 0.0, 10.0)]
    clips.insert(1, Clip("bbbbbbbbbbb", 10.0, 20.0, (SPEECH, DOG), "yours"))
    made = make_table(clips)
    assert [made.clip(row) for row in range(4)] == clips
    wanted = ["aaaaaaaaaaa_10000", "aaaaaaaaaaa_5", "aaaaaaaaaaa_0", "bbbbbbbbbbb_10000"]
    assert made.find_all(wanted).tolist() == [3, -1, 2, 1]
    assert made.rows_of(DOG).tolist() == [0, 1, 2, 3]
    assert made.rows_of(SPEECH).tolist() == [1]
