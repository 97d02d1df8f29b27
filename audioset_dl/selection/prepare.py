"""The steps before every use of AudioSet: fetch its files, read them, choose from them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.cache import FOLDER_NAME, Cache
from audioset_dl.catalog.catalog import load_catalog
from audioset_dl.catalog.files import CLASS_FILES, Progress, fetch_files
from audioset_dl.catalog.ontology import Node, Ontology
from audioset_dl.config import Config
from audioset_dl.selection.classes import find_idle_names, select_classes
from audioset_dl.selection.select import Selection, select


@dataclass(frozen=True)
class Prepared:
    """A selection and its origin."""

    selection: Selection
    hashes: Mapping[str, str]
    """SHA-256 of AudioSet's files by file name, and of the config's tables by key."""
    warnings: Sequence[str]
    """Sentences for people."""


def prepare(config: Config, *, progress: Callable[[str], Progress] | None = None) -> Prepared:
    """Fetch AudioSet's missing files, read all, choose classes and their clips.

    Clips and rankings are saved in a folder ``.cache`` of ``metadata.dir``, where that can be
    written, so that the next run starts faster.

    Parameters
    ----------
    config : Config
        The whole config.
    progress : callable, optional
        Called with the name of a file before it is downloaded; returns its display.

    Raises
    ------
    MetadataError
        A file can't be fetched, or is short or malformed.
    ConfigError
        The config names classes that do not exist, or none is left.
    """
    folder, segments = config.metadata.dir, [str(entry) for entry in config.metadata.segments]
    cache = Cache(folder / FOLDER_NAME)
    files = fetch_files(
        config, [*CLASS_FILES, *segments], progress=progress, hash_file=cache.hash_content
    )
    catalog = load_catalog(folder, segments, cache=cache)
    hashes = {files.paths[name].name: digest for name, digest in files.sha256.items()}
    selection = select(catalog, config, cache)
    hashes |= _hash_own_tables(config)
    idle = find_idle_names(catalog, config.classes, selection.classes)
    warnings = [
        f"classes.include: {name!r} adds no class that passes leaf_only, min_quality, "
        "exclude and slice"
        for name in (() if config.classes.slice or selection.clip_list else idle)
    ]
    return Prepared(selection, hashes, (*files.warnings, *warnings))


def _hash_own_tables(config: Config) -> dict[str, str]:
    """Return the SHA-256 of the tables that the config names, by their keys."""
    paths = {"clips.list": config.clips.list, "clips.known_gone": config.clips.known_gone}
    return {
        key: hashlib.sha256(path.read_bytes()).hexdigest()
        for key, path in paths.items()
        if path is not None
    }


def choose_classes(config: Config) -> tuple[Ontology, tuple[Node, ...]]:
    """Return the ontology and the chosen classes, without reading the clips of the metadata.

    Raises
    ------
    MetadataError
        A file can't be fetched, or is malformed.
    ConfigError
        The config names classes that do not exist, or none is left.
    """
    fetch_files(config, CLASS_FILES)
    catalog = load_catalog(config.metadata.dir, [])
    return catalog.ontology, select_classes(catalog, config.classes)
