"""All of AudioSet's metadata together, checked against each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from audioset_dl.catalog.cache import Cache
from audioset_dl.catalog.class_tables import Rating, read_class_indices, read_ratings
from audioset_dl.catalog.files import FILES, SEGMENT_FILES, fetch_files, locate_file
from audioset_dl.catalog.ontology import Node, Ontology, read_ontology
from audioset_dl.catalog.reading import find_label
from audioset_dl.catalog.segments import SegmentSource, SegmentTable, read_segments
from audioset_dl.config import Config
from audioset_dl.errors import MetadataError


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
        return tuple(node for node in self.ontology if node.mid in self.indices)

    def quality(self, mid: str) -> float | None:
        """Return the share of rated clips with a right label, 0..1; None if no clip was rated."""
        rating = self.ratings.get(mid)
        return None if rating is None else rating.quality


def load_catalog(
    directory: Path, segments: Sequence[str], *, cache: Cache | None = None
) -> Catalog:
    """Read the metadata files.

    Parameters
    ----------
    directory : Path
        The metadata folder, filled by `audioset_dl.catalog.files.fetch_files`.
    segments : sequence of str
        Which clips: ``balanced_train``, ``eval``, ``unbalanced_train``, or paths of CSVs of the
        same form, whose subset is the file's name without ``.csv``. May be empty.
    cache : Cache, optional
        Where the clips are kept once they were read; see `read_segments`.

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
    table = read_segments(sources, cache)
    _check_mids(table.mids, ontology, [source.path for source in sources])
    return Catalog(ontology, ratings, indices, table)


def find_class_names(config: Config) -> dict[str, str]:
    """Return the display names of AudioSet's classes by MID; fetch the ontology if it is missing.

    Raises
    ------
    MetadataError
        The ontology can't be fetched or is malformed.
    """
    path = fetch_files(config, ["ontology"]).paths["ontology"]
    return {node.mid: node.name for node in read_ontology(path)}


def _make_source(directory: Path, name: str) -> SegmentSource:
    if name in FILES and name not in SEGMENT_FILES:
        raise MetadataError(
            f"{name} lists no clips; expected {', '.join(SEGMENT_FILES)}, or a path"
        )
    path = locate_file(directory, name)
    if name in FILES:
        return SegmentSource(path, name, is_google=True)
    return SegmentSource(path, path.name.removesuffix(".gz").removesuffix(".csv"))


def _check_mids(mids: Iterable[str], ontology: Ontology, paths: Sequence[Path]) -> None:
    unknown = next((mid for mid in mids if mid not in ontology), None)
    if unknown is None:
        return
    for path in paths:
        line = find_label(path, unknown)
        if line is not None:
            raise MetadataError(f"the label {unknown} is not in the ontology", path, line)
    raise MetadataError(f"the label {unknown} is not in the ontology")
