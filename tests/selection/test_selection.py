"""Which classes and which clips a config chooses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.config import ClassesConfig, ClipsConfig, Config
from audioset_dl.errors import ConfigError
from audioset_dl.selection.classes import select_classes
from audioset_dl.selection.select import select

DATA = Path(__file__).parents[1] / "data"
REAL = os.environ.get("AUDIOSET_METADATA")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train", "eval", "unbalanced_train"])


def names(catalog: Catalog, **classes) -> list[str]:
    return [node.name for node in select_classes(catalog, ClassesConfig(**classes))]


def test_nothing_named_means_all_labelled_classes_but_the_blacklisted(catalog) -> None:
    chosen = names(catalog)
    assert "Dog" in chosen
    assert "Song" not in chosen, "blacklisted"
    assert "Human voice" not in chosen, "abstract, and no label"
    assert chosen == [node.name for node in catalog.labelled if not node.is_restricted]


def test_a_class_stands_for_its_subtree_unless_told_otherwise(catalog) -> None:
    assert names(catalog, include=("Dog",)) == ["Dog", "Bark", "Growling"]
    assert names(catalog, include=("/m/0bt9lr",), descendants=False) == ["Dog"]
    assert names(catalog, include=("Human voice",)) == ["Speech", "Male speech, man speaking"]
    with pytest.raises(ConfigError, match="descendants is false"):
        names(catalog, include=("Human voice",), descendants=False)


def test_what_is_excluded_is_excluded_with_its_subtree(catalog) -> None:
    chosen = names(catalog, include=("Domestic animals, pets",), exclude=("Cat",))
    assert "Dog" in chosen
    assert not {"Cat", "Purr", "Growling"} & set(chosen), "Growling lies below Cat as well"


def test_leaves_quality_and_the_unrated(catalog) -> None:
    leaves = names(catalog, leaf_only=True)
    assert all(catalog.ontology.find(name).is_leaf for name in leaves)
    unrated = {node.name for node in catalog.labelled if catalog.quality(node.mid) is None}
    assert unrated & set(names(catalog))
    assert not unrated & set(names(catalog, min_quality=0.0))
    assert unrated & set(names(catalog, min_quality=0.0, unrated="include"))
    good = names(catalog, min_quality=0.9)
    assert good
    assert all(catalog.quality(catalog.ontology.find(name).mid) >= 0.9 for name in good)


def test_slices_join_up_to_the_whole(catalog) -> None:
    whole = names(catalog)
    parts = [names(catalog, slice=(start, start + 4)) for start in range(0, len(whole), 4)]
    assert [name for part in parts for name in part] == whole


def test_all_unknown_names_are_reported_with_suggestions(catalog) -> None:
    with pytest.raises(ConfigError) as caught:
        names(catalog, include=("Dgo", "wasp", "Cat"), exclude=("/m/nothing",))
    messages = [str(problem) for problem in caught.value.problems]
    assert len(messages) == 3
    assert messages[0].startswith("classes.include[0]: ")
    assert "Dog" in messages[0]
    assert "Bee, wasp, etc." in messages[1]
    assert messages[2].startswith("classes.exclude[0]: ")


def ids(catalog: Catalog, mid: str, **clips) -> set[str]:
    config = Config(
        classes=ClassesConfig(include=("Dog", "Cat"), descendants=False), clips=ClipsConfig(**clips)
    )
    return set(catalog.segments.clip_ids(select(catalog, config).rankings[mid]))


def test_candidates_carry_the_label_itself(catalog) -> None:
    table = catalog.segments
    clips = [table.clip(row) for row in range(len(table))]
    dogs = {clip.clip_id for clip in clips if "/m/0bt9lr" in clip.labels}
    assert ids(catalog, "/m/0bt9lr") == dogs


def test_exclusive_leaves_out_clips_of_two_chosen_classes(catalog) -> None:
    any_label = ids(catalog, "/m/0bt9lr")
    alone = ids(catalog, "/m/0bt9lr", labels="exclusive")
    table = catalog.segments
    cats = {table.clip(int(row)).clip_id for row in table.rows_of("/m/01yrx")}
    assert alone == any_label - cats


def test_full_length_leaves_out_shorter_segments(catalog) -> None:
    config = Config(clips=ClipsConfig(full_length=True))
    selection = select(catalog, config)
    for rows in selection.rankings.values():
        assert all(selection.table.durations_s(rows) == 10)
    everything = select(catalog, Config())
    assert sum(map(len, everything.rankings.values())) > sum(map(len, selection.rankings.values()))


@pytest.fixture(scope="module")
def real() -> Catalog:
    if not REAL:
        pytest.skip("AUDIOSET_METADATA names no folder with Google's files")
    return load_catalog(Path(REAL), [])


@pytest.mark.parametrize(
    ("min_quality", "leaves", "all_classes"),
    [(0, 335, 447), (0.5, 263, 374), (0.8, 142, 221), (0.9, 87, 137), (1, 43, 79)],
)
def test_numbers_of_googles_classes(real, min_quality, leaves, all_classes) -> None:
    assert len(names(real, leaf_only=True, min_quality=min_quality)) == leaves
    assert len(names(real, min_quality=min_quality)) == all_classes


def test_subtrees_of_googles_ontology(real) -> None:
    assert len(names(real, include=("Dog",))) == 7
    assert len(names(real)) == 515
