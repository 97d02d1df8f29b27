"""A split in the form of the MetaAudio benchmark, so that its code runs on it.

MetaAudio (Heggan et al., "MetaAudio: A Few-Shot Audio Classification Benchmark", ICANN 2022)
unpacks ``train, val, test = numpy.load(path, allow_pickle=True)``, three lists of class names, and
takes as the data of a class all ``.npy`` files in a folder of that name
(https://github.com/CHeggan/MetaAudio-A-Few-Shot-Audio-Classification-Benchmark, "Dataset
Splits/README.md" and ``dataset_/DatasetClasses.py``). Its own preparation begins with WAV files in
such folders.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from audioset_dl.dataset.layout import make_slugs
from audioset_dl.dataset.splits import SavedSplit
from audioset_dl.errors import OutputError
from audioset_dl.storage.files import as_output_error, write_file, writing_file
from audioset_dl.storage.tables import write_table

# Only files with such a name are ever removed: others are the user's.
_OURS = re.compile(r"Y[A-Za-z0-9_-]{11}_\d{1,12}\.(wav|npy)")


def write_metaaudio(
    folder: Path,
    splits: Sequence[SavedSplit],
    file_names: Mapping[str, str],
    source: Path | None,
    *,
    on_start: Callable[[int], object] = lambda _: None,
    on_file: Callable[[], object] = lambda: None,
) -> None:
    """Write splits.npy, classes.csv and, where a source is given, the folders of the classes.

    Parameters
    ----------
    folder : Path
        Where; ``data`` in it holds the classes' folders.
    splits : sequence of SavedSplit
        Train, validation and test, in this order.
    file_names : mapping of str to str
        For each clip_id its file, relative to `source`.
    source : Path, optional
        The dataset's folder; None: copy no clips.
    on_start, on_file : callable
        Called with the number of files to copy, and after each file.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    write_class_lists(folder, splits)
    if source is not None:
        files = list_class_files(splits, file_names)
        on_start(len(files))
        write_class_folders(folder, files, source, on_file=on_file)


def write_class_lists(folder: Path, splits: Sequence[SavedSplit]) -> None:
    """Write splits.npy (three lists of folder names: train, validation, test) and classes.csv.

    classes.csv says which class a folder stands for: columns ``folder, split, mid, name``.
    """
    slugs = _make_slugs(splits)
    lists = np.empty(len(splits), dtype=object)
    for number, split in enumerate(splits):
        lists[number] = [slugs[mid] for mid, _ in split.classes]
    array = io.BytesIO()
    np.save(array, lists, allow_pickle=True)
    write_file(folder / "splits.npy", array.getvalue())
    rows = [(slugs[mid], split.name, mid, name) for split in splits for mid, name in split.classes]
    write_table(folder / "classes.csv", ("folder", "split", "mid", "name"), rows)


def list_class_files(splits: Sequence[SavedSplit], file_names: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the folders by class: the name in the dataset by the name there."""
    slugs = _make_slugs(splits)
    found: dict[str, str] = {}
    for split in splits:
        for clip_id, mids in split.clips.items():
            if len(mids) == 1:  # MetaAudio knows one class for each clip
                name = file_names[clip_id]
                found[f"{slugs[mids[0]]}/Y{clip_id}{Path(name).suffix}"] = name
    return dict(sorted(found.items()))


def write_class_folders(
    folder: Path,
    files: Mapping[str, str],
    source: Path,
    *,
    on_file: Callable[[], object] = lambda: None,
) -> int:
    """Write the folders by class, as copies, and remove clips of an earlier split.

    A file that is there with the same size and modification time is left; one whose name is not
    that of a clip is not touched.

    Parameters
    ----------
    folder : Path
        ``data`` in it holds the classes' folders.
    files : mapping of str to str
        Of `list_class_files`.
    source : Path
        The dataset's folder.
    on_file : callable
        Called after each file.

    Returns
    -------
    int
        Number of files that were copied.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    data = folder / "data"
    _check_no_link(data)
    for path in sorted(data.glob("*/Y*")):
        if _OURS.fullmatch(path.name) and path.relative_to(data).as_posix() not in files:
            with as_output_error(path):
                path.unlink()
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()
    copied = 0
    for name, original in files.items():
        copied += _copy(source / original, data / name)
        on_file()
    return copied


def _make_slugs(splits: Sequence[SavedSplit]) -> dict[str, str]:
    return make_slugs({mid: name for split in splits for mid, name in split.classes})


def _check_no_link(data: Path) -> None:
    for path in (data, *(data.iterdir() if data.is_dir() else ())):
        if path.is_symlink():
            raise OutputError(
                f"{path} is a link: nothing is written through links", fix="remove it"
            )


def _copy(source: Path, target: Path) -> bool:
    """Copy a file with its modification time; return False if it is there already."""
    # A copy, not a link: whoever changes a linked file changes the dataset.
    with as_output_error(target):
        wanted = source.stat()
        if target.is_file() and not target.is_symlink():
            there = target.stat()
            if (there.st_size, there.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns):
                return False
    with writing_file(target) as copy, source.open("rb") as original:
        shutil.copyfileobj(original, copy)
    os.utime(target, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))
    return True
