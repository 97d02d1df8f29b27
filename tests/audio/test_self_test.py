"""ffmpeg is tried on what YouTube sends."""

from __future__ import annotations

from pathlib import Path

import pytest

from audioset_dl.audio import self_test
from audioset_dl.audio.self_test import TRACKS, try_cut


def wrap(ffmpeg: Path, folder: Path, body: str) -> Path:
    """Return an ffmpeg that does something before the real one, whose path is $ffmpeg."""
    wrapper = folder / "ffmpeg"
    wrapper.write_text(f"#!/bin/sh\nffmpeg='{ffmpeg}'\n{body}\n")
    wrapper.chmod(0o755)
    return wrapper


@pytest.mark.parametrize("codec", TRACKS)
def test_the_one_that_came_with_the_program_cuts_both_codecs(ffmpeg: Path, codec: str) -> None:
    assert try_cut(ffmpeg, codec) == ""


def test_one_without_a_demuxer_is_told_in_its_own_words(ffmpeg: Path, tmp_path: Path) -> None:
    lame = wrap(
        ffmpeg,
        tmp_path,
        """case "$*" in *matroska*) echo "Unknown input format" >&2; exit 1;; esac
        exec "$ffmpeg" "$@" """,
    )
    assert "Unknown input format" in try_cut(lame, "opus")
    assert try_cut(lame, "aac") == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("sine=440,volume=0", "a tone of 0 Hz (RMS 0.000) came instead of 440 Hz"),
        ("sine=880", "a tone of 880 Hz (RMS 0.088) came instead of 440 Hz"),
    ],
)
def test_what_comes_is_listened_to(ffmpeg: Path, tmp_path: Path, source: str, words: str) -> None:
    """A decoder that gives other sound than is in the track is none to cut with."""
    deaf = wrap(
        ffmpeg,
        tmp_path,
        f"""exec "$ffmpeg" -v error -f lavfi -i "{source},aresample=16000" -t 20 \\
        -c:a pcm_f32le -f wav pipe:1""",
    )
    assert try_cut(deaf, "opus") == words


def test_too_few_samples_are_noticed(ffmpeg: Path, monkeypatch) -> None:
    monkeypatch.setattr(self_test, "_END_S", 30.5)
    assert "samples came of 480,000" in try_cut(ffmpeg, "aac")
