"""The cache: the same tables and rankings with it and without, and none that can't be trusted."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.catalog import cache as cache_module
from audioset_dl.catalog import segments
from audioset_dl.catalog.cache import FOLDER_NAME, Cache, make_key
from audioset_dl.catalog.catalog import load_catalog
from audioset_dl.catalog.segments import SegmentTable, read_segments
from audioset_dl.catalog.sources import SegmentSource
from audioset_dl.config import ClipsConfig, Config, MetadataConfig
from audioset_dl.errors import MetadataError
from audioset_dl.selection.ranking import rank_clips, rank_rows
from audioset_dl.selection.select import Prepared, prepare

DATA = Path(__file__).parents[1] / "data"
SUBSETS = ("balanced_train", "eval", "unbalanced_train")
KEY = make_key("a key")
COLUMNS = {"rows": np.arange(5, dtype=np.int32), "ids": np.array([b"abc", b"d"], "S11")}
LONG_AGO_S = 1_000_000_000

MIDS = [f"/m/{letter}" for letter in "abcde"]
ROWS = st.lists(
    st.tuples(
        st.sampled_from([f"{letter * 10}{end}" for letter in "-_aZ" for end in "09"]),
        st.integers(0, 3),
        st.lists(st.sampled_from(MIDS), min_size=1, max_size=3).map(",".join),
    ),
    min_size=1,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a metadata folder whose files were not just written."""
    copied = Path(shutil.copytree(DATA, tmp_path / "metadata"))
    for path in copied.iterdir():
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    return copied


@pytest.fixture
def settled(monkeypatch) -> None:
    """Make it long after all files were written: the change time can't be set."""
    now = cache_module.time.time() + 3600
    monkeypatch.setattr(cache_module.time, "time", lambda: now)


@pytest.fixture
def num_parsed(monkeypatch) -> Iterator[list[int]]:
    """Count how often segment files are parsed."""
    parse, calls = segments._parse, []
    monkeypatch.setattr(segments, "_parse", lambda *some: calls.append(1) or parse(*some))
    return calls


def write_rows(path: Path, rows: list[tuple[str, int, str]]) -> Path:
    lines = [f'{ytid}, {start}.000, {start + 9}.000, "{labels}"\n' for ytid, start, labels in rows]
    path.write_text("".join(lines))
    return path


def content_of(table: SegmentTable) -> list[object]:
    """Return all that a table tells, in its order."""
    return [
        table.key, table.subsets, table.mids, table.num_duplicates, table.clip_ids(),
        [table.clip(row) for row in range(len(table))],
        [table.find(clip_id) for clip_id in table.clip_ids()],
        [table.rows_of(mid).tolist() for mid in table.mids],
        [table.rows_of(mid).dtype for mid in table.mids], table.durations_s().tolist(),
    ]  # fmt: skip


def run_prepare(folder: Path, **clips) -> Prepared:
    return prepare(
        Config(metadata=MetadataConfig(dir=folder, segments=SUBSETS), clips=ClipsConfig(**clips))
    )


def drawn(prepared: Prepared) -> tuple[dict[str, list[str]], list[str]]:
    selection = prepared.selection
    name = selection.table.clip_ids
    rankings = {mid: name(ranking) for mid, ranking in selection.rankings.items()}
    return rankings, name(selection.draw().start())


@settings(max_examples=50, deadline=None)
@given(ROWS, ROWS, st.integers(0, 3))
def test_tables_and_rankings_are_the_same_with_the_cache(tmp_path_factory, one, two, seed) -> None:
    folder = tmp_path_factory.mktemp("cache")
    sources = [
        SegmentSource(write_rows(folder / f"{name}.csv", rows), name)
        for name, rows in (("one", one), ("two", two))
    ]
    cold = read_segments(sources, Cache(folder / FOLDER_NAME))
    warm = read_segments(sources, Cache(folder / FOLDER_NAME))
    plain = read_segments(sources)
    assert content_of(cold) == content_of(warm) == content_of(plain)
    rankings = [
        {mid: rows.tolist() for mid, rows in rank_rows(seed, table.mids, table, cache).items()}
        for cache in (Cache(), Cache(folder / FOLDER_NAME), Cache(folder / FOLDER_NAME))
        for table in (plain, warm)
    ]
    assert all(ranking == rankings[0] for ranking in rankings)
    assert {mid: plain.clip_ids(np.array(rows, int)) for mid, rows in rankings[0].items()} == {
        mid: rank_clips(seed, mid, plain.clip_ids(plain.rows_of(mid))) for mid in plain.mids
    }


@pytest.mark.parametrize("labels", ["any", "exclusive"])
def test_a_second_start_parses_nothing_and_draws_the_same(folder, num_parsed, labels) -> None:
    first = drawn(run_prepare(folder, per_class=2, labels=labels))
    second = drawn(run_prepare(folder, per_class=2, labels=labels))
    assert (first, len(num_parsed)) == (second, 1)
    shutil.rmtree(folder / FOLDER_NAME)
    assert drawn(run_prepare(folder, per_class=2, labels=labels)) == first
    assert len(num_parsed) == 2


def test_filters_and_further_classes_use_what_was_ranked_of_all(folder: Path) -> None:
    table = load_catalog(folder, SUBSETS).segments
    cache = Cache(folder / FOLDER_NAME)
    few = rank_rows(0, table.mids[:2], table, cache)
    more = rank_rows(0, table.mids[1:4], table, cache)
    fresh = rank_rows(0, table.mids[:4], table, Cache())
    for ranked in (few, more):
        assert all(ranked[mid].tolist() == fresh[mid].tolist() for mid in ranked)
    kept = cache.load("rankings", next(iter_keys(cache, folder)))
    assert set(kept) == set(table.mids[:4])


def iter_keys(cache: Cache, folder: Path) -> Iterator[str]:
    for path in (folder / FOLDER_NAME).glob("rankings-*"):
        yield str(np.load(path)["key"][0])


def test_another_seed_is_ranked_anew(folder: Path) -> None:
    config = Config(metadata=MetadataConfig(dir=folder, segments=SUBSETS))
    ranked = [
        {mid: list(names) for mid, names in prepare(one).selection.rankings.items()}
        for one in (config, config.model_copy(update={"seed": 1}), config)
    ]
    assert ranked[0] == ranked[2] != ranked[1]


def test_what_was_saved_is_loaded_and_can_not_be_written_to(tmp_path: Path) -> None:
    Cache(tmp_path / "c").save("a", KEY, COLUMNS)
    loaded = Cache(tmp_path / "c").load("a", KEY)
    assert {name: (one.dtype, one.tolist()) for name, one in loaded.items()} == {
        name: (one.dtype, one.tolist()) for name, one in COLUMNS.items()
    }
    with pytest.raises(ValueError, match="read-only"):
        loaded["rows"][0] = 1
    assert [path.suffix for path in (tmp_path / "c").iterdir()] == [".npz"]


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_damaged_file_is_trusted(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = Cache(folder)
    cache.save("a", KEY, COLUMNS)
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    loaded = cache.load("a", KEY)
    if loaded is not None:  # what was damaged holds nothing: a date, a gap
        assert {name: one.tolist() for name, one in loaded.items()} == {
            name: one.tolist() for name, one in COLUMNS.items()
        }


@pytest.mark.parametrize("number", range(3))
def test_a_directory_that_lists_too_few_columns_is_not_trusted(tmp_path: Path, number: int) -> None:
    """The end of a ZIP says how many there are, and has no checksum."""
    cache = Cache(tmp_path)
    cache.save("a", KEY, COLUMNS)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\5\6")
    first = content.index(b"PK\1\2")
    entries = content[first:at].split(b"PK\1\2")[1:]
    kept = b"".join(b"PK\1\2" + entry for entry in entries[:number])
    end = bytearray(content[at:])
    end[8:12] = struct.pack("<HH", number, number)
    end[12:16] = struct.pack("<I", len(kept))
    path.write_bytes(content[:first] + kept + end)
    assert cache.load("a", KEY) is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"x" * 100, b"00000000 [1]\n", b"00000000 {}\n", b"0" * (2 << 20),
        b"00000000 " + b"[" * 100_000 + b"\n", b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    ],
)  # fmt: skip
def test_foreign_files_are_read_anew(folder: Path, num_parsed, content: bytes) -> None:
    first = drawn(run_prepare(folder))
    kept = list((folder / FOLDER_NAME).iterdir())
    assert kept
    for path in kept:
        path.write_bytes(content)
    assert drawn(run_prepare(folder)) == first
    assert len(num_parsed) == 2
    assert drawn(run_prepare(folder)) == first
    assert len(num_parsed) == 2, "and kept again"


def test_objects_are_neither_kept_nor_loaded(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (tmp_path / f"a-{KEY[:16]}.npz").touch()
    np.savez(tmp_path / f"a-{KEY[:16]}.npz", key=np.array(KEY), rows=np.array([None], object))
    assert cache.load("a", KEY) is None


def test_a_file_of_another_key_is_not_taken_by_its_name(tmp_path: Path) -> None:
    other = make_key("another")
    Cache(tmp_path).save("a", other, COLUMNS)
    next(tmp_path.iterdir()).rename(tmp_path / f"a-{KEY[:16]}.npz")
    assert Cache(tmp_path).load("a", KEY) is None


def test_an_old_version_is_left_aside(folder: Path, num_parsed, monkeypatch) -> None:
    first = drawn(run_prepare(folder))
    monkeypatch.setattr(segments, "PARSER_VERSION", segments.PARSER_VERSION + 1)
    assert drawn(run_prepare(folder)) == first
    assert len(num_parsed) == 2


def test_the_parser_still_gives_what_its_version_gave() -> None:
    """If this fails, raise PARSER_VERSION: tables of older versions lie in people's caches."""
    sources = [SegmentSource(DATA / f"{name}_segments.csv", name) for name in SUBSETS]
    packed = segments._pack(read_segments(sources))
    digest = hashlib.sha256()
    for name, column in packed.items():
        digest.update(name.encode() + column.tobytes())
    assert (segments.PARSER_VERSION, digest.hexdigest()[:16]) == (2, "e0f696a9e2d74e24")


def test_another_file_is_another_table(folder: Path, num_parsed, settled) -> None:
    run_prepare(folder)
    path = folder / "unbalanced_train_segments.csv"
    text = path.read_text()
    path.write_text(text.replace("30.000, 40.000", "31.000, 41.000", 1))
    os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    changed = drawn(run_prepare(folder))
    assert len(num_parsed) == 2
    assert any(name.endswith("_31000") for ranked in changed[0].values() for name in ranked)


def test_a_table_is_kept_under_the_hash_of_what_was_parsed(folder: Path, monkeypatch) -> None:
    """The file may change between hashing and parsing."""
    source = SegmentSource(folder / "eval_segments.csv", "eval")
    cache = Cache(folder / FOLDER_NAME)
    monkeypatch.setattr(Cache, "hash_content", lambda *_: "0" * 64)
    table = read_segments([source], cache)
    monkeypatch.undo()
    assert cache.load("segments", segments._make_key([source], ["0" * 64], None)) is None
    assert cache.load("segments", table.key) is not None


def test_the_content_of_gzip_decides_not_its_packing(folder: Path, num_parsed) -> None:
    run_prepare(folder)
    plain = folder / "eval_segments.csv"
    (folder / "eval_segments.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    run_prepare(folder)
    assert len(num_parsed) == 1


def test_hashes_are_remembered_of_files_that_rest(folder: Path, settled, monkeypatch) -> None:
    path = folder / "eval_segments.csv"
    hashed = []
    real = cache_module.hash_content
    monkeypatch.setattr(cache_module, "hash_content", lambda one: hashed.append(one) or real(one))
    digests = {Cache(folder / FOLDER_NAME).hash_content(path) for _ in range(3)}
    assert digests == {real(path)}
    assert len(hashed) == 1
    content = path.read_bytes()
    path.write_bytes(content.replace(b"a", b"b"))
    os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    assert Cache(folder / FOLDER_NAME).hash_content(path) == real(path) not in digests
    replaced = folder / "other"
    replaced.write_bytes(content)
    os.utime(replaced, (LONG_AGO_S, LONG_AGO_S))
    replaced.rename(path)
    assert {Cache(folder / FOLDER_NAME).hash_content(path)} == digests


def test_a_file_that_was_just_written_is_hashed_each_time(folder: Path) -> None:
    """It may be written again within the same tick of the file system's clock."""
    path = folder / "eval_segments.csv"
    path.write_text("one")
    cache = Cache(folder / FOLDER_NAME)
    assert cache.hash_content(path) == hashlib.sha256(b"one").hexdigest()
    found = path.stat()
    path.write_text("two")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert cache.hash_content(path) == hashlib.sha256(b"two").hexdigest()
    assert not (folder / FOLDER_NAME).exists()


def test_a_missing_file_is_told_as_before(folder: Path) -> None:
    with pytest.raises(MetadataError, match="can't be read"):
        Cache(folder / FOLDER_NAME).hash_content(folder / "none.csv")


def test_a_malformed_file_is_refused_as_often_as_it_is_read(folder: Path) -> None:
    path = folder / "eval_segments.csv"
    path.write_text(path.read_text() + "bad\n")
    for _ in range(2):
        with pytest.raises(MetadataError, match=r"eval_segments.csv:16: "):
            run_prepare(folder)


def test_a_folder_that_can_not_be_made_is_done_without(folder: Path, num_parsed) -> None:
    first = drawn(run_prepare(folder))
    shutil.rmtree(folder / FOLDER_NAME)
    (folder / FOLDER_NAME).write_text("mine")
    assert drawn(run_prepare(folder)) == first
    assert (folder / FOLDER_NAME).read_text() == "mine"


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / FOLDER_NAME).symlink_to(elsewhere)
    run_prepare(folder).selection.draw()
    assert not list(elsewhere.iterdir())


def test_old_files_of_a_kind_and_of_killed_runs_are_removed(tmp_path: Path) -> None:
    left = tmp_path / "segments-x.npz.1-2.tmp"
    left.touch()
    os.utime(left, (LONG_AGO_S, LONG_AGO_S))
    young = tmp_path / "segments-y.npz.1-2.tmp"
    young.touch()
    Cache(tmp_path).save("rankings", KEY, COLUMNS)
    for number in range(5):
        Cache(tmp_path).save("segments", make_key(number), COLUMNS)
        for path in tmp_path.glob("segments-*.npz"):
            os.utime(path, (path.stat().st_mtime - 10,) * 2)
    loaded = [Cache(tmp_path).load("segments", make_key(number)) for number in range(5)]
    assert [one is not None for one in loaded] == [False, False, True, True, True]
    assert Cache(tmp_path).load("rankings", KEY) is not None
    assert not left.exists()
    assert young.exists()
