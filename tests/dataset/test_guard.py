"""Whether a folder can hold a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from audioset_dl.dataset import guard
from audioset_dl.dataset.guard import try_folder
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.errors import OutputError

NOW = "2026-11-22T12:00:00+00:00"


def test_what_is_tried_is_taken_away_again(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("mine")
    assert try_folder(OutputFolder(tmp_path), NOW) == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.csv"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert try_folder(OutputFolder(tmp_path / "a" / "b"), NOW) == tmp_path
    assert not list(tmp_path.iterdir())


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=r"file is not a folder; move it away"):
            try_folder(OutputFolder(path), NOW)


@pytest.mark.parametrize("step", ["hold_folder", "open_journal", "write_file"])
def test_each_means_is_tried(tmp_path: Path, monkeypatch, step: str) -> None:
    def refuse(*_: object) -> None:
        raise OutputError(f"{step} does not work here")

    monkeypatch.setattr(guard, step, refuse)
    with pytest.raises(OutputError, match=step):
        try_folder(OutputFolder(tmp_path), NOW)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_folder_that_takes_no_files_is_told() -> None:
    with pytest.raises(OutputError, match=r"^/proc can't be written"):
        try_folder(OutputFolder(Path("/proc/audioset")), NOW)
