"""One run at a time on a folder."""

import json
import os
import socket
from pathlib import Path

import pytest

from audioset_dl.errors import OutputError, OutputLockedError
from audioset_dl.storage.lock import find_holder, hold_folder

NOW = "2026-11-22T12:00:00+00:00"


def test_a_second_run_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    lock = tmp_path / "out" / ".lock"
    with hold_folder(lock, NOW):
        holder = find_holder(lock)
        assert (holder.pid, holder.host, holder.since) == (os.getpid(), socket.gethostname(), NOW)
        words = f"process {os.getpid()} .*{NOW[:10]}"
        with pytest.raises(OutputLockedError, match=words), hold_folder(lock, NOW):
            pass
    assert find_holder(lock) is None
    with hold_folder(lock, NOW):
        pass


def test_what_a_dead_run_left_does_not_hold_the_folder(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    lock.touch()
    dead = {"pid": 999_999_999, "host": socket.gethostname(), "since": "then"}
    (tmp_path / ".lock-holder.json").write_text(json.dumps(dead))
    assert find_holder(lock) is None
    with hold_folder(lock, NOW):
        assert find_holder(lock).since == NOW


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc here")
def test_a_folder_in_which_no_lock_can_be_made_is_not_taken_for_a_held_one() -> None:
    words = r"/proc/\.lock can't be written"
    with pytest.raises(OutputError, match=words), hold_folder(Path("/proc/.lock"), NOW):
        pass
