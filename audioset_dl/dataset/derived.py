"""Folders that are made of a dataset, and the note in each of them that says of which.

Owns where these folders lie unless the config names them, and source.json. Must not know what is in
the folders.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path, PurePath

from audioset_dl.config import Config
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest_cells
from audioset_dl.dataset.run_info import read_run_info
from audioset_dl.dataset.splits import SPLITS_NAME
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import write_file
from audioset_dl.storage.tables import Cells
from audioset_dl.words import count

SOURCE_NAME = "source.json"


@dataclass(frozen=True)
class Source:
    """What a folder was made of."""

    folder: str
    """Path of the source, relative to the folder that was made of it, with ``/``."""
    run_id: str
    """The id in the run.json of the dataset; empty where it has none."""
    num_clips: int
    """Clips that the source had."""
    rows_sha256: str
    """SHA-256 of their clip_ids, sounds and labels."""


def find_processed(config: Config) -> Path:
    """Return the folder that `process` writes to."""
    return config.process.dir or _default(config.output.dir, "processed", "manifest.csv")


def find_fewshot(config: Config) -> Path:
    """Return the folder that `split` by classes and `episodes` write to."""
    return config.fewshot.dir or _default(config.output.dir, "fewshot", "splits.csv")


def find_plain_split(config: Config) -> Path:
    """Return the folder that plain splits are written to."""
    return _beside(config.output.dir, "split")


def find_splits_beside(folder: Path) -> Path:
    """Return the splits.json of a dataset, or of what `process` made of one.

    Raises
    ------
    OutputError
        It has both a plain and a few-shot split, and neither was named.
    """
    found = list_splits_beside(folder)
    if len(found) > 1:
        raise OutputError(
            f"{folder} has two splits: {found[0]} and {found[1]}", fix="name one of them as splits"
        )
    return found[0] if found else _beside(_dataset_of(folder), "fewshot") / SPLITS_NAME


def list_splits_beside(folder: Path) -> list[Path]:
    """Return the splits.json files, of both kinds, that lie beside a dataset."""
    dataset = _dataset_of(folder)
    places = [_beside(dataset, "split"), _beside(dataset, "fewshot")]
    found = [one / SPLITS_NAME for one in places if (one / SPLITS_NAME).is_file()]
    old = dataset.with_name("fewshot") / SPLITS_NAME
    return found or ([old] if old.is_file() else [])


def _dataset_of(folder: Path) -> Path:
    name = folder.absolute().name
    return folder.absolute().with_name(name.removesuffix("-processed"))


def _beside(dataset: Path, name: str) -> Path:
    return dataset.with_name(f"{dataset.name}-{name}")


def _default(dataset: Path, name: str, table: str) -> Path:
    """Return ``<dataset>-<name>``, or what version 0.1.0 made of this dataset: ``<name>``."""
    default, old = _beside(dataset, name), dataset.with_name(name)
    if default.exists() or not (old / table).is_file():
        return default
    note = read_source(old)
    if note is not None:
        return old if _is_of(note, old, dataset) else default
    return old if _are_in(_clips_in(old / table), dataset) else default


def read_form(folder: Path) -> str | None:
    """Return the ``process.form`` of a processed folder; None where there is no process.json.

    Raises
    ------
    OutputError
        process.json can't be read.
    """
    path = folder / "process.json"
    try:
        return str(json.loads(path.read_text("utf-8"))["settings"]["form"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"{path} can't be read ({error})",
            fix="remove the folder, and `audioset-dl process` makes it again",
        ) from error


def read_source(folder: Path) -> Source | None:
    """Read the note of a folder; None where there is none, as in folders of version 0.1.0.

    Raises
    ------
    OutputError
        It is no such note.
    """
    path = folder / SOURCE_NAME
    try:
        return Source(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(
            f"{path} can't be read ({error})", fix="remove the folder, and make it again"
        ) from error


def check_source(folder: Path, source: Path, tables: Collection[str], *, key: str) -> None:
    """Refuse a folder that was made of another dataset, before anything in it is changed.

    Parameters
    ----------
    folder : Path
        What was, or is to be, made of a dataset; it need not exist.
    source : Path
        The dataset, or what was processed of it.
    tables : collection of str
        Names of the tables in the folder that list its clips, by which a folder of version 0.1.0,
        which has no note, is known.
    key : str
        Key of the config that names the folder.

    Raises
    ------
    OutputError
        What it was made of, and what to do.
    """
    note = read_source(folder)
    if note is None:
        there = {one for name in tables for one in _clips_in(folder / name)}
        if not there or _are_in(there, source):
            return
        found = f"{folder} holds clips that are not in {source}: it was made of another dataset"
    elif _is_of(note, folder, source):
        return
    else:
        made_of = os.path.normpath(folder / note.folder)
        found = f"{folder} was made of {made_of}, not of the dataset {source}"
        if _is_same_path(folder / note.folder, source):
            found = f"{folder} was made of another dataset that lay in {source}"
    fix = f"name another folder as {key}, or remove this one"
    raise OutputError(found, fix=fix)


def note_source(folder: Path, source: Path) -> None:
    """Write down what a folder is made of.

    Raises
    ------
    OutputError
        The folder can't be written.
    """
    relative = PurePath(os.path.relpath(source, folder)).as_posix()
    note = Source(relative, _run_id(source), *_hash_rows(source))
    write_file(folder / SOURCE_NAME, (json.dumps(asdict(note), indent=2) + "\n").encode())


def find_source_of(folder: Path) -> Path | None:
    """Return what a folder was made of; None where that is not noted.

    Raises
    ------
    OutputError
        The note can't be read.
    """
    note = read_source(folder)
    return None if note is None else Path(os.path.normpath(folder / note.folder))


def describe_changes(*folders: Path) -> Iterator[str]:
    """Yield a sentence for each folder whose source has changed since it was made.

    Raises
    ------
    OutputError
        A note or a manifest can't be read.
    """
    for folder in folders:
        note, source = read_source(folder), find_source_of(folder)
        if note is None or source is None or not OutputFolder(source).manifest.is_file():
            continue
        number, sha256 = _hash_rows(source)
        if sha256 != note.rows_sha256:
            yield (
                f"{source} has changed since {folder} was made of it: it had "
                f"{count(note.num_clips, 'clip')} then, and has {number:,} now"
            )


def _hash_rows(source: Path) -> tuple[int, str]:
    """Return how many rows a manifest has, and a hash of their clips, sounds and labels."""
    digest, number = hashlib.sha256(), 0
    for line in read_manifest_cells(
        OutputFolder(source).manifest, _row_line, columns=("clip_id", "sha256", "labels")
    ):
        digest.update(line)
        number += 1
    return number, digest.hexdigest()


def _row_line(cells: Cells) -> bytes:
    sound = cells.get("source_sha256") or cells["sha256"]
    return f"{cells['clip_id']} {sound} {cells['labels']}\n".encode()


def _is_of(note: Source, folder: Path, source: Path) -> bool:
    run_id = _run_id(source)
    if note.run_id and run_id:
        return note.run_id == run_id
    return _is_same_path(folder / note.folder, source)


def _is_same_path(first: Path, second: Path) -> bool:
    return Path(os.path.normpath(first.absolute())).resolve() == second.resolve()


def _run_id(folder: Path) -> str:
    """Return the id of the dataset that a folder is, or was made of."""
    info = read_run_info(OutputFolder(folder).run)
    if info is not None:
        return info.id
    note = read_source(folder)
    return note.run_id if note is not None else ""


def _are_in(clip_ids: Collection[str], folder: Path) -> bool:
    there = set(_clips_in(OutputFolder(folder).manifest))
    return bool(clip_ids) and there.issuperset(clip_ids)


def _clips_in(table: Path) -> list[str]:
    if not table.is_file():
        return []
    return list(read_manifest_cells(table, itemgetter("clip_id"), columns=("clip_id",)))
