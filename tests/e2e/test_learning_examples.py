"""The examples in docstrings of what comes after the download: they give what they show."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest
from world import run_command

from audioset_dl.simulator.demo import prepared

PURE = (
    "fewshot.assign.share_out",
    "fewshot.assign.group_tied",
    "process.clean.measure",
    "process.transform.fit_length",
    "process.transform.resample",
    "process.transform.find_scaling",
    "process.spectrograms.make_log_mel",
    "process.statistics.moments_of",
)
IN_ORDER = (
    "fewshot.split.preview_split",
    "fewshot.split.split",
    "fewshot.sampler.EpisodeSampler",
    "clip_dataset.ClipDataset",
    "process.run.process",
    "fewshot.episodes.write_episodes",
    "process.statistics.compute_statistics",
    "process.statistics.load_statistics",
    "fewshot.split.split_plainly",
    "download.prune.prune",
)
"""Each goes on with what those before it wrote, as in a notebook."""


def run_example(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    owner = importlib.import_module(f"audioset_dl.{module}")
    found = doctest.DocTestFinder(recurse=False).find(
        getattr(owner, attribute), name, module=owner, globs=dict(vars(owner))
    )
    assert [test for test in found if test.examples], f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for test in found:
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("name", PURE)
def test_examples_of_arrays_and_numbers(name: str) -> None:
    run_example(name)


@pytest.mark.e2e
@pytest.mark.filterwarnings("ignore:not the copies:UserWarning")
def test_examples_from_the_split_to_the_statistics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared(tmp_path):
        monkeypatch.chdir(tmp_path)
        assert run_command("download").returncode == 0
        for name in IN_ORDER:
            run_example(name)
