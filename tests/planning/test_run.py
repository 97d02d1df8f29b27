"""What a plan warns of."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from world import CAT, DATA, DOG, GLOCKENSPIEL

from audioset_dl.catalog.catalog import Catalog, load_catalog
from audioset_dl.config import ClassesConfig, ClipsConfig, Config, DownloadConfig
from audioset_dl.planning.plan import make_plan
from audioset_dl.planning.run import find_advice
from audioset_dl.selection.select import select


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(DATA, ["balanced_train", "eval", "unbalanced_train"])


def config_of(per_class: int | None = 10, *, names: tuple[str, ...] = ("Dog",), **download):
    return Config(
        classes=ClassesConfig(include=names, descendants=len(names) == 1),
        clips=ClipsConfig(per_class=per_class),
        download=DownloadConfig(**download),
    )


def advice_of(catalog: Catalog, config: Config, free_bytes: int | None = None) -> dict[str, str]:
    plan = replace(make_plan(select(catalog, config), config), free_bytes=free_bytes)
    return {one.code: one.message for one in find_advice(plan, config)}


def test_warns_of_classes_with_too_few_clips(catalog) -> None:
    config = config_of(1000)
    words = advice_of(catalog, config)["few_clips"]
    assert "fewer than 1000 clips: Dog" in words
    available = len(select(catalog, config).rankings[DOG])
    just = config_of(available, names=("Dog",)).model_copy(
        update={"classes": ClassesConfig(include=("Dog",), descendants=False)}
    )
    found = advice_of(catalog, just)
    assert "few_clips" not in found
    assert "Dog about" in found["few_after_losses"]
    assert not {"few_clips", "few_after_losses"} & set(advice_of(catalog, config_of(None)))


def test_warns_of_a_class_that_is_hardly_ever_alone(tmp_path: Path) -> None:
    for name in ("ontology.json", "qa_true_counts.csv", "class_labels_indices.csv"):
        shutil.copy(DATA / name, tmp_path)
    rows = [f'{"a" * 10}{n}, 0.000, 10.000, "{CAT},{GLOCKENSPIEL}"\n' for n in range(9)]
    rows.append(f'{"b" * 11}, 0.000, 10.000, "{GLOCKENSPIEL}"\n')
    (tmp_path / "own.csv").write_text("# YTID, start_seconds, end_seconds, positive_labels\n"
                                      + "".join(rows))  # fmt: skip
    catalog = load_catalog(tmp_path, [str(tmp_path / "own.csv")])
    config = config_of(3, names=("Cat", "Glockenspiel"))
    assert "Cat 0%" in advice_of(catalog, config)["hardly_alone"]
    assert "Glockenspiel" not in advice_of(catalog, config)["hardly_alone"]
    assert "hardly_alone" not in advice_of(catalog, config_of(3, names=("Glockenspiel",)))


def test_warns_of_a_disk_that_is_too_small(catalog) -> None:
    config = config_of(3, names=("Dog",))
    needed = make_plan(select(catalog, config), config).expected.disk_bytes
    assert "disk" in advice_of(catalog, config, needed - 1)
    assert "disk" not in advice_of(catalog, config, needed)
    assert "disk" not in advice_of(catalog, config, None)


@pytest.mark.parametrize(
    ("download", "warned"),
    [
        ({}, ""),
        ({"max_per_hour": 301}, "301 videos an hour"),
        ({"max_per_hour": 301, "delay_s": 12}, ""),
        ({"max_per_hour": None}, "720 videos an hour"),
        ({"max_per_hour": None, "delay_s": 0}, "no limit"),
        ({"max_per_hour": 2000, "delay_s": 0, "cookies": Path("c"), "cookies_use": "always"}, ""),
        (
            {"max_per_hour": 2001, "delay_s": 0, "cookies": Path("c"), "cookies_use": "always"},
            "an account",
        ),
        ({"max_per_hour": 301, "cookies": Path("c")}, "a guest"),
    ],
)
def test_warns_of_a_pace_that_youtube_does_not_allow(catalog, download, warned) -> None:
    words = advice_of(catalog, config_of(**download)).get("pace", "")
    assert warned in words
    assert bool(words) == bool(warned)
