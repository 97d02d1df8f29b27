"""From the config to the classes, their ranked candidates, and the draw.

`prepare` is the step before every use of AudioSet: fetch its files, read them, choose from them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.cache import FOLDER_NAME, Cache
from audioset_dl.catalog.catalog import (
    Catalog,
    describe_corrections,
    load_catalog,
    name_files,
)
from audioset_dl.catalog.clips import UNLABELLED, Clip
from audioset_dl.catalog.files import CLASS_FILES, Progress, fetch_files, hash_content
from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.catalog.ontology import Node, Ontology
from audioset_dl.catalog.relabel import find_corrections
from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.config import ClipsConfig, Config
from audioset_dl.outcomes import VAGUE_CODES
from audioset_dl.selection.classes import find_idle_names, select_classes
from audioset_dl.selection.draw import Draw
from audioset_dl.selection.known import KnownClips
from audioset_dl.selection.lists import (
    ClipList,
    KnownGone,
    describe_list,
    load_known_gone,
    read_clip_list,
)
from audioset_dl.selection.ranking import rank_rows
from audioset_dl.words import count

FULL_LENGTH_S = 10.0
"""Length of all but 1 % of AudioSet's segments, in seconds."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The classes and clips that a config chooses from a catalog."""

    classes: tuple[Node, ...]
    """Chosen classes in ontology order; for a list, those that its clips count for."""
    catalog: Catalog
    per_class: int | None
    """Number of clips wanted of each class; None for all."""
    is_candidate: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    """For each row of the segment table, True if its classes may draw it; empty for a list."""
    seed: int = 0
    """Seed of the order in which the candidates are drawn."""
    cache: Cache = field(default_factory=Cache)
    """Cache of that order."""
    clip_list: ClipList | None = None
    """The list to download instead of a draw from all candidates."""
    known_gone: KnownGone = field(default_factory=KnownGone)
    """Clips that others report gone."""

    @property
    def table(self) -> SegmentTable:
        """The clips, which are named by their row numbers in it."""
        return self.clip_list.table if self.clip_list is not None else self.catalog.segments

    @cached_property
    def rankings(self) -> Mapping[str, RowNumbers]:
        """For each chosen class (by MID) the rows of its candidates, in ranked order."""
        mids = [node.mid for node in self.classes]
        if self.clip_list is not None:
            return self.clip_list.rankings(mids)
        ranked = rank_rows(self.seed, mids, self.table, self.cache)
        return {mid: rows[self.is_candidate[rows]] for mid, rows in ranked.items()}

    def num_candidates(self, mid: str) -> int:
        """Return how many clips a class may draw; 0 for one that is not chosen."""
        if self.clip_list is not None:
            return len(self.rankings.get(mid, ()))
        is_chosen = any(node.mid == mid for node in self.classes)
        rows = self.catalog.segments.rows_of(mid)
        return int(np.count_nonzero(self.is_candidate[rows])) if is_chosen else 0

    def reported_gone(self, known: KnownClips, retry: Collection[str] = ()) -> dict[int, str]:
        """Return the rows not to ask for, as others report them gone, with the failure code.

        Parameters
        ----------
        known : KnownClips
            What the journal knows: a clip that is saved stays saved, and one that was found gone
            here needs no report.
        retry : collection of str
            Failure codes of clips to ask for all the same.
        """
        codes = self.known_gone.codes
        rows = self.table.find_all(list(codes)).tolist()
        return {
            row: code
            for row, code in zip(rows, codes.values(), strict=True)
            if row >= 0 and code not in retry and not (known.is_saved[row] or known.is_gone[row])
        }

    def draw(self) -> Draw:
        """Return a new draw over the rankings."""
        table = self.table
        return Draw(
            self.rankings, self.per_class, num_rows=len(table),
            labels_of=lambda row: table.labels_of(row) or (UNLABELLED,),
        )  # fmt: skip

    def row(self, clip_id: str) -> int:
        """Return the row number of a clip; `KeyError` where there is no such clip."""
        row = self.table.find(clip_id)
        if row is None:
            raise KeyError(clip_id)
        return row

    def clip(self, clip_id: str) -> Clip:
        """Return a clip; `KeyError` where there is no such clip."""
        return self.table.clip(self.row(clip_id))


@dataclass(frozen=True)
class Prepared:
    """A selection and its origin."""

    selection: Selection
    hashes: Mapping[str, str]
    """SHA-256 of AudioSet's files by file name, and of the config's tables by key."""
    warnings: Sequence[str]
    """Sentences for people."""


def select(catalog: Catalog, config: Config, cache: Cache | None = None) -> Selection:
    """Choose classes and the candidates of each; they are ranked when the ranking is needed.

    Raises
    ------
    ConfigError
        The config names classes that do not exist, or none is left, or a list that can't be used.
    """
    classes = select_classes(catalog, config.classes)
    known_gone = load_known_gone(config)
    if config.clips.list is not None:
        return _select_listed(catalog, config, classes, known_gone)
    return Selection(
        classes,
        catalog,
        config.clips.per_class,
        is_candidate=_find_candidates(catalog.segments, classes, config.clips),
        seed=config.seed,
        cache=cache or Cache(),
        known_gone=known_gone,
    )


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
    files = fetch_files(config, name_files(config), progress=progress, hash_file=cache.hash_content)
    catalog = load_catalog(folder, segments, cache=cache, corrections=find_corrections(config))
    hashes = {files.paths[name].name: digest for name, digest in files.sha256.items()}
    selection = select(catalog, config, cache)
    for key, path in (("clips.list", config.clips.list),
                      ("clips.known_gone", config.clips.known_gone)):  # fmt: skip
        if path is not None:
            hashes[key] = hash_content(path)
    hashes |= {path.name: hash_content(path) for path in config.metadata.relabel}
    idle = find_idle_names(catalog, config.classes, selection.classes)
    warnings = [
        f"classes.include: {name!r} adds no class that passes leaf_only, min_quality, "
        "exclude and slice"
        for name in (() if config.classes.slice or selection.clip_list else idle)
    ]
    if number := selection.known_gone.num_vague:
        warnings.append(
            f"clips.known_gone: {count(number, 'clip')} listed as gone by vague words "
            f"({', '.join(VAGUE_CODES)}) {'is' if number == 1 else 'are'} asked for all the same: "
            "such words may have been meant for whoever asked"
        )
    warnings += describe_corrections(catalog)
    if selection.clip_list is not None:
        warnings += filter(None, [describe_list(selection.clip_list)])
    return Prepared(selection, hashes, (*files.warnings, *warnings))


def choose_classes(config: Config) -> tuple[Ontology, tuple[Node, ...]]:
    """Return the ontology and the chosen classes, without reading the clips of the metadata.

    Raises
    ------
    MetadataError
        A file can't be fetched, or is malformed.
    ConfigError
        The config names classes that do not exist, or none is left.
    """
    files = name_files(config)
    # Of weak labels it is known which classes they have.
    needs_clips = "display_names" in files or config.metadata.relabel
    fetch_files(config, files if needs_clips else CLASS_FILES)
    catalog = load_catalog(
        config.metadata.dir,
        [str(entry) for entry in config.metadata.segments] if needs_clips else [],
        cache=Cache(config.metadata.dir / FOLDER_NAME),
        corrections=find_corrections(config),
    )
    return catalog.ontology, select_classes(catalog, config.classes)


def _select_listed(
    catalog: Catalog, config: Config, chosen: Sequence[Node], known_gone: KnownGone
) -> Selection:
    clip_list = read_clip_list(config, catalog, {node.mid for node in chosen})
    counting = {mid for mids in clip_list.classes.values() for mid in mids}
    classes = tuple(node for node in catalog.ontology if node.mid in counting)
    if UNLABELLED in counting:
        classes += (Node(UNLABELLED, UNLABELLED),)
    return Selection(classes, catalog, None, clip_list=clip_list, known_gone=known_gone)


def _find_candidates(
    table: SegmentTable, classes: Sequence[Node], config: ClipsConfig
) -> NDArray[np.bool_]:
    fits = np.ones(len(table), dtype=bool)
    if config.full_length:
        fits &= np.abs(table.durations_s() - FULL_LENGTH_S) < 0.0005
    if config.labels == "exclusive":
        num_chosen = np.zeros(len(table), dtype=np.int32)
        for node in classes:
            num_chosen[table.rows_of(node.mid)] += 1
        fits &= num_chosen == 1
    return fits
