"""Which ffmpeg is run, and how."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from audioset_dl.audio.ffmpeg import FfmpegError, ffmpeg_version, find_ffmpeg, run_ffmpeg
from audioset_dl.errors import ToolMissingError


def test_the_one_that_came_with_the_program_is_used_whatever_is_on_path(monkeypatch, tmp_path):
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = find_ffmpeg()
    assert "imageio_ffmpeg" in str(found)
    assert ffmpeg_version(found).startswith("ffmpeg version")


def test_a_configured_one_must_be_there_and_be_ffmpeg(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match=r"audio\.ffmpeg: .*none is not a file"):
        find_ffmpeg(tmp_path / "none")
    fake = tmp_path / "fake"
    fake.write_text("not a program")
    with pytest.raises(ToolMissingError, match="can't be started"):
        ffmpeg_version(find_ffmpeg(fake))
    with pytest.raises(ToolMissingError, match="is no ffmpeg"):
        ffmpeg_version(find_ffmpeg(Path(sys.executable).with_name("pip")))


def test_it_has_a_deadline(ffmpeg: Path) -> None:
    endless = ["-re", "-f", "lavfi", "-i", "anullsrc", "-f", "null", "-"]
    with pytest.raises(FfmpegError, match=r"did not end within 0\.1 s"):
        run_ffmpeg(ffmpeg, endless, timeout_s=0.1)


def test_it_opens_no_network_connection(ffmpeg: Path) -> None:
    with pytest.raises(FfmpegError, match="Error opening input"):
        run_ffmpeg(ffmpeg, ["-i", "http://127.0.0.1:1/x", "-f", "null", "-"])
