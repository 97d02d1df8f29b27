"""splits.json: which classes and clips are in train, validation and test.

Written by `split`; read by whatever trains, measures or exports. Nothing of a machine or a day is
in it, so that the same split is the same file, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from audioset_dl.errors import OutputError
from audioset_dl.storage.files import write_file
from audioset_dl.words import first_fault

SPLITS = ("train", "validation", "test")
SPLITS_NAME = "splits.json"
FORMAT = 1
_RUN_SPLIT = "run `audioset-dl split`, which writes it"


class _Class(BaseModel):
    model_config = ConfigDict(strict=True)
    mid: str
    name: str


class _Document(BaseModel):
    """Content of splits.json."""

    model_config = ConfigDict(strict=True)
    format: Literal[1]
    seed: int
    manifest_sha256: str
    classes: dict[str, list[_Class]]
    clips: dict[str, dict[str, list[str]]]
    sha256: str | None = None
    """Of the rest; version 0.1.0 wrote none."""


@dataclass(frozen=True)
class SavedSplit:
    """One of the splits in splits.json."""

    name: str
    """``train``, ``validation`` or ``test``."""
    seed: int
    classes: tuple[tuple[str, str], ...]
    """MID and display name of each class, in ontology order."""
    clips: Mapping[str, tuple[str, ...]]
    """By clip_id, the MIDs of the split's classes that the clip carries."""
    manifest_sha256: str
    """Of the manifest that was split."""


def write_splits(
    folder: Path, splits: Sequence[SavedSplit], settings: Mapping[str, object]
) -> None:
    """Write splits.json.

    Parameters
    ----------
    folder : Path
        Where.
    splits : sequence of SavedSplit
        One for each name in `SPLITS`, of the same seed and manifest.
    settings : mapping
        The settings that the splits were made by, as JSON-able data.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    document = {
        "format": FORMAT,
        "seed": splits[0].seed,
        "settings": settings,
        "manifest_sha256": splits[0].manifest_sha256,
        "classes": {
            one.name: [{"mid": mid, "name": name} for mid, name in one.classes] for one in splits
        },
        "clips": {
            one.name: {clip_id: list(mids) for clip_id, mids in one.clips.items()} for one in splits
        },
    }
    document["sha256"] = _hash(document)
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_file(folder / SPLITS_NAME, text.encode(errors="backslashreplace"))


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
        The file is not there, is not such a file, or was changed since `split` wrote it.
    ValueError
        There is no split of this name.
    """
    if name not in SPLITS:
        raise ValueError(f"no split is called {name!r}; expected one of {', '.join(SPLITS)}")
    file = path / SPLITS_NAME if path.is_dir() else path
    try:
        raw = json.loads(file.read_text("utf-8"))
        document = _Document.model_validate(raw)
        if document.sha256 not in (None, _hash(raw)):
            raise OutputError(f"{file} was changed since `split` wrote it", fix=_RUN_SPLIT)
        return SavedSplit(
            name=name,
            seed=document.seed,
            classes=tuple((one.mid, one.name) for one in document.classes[name]),
            clips={one: tuple(mids) for one, mids in sorted(document.clips[name].items())},
            manifest_sha256=document.manifest_sha256,
        )
    except FileNotFoundError as error:
        raise OutputError(f"{file} does not exist", fix=_RUN_SPLIT) from error
    except OSError as error:
        raise OutputError(f"{file} can't be read: {error.strerror}") from error
    except ValidationError as error:
        found = f"{file} is not a {SPLITS_NAME} ({first_fault(error)})"
        raise OutputError(found, fix=_RUN_SPLIT) from error
    except (ValueError, KeyError, RecursionError) as error:
        raise OutputError(
            f"{file} is not a {SPLITS_NAME} ({error!r:.200})", fix=_RUN_SPLIT
        ) from error


def _hash(document: Mapping[str, object]) -> str:
    """Return the SHA-256 of a document without its own, however it is written down."""
    rest = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
