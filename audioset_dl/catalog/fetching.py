"""AudioSet's files, fetched as the config says: where to, by which proxy, with which deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from audioset_dl.catalog.files import MetadataFiles, Progress, fetch_metadata, hash_content
from audioset_dl.catalog.ontology import read_ontology
from audioset_dl.config import Config, find_secrets
from audioset_dl.errors import MetadataError


def fetch_files(
    config: Config,
    names: Sequence[str],
    *,
    progress: Callable[[str], Progress] | None = None,
    hash_file: Callable[[Path], str] = hash_content,
) -> MetadataFiles:
    """Fetch what is missing of some of AudioSet's files.

    Parameters
    ----------
    config : Config
        The whole config.
    names : sequence of str
        As in ``metadata.segments``, or of `audioset_dl.catalog.files.CLASS_FILES`.
    progress : callable, optional
        Called with the name of a file before it is downloaded; returns what shows the progress.
    hash_file : callable
        Returns the SHA-256 of a file's content.

    Raises
    ------
    MetadataError
        A file can't be fetched.
    """
    try:
        return fetch_metadata(
            config.metadata.dir,
            names,
            proxy=next(iter(config.download.proxies), None),
            verify_tls=config.download.verify_tls,
            timeout_s=config.download.timeout_s,
            progress=progress,
            hash_file=hash_file,
        )
    except MetadataError as error:  # a proxy may quote the login that it refuses
        hide = find_secrets(config.download).hide
        if hide(str(error)) == str(error):
            raise
        raise MetadataError(hide(error.found), fix=hide(error.fix)) from error


def find_class_names(config: Config) -> dict[str, str]:
    """Return the display names of AudioSet's classes by MID; fetch the ontology if it is missing.

    Raises
    ------
    MetadataError
        The ontology can't be fetched or is malformed.
    """
    path = fetch_files(config, ["ontology"]).paths["ontology"]
    return {node.mid: node.name for node in read_ontology(path)}
