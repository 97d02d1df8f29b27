"""Where clips lie."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioset_dl.catalog.ontology import Ontology, read_ontology
from audioset_dl.dataset.layout import Layout, make_slugs

SAFE = re.compile(r"[a-z0-9_]{1,140}")


@pytest.fixture
def ontology(request) -> Ontology:
    return read_ontology(request.path.parents[1] / "data" / "ontology.json")


def test_the_folder_is_that_of_the_first_chosen_label_in_ontology_order(ontology) -> None:
    mids = [node.mid for node in ontology]
    first, second, third = mids[3], mids[5], mids[7]
    layout = Layout("class", ontology, [third, second])
    slugs = make_slugs({node.mid: node.name for node in ontology})
    expected = f"wav/{slugs[second]}/Y-a_cdefghi0_30000.wav"
    for labels in ([first, second, third], [third, second, first], [second]):
        assert layout.file_name("-a_cdefghi0_30000", labels) == expected


def test_sharded_needs_no_class(ontology) -> None:
    name = Layout("sharded", ontology, []).file_name("-a_cdefghi0_30000", [])
    assert re.fullmatch(r"wav/[0-9a-f]{2}/Y-a_cdefghi0_30000\.wav", name)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Bee, wasp, etc.", "bee_wasp_etc"),
        ("../../etc/passwd", "etc_passwd"),
        ("CON", "con_"),
        ("...", "_"),
        ("Café – noir", "cafe_noir"),
        ("日本", "_"),
    ],
)
def test_slugs(name: str, slug: str) -> None:
    assert make_slugs({"/m/x": name}) == {"/m/x": slug}


@given(st.dictionaries(st.from_regex(r"/[mt]/[0-9a-z_]{3,9}", fullmatch=True), st.text()))
def test_slugs_are_safe_and_unique_whatever_the_names(names: dict[str, str]) -> None:
    slugs = make_slugs(names)
    assert all(SAFE.fullmatch(slug) for slug in slugs.values())
    assert len(set(slugs.values())) == len(names)
