"""The demo: a small made-up AudioSet on the simulator, for `audioset-dl demo` and for tests.

Class names and MIDs are AudioSet's; videos, ratings and segments are made up. All that a download
then does with them is real. Prints nothing.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import soundfile

from audioset_dl.catalog.clips import Clip
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.simulator import Simulator, Video, sounds_right, voice_of

PER_CLASS = 6
_MARK = "# Written by `audioset-dl demo`"

_ANIMAL, _PETS, _DOG, _BARK = "/m/0jbk", "/m/068hy", "/m/0bt9lr", "/m/05tny_"
_HOWL, _CAT, _PURR, _MEOW = "/m/07qf0zm", "/m/01yrx", "/m/02yds9", "/m/07qrkrw"
_INSECT, _BEE, _GLOCKENSPIEL = "/m/03vt0", "/m/01h3n", "/m/0dwtp"

Classes = Mapping[str, tuple[str, Sequence[str]]]
"""Name and children of classes by MID, depth-first."""

_CLASSES: Classes = {
    _ANIMAL: ("Animal", (_PETS, _INSECT)),
    _PETS: ("Domestic animals, pets", (_DOG, _CAT)),
    _DOG: ("Dog", (_BARK, _HOWL)),
    _BARK: ("Bark", ()),
    _HOWL: ("Howl", ()),
    _CAT: ("Cat", (_PURR, _MEOW)),
    _PURR: ("Purr", ()),
    _MEOW: ("Meow", ()),
    _INSECT: ("Insect", (_BEE,)),
    _BEE: ("Bee, wasp, etc.", ()),
    _GLOCKENSPIEL: ("Glockenspiel", ()),
}

_LABELS = ((_DOG, _BARK), (_DOG, _HOWL), (_CAT, _PURR), (_CAT, _MEOW), (_BEE,), (_GLOCKENSPIEL,))
_CLIPS_EACH = 9
_VOICES = {_BARK: 0, _HOWL: 3, _PURR: 6, _MEOW: 8, _BEE: 11, _GLOCKENSPIEL: 14}
"""The register in which the videos of a class play, so that each class sounds different."""
_FEW = {_GLOCKENSPIEL: 5}
"""Clips of a class that has fewer than are asked for."""
_GONE = {3: "removed", 10: "private", 17: "terminated", 25: "copyright", 33: "private"}
_FLAKY = 6
"""Number of the video whose first request for media fails."""

_CONFIG = f"""\
{_MARK}: its own small AudioSet on a YouTube that is simulated.
# Written anew by each demo. `audioset-dl init` writes a commented one to start from.
seed: 0
metadata:
  dir: metadata
  segments: [metadata/made_up_segments.csv]
classes:
  include: [Dog, Cat, "Bee, wasp, etc.", Glockenspiel]
clips:
  per_class: {PER_CLASS}
download:
  workers: 4
  delay_s: 0          # the simulated YouTube does not mind; the real one does
  max_per_hour: null
  proxies: ["ADDRESS"]   # the simulator: runs only while `audioset-dl demo` does
  verify_tls: false   # the simulator's certificates are its own
output:
  dir: audioset
"""


@dataclass(frozen=True)
class Demo:
    """A demo that is ready to run."""

    config: Path
    simulator: Simulator
    videos: Sequence[Video]


@contextmanager
def prepared(directory: Path) -> Iterator[Demo]:
    """Write metadata and a config into a folder, and run the simulator while the body runs.

    Raises
    ------
    ConfigError
        The folder holds a config.yaml that is not the demo's.
    OutputError
        The folder can't be written.
    """
    config = directory / "config.yaml"
    if config.exists() and not config.read_text("utf-8", "replace").startswith(_MARK):
        raise ConfigError(
            Problem("", f"{config} is not the demo's and is left as it is", "name another folder")
        )
    clips = _make_clips()
    videos = [_make_video(number, clip) for number, clip in enumerate(clips)]
    with Simulator(videos) as simulator:
        try:
            write_metadata(directory / "metadata", clips)
            config.write_text(_CONFIG.replace("ADDRESS", simulator.address), "utf-8")
        except OSError as error:
            raise OutputError(f"{directory} can't be written: {error.strerror}") from error
        yield Demo(config, simulator, videos)


def opening_words(demo: Demo) -> str:
    """Return what to print before the run."""
    num_gone = sum(video.behaviour != "ok" for video in demo.videos)
    return (
        f"A simulated YouTube with {len(demo.videos)} videos runs at {demo.simulator.address}; "
        f"{num_gone} of them are gone, one is flaky.\n"
        f"Their metadata and a config are in {demo.config.parent}.\n\n"
        f"$ audioset-dl download {demo.config}"
    )


def closing_words(demo: Demo, output: OutputFolder) -> str:
    """Return what to print after the run: what was done and heard, and what to try next."""
    rows = read_manifest(output.manifest).rows
    num_right = sum(
        _sounds_right(output.path / row.saved_file.file_name, row.clip_id) for row in rows
    )
    log = demo.simulator.log
    return "\n".join(
        [
            "",
            "Each simulated video plays its own melody, a tone a second, in its class's register.",
            f"{num_right} of {len(rows)} files play just the seconds that they should.",
            f"Requests made: {len(log.requests)}; media fetched: {log.media_bytes() / 1e6:.1f} MB.",
            "",
            "Try next:",
            f"  less -S {output.manifest}",
            f"  audioset-dl status {demo.config}",
            f"  audioset-dl classes {demo.config}",
            f"  rm -r {output.path / 'wav' / 'dog'} && audioset-dl verify {demo.config}",
            f"  audioset-dl demo {demo.config.parent}   # fetches again what you deleted",
            "  audioset-dl init   # and then the real thing",
        ]
    )


def _sounds_right(path: Path, clip_id: str) -> bool:
    ytid, start_ms = clip_id[:11], int(clip_id[12:])
    samples, sample_rate = soundfile.read(path)
    return sounds_right(np.asarray(samples), sample_rate, ytid, start_ms / 1000)


def _make_clips() -> list[Clip]:
    labels = [
        of_class for of_class in _LABELS for _ in range(_FEW.get(of_class[0], _CLIPS_EACH))
    ]  # fmt: skip
    return [_make_clip(number, of_clip) for number, of_clip in enumerate(labels)]


def _make_clip(number: int, labels: tuple[str, ...]) -> Clip:
    start_s = (0.0, 30.0, 12.345, 50.0)[number % 4]
    ytid = make_ytid(f"audioset-dl demo {number}", _VOICES[labels[-1]], number)
    return Clip(ytid, start_s, start_s + 10, labels, "made_up")


def make_ytid(seed: str, voice: int, number: int) -> str:
    """Return the id of a video that plays in a voice; as real ones, some begin with - or hold _."""
    first = "-" if number % 7 == 0 else "_" if number % 5 == 0 else "d"
    digests = (hashlib.sha256(f"{seed} {n}".encode()).hexdigest() for n in count())
    ytids = (f"{first}{digest[:4]}_{digest[4:9]}" for digest in digests)
    return next(ytid for ytid in ytids if voice_of(ytid) == voice)


def _make_video(number: int, clip: Clip) -> Video:
    return Video(
        clip.ytid,
        duration_s=math.ceil(clip.end_s) + (0 if number % 3 else 25),
        itags=(140,) if number % 4 == 1 else (251, 140),
        behaviour=_GONE.get(number, "ok"),
        faults=("http_503",) if number == _FLAKY else (),
    )


def write_metadata(folder: Path, clips: Sequence[Clip], classes: Classes = _CLASSES) -> None:
    """Write a metadata folder for made-up clips: an ontology, ratings, and a segment CSV.

    The segment file is ``made_up_segments.csv``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ontology = [_node(mid, name, children) for mid, (name, children) in classes.items()]
    (folder / "ontology.json").write_text(json.dumps(ontology, indent=1), "utf-8")
    labelled = sorted({mid for clip in clips for mid in clip.labels}, key=list(classes).index)
    _write_csv(
        folder / "class_labels_indices.csv",
        ("index", "mid", "display_name"),
        ((index, mid, classes[mid][0]) for index, mid in enumerate(labelled)),
    )
    _write_csv(
        folder / "qa_true_counts.csv",
        ("label_id", "num_rated", "num_true"),
        ((mid, 10, 10 - index % 4) for index, mid in enumerate(labelled)),
    )
    (folder / "made_up_segments.csv").write_text(_segments_text(clips), "utf-8")


def _node(mid: str, name: str, children: Sequence[str]) -> dict[str, object]:
    return {
        "id": mid, "name": name, "description": "", "citation_uri": "", "positive_examples": [],
        "child_ids": list(children), "restrictions": [],
    }  # fmt: skip


def _write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def _segments_text(clips: Sequence[Clip]) -> str:
    num_labels = sum(len(clip.labels) for clip in clips)
    labels = {mid for clip in clips for mid in clip.labels}
    head = (
        "# Segments csv made up for the demo of audioset-dl\n"
        f"# num_ytids={len(clips)}, num_segs={len(clips)}, num_unique_labels={len(labels)}, "
        f"num_positive_labels={num_labels}\n"
        "# YTID, start_seconds, end_seconds, positive_labels\n"
    )
    return head + "".join(
        f'{clip.ytid}, {clip.start_s:.3f}, {clip.end_s:.3f}, "{",".join(clip.labels)}"\n'
        for clip in clips
    )
