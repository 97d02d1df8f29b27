"""`init`: a config filled in, that says what was asked, and the schema of it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from world import run_command

from audioset_dl.config import Config, load_config
from audioset_dl.config.starting import (
    config_schema_text,
    default_config_text,
    split_names,
    starting_config_text,
)

SCHEMA = json.loads(config_schema_text())


def test_init_fills_in_classes_and_number(tmp_path: Path) -> None:
    done = run_command("init", "--classes", 'Dog, "Bee, wasp, etc."', "--classes", "Cat",
                       "--per-class", "20", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = load_config(tmp_path / "config.yaml")
    assert config.classes.include == ("Dog", "Bee, wasp, etc.", "Cat")
    assert config.clips.per_class == 20
    changed = set((tmp_path / "config.yaml").read_text().splitlines())
    assert len(changed - set(default_config_text().splitlines())) == 2
    for words in ("up to 20 clips of each class", "audioset-dl plan", "audioset-dl download"):
        assert words in done.stdout
    assert not (tmp_path / "config.schema.json").exists()


names = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='"\x85\u2028\u2029'),
    min_size=1,
).filter(lambda name: name.strip() == name)


@given(st.lists(names, min_size=1, max_size=4, unique=True), st.integers(1, 1000))
def test_names_of_any_kind_are_read_as_they_were_given(texts: list[str], per_class: int) -> None:
    given_text = ", ".join(f'"{text}"' for text in texts)
    assert split_names([given_text]) == texts
    written = yaml.safe_load(starting_config_text(texts, per_class))
    assert written["classes"]["include"] == texts
    assert written["clips"]["per_class"] == per_class


@pytest.mark.parametrize("name", ["no", "1:30", "null", "- x", "# y", "*a", "'", "a: b"])
def test_names_that_yaml_takes_for_something_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(starting_config_text([name]))
    assert load_config(path).classes.include == (name,)


def test_init_refuses_numbers_that_are_none() -> None:
    done = run_command("init", "--per-class", "0")
    assert done.returncode == 2
    assert "--per-class" in done.stderr


def test_the_schema_is_written_beside_and_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    done = run_command("init", path, "--schema")
    assert done.returncode == 0, done.stderr
    assert path.read_text().startswith("# yaml-language-server: $schema=config.schema.json\n")
    assert load_config(path) == Config().resolved(tmp_path)
    assert json.loads((tmp_path / "config.schema.json").read_text()) == SCHEMA
    assert run_command("init", tmp_path / "other.yaml", "--schema").returncode == 0


def test_a_schema_that_is_not_ours_is_kept_and_nothing_written(tmp_path: Path) -> None:
    (tmp_path / "config.schema.json").write_text("mine")
    done = run_command("init", tmp_path / "config.yaml", "--schema")
    assert done.returncode == 2
    assert not (tmp_path / "config.yaml").exists()
    assert (tmp_path / "config.schema.json").read_text() == "mine"


def test_the_schema_takes_the_default_and_refuses_what_the_program_refuses() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert not list(validator.iter_errors(yaml.safe_load(default_config_text())))
    for section, wrong in (
        ("classes", {"min_qualty": 0.8}),
        ("classes", {"min_quality": 80}),
        ("clips", {"per_class": 0}),
        ("clips", {"labels": "all"}),
        ("download", {"workers": "many"}),
        ("audio", {"channels": 3}),
        ("outptu", {}),
    ):
        assert list(validator.iter_errors({section: wrong})), (section, wrong)


@pytest.mark.parametrize("names", ["", " , ,", '"Bee, wasp'])
def test_lists_that_name_nothing_are_refused(tmp_path: Path, names: str) -> None:
    done = run_command("init", "--classes", names, cwd=tmp_path)
    assert done.returncode == 2
    assert "--classes" in done.stderr
    assert not (tmp_path / "config.yaml").exists()


def test_a_class_that_is_named_twice_is_written_once() -> None:
    assert split_names(["Dog, Cat", "Dog"]) == ["Dog", "Cat"]


@pytest.mark.parametrize("arguments", [["."], [".", "--schema"]])
def test_init_into_a_folder_asks_for_a_name(tmp_path: Path, arguments: list[str]) -> None:
    done = run_command("init", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "is a folder; name the file in it" in done.stderr
    assert not list(tmp_path.iterdir())


def test_init_takes_no_number_that_the_config_refuses() -> None:
    assert run_command("init", "--per-class", "20000000").returncode == 2
