"""A split in the form of the MetaAudio benchmark, so that its code runs on it.

MetaAudio (Heggan et al., "MetaAudio: A Few-Shot Audio Classification Benchmark", ICANN 2022)
unpacks ``train, val, test = numpy.load(path, allow_pickle=True)``, three lists of class names, and
takes as the data of a class all ``.npy`` files in a folder of that name
(https://github.com/CHeggan/MetaAudio-A-Few-Shot-Audio-Classification-Benchmark, "Dataset
Splits/README.md" and ``dataset_/DatasetClasses.py``). Its own preparation begins with WAV files in
such folders.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from audioset_dl.dataset.layout import make_slugs
from audioset_dl.errors import OutputError
from audioset_dl.fewshot.assign import SPLITS
from audioset_dl.fewshot.split import Split
from audioset_dl.fewshot.table import ClipTable
from audioset_dl.storage.files import as_output_error, temporary_path, write_file

_OURS = re.compile(r"Y[A-Za-z0-9_-]{11}_\d{1,12}\.(wav|npy)")


def write_class_lists(folder: Path, split: Split) -> None:
    """Write splits.npy (three lists of folder names: train, validation, test) and classes.csv.

    classes.csv says which class a folder stands for: columns ``folder, split, mid, name``.
    """
    slugs = make_slugs({node.mid: node.name for node in split.universe.classes})
    lists = np.empty(len(SPLITS), dtype=object)
    rows = []
    for number, name in enumerate(SPLITS):
        nodes = split.classes(name)
        lists[number] = [slugs[node.mid] for node in nodes]
        rows += [(slugs[node.mid], name, node.mid, node.name) for node in nodes]
    array, table = io.BytesIO(), io.StringIO()
    np.save(array, lists, allow_pickle=True)
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("folder", "split", "mid", "name"), *rows])
    write_file(folder / "splits.npy", array.getvalue())
    write_file(folder / "classes.csv", table.getvalue().encode())


def list_class_files(split: Split, table: ClipTable) -> dict[str, str]:
    """Return the files of the folders by class: the name in the dataset by the name there.

    As MetaAudio knows one class a clip, clips that carry several classes are left out.
    """
    slugs = make_slugs({node.mid: node.name for node in split.universe.classes})
    found: dict[str, str] = {}
    for name in SPLITS:
        for clip_id, mids in split.clip_splits.clips[name].items():
            if len(mids) == 1:
                source = table.clips[clip_id].file_name
                found[f"{slugs[mids[0]]}/Y{clip_id}{Path(source).suffix}"] = source
    return dict(sorted(found.items()))


def write_class_folders(
    folder: Path,
    files: dict[str, str],
    source: Path,
    *,
    on_file: Callable[[], object] = lambda: None,
) -> int:
    """Write the folders by class, as copies, and take away clips of an earlier split.

    Copies, since whoever works on a link works on the dataset. A file that is there with the same
    size and time of change is left; one whose name is not that of a clip is not touched.

    Parameters
    ----------
    folder : Path
        ``data`` in it holds the classes' folders.
    files : dict of str to str
        Of `list_class_files`.
    source : Path
        The dataset's folder.
    on_file : callable
        Called after each file.

    Returns
    -------
    int
        Files that were copied.

    Raises
    ------
    OutputError
        The disk is full or read-only, or permission is denied.
    """
    data = folder / "data"
    _check_no_link(data)
    for path in _stale_files(data, files):
        with as_output_error(path):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    copied = 0
    for name, original in files.items():
        copied += _copy(source / original, data / name)
        on_file()
    return copied


def _check_no_link(data: Path) -> None:
    for path in (data, *(data.iterdir() if data.is_dir() else ())):
        if path.is_symlink():
            raise OutputError(f"{path} is a link: nothing is written through links; remove it")


def _stale_files(data: Path, files: dict[str, str]) -> Iterator[Path]:
    for path in sorted(data.glob("*/Y*")):
        name = path.relative_to(data).as_posix()
        if _OURS.fullmatch(path.name) and name not in files:
            yield path


def _copy(source: Path, target: Path) -> bool:
    with as_output_error(target):
        wanted = source.stat()
        if target.is_file() and not target.is_symlink():
            there = target.stat()
            if (there.st_size, there.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns):
                return False
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(target)
        try:
            shutil.copyfile(source, temporary)
            os.utime(temporary, ns=(wanted.st_atime_ns, wanted.st_mtime_ns))
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return True
