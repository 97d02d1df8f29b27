"""AudioSet's files: their addresses, and fetching those that are missing.

Owns addresses, known hashes and the metadata folder; knows nothing of what is in the files.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import requests
import urllib3

from audioset_dl.catalog.reading import open_binary
from audioset_dl.config import Config, DownloadConfig, find_secrets
from audioset_dl.errors import MetadataError, OutputError
from audioset_dl.outcomes import show_words
from audioset_dl.storage.files import temporary_path

_CHUNK_BYTES = 1 << 16
_GOOGLE = "http://storage.googleapis.com/us_audioset/youtube_corpus/v1"
_STRONG = "http://storage.googleapis.com/us_audioset/youtube_corpus/strong"


@dataclass(frozen=True)
class RemoteFile:
    """One of AudioSet's files as it is published."""

    url: str
    sha256: str | None
    """Hash of the copies that were taken in 2017-2022; None if no copy was at hand."""

    @property
    def file_name(self) -> str:
        """Name that the file has in the metadata folder."""
        return self.url.rpartition("/")[2]


FILES: Mapping[str, RemoteFile] = {
    "ontology": RemoteFile(
        "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json",
        "9c685f4403eecc3ca9be37fd7285cf212feaaea6ff7229d3e7ca89e0d1f2d15d",
    ),
    "ratings": RemoteFile(
        f"{_GOOGLE}/qa/qa_true_counts.csv",
        "43507dbfcee2ab1ed771f4412f20ad5ce5c90fd850abcaf982db443f7652a0b2",
    ),
    "indices": RemoteFile(
        f"{_GOOGLE}/csv/class_labels_indices.csv",
        "cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    ),
    "balanced_train": RemoteFile(
        f"{_GOOGLE}/csv/balanced_train_segments.csv",
        "3b83e5ff9ed72cfda37d4e36ce08250e107c1ea70f109f6ab6668ac200db5e94",
    ),
    "eval": RemoteFile(
        f"{_GOOGLE}/csv/eval_segments.csv",
        "f7055f53935f70e74e39494a5c8c4c78f1700fce275028bd36e31186f33d45db",
    ),
    "unbalanced_train": RemoteFile(
        f"{_GOOGLE}/csv/unbalanced_train_segments.csv",
        "bb2dfd5e4f1ced39db9480633c510f813d7899f4b7472aa83a411b4a43a12698",
    ),
    "train_strong": RemoteFile(f"{_STRONG}/audioset_train_strong.tsv", None),
    "eval_strong": RemoteFile(f"{_STRONG}/audioset_eval_strong.tsv", None),
    "display_names": RemoteFile(
        f"{_STRONG}/mid_to_display_name.tsv",
        "6aeaa2144223933eab75566ca478366ad80e59f381611e308cbe536913d7ddf7",
    ),
}
"""By short name; the addresses are those of https://research.google.com/audioset/download.html and
of https://research.google.com/audioset/download_strong.html."""

CLASS_FILES = ("ontology", "ratings", "indices")
"""Short names of the files about classes, which every command needs."""
SEGMENT_FILES = ("balanced_train", "eval", "unbalanced_train")
"""Short names of the files that list clips."""
STRONG_FILES = ("train_strong", "eval_strong")
"""Short names of the files that list events in clips."""


class Progress(Protocol):
    """A display of how far a download has come; ``tqdm.tqdm(unit="B")`` is one."""

    total: float | None
    """Expected number of bytes; 0 where the server does not say."""

    def update(self, n: int, /) -> object:
        """Count bytes that were received."""

    def close(self) -> object:
        """End the display; may be called twice."""


@dataclass(frozen=True)
class MetadataFiles:
    """The metadata files of a run."""

    paths: Mapping[str, Path]
    """By the name that was asked for."""
    sha256: Mapping[str, str]
    """Hash of the content (decompressed, where the file is gzip's), by the same name."""
    warnings: tuple[str, ...]
    """Sentences for people, such as one that names the files that are not the known copies."""


def locate_file(directory: Path, name: str) -> Path:
    """Return where a metadata file lies.

    Parameters
    ----------
    directory : Path
        The metadata folder.
    name : str
        A key of `FILES`: then ``FILE.csv`` in the folder, else ``FILE.csv.gz``. Or the path of a
        CSV of the user's own, which has nothing to do with the folder.

    Raises
    ------
    MetadataError
        There is no such file.
    """
    if name not in FILES:
        if not Path(name).is_file():
            known = ", ".join((*SEGMENT_FILES, *STRONG_FILES))
            found = f"no such file; expected one of {known}, or the path of a CSV"
            raise MetadataError(found, Path(name))
        return Path(name)
    remote = FILES[name]
    path = _find(directory, remote)
    if path is None:
        raise MetadataError(
            "the file is missing",
            directory / remote.file_name,
            fix=f"download {remote.url} into {directory}",
        )
    return path


def hash_content(path: Path) -> str:
    """Return the SHA-256 of a file, or of what it decompresses to if it is gzip's, in hex.

    Raises
    ------
    MetadataError
        The file can't be read.
    """
    with open_binary(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_files(
    config: Config,
    names: Sequence[str],
    *,
    progress: Callable[[str], Progress] | None = None,
    hash_file: Callable[[Path], str] = hash_content,
) -> MetadataFiles:
    """Download those of AudioSet's files that are missing in ``metadata.dir``, and hash all.

    A file that lies in the folder already is taken as it is. A download appears under its name when
    it is complete. An unknown hash is a warning: Google may change a file.

    Parameters
    ----------
    config : Config
        For ``metadata.dir``, and for the proxy, TLS and deadline of the section ``download``. The
        first proxy is used; without one, that of the environment (``HTTPS_PROXY`` and so on).
    names : sequence of str
        Keys of `FILES`, and paths of the user's own segment CSVs, which must exist.
    progress : callable, optional
        Called with the name of a file before it is downloaded; returns what shows the progress.
    hash_file : callable
        Does what `hash_content` does; it may remember hashes.

    Raises
    ------
    MetadataError
        A download failed (the message names the address, the cause, and how to do without), or a
        file can't be read.
    OutputError
        The folder can't be written.
    """
    directory = config.metadata.dir
    paths: dict[str, Path] = {}
    for name in dict.fromkeys(names):
        if name in FILES and _find(directory, FILES[name]) is None:
            bar = progress(FILES[name].file_name) if progress else None
            _download(FILES[name], directory, config.download, bar)
        paths[name] = locate_file(directory, name)
    sha256 = {name: hash_file(path) for name, path in paths.items()}
    return MetadataFiles(paths, sha256, tuple(_warn(paths, sha256)))


def _find(directory: Path, remote: RemoteFile) -> Path | None:
    names = [remote.file_name]
    if remote.file_name.endswith((".csv", ".tsv")):
        names.append(remote.file_name + ".gz")
    return next((directory / name for name in names if (directory / name).is_file()), None)


def _warn(paths: Mapping[str, Path], sha256: Mapping[str, str]) -> Iterator[str]:
    unknown = [
        path.name
        for name, path in paths.items()
        if name in FILES and FILES[name].sha256 not in {None, sha256[name]}
    ]
    if unknown:
        yield (
            f"not the copies of 2017-2022 that are known: {', '.join(unknown)}; they were changed "
            "here or by Google, so the draw may differ from that on other machines"
        )


@contextmanager
def _quiet_about_tls(verify_tls: bool) -> Iterator[None]:
    """Suppress the warning of urllib3 about what the config asked for."""
    with warnings.catch_warnings():
        if not verify_tls:
            warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
        yield


def _download(
    remote: RemoteFile, directory: Path, config: DownloadConfig, bar: Progress | None
) -> None:
    try:
        with _as_our_errors(remote, directory, config), _quiet_about_tls(config.verify_tls):
            directory.mkdir(parents=True, exist_ok=True)
            _write_whole(remote, directory / remote.file_name, config, bar)
    finally:
        if bar is not None:
            bar.close()


def _write_whole(
    remote: RemoteFile, path: Path, config: DownloadConfig, bar: Progress | None
) -> None:
    """Download to a temporary file beside the final one and rename it when it is complete."""
    # Not by storage's writing_file: errors of requests are OSErrors, which it would take for the
    # disk's (https://requests.readthedocs.io/en/latest/api/#requests.RequestException).
    temporary = temporary_path(path)
    try:
        with temporary.open("xb") as file:
            _receive(remote.url, file, config, bar)
            file.flush()
            os.fsync(file.fileno())
        _check_kind(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _receive(url: str, file: BinaryIO, config: DownloadConfig, bar: Progress | None) -> None:
    proxies = dict.fromkeys(("http", "https"), config.proxies[0]) if config.proxies else None
    with requests.get(
        url, stream=True, proxies=proxies, verify=config.verify_tls, timeout=config.timeout_s
    ) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0))
        if bar is not None:
            bar.total = total
        counted = 0
        for chunk in response.iter_content(_CHUNK_BYTES):
            file.write(chunk)
            if bar is not None:
                # Not len(chunk): Content-Length counts the bytes of a compressed transfer as sent.
                bar.update(response.raw.tell() - counted)
                counted = response.raw.tell()


def _check_kind(path: Path) -> None:
    """Refuse the pages that captive portals and proxies send with status 200."""
    with path.open("rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise ValueError("the server sent an empty file")
    if start.startswith(b"<"):
        raise ValueError("the server sent a web page instead of the file")


@contextmanager
def _as_our_errors(remote: RemoteFile, directory: Path, config: DownloadConfig) -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        # A proxy may quote the login that it refuses.
        cause = show_words(find_secrets(config).hide(_cause(error)))
        raise MetadataError(
            f"{remote.url} can't be downloaded: {cause}",
            fix=f"run again, or download it by hand into {directory}",
        ) from error
    except OSError as error:
        raise OutputError(
            f"{directory / remote.file_name} can't be written: {error.strerror or error}",
            fix="name another folder as metadata.dir, or make this one writable",
        ) from error


def _cause(error: Exception) -> str:
    match error:
        case requests.HTTPError(response=response) if response is not None:
            return f"HTTP {response.status_code} {response.reason}"
        case requests.exceptions.ProxyError():
            what = "the proxy can't be used"
        case requests.exceptions.SSLError():
            what = "the server's certificate was not accepted"
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            what = "the connection failed"
        case _:
            return str(error)
    return f"{what} ({_root_text(error)})"


def _root_text(error: BaseException) -> str:
    """Return the text of the innermost error that requests and urllib3 have wrapped."""
    wrapped = (getattr(error, name, None) for name in ("reason", "original_error"))
    inner = next(filter(None, wrapped), None) or next(iter(error.args), None)
    if isinstance(inner, BaseException):
        return _root_text(inner)
    text = inner if isinstance(inner, str) else str(error)
    return text.partition("): ")[2] or text
