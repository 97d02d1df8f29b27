"""The files of a split: splits.json, splits.csv, dropped.csv, and reading splits.json again.

Nothing of a machine or a day is in them, so that the same split is the same file, byte for byte.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audioset_dl.errors import OutputError
from audioset_dl.fewshot.assign import SPLITS
from audioset_dl.fewshot.split import Split
from audioset_dl.fewshot.table import ClipTable
from audioset_dl.storage.files import write_file

SPLITS_NAME = "splits.json"
FORMAT = 1
_AGAIN = "run `audioset-dl split`, which writes it"


@dataclass(frozen=True)
class SavedSplit:
    """What splits.json says of one of its splits."""

    name: str
    seed: int
    classes: tuple[tuple[str, str], ...]
    """MID and display name of each class, in ontology order."""
    clips: Mapping[str, tuple[str, ...]]
    """By clip_id, the MIDs of the split's classes that the clip carries."""
    manifest_sha256: str
    """Of the manifest that was split."""


def split_document(split: Split) -> dict[str, Any]:
    """Return what splits.json holds."""
    settings = split.config.model_dump(
        mode="json",
        include={
            "min_clips", "ratios", "group_threshold", "stratify", "holdout", "mixed_clips",
        },
    )  # fmt: skip
    given = split.config.given
    digest = None if given is None else hashlib.sha256(given.read_bytes()).hexdigest()
    return {
        "format": FORMAT,
        "seed": split.seed,
        "settings": {**settings, "given_sha256": digest},
        "manifest_sha256": split.manifest_sha256,
        "classes": {
            name: [{"mid": node.mid, "name": node.name} for node in split.classes(name)]
            for name in SPLITS
        },
        "clips": {
            name: {clip_id: list(mids) for clip_id, mids in split.clip_splits.clips[name].items()}
            for name in SPLITS
        },
    }


def write_split(folder: Path, split: Split, table: ClipTable) -> None:
    """Write splits.json, splits.csv and dropped.csv.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    text = json.dumps(split_document(split), indent=1, ensure_ascii=False) + "\n"
    names = {node.mid: node.name for node in split.universe.classes}
    kept = sorted(
        (clip_id, table.clips[clip_id].ytid, name, ";".join(names[mid] for mid in mids))
        for name in SPLITS
        for clip_id, mids in split.clip_splits.clips[name].items()
    )
    dropped = [
        (clip_id, table.clips[clip_id].ytid, rule, _classes_of(clip_id, split, table))
        for clip_id, rule in split.clip_splits.dropped.items()
    ]
    write_file(folder / "splits.csv", _csv(("clip_id", "ytid", "split", "classes"), kept))
    write_file(folder / "dropped.csv", _csv(("clip_id", "ytid", "rule", "classes"), dropped))
    write_file(folder / SPLITS_NAME, text.encode())


def _classes_of(clip_id: str, split: Split, table: ClipTable) -> str:
    labels = set(table.clips[clip_id].labels)
    return ";".join(node.name for node in split.universe.classes if node.mid in labels)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def read_split(path: Path, name: str) -> SavedSplit:
    """Read one split of a splits.json.

    Parameters
    ----------
    path : Path
        splits.json, or the folder that holds it.
    name : str
        ``train``, ``validation`` or ``test``.

    Raises
    ------
    OutputError
        The file is not there, or is not such a file.
    ValueError
        There is no split of this name.
    """
    if name not in SPLITS:
        raise ValueError(f"no split is called {name!r}; expected one of {', '.join(SPLITS)}")
    file = path / SPLITS_NAME if path.is_dir() else path
    try:
        document = json.loads(file.read_text("utf-8"))
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r:.20}, expected {FORMAT}")
        return SavedSplit(
            name=name,
            seed=int(document["seed"]),
            classes=tuple((str(one["mid"]), str(one["name"])) for one in document["classes"][name]),
            clips={one: tuple(mids) for one, mids in sorted(document["clips"][name].items())},
            manifest_sha256=str(document["manifest_sha256"]),
        )
    except FileNotFoundError as error:
        raise OutputError(f"{file} does not exist; {_AGAIN}") from error
    except OSError as error:
        raise OutputError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OutputError(f"{file} is not a splits.json ({error!r:.200}); {_AGAIN}") from error
