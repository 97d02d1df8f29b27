"""Answers of the live site that others recorded, replayed through the unmodified extractor.

They are not part of the project: AUDIOSET_RECORDED names the folder that holds them.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from audioset_dl.config import DownloadConfig
from audioset_dl.outcomes import VideoFailed
from audioset_dl.simulator import Simulator, Video
from audioset_dl.youtube.extraction import Track
from audioset_dl.youtube.video import YoutubeClient

FOLDER = os.environ.get("AUDIOSET_RECORDED", "")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not FOLDER, reason="AUDIOSET_RECORDED names no folder of recordings"),
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
]
CODES = {
    "account_locked": "account_locked",
    "kids_visionos_2026": "unavailable",
    "live_recording_gone": "live",
    "members_level_2026": "members",
    "private_2026": "private",
}


@pytest.fixture
def extract() -> Iterator[Callable[[str], Track]]:
    with ExitStack() as stack:

        def replay(name: str) -> Track:
            recorded = json.loads((Path(FOLDER) / f"{name}.json").read_text("utf-8"))
            details = recorded.get("videoDetails", {})
            ytid = details.get("videoId", "abcdefghijk")
            simulator = stack.enter_context(Simulator([Video(ytid, recorded=recorded)]))
            config = DownloadConfig(verify_tls=False)
            stop = threading.Event()
            client = YoutubeClient(config, proxy=simulator.address, cookies=None, stop=stop)
            stack.callback(client.close)
            return client.extract(ytid)

        yield replay


@pytest.mark.parametrize("name", CODES)
def test_words_of_the_live_site(extract, name: str) -> None:
    with pytest.raises(VideoFailed) as told:
        extract(name)
    assert told.value.failure.code == CODES[name]


def test_of_thirteen_tracks_the_original_is_chosen(extract) -> None:
    track = extract("visionos_13_tracks_2026")
    assert track.sound == "original"
    assert track.description.startswith("251 opus")
    assert track.info["language"] == "en-US"
    assert track.duration_s == 434
    assert "n=" not in track.info["url"].partition("?")[2].split("&")
