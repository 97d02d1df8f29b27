"""The library: public names are functions, load nothing early, and do what their examples say."""

from __future__ import annotations

import doctest
import inspect
import json
import pydoc
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from world import run_command

import audioset_dl
from audioset_dl.dataset.verify import Repair
from audioset_dl.errors import ConfigError
from audioset_dl.report.choosing import plan_document
from audioset_dl.report.dataset import verification_document
from audioset_dl.simulator.demo import prepared

pytestmark = pytest.mark.e2e

FUNCTIONS = [name for name in audioset_dl.__all__ if callable(getattr(audioset_dl, name))]
AFTER_A_DOWNLOAD = {"ClipDataset", "process", "split", "verify"}
"""Names whose examples begin with a dataset that is there."""
WITH_EXAMPLES = [name for name in FUNCTIONS if ">>>" in (getattr(audioset_dl, name).__doc__ or "")]


def run_python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def run_json(command: str) -> dict:
    return json.loads(run_command(command, "--json").stdout)


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of `audioset-dl demo`, as the current one: config.yaml, and its simulator runs."""
    with prepared(tmp_path):
        monkeypatch.chdir(tmp_path)
        yield tmp_path


@pytest.mark.filterwarnings("ignore:not the copies:UserWarning")
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_give_what_they_show(demo: Path, name: str) -> None:
    if name in AFTER_A_DOWNLOAD:
        assert run_command("download").returncode == 0
    function = getattr(audioset_dl, name)
    examples = [found for found in doctest.DocTestFinder().find(function, name) if found.examples]
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for example in examples:
        example.globs = {}  # so that each shows its imports
        runner.run(example, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_what_a_notebook_calls_has_examples() -> None:
    assert {*FUNCTIONS} == {*WITH_EXAMPLES}


def test_the_public_names_are_what_they_are_called() -> None:
    for name in FUNCTIONS:
        assert getattr(audioset_dl, name).__name__ == name
    for name in ("download", "plan", "verify"):
        function = getattr(audioset_dl, name)
        assert inspect.isfunction(function)
        assert "config" in str(inspect.signature(function)).lower()
        assert f"function {name} in" in pydoc.render_doc(function, renderer=pydoc.plaintext)
    assert set(audioset_dl.__all__) <= set(dir(audioset_dl))
    assert "verify(config" in pydoc.render_doc(audioset_dl, renderer=pydoc.plaintext)


def test_importing_the_package_loads_nothing_heavy() -> None:
    run_python(
        "import sys, audioset_dl\n"
        "audioset_dl.__version__, dir(audioset_dl)\n"
        "early = {'click', 'numpy', 'pandas', 'pydantic', 'yt_dlp'} & set(sys.modules)\n"
        "assert not early, early"
    )
    run_python(
        "import sys, audioset_dl.cli\n"
        "early = {'matplotlib', 'numpy', 'pandas', 'yt_dlp'} & set(sys.modules)\n"
        "assert not early, early"
    )


@pytest.mark.parametrize(
    "code",
    [
        # A function and a sub-package have the same name, whichever is imported first.
        "from audioset_dl import download; import audioset_dl.download.run",
        "import audioset_dl.download.run; from audioset_dl import download",
        "import audioset_dl.download.engine; from audioset_dl import *",
        "from audioset_dl.download import run; from audioset_dl import download",
    ],
)
def test_a_function_is_not_hidden_by_its_sub_package(code: str) -> None:
    run_python(
        f"import sys; {code}\n"
        "import audioset_dl\n"
        "from audioset_dl.download.run import download as itself\n"
        "assert download is audioset_dl.download is itself\n"
        "from audioset_dl.download import engine\n"
        "assert engine is sys.modules['audioset_dl.download.engine']"
    )


def test_a_repair_of_a_folder_without_its_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give the config in its place"):
        audioset_dl.verify(tmp_path, repair=True)


@pytest.mark.filterwarnings("ignore:not the copies:UserWarning")
def test_verify_and_plan_give_what_the_commands_print(demo: Path) -> None:
    settings = audioset_dl.load_config(demo / "config.yaml")
    planned = audioset_dl.plan(settings)
    assert plan_document(planned)["expected"] == run_json("plan")["expected"]
    assert run_command("download").returncode == 0
    next((demo / "audioset" / "wav").rglob("*.wav")).unlink()
    checked = audioset_dl.verify(settings)
    assert [fault.code for fault in checked.faults] == ["missing"]
    assert checked.exit_code == 1
    assert verification_document(checked)["faults_by_code"] == run_json("verify")["faults_by_code"]
    repair = audioset_dl.verify(settings, repair=True)
    assert isinstance(repair, Repair)
    assert repair.by_action() == {"requeued": 1}
    assert audioset_dl.plan(settings).to_fetch == 1


def test_a_plan_says_what_is_wrong_with_its_arguments_and_warns(demo: Path) -> None:
    settings = audioset_dl.load_config(demo / "config.yaml")
    with pytest.raises(ConfigError, match="give one of them"):
        audioset_dl.plan(settings, expect_gone=0.1, availability=demo / "gone.csv")
    with pytest.raises(ConfigError, match=r"expected 0 to 0\.95"):
        audioset_dl.plan(settings, expect_gone=1)
    with pytest.warns(UserWarning, match="not the copies of 2017-2022"):
        audioset_dl.plan(settings)
    heard: list[str] = []
    audioset_dl.plan(settings, on_warning=heard.append)
    assert len(heard) == 1


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="dowload"):
        audioset_dl.dowload  # noqa: B018


@pytest.mark.filterwarnings("ignore:not the copies:UserWarning")
def test_a_config_may_be_a_path_a_dict_or_loaded(demo: Path) -> None:
    keys = yaml.safe_load((demo / "config.yaml").read_text("utf-8"))
    loaded = audioset_dl.load_config(Path("config.yaml"))
    plans = [audioset_dl.plan(source) for source in ("config.yaml", Path("config.yaml"), loaded)]
    for planned in plans:
        # What is free on the disk changes between two calls.
        assert replace(planned, free_bytes=None) == replace(audioset_dl.plan(keys), free_bytes=None)
    assert audioset_dl.download(keys).exit_code == 0
    for source in ("config.yaml", keys, "audioset", Path("audioset")):
        assert audioset_dl.verify(source).exit_code == 0
