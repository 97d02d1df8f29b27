"""The places of all files in the output folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from audioset_dl.catalog.clips import UNLABELLED
from audioset_dl.catalog.ontology import Ontology

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)")
"""Names that Windows keeps for devices
(https://learn.microsoft.com/windows/win32/fileio/naming-a-file)."""
LONGEST_SLUG = 100
"""Characters of the longest folder of a class; most file systems take 255 bytes in a name."""


class OutputFolder:
    """The places of the files in an output folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wav = path / "wav"
        """The folder of all WAV files."""
        self.journal = path / "journal.sqlite"
        self.manifest = path / "manifest.csv"
        self.failures = path / "failures.csv"
        self.events = path / "events.csv"
        self.list = path / "list.csv"
        self.run = path / "run.json"
        self.lock = path / ".lock"
        self.scratch = path / ".fetching"
        """The folder of what is being fetched; it exists only while a run is under way."""


class Layout:
    """Gives each clip its place: the same whichever class drew it, and in whatever order.

    Parameters
    ----------
    layout : str
        ``class``: ``wav/<class>/<file>``, where the class is the lowest of the clip's labels that
        is a chosen class: none of the others lies below it; of several such, the first in ontology
        order. A clip without labels lies in ``wav/unlabelled``. ``sharded``: ``wav/<2 hex
        digits>/<file>``.
    ontology : Ontology
        For the order and the names.
    chosen : iterable of str
        MIDs of the chosen classes.
    """

    def __init__(self, layout: str, ontology: Ontology, chosen: Iterable[str]) -> None:
        self._sharded = layout == "sharded"
        slugs = make_slugs({node.mid: node.name for node in ontology})
        in_order = sorted(chosen, key=ontology.order)
        self._slugs = {mid: slugs[mid] for mid in in_order}
        self._below = {mid: ontology.descendants(mid) - {mid} for mid in in_order}
        self._folders: dict[tuple[str, ...], str] = {}

    def file_name(self, clip_id: str, labels: Iterable[str]) -> str:
        """Return a clip's path relative to the output folder, with ``/`` between its parts."""
        if self._sharded:
            folder = hashlib.sha256(clip_id.encode()).hexdigest()[:2]
        else:
            folder = self._class_folder(tuple(labels))
        return f"wav/{folder}/Y{clip_id}.wav"

    def _class_folder(self, labels: tuple[str, ...]) -> str:
        if labels not in self._folders:  # thousands of clips have the same
            carried = [mid for mid in self._slugs if mid in labels]
            lowest = [mid for mid in carried if self._below[mid].isdisjoint(carried)]
            self._folders[labels] = self._slugs[lowest[0]] if lowest else UNLABELLED
        return self._folders[labels]


def make_slugs(names: Mapping[str, str]) -> dict[str, str]:
    """Return for each class (by MID) a folder name that is safe on every file system.

    ASCII lower case, digits and ``_``; where two names would give the same, both get their MID
    appended.
    """
    slugs = {mid: _slug(name) for mid, name in names.items()}
    counts = Counter(slugs.values())
    return {
        mid: slug if counts[slug] == 1 else f"{slug}{_slug(mid.replace('/', '_'))}"
        for mid, slug in slugs.items()
    }


def _slug(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", ascii_name).strip("_")[:LONGEST_SLUG]
    return f"{slug}_" if not slug or _RESERVED.fullmatch(slug) else slug
