"""The files of a split: splits.json, splits.csv, dropped.csv and report.json.

Nothing of a machine or a day is in them, so that the same split is the same file, byte for byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from audioset_dl.dataset.splits import SPLITS, SavedSplit, write_splits
from audioset_dl.fewshot.class_split import Split
from audioset_dl.fewshot.clips import RULES
from audioset_dl.storage.files import write_file
from audioset_dl.storage.tables import write_table
from audioset_dl.words import to_json

_SETTINGS = {"min_clips", "ratios", "group_threshold", "stratify", "holdout", "mixed_clips"}


def saved_splits(split: Split) -> tuple[SavedSplit, ...]:
    """Return train, validation and test as splits.json holds them."""
    return tuple(
        SavedSplit(
            name=name,
            seed=split.seed,
            classes=tuple((node.mid, node.name) for node in split.classes(name)),
            clips=split.clip_splits.clips[name],
            manifest_sha256=split.manifest_sha256,
        )
        for name in SPLITS
    )


def write_split(folder: Path, split: Split) -> None:
    """Write splits.json, splits.csv, dropped.csv and report.json.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    names = split.eligible.names
    kept = sorted(
        (clip_id, split.clips[clip_id].ytid, name, ";".join(names[mid] for mid in mids))
        for name in SPLITS
        for clip_id, mids in split.clip_splits.clips[name].items()
    )
    dropped = [
        (clip_id, split.clips[clip_id].ytid, rule, _class_names(clip_id, split))
        for clip_id, rule in split.clip_splits.dropped.items()
    ]
    write_table(folder / "splits.csv", ("clip_id", "ytid", "split", "classes"), kept)
    write_table(folder / "dropped.csv", ("clip_id", "ytid", "rule", "classes"), dropped)
    write_splits(folder, saved_splits(split), _settings(split))
    write_file(folder / "report.json", f"{to_json(split_document(split))}\n".encode())


def split_document(split: Split) -> dict[str, Any]:
    """Return what a split came to as JSON-able data: report.json, and what ``--json`` prints."""
    return {
        "seed": split.seed,
        "splits": {
            name: {
                "classes": len(split.classes(name)),
                "wanted": split.wanted.get(name),
                "clips": len(clips),
                "fewest_clips": split.fewest_clips(name),
            }
            for name, clips in split.clip_splits.clips.items()
        },
        "clips": split.num_clips,
        "dropped": {rule: split.clip_splits.num_dropped(rule) for rule in RULES},
        "kept_out_of_train": len(split.clip_splits.kept_out_of_train),
        "groups": [list(group) for group in split.groups],
        "cut_ties": [[*pair, round(index, 4)] for pair, index in split.cut_ties.items()],
        "overlap": asdict(split.overlap),
        "naive": {
            **asdict(split.naive),
            "share": round(split.naive.clips / split.num_clips, 4),
            "mean_share": round(split.naive_clips_mean / split.num_clips, 4),
        },
        "left_out": [
            {"mid": one.node.mid, "name": one.node.name, "clips": one.num_clips,
             "below": list(one.below)}
            for one in split.eligible.left_out
        ],
        "fell_short": [
            {"mid": node.mid, "name": node.name, "clips": clips}
            for node, clips in split.fell_short.items()
        ],
    }  # fmt: skip


def _settings(split: Split) -> dict[str, Any]:
    # The content of the given file, not its path, which differs from machine to machine.
    given = split.config.given
    digest = None if given is None else hashlib.sha256(given.read_bytes()).hexdigest()
    return {**split.config.model_dump(mode="json", include=_SETTINGS), "given_sha256": digest}


def _class_names(clip_id: str, split: Split) -> str:
    labels = set(split.clips[clip_id].labels)
    return ";".join(node.name for node in split.eligible.classes if node.mid in labels)
