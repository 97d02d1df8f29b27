"""README.md and CONTRIBUTING.md: short, and true."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from manual import CONTRIBUTING, PAGES, README, ROOT, find_anchors, find_links, load_hooks
from world import run_command

from audioset_dl import cli

COMMANDS = dict(re.findall(r"^\| `audioset-dl (\w+)[^|]*\| (.+) \|$", README, re.MULTILINE))
TOPICS = {
    "quickstart.md", "workers.md", "reproducing.md", "throttling.md", "processing.md",
    "meta-learning.md", "cookies.md", "references.md",
}  # fmt: skip
"""What the README says two or three lines of, each with a link."""


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_readme_lists_every_command_in_the_words_of_its_help() -> None:
    expected = load_hooks().make_command_table().splitlines()[2:]
    found = [line for line in README.splitlines() if line.startswith("| `audioset-dl ")]
    assert found == expected
    assert set(COMMANDS) == set(cli.cli.commands)


def test_the_words_of_the_commands_fit_a_terminal_of_80_columns() -> None:
    overview = run_command("--help").stdout
    for words in COMMANDS.values():
        assert words in overview


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_says_what_the_readme_says(name: str) -> None:
    shown = CliRunner().invoke(cli.cli, [name, "--help"]).output
    assert COMMANDS[name] in " ".join(shown.split())


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_links_lead_somewhere(text: str) -> None:
    links = find_links(text)
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).is_file(), link
        if anchor:
            assert anchor in find_anchors((ROOT / path).read_text("utf-8")), link


def test_the_readme_leads_to_every_page_of_the_manual() -> None:
    linked = {link.partition("#")[0] for link in find_links(README)}
    assert {f"docs/{name}" for name in PAGES} <= linked


@pytest.mark.parametrize("page", sorted(TOPICS))
def test_the_readme_says_two_or_three_lines_of_each_topic(page: str) -> None:
    paragraphs = [part for part in README.split("\n\n") if part.startswith("**[")]
    about = [part for part in paragraphs if f"](docs/{page})" in part.splitlines()[0]]
    assert len(about) == 1
    assert 2 <= len(about[0].splitlines()) <= 5


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_files_that_are_named_are_there(text: str) -> None:
    named = re.findall(r"`((?:scripts|audioset_dl|tests|docs|\.ci)/[\w./]*)", text)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


def test_ci_runs_what_a_contributor_runs() -> None:
    lines = (ROOT / ".ci/run").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("scripts/")] == [
        "scripts/check", "scripts/docs", "scripts/test",
    ]  # fmt: skip
