from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audioset_dl.simulator import Video, read_videos

YTID = "-A_bcdefghi"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ytid": "tooshort"},
        {"ytid": "has space_1"},
        {"duration_s": 0},
        {"itags": (22,)},
        {"behaviour": "nonsense"},
        {"faults": ("http_200",)},
        {"faults": ("nonsense",)},
        {"page_faults": ("full_200",)},
        {"faults": ("reset:middle",)},
        {"faults": ("trickle:0",)},
        {"faults": ("html_200:5",)},
        {"page_faults": ("stall:",)},
    ],
)
def test_what_can_not_be_simulated_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Video(**{"ytid": YTID, **wrong})


ROWS = [
    {"ytid": YTID, "duration_s": 12.5, "itags": [140], "faults": ["http_503", "", "reset"]},
    {"ytid": "bbbbbbbbbbb", "behaviour": "private"},
]


@pytest.mark.parametrize(
    "text", [json.dumps(ROWS, indent=1), "\n".join(json.dumps(row) for row in ROWS) + "\n\n"]
)
def test_videos_are_read_from_json_and_from_json_lines(tmp_path: Path, text: str) -> None:
    path = tmp_path / "videos.json"
    path.write_text(text)
    assert read_videos(path) == (
        Video(YTID, 12.5, (140,), faults=("http_503", "", "reset")),
        Video("bbbbbbbbbbb", behaviour="private"),
    )


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "videos.json"
    path.write_text(json.dumps({"ytid": YTID, "behavior": "private"}))
    with pytest.raises(ValueError, match=r"'behavior'.*behaviour"):
        read_videos(path)
