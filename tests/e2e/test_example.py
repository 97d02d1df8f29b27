"""The worked few-shot example: it runs as it is, and what it prints is well above chance."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from world import PATIENCE_S, clean_environment

SCRIPT = Path(__file__).parents[2] / "scripts" / "fewshot_example.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("fewshot_example", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_runs_from_the_download_to_the_accuracy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, timeout=PATIENCE_S,
        env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(
        r"(\d)-shot, 200 episodes of classes never seen: ([\d.]+)% ± ([\d.]+)% right", done.stdout
    )
    assert [shots for shots, _, _ in found] == ["1", "5"]
    for _, mean, half in found:
        assert float(mean) - float(half) > 50, "chance is 25 %"


def test_nearest_prototypes_by_hand(example) -> None:
    support = np.array([[0.0, 0], [2, 0], [10, 0], [12, 0]])
    query = np.array([[1.0, 1], [5, 0], [7, 0], [11, 5]])
    assert example.accuracy(support, (0, 0, 1, 1), query, (0, 0, 1, 1)) == 1
    assert example.accuracy(support, (0, 0, 1, 1), query, (0, 1, 1, 1)) == 0.75


def test_the_interval_is_that_of_the_mean(example) -> None:
    accuracies = [0.5, 0.7, 0.6, 0.8]
    half = 1.96 * np.std(accuracies, ddof=1) / 2
    assert f"65.0% ± {half:.1%} right (chance: 20%)" in example.report(accuracies, 5, 1)
