"""The output folder in data/folder-0.1.0, and the world in which version 0.1.0 wrote it.

Run as a program with the code and the tests' modules of 0.1.0 on the path, it writes the folder
anew (``PYTHONPATH=CHECKOUT:CHECKOUT/tests python tests/old_folder.py``): a real run against the
simulator, of clips of a fifth of a second at 8 kHz so that the files are small.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from world import DOG, World, make_clips, videos_of

from audioset_dl.catalog.clips import Clip
from audioset_dl.simulator import Simulator

FOLDER = Path(__file__).parent / "data" / "folder-0.1.0"
CLIPS: list[Clip] = [replace(clip, end_s=clip.start_s + 0.2) for clip in make_clips([DOG], 8)]
SAVED, REMOVED, UNAVAILABLE, AGE, OUT_OF_RANGE, KNOWN_GONE, WAITING = (
    CLIPS[:2], CLIPS[2], CLIPS[3], CLIPS[4], CLIPS[5], CLIPS[6], CLIPS[7],
)  # fmt: skip
CHANGES = {
    REMOVED.ytid: {"behaviour": "removed"},
    UNAVAILABLE.ytid: {"behaviour": "unavailable"},
    AGE.ytid: {"behaviour": "age:unverified"},
    OUT_OF_RANGE.ytid: {"duration_s": 5.0},
    WAITING.ytid: {"behaviour": "network"},
}
SESSION = "good-CANARY"


def write_old_config(world: World) -> Path:
    """Write the config of that run, with the files that it names."""
    names = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID")
    cookies = [
        {"domain": ".youtube.com", "expirationDate": 2_147_483_647, "hostOnly": False,
         "httpOnly": True, "name": name, "path": "/", "secure": True, "session": False,
         "value": SESSION}
        for name in names
    ]  # fmt: skip
    (world.folder / "cookies.txt").write_text(json.dumps(cookies))
    (world.folder / "cookies.txt").chmod(0o400)
    gone = f"clip_id,state,code\n{KNOWN_GONE.clip_id},gone,private\n"
    (world.folder / "gone.csv").write_text(gone)
    return world.write_config(
        "folder-0.1.0.yaml",
        classes={"include": ["Dog"], "descendants": False},
        clips={"per_class": None, "known_gone": "gone.csv"},
        audio={"sample_rate": 8000},
        download={"cookies": "cookies.txt", "attempts": 1},
    )


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(videos_of(CLIPS, **CHANGES), sessions={SESSION}) as simulator,
    ):
        world = World(Path(folder), simulator, CLIPS)
        config = write_old_config(world)
        done = world.download(config)
        sys.stdout.write(done.stdout + done.stderr)
        output = world.output(config)
        for name in (".lock", ".fetching"):
            shutil.rmtree(output / name, ignore_errors=True)
            (output / name).unlink(missing_ok=True)
        run = output / "run.json"
        text = run.read_text().replace(folder, "/home/me").replace(simulator.address, "direct")
        run.write_text(text)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(output, FOLDER)


if __name__ == "__main__":
    main()
