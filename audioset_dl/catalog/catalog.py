"""All of AudioSet's metadata together, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audioset_dl.catalog.cache import Cache
from audioset_dl.catalog.class_tables import Rating, read_class_indices, read_ratings
from audioset_dl.catalog.files import (
    CLASS_FILES,
    FILES,
    SEGMENT_FILES,
    STRONG_FILES,
    fetch_files,
    locate_file,
)
from audioset_dl.catalog.ontology import Node, Ontology, read_ontology
from audioset_dl.catalog.reading import find_label
from audioset_dl.catalog.relabel import Corrections
from audioset_dl.catalog.segments import SegmentTable, read_segments
from audioset_dl.catalog.sources import SegmentSource
from audioset_dl.catalog.strong_tsv import is_strong_file, read_display_names
from audioset_dl.config import Config
from audioset_dl.errors import MetadataError
from audioset_dl.words import count


@dataclass(frozen=True, eq=False)
class Catalog:
    """AudioSet: its classes, the quality of their labels, and its clips."""

    ontology: Ontology
    ratings: Mapping[str, Rating]
    """By MID."""
    indices: Mapping[str, int]
    """Customary index of each class that occurs as a label, by MID."""
    segments: SegmentTable

    @cached_property
    def labelled(self) -> tuple[Node, ...]:
        """The classes that occur as labels, in ontology order."""
        used = self.segments.own_mids.union(self.indices)
        return tuple(node for node in self.ontology if node.mid in used)

    def can_be_chosen(self, node: Node) -> bool:
        """Return True unless a class is abstract or blacklisted, and no file of strong or corrected
        labels uses it all the same.
        """
        return not node.is_restricted or node.mid in self.segments.own_mids

    def quality(self, mid: str) -> float | None:
        """Return the share of rated clips with a right label, 0..1; None if no clip was rated."""
        rating = self.ratings.get(mid)
        return None if rating is None else rating.quality


def load_catalog(
    directory: Path,
    segments: Sequence[str],
    *,
    cache: Cache | None = None,
    corrections: Corrections | None = None,
) -> Catalog:
    """Read the metadata files.

    Parameters
    ----------
    directory : Path
        The metadata folder, filled by `audioset_dl.catalog.files.fetch_files`.
    segments : sequence of str
        Which clips: ``balanced_train``, ``eval``, ``unbalanced_train``, or paths of CSVs of the
        same form, whose subset is the file's name without ``.csv``; ``train_strong``,
        ``eval_strong``, or paths of TSVs of that form. May be empty.
    cache : Cache, optional
        Where the clips are kept once they were read; see `read_segments`.
    corrections : Corrections, optional
        Labels that take the place of those of the segment CSVs.

    Raises
    ------
    MetadataError
        A file is missing or malformed, or names a class that the ontology does not have.
    """
    ontology = read_ontology(locate_file(directory, "ontology"))
    ratings = read_ratings(locate_file(directory, "ratings"))
    indices = read_class_indices(locate_file(directory, "indices"))
    _check_mids(ratings, ontology, [locate_file(directory, "ratings")])
    _check_mids(indices, ontology, [locate_file(directory, "indices")])
    sources = [_make_source(directory, name) for name in dict.fromkeys(segments)]
    if any(source.is_strong for source in sources):
        names = read_display_names(locate_file(directory, "display_names"))
        ontology = ontology.with_leaves(names)
    table = read_segments(sources, cache, corrections=corrections)
    if corrections is not None:
        named = {mid for labels in corrections.labels.values() for mid in labels}
        ontology = ontology.with_leaves(
            {mid: mid for mid in named.intersection(table.mids) if mid not in ontology}
        )
    _check_mids(table.mids, ontology, [source.path for source in sources])
    return Catalog(ontology, ratings, indices, table)


def find_class_names(config: Config) -> dict[str, str]:
    """Return the display names of AudioSet's classes by MID; fetch the ontology if it is missing.

    With those of the classes that only files of strong labels have, where the config names such.

    Raises
    ------
    MetadataError
        A file can't be fetched or is malformed.
    """
    names = name_files(config)
    wanted = [name for name in ("ontology", "display_names") if name in names]
    paths = fetch_files(config, wanted).paths
    ontology = read_ontology(paths["ontology"])
    if "display_names" in paths:
        ontology = ontology.with_leaves(read_display_names(paths["display_names"]))
    return {node.mid: node.name for node in ontology}


def describe_corrections(catalog: Catalog) -> Iterator[str]:
    """Yield sentences about what ``metadata.relabel`` changed."""
    table = catalog.segments
    if table.is_corrected:
        yield (
            f"metadata.relabel: {count(table.num_named, 'clip')} of {len(table):,} "
            f"{'is' if table.num_named == 1 else 'are'} named, and "
            f"{table.num_changed:,} of them got other labels than Google's"
        )
    for node in catalog.ontology:
        if node.mid == node.name:
            number = count(table.num_clips(node.mid), "clip")
            yield f"metadata.relabel: the label {node.mid} of {number} is not in the ontology"


def name_files(config: Config) -> list[str]:
    """Return the names of all files of metadata that a config needs, as `fetch_files` takes them.

    Raises
    ------
    MetadataError
        A file of the user's own can't be read.
    """
    segments = [str(entry) for entry in config.metadata.segments]
    return [*CLASS_FILES, *(["display_names"] if any(map(_is_strong, segments)) else []), *segments]


def _is_strong(name: str) -> bool:
    if name in FILES:
        return name in STRONG_FILES
    return Path(name).is_file() and is_strong_file(Path(name))


def _make_source(directory: Path, name: str) -> SegmentSource:
    clip_files = (*SEGMENT_FILES, *STRONG_FILES)
    if name in FILES and name not in clip_files:
        raise MetadataError(f"{name} lists no clips; expected {', '.join(clip_files)}, or a path")
    path = locate_file(directory, name)
    if name in FILES:
        return SegmentSource(path, name, is_google=True, is_strong=name in STRONG_FILES)
    subset = path.name.removesuffix(".gz").removesuffix(".csv").removesuffix(".tsv")
    return SegmentSource(path, subset, is_strong=is_strong_file(path))


def _check_mids(mids: Iterable[str], ontology: Ontology, paths: Sequence[Path]) -> None:
    unknown = next((mid for mid in mids if mid not in ontology), None)
    if unknown is None:
        return
    for path in paths:
        line = find_label(path, unknown)
        if line is not None:
            raise MetadataError(f"the label {unknown} is not in the ontology", path, line)
    raise MetadataError(f"the label {unknown} is not in the ontology")
