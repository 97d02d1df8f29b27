"""What lies inside a folder, and what must lie apart; links are followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from audioset_dl.errors import ConfigError
from audioset_dl.storage.guards import check_apart, find_overlap, is_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (tmp_path / "root-2").mkdir()
    (tmp_path / "link").symlink_to(root / "a")
    (root / "out").symlink_to(tmp_path)
    return root


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        (".", True), ("a", True), ("a/none.wav", True), ("../link/x", True),
        ("..", False), ("../root-2", False), ("a/../../x", False), ("out/x", False),
        ("x\0y", False),
    ],
)  # fmt: skip
def test_what_lies_inside(root: Path, name: str, inside: bool) -> None:
    assert is_inside(root, root / name) is inside


def test_folders_that_overlap(root: Path, tmp_path: Path) -> None:
    apart = [root / "a", tmp_path / "root-2", tmp_path / "none"]
    assert find_overlap(apart) is None
    assert find_overlap([*apart, root]) == (root / "a", root)
    assert find_overlap([tmp_path / "link", tmp_path / "root-2", root / "a"]) == (
        tmp_path / "link", root / "a",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["root", "root/a/new", "link/new"])
def test_what_is_only_read_is_not_written_into(root: Path, tmp_path: Path, name: str) -> None:
    others = {"output.dir": tmp_path / "root-2", "process.dir": root}
    check_apart("fewshot.dir", tmp_path / "new", others)
    check_apart("fewshot.dir", tmp_path, others)
    with pytest.raises(ConfigError, match=r"is not apart from .* \(process.dir\)") as told:
        check_apart("fewshot.dir", tmp_path / name, others)
    assert told.value.problems[0].key == "fewshot.dir"
    assert told.value.problems[0].fix == "name a folder beside it"
