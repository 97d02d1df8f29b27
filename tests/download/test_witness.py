"""A witness is fetched by the real path, into a folder that is removed."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest

from audioset_dl.config import AudioConfig, DownloadConfig
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.rows import SavedFile
from audioset_dl.download.settings import FetchSettings
from audioset_dl.download.witness import Witness, fetch_witness
from audioset_dl.errors import OutputError
from audioset_dl.outcomes import Failure
from audioset_dl.simulator import Simulator, Video


def make_witness(ytid: str, ffmpeg: Path, output: Path) -> Witness:
    download = DownloadConfig(verify_tls=False)
    settings = FetchSettings(download, AudioConfig(), ffmpeg, OutputFolder(output), None)
    return Witness(ytid, settings)


@pytest.mark.e2e
def test_one_plays_and_another_is_gone(ffmpeg: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    videos = [Video("plays-00001"), Video("private-002", behaviour="private")]
    with Simulator(videos) as simulator:
        plays, gone = (
            fetch_witness(
                make_witness(video.ytid, ffmpeg, tmp_path / "none"),
                simulator.address,
                threading.Event(),
            )
            for video in videos
        )
    assert isinstance(plays, SavedFile)
    assert plays.num_samples == 160_000
    assert isinstance(gone, Failure)
    assert gone.code == "private"
    assert not list(tmp_path.iterdir()), "something is left"


def test_a_full_temporary_folder_is_told_as_what_it_is(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    witness = make_witness("plays-00001", Path("ffmpeg"), tmp_path)
    with pytest.raises(OutputError, match="none/audioset-dl-witness-"):
        fetch_witness(witness, None, threading.Event())
