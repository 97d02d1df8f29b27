"""What the disk still takes, and what to do when it takes no more."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from audioset_dl.storage.disk import FreeSpace, find_advice, find_free_space


def test_a_folder_that_is_not_there_yet_has_the_space_of_the_one_above(tmp_path: Path) -> None:
    space = find_free_space(tmp_path / "a" / "b")
    assert space is not None
    assert space.num_bytes > 0
    assert not space.is_full


@pytest.mark.parametrize(
    ("space", "is_full", "words"),
    [
        (FreeSpace(1 << 30, None), False, "1,073,741,824 bytes are free there"),
        (FreeSpace(1000, 5), True, "1,000 bytes are free there"),
        (FreeSpace(1 << 30, 0), True, "1,073,741,824 bytes and 0 files are free there"),
    ],
)
def test_what_is_full(space: FreeSpace, is_full: bool, words: str) -> None:
    assert (space.is_full, str(space)) == (is_full, words)


def test_where_there_is_no_size_nothing_is_known(tmp_path: Path, monkeypatch) -> None:
    nothing = SimpleNamespace(f_blocks=0, f_bavail=0, f_frsize=0, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda _path: nothing)
    assert find_free_space(tmp_path) is None


def test_advice_by_the_error(tmp_path: Path, monkeypatch) -> None:
    assert find_advice(errno.EROFS, tmp_path).startswith(" (the disk is mounted read-only")
    assert find_advice(errno.EDOM, tmp_path) == ""
    assert find_advice(errno.ENOSPC, tmp_path).endswith("make room, or choose another folder)")
    assert find_advice(errno.EIO, tmp_path).startswith(" (a quota or limit is reached")
    full = SimpleNamespace(f_blocks=1, f_bavail=0, f_frsize=4096, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda _path: full)
    assert find_advice(errno.EIO, tmp_path).startswith(" (0 bytes are free there; make room")
