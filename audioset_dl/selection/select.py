"""From the catalog and the config to the classes, their ranked candidates, and the draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audioset_dl.catalog.catalog import Catalog
from audioset_dl.catalog.clips import Clip
from audioset_dl.catalog.ontology import Node
from audioset_dl.catalog.segments import SegmentTable
from audioset_dl.config import ClipsConfig, Config
from audioset_dl.selection.availability import load_known_gone
from audioset_dl.selection.classes import select_classes
from audioset_dl.selection.draw import Draw
from audioset_dl.selection.list import ClipList, read_clip_list
from audioset_dl.selection.ranking import rank_clips

FULL_LENGTH_S = 10.0


@dataclass(frozen=True)
class Selection:
    """What a config chooses from a catalog."""

    classes: tuple[Node, ...]
    """Chosen classes in ontology order; of a list, those that its clips count for."""
    rankings: Mapping[str, Sequence[str]]
    """For each chosen class (by MID) its candidates' clip_ids in ranked order."""
    catalog: Catalog
    per_class: int | None
    """Clips wanted of each class; None for all."""
    clip_list: ClipList | None = None
    """The list that is downloaded, in the place of a draw from all candidates."""
    known_gone: Mapping[str, str] = field(default_factory=dict)
    """Clips that others found gone, with the code of the reason."""

    def draw(self) -> Draw:
        """Return a new draw over the rankings."""
        return Draw(self.rankings, self.per_class)

    def clip(self, clip_id: str) -> Clip:
        """Return a clip of the list or the catalog."""
        if self.clip_list is not None:
            return self.clip_list.clips[clip_id]
        row = self.catalog.segments.find(clip_id)
        if row is None:
            raise KeyError(clip_id)
        return self.catalog.segments.clip(row)

    def in_ontology_order(self, mids: frozenset[str]) -> tuple[str, ...]:
        """Sort MIDs of classes."""
        return tuple(sorted(mids, key=self.catalog.ontology.order))


def select(catalog: Catalog, config: Config) -> Selection:
    """Choose classes and rank the candidates of each.

    Raises
    ------
    ConfigError
        The config names classes that do not exist, or none is left, or a list that can't be used.
    """
    classes = select_classes(catalog, config.classes)
    known_gone = load_known_gone(config)
    if config.clips.list is not None:
        return _select_listed(catalog, config, classes, known_gone)
    table = catalog.segments
    candidates = _candidate_rows(table, [node.mid for node in classes], config.clips)
    rankings = {
        mid: rank_clips(config.seed, mid, table.clip_ids(rows)) for mid, rows in candidates.items()
    }
    per_class = config.clips.per_class
    return Selection(classes, rankings, catalog, per_class, known_gone=known_gone)


def _select_listed(
    catalog: Catalog, config: Config, chosen: Sequence[Node], known_gone: Mapping[str, str]
) -> Selection:
    clip_list = read_clip_list(config, catalog, {node.mid for node in chosen})
    counting = {mid for mids in clip_list.classes.values() for mid in mids}
    classes = tuple(node for node in catalog.ontology if node.mid in counting)
    rankings = clip_list.rankings(node.mid for node in classes)
    return Selection(classes, rankings, catalog, None, clip_list, known_gone)


def _candidate_rows(
    table: SegmentTable, mids: Sequence[str], config: ClipsConfig
) -> dict[str, NDArray[np.integer]]:
    rows = {mid: table.rows_of(mid) for mid in mids}
    fits = np.ones(len(table), dtype=bool)
    if config.full_length:
        fits &= np.abs(table.durations_s() - FULL_LENGTH_S) < 0.0005
    if config.labels == "exclusive":
        num_chosen = np.zeros(len(table), dtype=np.int32)
        for of_class in rows.values():
            num_chosen[of_class] += 1
        fits &= num_chosen == 1
    return {mid: of_class[fits[of_class]] for mid, of_class in rows.items()}
