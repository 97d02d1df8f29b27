"""Files appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from audioset_dl.errors import OutputError
from audioset_dl.storage.files import is_temporary, write_file, writing_file


def test_a_file_is_written_with_its_folder_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.csv"
    write_file(path, b"one")
    write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch) -> None:
    steps = []
    real_fsync, real_replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append("fsync"), real_fsync(fd)))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (steps.append("rename"), real_replace(self, to))[1]
    )
    write_file(tmp_path / "x", b"content")
    assert steps == ["fsync", "rename", "fsync"]


def test_a_full_disk_leaves_the_old_file_and_says_where_and_how_much(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_file(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"x can't be written \(3 bytes\): No space left"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_written_in_pieces_appears_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with writing_file(path) as file:
        file.write(b"one, ")
        file.flush()
        assert [is_temporary(found) for found in tmp_path.iterdir()] == [True]
        file.write(b"two")
    assert path.read_bytes() == b"one, two"
    with pytest.raises(TypeError), writing_file(path) as file:
        file.write("no bytes")
    assert path.read_bytes() == b"one, two"
    assert list(tmp_path.iterdir()) == [path]
