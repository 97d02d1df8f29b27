"""The ontology: reading, the graph, finding a class, and files that are refused."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.catalog.ontology import MAX_DEPTH, Ontology, UnknownClass, read_ontology
from audioset_dl.errors import MetadataError

DATA = Path(__file__).parents[1] / "data"
SPEECH, DOG, CAT, GROWLING, BEE = "/m/09x0r", "/m/0bt9lr", "/m/01yrx", "/m/0ghcn6", "/m/01h3n"
PETS, ANIMAL, BARK, BUZZ = "/m/068hy", "/m/0jbk", "/m/05tny_", "/m/07pjwq1"

needs_google = pytest.mark.skipif(
    "AUDIOSET_METADATA" not in os.environ, reason="AUDIOSET_METADATA names no folder"
)


@pytest.fixture(scope="module")
def ontology() -> Ontology:
    return read_ontology(DATA / "ontology.json")


def _entry(mid: str, name: str = "", children: tuple[str, ...] = (), **changes) -> dict:
    return {"id": mid, "name": name or mid, "child_ids": list(children), **changes}


def _read(tmp_path: Path, entries: object) -> Ontology:
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps(entries, indent=1))
    return read_ontology(path)


def test_nodes_are_in_the_order_of_the_file(ontology: Ontology) -> None:
    entries = json.loads((DATA / "ontology.json").read_text())

    assert len(ontology) == len(entries) == 24
    assert [node.mid for node in ontology] == [entry["id"] for entry in entries]
    assert [ontology.order(node.mid) for node in ontology] == list(range(24))


def test_a_node_has_what_the_file_says(ontology: Ontology) -> None:
    dog = ontology[DOG]

    assert (dog.mid, dog.name, dog.child_ids) == (DOG, "Dog", (BARK, GROWLING))
    assert not dog.is_leaf
    assert ontology[BARK].is_leaf
    assert DOG in ontology
    assert "Dog" not in ontology


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Human voice", True), ("Song", True), ("Dog", False), ("Wolf-whistling", False)],
)
def test_abstract_and_blacklisted_nodes_are_restricted(
    ontology: Ontology, name: str, expected: bool
) -> None:
    assert ontology.find(name).is_restricted is expected


def test_a_node_may_have_two_parents(ontology: Ontology) -> None:
    assert ontology.parents(GROWLING) == (DOG, CAT)
    assert ontology.ancestors(GROWLING) == {DOG, CAT, PETS, ANIMAL}
    assert ontology.descendants(CAT) == {CAT, "/m/02yds9", GROWLING}
    assert ontology.parents(ANIMAL) == ()
    assert ontology.ancestors(ANIMAL) == frozenset()


def test_a_mid_that_begins_with_another_is_another(ontology: Ontology) -> None:
    assert ontology.descendants("/t/dd00013") == {"/t/dd00013"}
    assert ontology.descendants("/t/dd000138") == {"/t/dd000138", BUZZ}


def test_unknown_mids_are_key_errors(ontology: Ontology) -> None:
    for look_up in (ontology.__getitem__, ontology.order, ontology.parents,
                    ontology.descendants, ontology.ancestors):  # fmt: skip
        with pytest.raises(KeyError):
            look_up("/m/0bt9l")


@pytest.mark.parametrize(
    "text", [BEE, "Bee, wasp, etc.", "bee, WASP, etc.", "  Bee,   wasp,\tetc. "]
)
def test_find_takes_mids_and_names_in_any_case_and_spacing(ontology: Ontology, text: str) -> None:
    assert ontology.find(text).mid == BEE


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Bee", "Bee, wasp, etc."),
        ("wasp", "Bee, wasp, etc."),
        ("etc", "Bee, wasp, etc."),
        ("Doog", "Dog"),
        ("male speech", "Male speech, man speaking"),
        ("pet", "Domestic animals, pets"),
        ("glocken", "Glockenspiel"),
        ("/m/0bt9l", DOG),
    ],
)
def test_an_unknown_name_is_answered_with_what_may_have_been_meant(
    ontology: Ontology, text: str, suggestion: str
) -> None:
    with pytest.raises(UnknownClass) as caught:
        ontology.find(text)

    assert caught.value.suggestions[0] == suggestion
    assert repr(text) in str(caught.value)
    assert repr(suggestion) in str(caught.value)


@pytest.mark.parametrize("text", ["", " ", ",", "zzzzqqqq", "/m/", "/x" * 10_000, "(*[\\"])
def test_what_resembles_nothing_has_no_suggestions(ontology: Ontology, text: str) -> None:
    with pytest.raises(UnknownClass) as caught:
        ontology.find(text)

    assert caught.value.suggestions == ()


def test_suggestions_are_limited(ontology: Ontology) -> None:
    assert len(ontology.suggest("s", limit=3)) <= 3
    assert len(ontology.suggest("ing", limit=2)) == 2


def test_names_that_differ_by_case_only_are_never_guessed(tmp_path: Path) -> None:
    ontology = _read(tmp_path, [_entry("/m/a", "Bow"), _entry("/m/b", "bow")])

    assert ontology.find("bow").mid == "/m/b"
    with pytest.raises(UnknownClass) as caught:
        ontology.find("BOW")
    assert caught.value.suggestions == ("Bow", "bow")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_find_finds_or_suggests(text: str) -> None:
    ontology = read_ontology(DATA / "ontology.json")
    names = {node.name for node in ontology} | {node.mid for node in ontology}
    try:
        found = ontology.find(text).name
    except UnknownClass as error:
        found, *_ = *error.suggestions, "Dog"
    assert found in names


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "ontology.json"
    path.write_bytes(b"\xef\xbb\xbf" + (DATA / "ontology.json").read_bytes())

    assert len(read_ontology(path)) == 24


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n ", "the file is empty"),
        (b"<html>\n<body>404</body></html>", ":1: not JSON"),
        (b'[\n{"id": "/m/a",\n}]', ":3: not JSON"),
        (b'[{"id": "/m/a"', "not JSON"),
        (b"[" * 1_000_000, "not the ontology"),
        (b"[" + b"1" * 10_000 + b"]", ":1: entry 1: expected an object"),
        (b'[\n"caf\xe9"]', ":2: not a text in UTF-8"),
        (b"{}", "expected a list"),
        (b"[]", "expected a list"),
        (b"[1]", "entry 1: expected an object"),
        (b"\0" * 100, "not JSON"),
        (b"\xff\xfe[\0]\0", ":1: not a text in UTF-8"),
    ],
)
def test_what_is_no_list_of_classes_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "ontology.json"
    path.write_bytes(content)

    with pytest.raises(MetadataError) as caught:
        read_ontology(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"name": "Dog", "child_ids": []}], "entry 1: expected an id like /m/0bt9lr, found None"),
        ([_entry("/m/a"), _entry("Dog")], "entry 2: expected an id like /m/0bt9lr, found 'Dog'"),
        ([_entry("/m/a") | {"id": ["x" * 999]}], "entry 1: expected an id"),
        ([{"id": "/m/a", "child_ids": []}], "(/m/a): expected a name, found None"),
        ([_entry("/m/a", " ")], "(/m/a): expected a name"),
        ([_entry("/m/a", "Dog\n")], "(/m/a): expected a name"),
        ([_entry("/m/a", "\ud800")], "(/m/a): expected a name"),
        ([{"id": "/m/a", "name": "A"}], "/m/a: expected child_ids to be a list of texts"),
        ([_entry("/m/a", child_ids="/m/b")], "/m/a: expected child_ids to be a list of texts"),
        ([_entry("/m/a", child_ids=[1])], "/m/a: expected child_ids to be a list of texts"),
        ([_entry("/m/a", restrictions=None)], "/m/a: expected restrictions to be a list"),
        ([_entry("/m/a"), _entry("/m/a", "B")], ":7: the id '/m/a' stands in the file twice"),
        ([_entry("/m/a", "B"), _entry("/m/b", "B")], ":7: the name 'B' stands in the file twice"),
        ([_entry("/m/a", "A", ("/m/c",))], ":2: A: its child '/m/c' is not in the file"),
        ([_entry("/m/a", "A", ("/m/a",))], "A is in a circle"),
        (
            [_entry("/m/r", "R", ("/m/a",)), _entry("/m/a", "A", ("/m/b",)),
             _entry("/m/b", "B", ("/m/a",))],
            ":9: classes lie below themselves: A is in a circle",
        ),
    ],
)  # fmt: skip
def test_entries_that_make_no_ontology_are_refused(
    tmp_path: Path, entries: list, message: str
) -> None:
    with pytest.raises(MetadataError) as caught:
        _read(tmp_path, entries)

    assert message in str(caught.value)
    assert len(str(caught.value)) < len(str(tmp_path)) + 200


def _chain(length: int) -> list[dict]:
    return [
        _entry(f"/m/n{i}", "", (f"/m/n{i + 1}",) if i + 1 < length else ()) for i in range(length)
    ]


def test_a_child_that_is_listed_twice_is_one_child(tmp_path: Path) -> None:
    ontology = _read(tmp_path, [_entry("/m/a", "A", ("/m/b", "/m/b")), _entry("/m/b", "B")])

    assert ontology["/m/a"].child_ids == ("/m/b",)
    assert ontology.parents("/m/b") == ("/m/a",)


def test_absurd_depth_is_refused_and_does_not_overflow(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match=f"20000 levels deep; at most {MAX_DEPTH}"):
        _read(tmp_path, _chain(20_000))

    ontology = _read(tmp_path, _chain(MAX_DEPTH))
    assert len(ontology.descendants("/m/n0")) == MAX_DEPTH


def test_a_missing_file_and_a_folder_are_metadata_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(MetadataError, match="can't be read"):
            read_ontology(path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["/m/a", "/m/b", "A"]) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["id", "name", "child_ids", "restrictions"]), inner
    ),
    max_leaves=20,
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(_JSON) | _JSON)
def test_any_json_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: object
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(value))
    try:
        read_ontology(path)
    except MetadataError:
        return


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    with pytest.raises(MetadataError):
        read_ontology(path)


@needs_google
def test_google() -> None:
    ontology = read_ontology(Path(os.environ["AUDIOSET_METADATA"]) / "ontology.json")
    restrictions = Counter(tuple(sorted(node.restrictions)) for node in ontology)

    assert len(ontology) == 632
    assert sum(node.is_leaf for node in ontology) == 474
    assert sum(len(ontology.parents(node.mid)) > 1 for node in ontology) == 38
    assert sum(not ontology.parents(node.mid) for node in ontology) == 7
    assert restrictions == {
        (): 543, ("blacklist",): 66, ("abstract",): 22, ("abstract", "blacklist"): 1
    }  # fmt: skip
    assert sum("," in node.name for node in ontology) == 83
    assert len(ontology.descendants(ontology.find("Dog").mid)) == 8
    assert len(ontology.descendants(ontology.find("Music").mid)) == 189
    assert ontology.find("musical concepts").is_restricted
    assert ontology.suggest("wasp") == ("Bee, wasp, etc.",)
    assert all(ontology.find(node.name.upper()) == node for node in ontology)
