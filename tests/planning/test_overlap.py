"""Clips that several classes want, and classes that seldom occur alone."""

from __future__ import annotations

import pytest
from world import BARK, CAT, DATA, DOG

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.planning.overlap import find_overlap, shares_alone


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train", "eval", "unbalanced_train"])


def test_overlap_counts_each_clip_once_and_each_pair() -> None:
    overlap = find_overlap(
        {"a": frozenset("xy"), "b": frozenset("xyz"), "c": frozenset("x"), "d": frozenset("xy")}
    )
    assert overlap.clips == 3
    assert overlap.pairs == {("x", "y"): 3, ("x", "z"): 1, ("y", "z"): 1}
    assert overlap.by_class == {"x": 3, "y": 3, "z": 1}


def test_a_relative_is_no_company(catalog) -> None:
    table, ontology = catalog.segments, catalog.ontology
    assert shares_alone([DOG, BARK], table, ontology) == {DOG: 1, BARK: 1}
    rows = [table.labels_of(row) for row in table.rows_of(DOG)]
    with_cat = sum(CAT in labels for labels in rows)
    assert 0 < with_cat < len(rows)
    shares = shares_alone([DOG, BARK, CAT], table, ontology)
    assert shares[DOG] == pytest.approx(1 - with_cat / len(rows), abs=1e-4)
    unused = next(node.mid for node in ontology if not len(table.rows_of(node.mid)))
    assert shares_alone([unused], table, ontology) == {}
