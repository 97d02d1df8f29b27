"""The manual: what its tables say is what the program does."""

from __future__ import annotations

import re

import click
import pytest
import yaml
from manual import PAGES, ROOT, load_hooks, read_rows, section

import audioset_dl
from audioset_dl import cli
from audioset_dl.config.starting import default_config_text
from audioset_dl.dataset.failures import FAILURES_COLUMNS
from audioset_dl.dataset.manifest_writing import MANIFEST_COLUMNS
from audioset_dl.errors import AudiosetDlError
from audioset_dl.outcomes import KINDS, Scope

HOOKS = load_hooks()
PACKAGE = ROOT / "audioset_dl"


def test_exit_codes_are_those_of_the_errors() -> None:
    rows = read_rows(section(PAGES["commands.md"], "## Exit codes"))
    codes = {int(code) for row in rows if re.match(r"\d", row[0]) for code in row[0].split(",")}
    ours = {error.exit_code for error in AudiosetDlError.__subclasses__()}
    assert codes == ours | {0, 1, 129, 130, 143, cli.BUG_EXIT_CODE}


def test_the_help_in_the_manual_is_that_of_the_commands() -> None:
    page = HOOKS.fill_in(PAGES["commands.md"])
    for name, command in cli.cli.commands.items():
        text = section(page, f"### {name}")
        assert f"Usage: audioset-dl {name} " in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert max(parameter.opts, key=len) in text
        assert "-h, --help" in text


def test_every_key_of_the_configuration_is_in_the_manual_with_its_default() -> None:
    rows = read_rows(HOOKS.fill_in("<!-- made: configuration -->"))
    found = {row[0].strip("`"): row[1].strip("`") for row in rows}
    expected = {}
    for name, value in yaml.safe_load(default_config_text()).items():
        section = value if isinstance(value, dict) else None
        expected |= {f"{name}.{key}": deep for key, deep in section.items()} if section else {
            name: value
        }  # fmt: skip
    assert {key: yaml.safe_load(text) for key, text in found.items()} == expected
    assert not [row for row in rows if row[2].startswith("<br>")], "a key without a meaning"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "boolean"}, "`true`, `false`"),
        ({"enum": ["wait", "stop"], "type": "string"}, "`wait`, `stop`"),
        ({"type": "integer", "minimum": 1, "maximum": 1000}, "integer from 1 to 1,000"),
        ({"type": "number", "exclusiveMinimum": 0}, "number above 0"),
        ({"anyOf": [{"type": "string", "format": "path"}, {"type": "null"}]}, "path or `null`"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "array", "prefixItems": [{"type": "integer"}] * 2}, "list of 2 integers"),
        ({"type": "object"}, "mapping"),
    ],
)
def test_what_a_value_may_be(field: dict[str, object], words: str) -> None:
    assert HOOKS.describe_type(field) == words


@pytest.mark.parametrize(
    ("heading", "scopes"),
    [
        ("## The clip is gone", {Scope.GONE}),
        ("## The attempt failed", {Scope.TRANSIENT}),
        ("## YouTube refuses the address", {Scope.ADDRESS}),
        ("## This machine", {Scope.MACHINE}),
    ],
)
def test_failure_codes_stand_under_what_follows_from_them(heading: str, scopes: set[Scope]) -> None:
    rows = read_rows(section(PAGES["failures.md"], heading))
    assert rows
    assert {KINDS[row[0].strip("`")].scope for row in rows} == scopes


def test_a_failure_code_that_no_page_explains_is_listed_by_its_words() -> None:
    assert {row[0] for row in read_rows(HOOKS.fill_in(PAGES["failures.md"]))} == {
        f"`{code}`" for code in KINDS
    }
    rest = HOOKS.fill_in(PAGES["failures.md"].replace("| `geo` |", "| - |"))
    assert "| `geo` | gone | not made this video available in your country;" in rest


def test_the_columns_of_the_tables_are_those_that_are_written() -> None:
    manifest = read_names(section(PAGES["output.md"], "## manifest.csv"))
    failures = read_names(section(PAGES["output.md"], "## failures.csv"))
    assert manifest == MANIFEST_COLUMNS
    assert failures == FAILURES_COLUMNS


def read_names(text: str) -> tuple[str, ...]:
    return tuple(name for row in read_rows(text) for name in re.findall(r"`(\w+)`", row[0]))


def test_the_architecture_lists_the_rooms_of_the_package() -> None:
    rows = read_rows(section(PAGES["architecture.md"], "## The rooms"))
    listed = [name for row in rows for name in re.findall(r"`([\w/]+)`", row[0])]
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("_")}
    assert sorted(listed) == sorted(folders | modules)


def test_the_library_page_has_every_public_name() -> None:
    page = HOOKS.fill_in(PAGES["library.md"])
    names = set(audioset_dl.__all__) - {"__version__"}
    assert names
    assert names <= set(re.findall(r"heading: audioset_dl\.(\w+)$", page, re.MULTILINE))
    for error in AudiosetDlError.__subclasses__():
        if error.__module__ == AudiosetDlError.__module__:
            assert f"heading: audioset_dl.errors.{error.__name__}\n" in page + "\n"


@pytest.mark.parametrize(
    ("name", "options"),
    [("peers", "bench"), ("metadata", "metadata"), ("faults", "faults")],
)
def test_the_benchmarks_page_has_a_place_for_each_table(name: str, options: str) -> None:
    page = PAGES["benchmarks.md"]
    assert f"`scripts/bench {name}`" in page
    assert 0 <= page.find(f"<!-- {options} -->") < page.find(f"<!-- /{options} -->")


def test_a_mark_that_nothing_answers_is_an_error() -> None:
    with pytest.raises(HOOKS.PageError, match="expected one of configuration, "):
        HOOKS.fill_in("<!-- made: weather -->")
    assert "<!-- made:" not in "".join(map(HOOKS.fill_in, PAGES.values()))


def test_what_a_browser_would_load_from_elsewhere_is_found() -> None:
    html = """<link rel="stylesheet" href="https://a.example/fonts.css">
        <script src="//b.example/code.js"></script><img src="here.png">
        <a href="https://c.example/">a link loads nothing</a>"""
    assert HOOKS.find_outside_addresses(html) == [
        "https://a.example/fonts.css", "//b.example/code.js",
    ]  # fmt: skip
