"""The two tables of clips that a config may name: ``clips.list`` and ``clips.known_gone``.

A list makes the same set again: exactly the clips of, say, a colleague's manifest.csv. The other
table names clips that others found to be gone: it is a failures.csv, or the CSV of
``audioset-dl status --availability --csv``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from audioset_dl.catalog.catalog import Catalog
from audioset_dl.catalog.clips import UNLABELLED, Clip
from audioset_dl.catalog.files import SEGMENT_FILES
from audioset_dl.catalog.grouping import RowNumbers
from audioset_dl.catalog.ontology import Ontology, UnknownClass
from audioset_dl.catalog.reading import is_mid
from audioset_dl.catalog.segments import SegmentTable, make_table
from audioset_dl.config import Config
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.outcomes import GONE_CODES, KINDS, VAGUE_CODES
from audioset_dl.selection.clip_csv import (
    read_cells,
    read_clip_csv,
    read_clip_id,
    read_end_ms,
    split_csv,
)
from audioset_dl.selection.list_forms import KNOWN_FORMS, OWN, Form, find_form, find_shape
from audioset_dl.storage.tables import BadRow, Cells
from audioset_dl.words import count

_KNOWN_COLUMNS = frozenset((
    "file_name", "clip_id", "ytid", "start_s", "end_s", "duration_s", "num_samples", "sample_rate",
    "channels", "classes", "labels", "label_names", "subset", "sha256", "source_sha256",
    "source_format", "method", "bytes_fetched", "saved_at", "track", "google_labels",
))  # fmt: skip
"""Columns of a manifest.csv, which say nothing that the next manifest does not."""
LIST_KEY, GONE_KEY = "clips.list", "clips.known_gone"
LONGEST_MS = 600_000
"""Longest clip that a list may add to AudioSet's: 10 minutes; one of days is a slip of the pen."""
# A video that is blocked in one country may play in the next: `geo` is a fact about a place.
GONE_FOR_GUESTS = frozenset(code for code in GONE_CODES if code not in ("geo", *VAGUE_CODES))
"""Failure codes by which a clip is gone for everybody who has no account."""
GONE_FOR_ALL = frozenset(code for code in GONE_FOR_GUESTS if not KINDS[code].cookies_help)
"""Those by which it is gone for an account as well."""


@dataclass(frozen=True)
class ClipList:
    """The clips of a list."""

    path: Path
    clips: Mapping[str, Clip]
    """By clip_id, in the order of the list, each once."""
    classes: Mapping[str, frozenset[str]]
    """For each clip_id the MIDs of the classes that it counts for; `UNLABELLED` for a clip without
    labels."""
    form: Form = OWN
    """The form of the list."""
    other_columns: tuple[str, ...] = ()
    """Columns that say something else of the clips, such as captions."""
    others: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    """The cells of these columns in each row of a clip, by clip_id."""

    @cached_property
    def table(self) -> SegmentTable:
        """The clips in columns, in the order of the list."""
        return make_table(tuple(self.clips.values()))

    def rankings(self, mids: Iterable[str]) -> dict[str, RowNumbers]:
        """Return for each class the rows of `table` that count for it, in the order of the list."""
        rankings: dict[str, list[int]] = {mid: [] for mid in mids}
        for row, clip_id in enumerate(self.clips):
            for mid in self.classes[clip_id]:
                rankings[mid].append(row)
        return {mid: np.array(rows, np.int32) for mid, rows in rankings.items()}


def read_clip_list(config: Config, catalog: Catalog, chosen: Collection[str]) -> ClipList:
    """Read the clips of ``clips.list`` and look them up in the segment files.

    A clip that is in none of these is read from the list's own columns ``end_s`` and ``labels``,
    which a manifest has.

    A clip counts for the classes that the column ``classes`` names, as in a manifest; where it
    names none, for those of its labels that other rows name; else for those that the config
    chooses; else for all its labels. So every clip has a class, and a manifest gives the files of
    another folder the same names.

    Parameters
    ----------
    config : Config
        For ``clips.list`` and ``metadata.segments``.
    catalog : Catalog
        The segment files and the ontology.
    chosen : collection of str
        MIDs of the classes that the config chooses.

    Raises
    ------
    ConfigError
        The list can't be read, or clips in it can't be found; with their lines.
    """
    path = config.clips.list
    if path is None:
        raise ValueError(f"{LIST_KEY} is not set")
    _check_is_no_output(path, config.output.dir)
    header, rows, form = _split_list(path)
    segments = [str(entry) for entry in config.metadata.segments]
    reader = _Reader(catalog, segments, path.stem, form)
    entries = read_cells(header, rows, reader.read, path=path, key=LIST_KEY)
    if not entries:
        raise ConfigError(Problem(LIST_KEY, f"{path}: holds no clips"))
    clips: dict[str, Clip] = {}
    named: dict[str, set[str]] = {}
    others: dict[str, list[Mapping[str, str]]] = {}
    for clip, mids, cells in entries:
        others.setdefault(clip.clip_id, []).append(cells)
        if clips.setdefault(clip.clip_id, clip).end_s != clip.end_s:
            ends = f"{clips[clip.clip_id].end_s:g} s and {clip.end_s:g} s"
            words = f"{path}: {clip.clip_id} stands there with two ends, {ends}"
            raise ConfigError(Problem(LIST_KEY, words))
        named.setdefault(clip.clip_id, set()).update(mids)
    listed = frozenset().union(*named.values())
    classes = {
        clip_id: _first_of(named[clip_id], clip.labels, listed, chosen)
        for clip_id, clip in clips.items()
    }
    return ClipList(path, clips, classes, form, tuple(entries[0][2]), others)


def _split_list(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], Form]:
    """Return the names of the columns, the rows with their lines, and the form of a list."""
    first, rows = split_csv(path, LIST_KEY)
    header = [cell.strip().lower() for cell in first]
    if form := find_form(header, [row for _, row in rows]):
        return header, rows, form
    if form := find_shape(first):
        return list(form.without_header), [(1, first), *rows], form
    raise ConfigError(Problem(LIST_KEY, _unknown_form(path, header), fix=_form_fix(header)))


def _unknown_form(path: Path, header: Sequence[str]) -> str:
    first = ",".join(header)
    if not first:
        return f"{path}:1: the file is empty; expected a row of column names"
    return (
        f"{path}:1: expected a row of column names with clip_id, or ytid and start_s, or another "
        f"form that is known, found {first[:60]!r}"
    )


def _form_fix(header: Sequence[str]) -> str:
    if header and header[0].startswith("#"):
        return "a segment CSV belongs into metadata.segments"
    if {"segment_id", "start_time_seconds"} <= set(header):
        return "a file of strong labels belongs into metadata.segments"
    if any(";" in cell or "\t" in cell for cell in header[:1]):
        return "the columns must be separated by commas: a spreadsheet saved it otherwise"
    return "known forms: " + "; ".join(KNOWN_FORMS)


def describe_list(clip_list: ClipList) -> str:
    """Return a line that says in which form a list was read; empty for our own."""
    if not clip_list.form.name:
        return ""
    lengths = sorted({clip.duration_s for clip in clip_list.clips.values()})
    length = f"{lengths[0]:g}" if len(lengths) == 1 else f"{lengths[0]:g} to {lengths[-1]:g}"
    number = count(len(clip_list.clips), "clip")
    return f"clips.list: {clip_list.form.name}: {number} of {length} s"


def _first_of(
    named: Collection[str], labels: Sequence[str], *preferred: Collection[str]
) -> frozenset[str]:
    """Return the classes that a clip counts for."""
    for among in (named, *preferred):
        if mids := frozenset(labels) & frozenset(among):
            return mids
    return frozenset(labels or [UNLABELLED])


def _check_is_no_output(path: Path, output: Path) -> None:
    if path.resolve() == (output / "manifest.csv").resolve():
        words = (
            f"{path} is the manifest of output.dir itself, which each run writes anew: what is "
            "lost would be off the list as well"
        )
        raise ConfigError(Problem(LIST_KEY, words, fix="copy it, and name the copy"))


class _Reader:
    """Reads the rows of one list."""

    def __init__(self, catalog: Catalog, segments: Sequence[str], subset: str, form: Form) -> None:
        self._ontology: Ontology = catalog.ontology
        self._table = catalog.segments
        self._segments = segments
        self._subset = subset
        self._form = form
        self._mid_of = cache(self._find_mid)

    def read(self, given: Cells) -> tuple[Clip, frozenset[str], Mapping[str, str]]:
        """Return a row's clip, the classes (MIDs) that it names, and its other cells."""
        cells = self._form.rename(given)
        ytid, start_ms = read_clip_id(cells, in_seconds=self._form.in_seconds)
        end_ms = read_end_ms(cells)
        found = self._table.find(f"{ytid}_{start_ms}")
        if found is None:
            clip = self._own_clip(cells, ytid, start_ms, end_ms)
        else:
            clip = self._table.clip(found)
            if end_ms not in (None, round(clip.end_s * 1000)):
                raise BadRow(
                    f"end_s is {cells['end_s'].strip()}, but {clip.clip_id} ends at {clip.end_s:g} "
                    f"in {clip.subset}",
                    fix="for windows of your own, put a segment CSV of your own into "
                    "metadata.segments",
                )
        others = {name: cell for name, cell in cells.items() if name not in _KNOWN_COLUMNS}
        return clip, self._named(cells), others

    def _own_clip(self, cells: Cells, ytid: str, start_ms: int, end_ms: int | None) -> Clip:
        if end_ms is None and self._form.length_s is not None:
            end_ms = start_ms + round(self._form.length_s * 1000)
        if end_ms is None:
            raise BadRow(
                f"{ytid}_{start_ms} is in none of metadata.segments "
                f"({', '.join(self._segments)}), and the list has no end_s of it",
                fix=self._find_fix(cells),
            )
        if end_ms - start_ms > LONGEST_MS:
            length_s = (end_ms - start_ms) / 1000
            raise BadRow(f"a clip of {length_s:,g} s; expected up to {LONGEST_MS // 1000} s")
        if end_ms <= start_ms:
            raise BadRow(f"end_s must come after the start, found {cells['end_s'].strip()!r}")
        labels = cells.get("labels", "").replace(",", ";").split(";")
        mids = tuple(dict.fromkeys(label.strip() for label in labels if label.strip()))
        for mid in mids:
            if not is_mid(mid) or mid not in self._ontology:
                raise BadRow(f"labels: expected MIDs of the ontology, found {mid[:40]!r}")
        subset = cells.get("subset", "").strip() or self._subset
        return Clip(ytid, start_ms / 1000, end_ms / 1000, mids, subset)

    def _find_fix(self, cells: Cells) -> str:
        subset = cells.get("subset", "").strip()
        if subset and subset not in self._segments:
            return f"add the segment file {subset[:60]!r}, of which it was a part"
        if others := [name for name in SEGMENT_FILES if name not in self._segments]:
            return f"add {' or '.join(others)} there"
        return "AudioSet has no such clip: see whether id and start are right"

    def _named(self, cells: Cells) -> frozenset[str]:
        names = [name.strip() for name in cells.get("classes", "").split(";")]
        return frozenset(self._mid_of(name) for name in names if name and name != UNLABELLED)

    def _find_mid(self, name: str) -> str:
        try:
            return self._ontology.find(name).mid
        except UnknownClass as error:
            raise BadRow(f"classes: {error}") from None


@dataclass(frozen=True)
class KnownGone:
    """The clips that others report gone."""

    codes: Mapping[str, str] = field(default_factory=dict)
    """Failure code by clip_id."""
    num_vague: int = 0
    """Clips that are listed as gone by vague words, such as ``unavailable``: they are asked for, as
    such words may have been meant for whoever asked."""


def load_known_gone(config: Config) -> KnownGone:
    """Return the clips that ``clips.known_gone`` lists as gone, with the code of the reason.

    Facts about the place or the account of whoever asked do not count: ``geo`` never does, ``age``
    only for guests, vague words never. Nor do clips that failed otherwise, and clips that another
    row lists as saved. The columns are ``clip_id`` (or ``ytid`` and ``start_s``), ``state`` and
    ``code``.

    Parameters
    ----------
    config : Config
        For the table, if it names one, and for the account that it may have cookies of.

    Raises
    ------
    ConfigError
        The file can't be read, or is no such table; with the line.
    """
    path, download = config.clips.known_gone, config.download
    if path is None:
        return KnownGone()
    is_guest = download.cookies is None and download.cookies_from_browser is None
    counting = GONE_FOR_GUESTS if is_guest else GONE_FOR_ALL
    rows = read_clip_csv(path, GONE_KEY, _read_state, columns=("state", "code"))
    saved = {clip_id for clip_id, state, _ in rows if state == "saved"}
    gone = {id_: code for id_, state, code in rows if state == "gone" and id_ not in saved}
    return KnownGone(
        {clip_id: code for clip_id, code in gone.items() if code in counting},
        sum(code in VAGUE_CODES for code in gone.values()),
    )


def _read_state(cells: Cells) -> tuple[str, str, str]:
    ytid, start_ms = read_clip_id(cells)
    return f"{ytid}_{start_ms}", cells["state"].strip(), cells["code"].strip()
