"""`classes`: table, search, tree, sorting, CSV, and the figure of quality thresholds."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import BARK, CAT, DOG, World, make_clips, run_command

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.config import ClassesConfig
from audioset_dl.errors import OutputError, ToolMissingError
from audioset_dl.report.figure import plot_thresholds
from audioset_dl.selection.classes import Curve, Thresholds, count_at_thresholds, outline
from audioset_dl.simulator import Simulator
from audioset_dl.words import shortened, table

DATA = Path(__file__).parents[1] / "data"
REAL = os.environ.get("AUDIOSET_METADATA")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train", "eval"])


@pytest.fixture
def world(tmp_path: Path):
    clips = [*make_clips([DOG, BARK], 4), *make_clips([CAT], 2, first=10)]
    with Simulator() as simulator:
        yield World(tmp_path, simulator, clips)


def rows_of(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def test_the_table_counts_each_subset(world: World) -> None:
    other = world.folder / "more.csv"
    shutil.copy(world.segments, other)
    other.write_text(other.read_text().replace(", 0.000, 10.000", ", 100.000, 110.000"))
    config = world.write_config(metadata={"segments": [str(world.segments), str(other)]})
    text = run_command("classes", config).stdout
    head, dog, *_ = rows_of(text)
    assert head == ["class", "MID", "quality", "leaf", "clips", "more"]
    document = json.loads(run_command("classes", config, "--json").stdout)[0]
    assert document["clips"] == sum(document["clips_by_subset"].values())
    assert dog[-2:] == [str(number) for number in document["clips_by_subset"].values()]
    assert text.endswith("3 classes\n")


def test_candidates_show_where_they_are_fewer_than_the_clips(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog", "Cat", "Bark"]})
    assert "candidates" not in run_command("classes", config).stdout
    done = run_command("classes", config, "--set", "clips.labels=exclusive")
    rows = {row[0]: row for row in rows_of(done.stdout)}
    assert rows["class"][-1] == "candidates"
    assert (rows["Dog"][-1], rows["Cat"][-1]) == ("0", "2")


def test_search_looks_at_all_classes_and_says_which_are_chosen(world: World) -> None:
    config = world.write_config(classes={"include": ["Dog"]})
    text = run_command("classes", config, "--search", "a").stdout
    assert re.search(r"^Bark .* [^c]*$", text, re.MULTILINE)
    assert re.search(r"0 of them chosen|1 of them chosen", text)
    found = json.loads(run_command("classes", config, "--search", "DOG", "--json").stdout)
    assert [(one["name"], one["is_chosen"]) for one in found] == [("Dog", True)]
    by_mid = json.loads(run_command("classes", config, "--search", CAT, "--json").stdout)
    assert [one["name"] for one in by_mid] == ["Cat"]
    none = run_command("classes", config, "--search", "Dgo")
    assert none.returncode == 2
    assert "similar are 'Dog'" in none.stderr


def test_the_tree_shows_a_class_below_each_of_its_parents_once_whole(world: World) -> None:
    config = world.write_config()
    text = run_command("classes", config, "--tree", "Domestic animals, pets").stdout
    assert re.search(r"^├─ Dog +/m/0bt9lr ", text, re.MULTILINE)
    assert re.search(r"^│  ├─ Bark ", text, re.MULTILINE)
    assert re.search(r"^ +└─ Growling \(see above, under Dog\)$", text, re.MULTILINE)
    lines = json.loads(run_command("classes", config, "--tree", "all", "--json").stdout)
    growling = [line for line in lines if line["name"] == "Growling"]
    assert [line["is_repeated"] for line in growling] == [False, True]
    assert len(growling[0]["parents"]) == 2
    unknown = run_command("classes", config, "--tree", "Dgo")
    assert unknown.returncode == 2
    assert "did you mean" in unknown.stderr


def test_the_whole_tree_holds_every_node_once_whole(catalog: Catalog) -> None:
    ontology = catalog.ontology
    lines = outline(ontology, ontology.roots())
    assert sorted(line.node.mid for line in lines if line.above is None) == sorted(
        node.mid for node in ontology
    )
    places = sum(max(1, len(ontology.parents(node.mid))) for node in ontology)
    assert len(lines) == places
    for number, line in enumerate(lines):
        if line.above is not None:
            follower = lines[number + 1 : number + 2]
            assert not follower or follower[0].depth <= line.depth


@pytest.mark.parametrize(
    ("key", "value_of"),
    [
        ("name", lambda one: one["name"].casefold()),
        ("quality", lambda one: -(one["quality"] if one["quality"] is not None else -1)),
        ("clips", lambda one: -one["clips"]),
    ],
)
def test_sorting(world: World, key: str, value_of) -> None:
    config = world.write_config(classes={"include": []})
    found = json.loads(run_command("classes", config, "--sort", key, "--json").stdout)
    assert len(found) > 3
    assert found == sorted(found, key=value_of)
    in_order = json.loads(run_command("classes", config, "--json").stdout)
    assert in_order != found


def test_csv_has_a_row_a_class(world: World) -> None:
    text = run_command("classes", world.write_config(), "--csv").stdout
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["name"] for row in rows] == ["Dog", "Cat", "Glockenspiel"]
    assert (rows[0]["clips"], rows[0]["clips_clips"], rows[0]["is_leaf"]) == ("4", "4", "False")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--search", "a", "--tree", "Dog"],
        ["--tree", "Dog", "--sort", "name"],
        ["--plot", "figure.xyz"],
        ["--plot", "figure.png", "--search", "x"],
        ["--sort", "size"],
    ],
)
def test_options_that_do_not_go_together(world: World, arguments: list[str]) -> None:
    done = run_command("classes", world.write_config(), *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_a_config_the_defaults_are_taken(world: World) -> None:
    done = run_command("classes", "--search", "dog", cwd=world.folder)
    assert "There is no config.yaml here: the defaults are used." in done.stderr
    named = run_command("classes", "other.yaml", cwd=world.folder)
    assert named.returncode == 2


def test_without_a_config_the_defaults_can_be_overridden(tmp_path: Path) -> None:
    shutil.copytree(DATA, tmp_path / "metadata")
    done = run_command("classes", "--json", "--set", "classes.include=[Bark]", cwd=tmp_path)
    assert [one["name"] for one in json.loads(done.stdout)] == ["Bark"]
    assert "There is no config.yaml here: the defaults are used." in done.stderr
    wrong = run_command("classes", "--set", "classes.include=[Dgo]", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--set: classes.include[0]: no class is called 'Dgo'" in wrong.stderr


def test_a_line_that_points_elsewhere_takes_the_room_of_its_empty_cells() -> None:
    rows = [["a", "1234567890"], ["Growling (see above, under Dog)", ""]]
    assert table(["x", "y"], rows).splitlines() == ["x  y", "a  1234567890", rows[1][0]]
    narrow = table(["x", "y"], rows, width=20).splitlines()
    assert narrow[-1] == "Growling (see above…"


def test_a_table_is_cut_to_the_width_of_a_terminal_in_its_first_column_alone() -> None:
    rows = [("a name that is rather long", 12_345), ("short", 6)]
    wide = table(("class", "clips"), rows)
    assert "a name that is rather long  12,345" in wide
    narrow = table(("class", "clips"), rows, width=24)
    assert narrow.splitlines() == [
        "class              clips",
        "a name that is …  12,345",
        "short                  6",
    ]
    assert shortened("abc", 3) == "abc"


def test_the_curves_are_those_of_the_rated_classes_that_may_be_chosen(catalog: Catalog) -> None:
    config = ClassesConfig(min_quality=0.9, leaf_only=True, slice=(0, 1))
    thresholds = count_at_thresholds(catalog, config)
    rated = [
        node for node in catalog.labelled
        if not node.is_restricted and catalog.quality(node.mid) is not None
    ]  # fmt: skip
    assert thresholds.all_classes.at_least(0) == len(rated)
    assert thresholds.leaves.at_least(0) == sum(node.is_leaf for node in rated)
    assert thresholds.configured == 0.9
    dogs = count_at_thresholds(catalog, ClassesConfig(include=("Dog",)))
    assert 0 < dogs.all_classes.at_least(0) < len(rated)


def test_a_class_of_just_the_threshold_counts() -> None:
    curve = Curve([0.5, 0.8, 0.8, 1.0])
    assert [curve.at_least(one) for one in (0, 0.5, 0.8, 0.81, 1)] == [4, 4, 3, 1, 1]


@given(st.lists(st.floats(0, 1)), st.floats(0, 1), st.floats(0, 1))
def test_a_curve_never_rises(qualities: list[float], first: float, second: float) -> None:
    curve = Curve(sorted(qualities))
    low, high = sorted((first, second))
    assert len(qualities) >= curve.at_least(low) >= curve.at_least(high) >= 0


@pytest.mark.skipif(not REAL, reason="AUDIOSET_METADATA names no folder")
def test_googles_classes_at_each_threshold() -> None:
    thresholds = count_at_thresholds(load_catalog(Path(REAL), []), ClassesConfig())
    at = (0, 0.5, 0.8, 0.9, 1)
    assert [thresholds.leaves.at_least(one) for one in at] == [335, 263, 142, 87, 43]
    assert [thresholds.all_classes.at_least(one) for one in at] == [447, 374, 221, 137, 79]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_figure_marks_the_configured_threshold(world: World, suffix: str) -> None:
    config = world.write_config(classes={"include": [], "min_quality": 0.5})
    path = world.folder / f"quality.{suffix}"
    done = run_command("classes", config, "--plot", path)
    assert done.returncode == 0, done.stderr
    number = re.search(r", (\d+) \((\d+) leaves\) have a quality of at least 0.5", done.stdout)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)
    if suffix == "svg":
        text = path.read_text()
        for words in ("min_quality 0.5", "leaf classes only", *number.groups()):
            assert f">{words}<" in text


def test_without_matplotlib_the_figure_says_what_to_install(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    curve = Curve([0.5])
    with pytest.raises(ToolMissingError, match=r"pip install 'audioset-dl\[plot\]'"):
        plot_thresholds(Thresholds(curve, curve, None), tmp_path / "a.png")


def test_a_figure_that_can_not_be_written(tmp_path: Path) -> None:
    curve = Curve([0.5])
    with pytest.raises(OutputError, match="can't be written"):
        plot_thresholds(Thresholds(curve, curve, None), tmp_path / "none" / "a.png")
