"""A cache of what was computed from AudioSet's files, in a folder beside them.

It holds numbers in columns (numpy's .npz), and nothing that could run code. A file of the cache is
used only when its key and checksums are those expected; otherwise, and where the folder can't be
written, all is computed anew without a message. Knows nothing of what the columns mean.
"""

from __future__ import annotations

import hashlib
import json
import time
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.files import hash_content
from audioset_dl.storage.files import TEMPORARY_SUFFIX, temporary_path

FOLDER_NAME = ".cache"
"""The folder's name, in the metadata folder."""

Arrays = Mapping[str, NDArray[Any]]
"""Columns of numbers or of ASCII, each of one dimension."""

_KEY = "key"
_MAX_BYTES = 1 << 32
_UNREADABLE = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError,
    MemoryError, zipfile.BadZipFile, zlib.error, tokenize.TokenError, SyntaxError,
)  # fmt: skip
"""What numpy raises for a file that is damaged or of another kind; `RuntimeError` is what zipfile
raises where a damaged bit says that a member is encrypted."""
# For all of AudioSet a file of segments has 80 MB, one of rankings 20.
_KEPT_FILES = {"segments": 3, "rankings": 6}
_KEPT_HASHES = 64
# A file that was changed so shortly ago may change again and keep its time stamp: file systems
# count time in steps of up to 2 s (FAT). Git's index has the same problem:
# https://git-scm.com/docs/racy-git
_RACY_S = 3.0
_ABANDONED_S = 86400.0


def make_key(*parts: object) -> str:
    """Return the key of a result that follows from JSON-able values, such as hashes of files."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Cache:
    """A folder of columns by kind and key.

    Parameters
    ----------
    folder : Path or None
        The folder, made when something is saved; None to save nothing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._hashes: dict[str, str] | None = None

    def load(self, kind: str, key: str) -> Arrays | None:
        """Return the columns that were saved, or None if they are missing or damaged."""
        path = self._path(kind, key)
        if path is None:
            return None
        try:
            return _read(path, key)
        except _UNREADABLE:
            return None

    def save(self, kind: str, key: str, arrays: Arrays) -> None:
        """Save columns if the folder can be written."""
        path = self._path(kind, key)
        if path is None:
            return
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            temporary = temporary_path(path)
            try:
                with temporary.open("xb") as file:
                    names = np.array([key, *sorted(arrays)])
                    np.savez(file, **{_KEY: names, **arrays})  # type: ignore[arg-type]
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            _prune(path.parent, kind)

    def hash_content(self, path: Path) -> str:
        """Do what `audioset_dl.catalog.files.hash_content` does, from memory where that is safe.

        As git does for its index, a file with the same inode, size and times as when it was hashed
        is taken to be the same; one that was changed within the last seconds is not remembered.

        Raises
        ------
        MetadataError
            The file can't be read.
        """
        if self._hashes is None:
            self._hashes = self._load_hashes()
        signature, is_settled = _sign(path)
        if signature in self._hashes:
            return self._hashes[signature]
        digest = hash_content(path)
        if is_settled and signature == _sign(path)[0]:
            self._hashes[signature] = digest
            self._save_hashes()
        return digest

    def _path(self, kind: str, key: str) -> Path | None:
        if self._folder is None or self._folder.is_symlink():  # a link may lead anywhere
            return None
        return self._folder / f"{kind}-{key[:16]}.npz"

    def _load_hashes(self) -> dict[str, str]:
        kept = self.load("hashes", make_key("hashes"))
        return json.loads(kept["json"].tobytes()) if kept else {}

    def _save_hashes(self) -> None:
        hashes = dict(list((self._hashes or {}).items())[-_KEPT_HASHES:])
        column = np.frombuffer(json.dumps(hashes).encode(), np.uint8)
        self.save("hashes", make_key("hashes"), {"json": column})


def _sign(path: Path) -> tuple[str, bool]:
    """Return a text that changes whenever a file does, and True if its last change is old."""
    now = time.time()
    try:
        found = path.stat()
    except OSError:
        return "", False
    times = (found.st_mtime_ns, found.st_ctime_ns)
    signature = ":".join(map(str, (found.st_dev, found.st_ino, found.st_size, *times)))
    return signature, max(times) < (now - _RACY_S) * 1e9


def _read(path: Path, key: str) -> Arrays:
    """Read what `Cache.save` wrote; raise an error for anything else.

    The checksum of each column is that of the ZIP format, which numpy's ``.npz`` is. The directory
    of a ZIP has none: the names that were written show whether it lists all of them.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError("larger than all of AudioSet")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        names = sorted(name for name in kept.files if name != _KEY)
        if kept[_KEY].tolist() != [key, *names]:
            raise ValueError("of another form, of other files, or not whole")
        arrays = {name: kept[name] for name in names}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _prune(folder: Path, kind: str) -> None:
    """Remove the oldest files of a kind, and temporary ones that killed runs left a day ago."""
    files = sorted(folder.glob(f"{kind}-*.npz"), key=_age_s)
    files = files[_KEPT_FILES.get(kind, 1) :]
    files += [path for path in folder.glob(f"*{TEMPORARY_SUFFIX}") if _age_s(path) > _ABANDONED_S]
    for path in files:
        path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
