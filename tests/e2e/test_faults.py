"""Faults of the network as a user meets them: each is got over within the attempts of a clip."""

from __future__ import annotations

from pathlib import Path

import pytest
from world import DOG, World, make_clips, run_installed, videos_of

from audioset_dl.simulator import Simulator

FAULTS = {
    "broken off": [
        {"page_faults": ("stall:100", "reset:head")},
        {"page_faults": ("truncate", "truncate:-1")},
        {"faults": ("stall:head", "stall:-1")},
        {"faults": ("reset:0", "reset:-1")},
    ],
    "too slow": [
        {"faults": ("trickle",)},
        {"faults": ("", "trickle:10")},
        {"page_faults": ("trickle",)},
        {"page_faults": ("", "trickle:10")},
    ],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_does_not_come_is_asked_for_again(tmp_path: Path, kind: str) -> None:
    clips = make_clips([DOG], 8)
    changes = {clip.ytid: fields for clip, fields in zip(clips, FAULTS[kind], strict=False)}
    with Simulator(videos_of(clips, **changes)) as simulator:
        world = World(tmp_path, simulator, clips)
        config = world.write_config(
            classes={"include": ["Dog"]}, clips={"per_class": None}, download={"timeout_s": 1}
        )
        done = run_installed("download", config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(world.heard(config)) == len(clips)
    assert all(world.heard(config).values())
