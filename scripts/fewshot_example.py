"""A few-shot experiment, whole and offline, as a researcher does it with the program.

Sixteen classes of AudioSet, with made-up clips in a register of each class, are downloaded
from a simulated YouTube, cleaned, turned into log-mel spectrograms and split by class. A classifier
that was trained on nothing, the nearest prototype of log-mel means (Snell et al. 2017,
https://arxiv.org/abs/1703.05175), is then tried on episodes of classes that it has never seen.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import yaml

from audioset_dl import ClipDataset
from audioset_dl.catalog.clips import Clip
from audioset_dl.fewshot import EpisodeSampler
from audioset_dl.process import Statistics, apply_statistics, load_statistics
from audioset_dl.simulator import Simulator, Video
from audioset_dl.simulator.demo import make_ytid, write_metadata

CLASSES = {
    "/m/05tny_": "Bark", "/m/07qrkrw": "Meow", "/t/dd00018": "Oink", "/m/07rpkh9": "Moo",
    "/m/04s8yn": "Crow", "/m/09d5_": "Owl", "/m/09xqv": "Cricket", "/m/09ld4": "Frog",
    "/m/0dwtp": "Glockenspiel", "/m/07y_7": "Violin, fiddle", "/m/0l14j_": "Flute",
    "/m/03m5k": "Harp", "/m/0mkg": "Accordion", "/m/01j4z9": "Chainsaw", "/m/06mb1": "Rain",
    "/m/01hsr_": "Sneeze",
}  # fmt: skip
CLIPS_EACH = 12
CONFIG = {
    "metadata": {"dir": "metadata", "segments": ["metadata/made_up_segments.csv"]},
    "clips": {"per_class": CLIPS_EACH},
    "download": {"workers": 8, "delay_s": 0, "max_per_hour": None, "verify_tls": False},
    "process": {"form": "logmel", "preset": "metaaudio"},
    "fewshot": {
        "min_clips": 12, "ratios": [0.4, 0.25, 0.35], "n_way": 4, "k_shot": 1, "q_query": 5,
        "episodes": 200,
    },
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="to keep what is made")
    options = parser.parse_args()
    if options.folder is not None:
        run(options.folder)
        return
    with tempfile.TemporaryDirectory(prefix="audioset-dl-example-") as folder:
        run(Path(folder))


def run(folder: Path) -> None:
    with simulated_youtube(folder) as config:
        for command in ("download", "process", "split", "statistics", "episodes"):
            print(f"\n$ audioset-dl {command} {config.name}", flush=True)
            subprocess.run(
                [Path(sys.executable).with_name("audioset-dl"), command, "-q", config], check=True
            )
    print()
    for k_shot in (1, 5):
        accuracies = list(try_episodes(folder, k_shot))
        print(report(accuracies, CONFIG["fewshot"]["n_way"], k_shot))
    try_loaders(folder)


def try_loaders(folder: Path) -> None:
    """Loop over every split with a plain loader, where torch is installed."""
    if find_spec("torch") is None:
        print("torch is not installed: no DataLoader is tried")
        return
    make_loader = import_module("torch.utils.data").DataLoader
    splits = folder / "audioset-fewshot" / "splits.json"
    for name in ("train", "validation", "test"):
        data = ClipDataset(folder / "audioset-processed", name, splits, label="multi_hot")
        for workers in (0, 2):
            loader = make_loader(data, batch_size=16, num_workers=workers)
            number = sum(len(arrays) for arrays, _ in loader)
            print(f"{name}: {number} clips in batches of 16 with {workers} workers")


@contextmanager
def simulated_youtube(folder: Path) -> Iterator[Path]:
    """Write metadata and a config into a folder, and run the simulator while the body runs."""
    clips = list(make_clips())
    write_metadata(folder / "metadata", clips, {mid: (name, ()) for mid, name in CLASSES.items()})
    with Simulator([Video(clip.ytid, duration_s=60) for clip in clips]) as simulator:
        download = {**CONFIG["download"], "proxies": [simulator.address]}
        config = folder / "config.yaml"
        config.write_text(yaml.safe_dump({**CONFIG, "download": download}))
        yield config


def make_clips() -> Iterator[Clip]:
    for voice, mid in enumerate(CLASSES):
        for n in range(CLIPS_EACH):
            number = voice * CLIPS_EACH + n
            start_s = 10.0 * (n % 5)
            ytid = make_ytid(f"few-shot example {number}", voice, number)
            yield Clip(ytid, start_s, start_s + 10, (mid,), "made_up")


def try_episodes(folder: Path, k_shot: int) -> Iterator[float]:
    """Yield the accuracy of each test episode."""
    statistics = load_statistics(folder / "audioset-processed")
    dataset = ClipDataset(
        folder / "audioset-processed",
        split="test",
        splits=folder / "audioset-fewshot" / "splits.json",
    )
    options = CONFIG["fewshot"]
    sampler = EpisodeSampler(
        dataset, n_way=options["n_way"], k_shot=k_shot, q_query=options["q_query"], seed=0,
        episodes=options["episodes"],
    )  # fmt: skip
    embedded = np.stack([embed(log_mel, statistics) for log_mel, _ in dataset])
    for episode in map(sampler.episode, range(len(sampler))):
        yield accuracy(
            embedded[list(episode.support)],
            episode.support_labels,
            embedded[list(episode.query)],
            episode.query_labels,
        )


def embed(log_mel: np.ndarray, statistics: Statistics) -> np.ndarray:
    """Return the mean of a clip's spectrogram over time, scaled as the training classes are."""
    return apply_statistics(log_mel, statistics).mean(axis=0)


def accuracy(
    support: np.ndarray, labels: Sequence[int], query: np.ndarray, query_labels: Sequence[int]
) -> float:
    """Return the share of queries whose nearest class mean of the support set is their class."""
    ways = np.unique(labels)
    prototypes = np.stack([support[np.asarray(labels) == way].mean(axis=0) for way in ways])
    distances = ((query[:, None, :] - prototypes[None]) ** 2).sum(axis=2)
    return float((ways[distances.argmin(axis=1)] == np.asarray(query_labels)).mean())


def report(accuracies: Sequence[float], n_way: int, k_shot: int) -> str:
    """Return the mean accuracy with its 95 % confidence interval over episodes."""
    half = 1.96 * np.std(accuracies, ddof=1) / math.sqrt(len(accuracies))
    mean = np.mean(accuracies)
    return (
        f"{n_way}-way {k_shot}-shot, {len(accuracies)} episodes of classes never seen: "
        f"{mean:.1%} ± {half:.1%} right (chance: {1 / n_way:.0%})"
    )


if __name__ == "__main__":
    main()
