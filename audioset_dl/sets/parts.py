"""The parts of one dataset, as several machines downloaded them.

What each knows of each clip, and what becomes of the clip from what they all know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import uuid4

from audioset_dl.dataset.failures import read_failures
from audioset_dl.dataset.journal_reader import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_manifest
from audioset_dl.dataset.resume import read_pending
from audioset_dl.dataset.rows import Row, SavedFile
from audioset_dl.dataset.run_info import RunInfo, read_run_info
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.versions import __version__

_AUDIO_KEYS = ("sample_rate", "channels", "subtype")


@dataclass(frozen=True)
class Part:
    """One part, as it was found; nothing in it is ever changed."""

    folder: OutputFolder
    rows: Mapping[str, Row]
    """By clip_id."""
    names: Mapping[str, str]
    """Display names by MID, as far as the part knows them."""
    info: RunInfo | None
    """Its run.json."""

    @property
    def audio(self) -> dict[str, Any]:
        """What its audio is like: `sample_rate`, `channels`, `subtype`, as far as it is known."""
        if self.info is not None:
            audio = self.info.config.get("audio", {})
            return {key: audio[key] for key in _AUDIO_KEYS if key in audio}
        files = [row.file for row in self.rows.values() if row.file is not None]
        found = {key: {getattr(file, key) for file in files} for key in ("sample_rate", "channels")}
        return {key: values.pop() for key, values in found.items() if len(values) == 1}


def read_part(path: Path) -> Part:
    """Read what a part knows: its journal, or where it has none its manifest and failures.csv.

    Raises
    ------
    OutputError
        It holds neither, or they can't be read.
    """
    folder = OutputFolder(path)
    if folder.journal.is_file():
        with read_journal(folder.journal) as journal:
            return make_part(folder, journal.rows())
    if not folder.manifest.is_file():
        raise OutputError(f"{path} holds no dataset: neither journal.sqlite nor manifest.csv")
    manifest = read_manifest(folder.manifest)
    info, names = _read_names(folder, manifest.names)
    rows = (*read_failures(folder.failures, names), *manifest.rows)
    return Part(folder, {row.clip_id: row for row in rows}, names, info)


def make_part(folder: OutputFolder, journal_rows: Iterable[Row]) -> Part:
    """Return a dataset of which the rows of the journal are known as a part."""
    rows = {row.clip_id: row for row in journal_rows}
    of_manifest: Mapping[str, str] = {}
    failures: list[Row] = []
    # The journal is the truth. The tables are read for what it does not hold: the names of labels,
    # and the clips that were taken as gone without asking. A table that is damaged is no loss.
    with suppress(OutputError):
        of_manifest = read_manifest(folder.manifest).names
    info, names = _read_names(folder, of_manifest)
    with suppress(OutputError):
        failures = read_failures(folder.failures, names)
    for row in failures:
        known = rows.get(row.clip_id)
        if row.known_from and (known is None or known.state == "waiting"):
            rows[row.clip_id] = row if known is None else replace(row, clip=known.clip)
    # What a killed run had written, and not noted yet.
    for clip, file in read_pending(folder):
        known = rows.get(clip.clip_id)
        if known and not known.file and (folder.path / file.file_name).is_file():
            rows[clip.clip_id] = known.as_saved(file)
    return Part(folder, rows, names, info)


def _read_names(
    folder: OutputFolder, of_manifest: Mapping[str, str]
) -> tuple[RunInfo | None, dict[str, str]]:
    """Return run.json, and the display names that it and the manifest know."""
    info = read_run_info(folder.run)
    return info, {**(info.names if info is not None else {}), **of_manifest}


def check_same_audio(parts: Iterable[Part]) -> None:
    """Refuse parts whose audio has different forms.

    Raises
    ------
    ConfigError
        What they differ in.
    """
    holding = [part for part in parts if any(row.file for row in part.rows.values())]
    for one, other in combinations(holding, 2):
        known = [key for key in _AUDIO_KEYS if key in one.audio and key in other.audio]
        if keys := [key for key in known if one.audio[key] != other.audio[key]]:
            words = "; ".join(
                f"{part.folder.path} holds clips made with "
                + ", ".join(f"{key} {part.audio[key]}" for key in keys)
                for part in (one, other)
            )
            fix = "such parts can't be one dataset: nothing was merged"
            raise ConfigError(Problem("", words, fix))


def merge_order(parts: Sequence[Part]) -> dict[str, int]:
    """Return the place of each class (MID) that a part chose: part after part, in their order."""
    infos = [part.info for part in parts if part.info is not None]
    mids = dict.fromkeys(mid for info in infos for mid in info.names)
    return {mid: place for place, mid in enumerate(mids)}


def merge_info(
    own: Part, parts: Sequence[Part], names: Mapping[str, str], now: str
) -> RunInfo | None:
    """Return the run.json of the merged dataset, which holds theirs; None where none has one.

    Parameters
    ----------
    own : Part
        The folder that they are put into.
    parts : sequence of Part
        The parts.
    names : mapping of str to str
        Display names by MID.
    now : str
        The time of day, ISO 8601.
    """
    found = [
        {"path": str(part.folder.path), "run": asdict(part.info)}
        for part in parts
        if part.info is not None
    ]
    audio = next((part.audio for part in (own, *parts) if part.info is not None), None)
    if audio is None:
        return None
    info = own.info or RunInfo({"audio": audio}, {"audioset-dl": __version__}, {}, (), now)
    known = list(info.parts)
    metadata = [part.info.metadata for part in (*reversed(parts), own) if part.info is not None]
    return replace(
        info,
        metadata={name: digest for one in metadata for name, digest in one.items()},
        classes=[{"mid": mid, "name": names.get(mid, mid)} for mid in merge_order([own, *parts])],
        parts=[*known, *(one for one in found if one not in known)],
        id=info.id or uuid4().hex,
    )


def find_other_metadata(parts: Iterable[Part]) -> list[str]:
    """Return the names of AudioSet's files that were not the same for all parts."""
    infos = [part.info for part in parts if part.info is not None]
    digests = {pair for info in infos for pair in info.metadata.items()}
    # Each part may have lists of its own in ``clips``.
    counts = Counter(name for name, _ in digests if not name.startswith("clips."))
    return sorted(name for name, number in counts.items() if number > 1)


def unite(rows: Sequence[Row], file: SavedFile | None, order: Mapping[str, int]) -> Row:
    """Return the row of a clip in the merged dataset.

    A clip of which no file could be merged is gone if it is gone in one dataset; what was asked of
    YouTube weighs more than what a list says, a failure more than none, and a later one more than
    an earlier.

    Parameters
    ----------
    rows : sequence of Row
        What each dataset knows of the clip; not empty.
    file : SavedFile, optional
        The file in the merged dataset, if there is one.
    order : mapping of str to int
        The place of each class (MID) among the chosen ones.
    """
    united = _unite_facts(rows, order)
    if file is not None:
        return united.as_saved(file)
    failed = [row for row in rows if row.file is None]
    if not failed:  # all files are damaged
        return replace(united, file=None, state="waiting", code=None, detail=None)
    best = max(failed, key=_weight)
    return replace(
        united, file=None, state=best.state, code=best.code, detail=best.detail,
        updated_at=best.updated_at, proof=best.proof, asked_as=best.asked_as,
        known_from=best.known_from,
    )  # fmt: skip


def _unite_facts(rows: Sequence[Row], order: Mapping[str, int]) -> Row:
    """Return what all together know of a clip, but for what became of it."""
    wanting = [row for row in rows if row.wanted]
    mids = {mid for row in wanting or rows for mid in row.classes}
    return replace(
        # A row of failures.csv has no labels.
        max(rows, key=lambda row: len(row.clip.labels)),
        classes=tuple(sorted(mids, key=lambda mid: (order.get(mid, len(order)), mid))),
        wanted=bool(wanting),
        attempts=max(row.attempts for row in rows),
    )


def _weight(row: Row) -> tuple[bool, bool, bool, str]:
    return row.state == "gone", row.known_from is None, row.code is not None, row.updated_at
