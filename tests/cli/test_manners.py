"""How the command line speaks: examples, colour, one-line errors, completion, local time."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from world import COMMAND, PATIENCE_S, clean_environment, run_command

from audioset_dl import cli
from audioset_dl.storage.lock import Holder


@pytest.mark.parametrize("name", cli.cli.commands)
def test_every_command_has_an_example_of_itself_in_its_help(name: str) -> None:
    help_text = run_command(name, "--help").stdout
    assert f"Example:\n    audioset-dl {name}" in help_text
    assert "-v, --verbose" in help_text
    assert max(map(len, help_text.splitlines())) <= 80


def test_the_commands_stand_in_the_order_of_their_use() -> None:
    text = run_command("--help").stdout
    order = [text.index(f"\n  {name} ") for name in ("init", "classes", "plan", "download")]
    assert order == sorted(order)


def test_one_new_module_makes_a_command(tmp_path: Path) -> None:
    package = Path(cli.__file__).parents[1]
    copy = tmp_path / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "simulator"))
    (copy / "cli" / "greeting.py").write_text(
        "from audioset_dl.cli.group import cli\n\n\n"
        "@cli.command()\ndef greet() -> None:\n    'Say hello.'\n    raise ZeroDivisionError\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", package.name, *arguments],
            cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False,
            timeout=PATIENCE_S,
        )  # fmt: skip

    lines = run("--help").stdout.splitlines()
    assert ["greet", "Say hello."] in [line.split(maxsplit=1) for line in lines]
    assert "-v, --verbose" in run("greet", "--help").stdout
    assert run("greet").returncode == cli.BUG_EXIT_CODE


def test_an_error_is_one_line_and_with_v_all_that_led_to_it(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    brief = run_command("plan", missing).stderr
    assert brief.count("\n") == 1
    assert brief.startswith("Error: ")
    long = run_command("plan", missing, "-v")
    assert long.returncode == 2
    assert "Traceback" in long.stderr
    assert long.stderr.endswith(brief)
    assert run_command("-v", "plan", missing).stderr == long.stderr


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """Return what a command writes to a terminal."""
    ours, its = pty.openpty()
    subprocess.run(
        [COMMAND, *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**clean_environment(), "TERM": "xterm", **variables},
        check=False,
        timeout=PATIENCE_S,
    )
    os.close(its)
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(ours)
    return text.decode()


@pytest.mark.e2e
def test_colour_is_for_terminals_only_and_not_where_it_is_not_wanted(tmp_path: Path) -> None:
    arguments = ("plan", str(tmp_path / "none.yaml"))
    assert "\x1b[31mError:" in on_a_terminal(*arguments)
    assert "\x1b" not in on_a_terminal(*arguments, NO_COLOR="1")
    assert "\x1b[31m" in on_a_terminal(*arguments, NO_COLOR="")
    assert "\x1b" not in run_command(*arguments).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_told_for_each_shell(shell: str) -> None:
    done = run_command("completion", shell)
    assert done.returncode == 0, done.stderr
    assert "_AUDIOSET_DL_COMPLETE" in done.stdout


def test_what_the_shell_asks_for_completion_is_answered() -> None:
    done = subprocess.run(
        [COMMAND],
        env={**clean_environment(), "_AUDIOSET_DL_COMPLETE": "bash_complete",
             "COMP_WORDS": "audioset-dl pl", "COMP_CWORD": "1"},
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.stdout.strip() == "plain,plan"


def test_times_are_local_with_their_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    import time

    time.tzset()
    try:
        assert "since 2026-11-25 03:00:00 JST" in str(
            Holder(1, "host", "2026-11-24T18:00:00+00:00")
        )
    finally:
        monkeypatch.undo()
        time.tzset()
