"""How the metadata files are opened, and the errors when they can't be read.

Owns sizes, compression and encodings; knows nothing of what the files mean.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audioset_dl.errors import MetadataError

# Python needs 25 times the size of a JSON file of empty lists.
MAX_SMALL_BYTES = 4 << 20
"""Largest ontology, rating or index file that is read; Google's are 343, 8 and 15 kB."""
DOWNLOAD_AGAIN = "delete the file to have it downloaded again"
BY_SPREADSHEET = (
    "a spreadsheet takes ids that begin with - for formulas, and some for numbers: use the file as "
    "it was before it was saved there, or import its columns as text"
)

_MID = re.compile(r"/[a-z]+/[0-9a-z_]+")
_GZIP_MAGIC = b"\x1f\x8b"


def is_mid(text: str) -> bool:
    """Return True if a text has the form of a label's id, e.g. ``/m/0bt9lr``, ``/t/dd00013``."""
    return len(text) <= 64 and _MID.fullmatch(text) is not None


@contextmanager
def open_binary(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    """Open a file for reading bytes, decompressed where its content is gzip's.

    Raises
    ------
    MetadataError
        The file is missing, unreadable, or damaged gzip (raised also while it is read).
    """
    try:
        with path.open("rb") as file:
            if file.peek(2)[:2] == _GZIP_MAGIC:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    yield unzipped
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MetadataError(
            f"the gzip file is damaged or cut short ({error})", path, fix="get it again"
        ) from error
    except OSError as error:
        raise MetadataError(f"can't be read: {error.strerror or error}", path) from error


def read_small(path: Path) -> str:
    """Return the text of a small file in UTF-8, with or without a byte order mark.

    Raises
    ------
    MetadataError
        The file is missing, empty, larger than `MAX_SMALL_BYTES`, or no text.
    """
    with open_binary(path) as file:
        content = file.read(MAX_SMALL_BYTES + 1)
    if not content.strip():
        raise MetadataError("the file is empty", path, fix=DOWNLOAD_AGAIN)
    if len(content) > MAX_SMALL_BYTES:
        size = MAX_SMALL_BYTES >> 20
        raise MetadataError(f"larger than {size} MiB: not the file that was expected", path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MetadataError("not a text in UTF-8", path, line, fix=DOWNLOAD_AGAIN) from error


def find_label(path: Path, mid: str) -> int | None:
    """Return the first line of a CSV that carries a label, None if no line does."""
    pattern = re.compile(re.escape(mid.encode()) + rb"(?![0-9a-z_])")
    with open_binary(path) as file:
        for number, line in enumerate(file, 1):
            if not line.startswith(b"#") and pattern.search(line):
                return number
    return None
