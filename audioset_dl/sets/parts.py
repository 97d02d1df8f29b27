"""The parts of one dataset, as several machines downloaded them: what each knows of each clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from audioset_dl.dataset.journal import read_journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.manifest import read_failures, read_listings
from audioset_dl.dataset.pending import read_claims
from audioset_dl.dataset.rows import Record, SavedFile
from audioset_dl.dataset.run_info import RunInfo, read_run_info
from audioset_dl.errors import ConfigError, OutputError, Problem
from audioset_dl.versions import __version__

_AUDIO_KEYS = ("sample_rate", "channels", "subtype")


@dataclass(frozen=True)
class Part:
    """One part, as it was found; nothing in it is ever changed."""

    folder: OutputFolder
    records: Mapping[str, Record]
    """By clip_id."""
    names: Mapping[str, str]
    """Display names by MID, as far as it knows them."""
    info: RunInfo | None
    """Its run.json."""

    @property
    def audio(self) -> dict[str, Any]:
        """What its audio is like: `sample_rate`, `channels`, `subtype`, as far as it is known."""
        if self.info is not None:
            audio = self.info.config.get("audio", {})
            return {key: audio[key] for key in _AUDIO_KEYS if key in audio}
        files = [record.file for record in self.records.values() if record.file is not None]
        rates, channels = {file.sample_rate for file in files}, {file.channels for file in files}
        found = {"sample_rate": rates, "channels": channels}
        return {key: values.pop() for key, values in found.items() if len(values) == 1}


def read_part(path: Path) -> Part:
    """Read what a part knows: its journal, or where it has none its manifest and failures.csv.

    Raises
    ------
    OutputError
        It holds neither, or they can't be read.
    """
    folder = OutputFolder(path)
    if not (folder.journal.is_file() or folder.manifest.is_file()):
        raise OutputError(f"{path} holds no dataset: neither journal.sqlite nor manifest.csv")
    return make_part(folder, _read_records(folder))


def make_part(folder: OutputFolder, records: Iterable[Record]) -> Part:
    """Return a dataset of which the records are known as a part."""
    info = read_run_info(folder.run)
    names = {node["mid"]: node["name"] for node in info.classes} if info is not None else {}
    with suppress(OutputError):  # names are all that is looked for
        for listing in read_listings(folder.manifest):
            names.update(listing.names)
    return Part(folder, {record.clip.clip_id: record for record in records}, names, info)


def check_same_audio(parts: Iterable[Part]) -> None:
    """Refuse parts whose files can't lie in one dataset.

    Raises
    ------
    ConfigError
        What they differ in.
    """
    holding = [part for part in parts if any(record.file for record in part.records.values())]
    for one, other in ((one, other) for one in holding for other in holding):
        differing = [key for key in one.audio.keys() & other.audio if _differs(key, one, other)]
        if differing:
            keys = [key for key in _AUDIO_KEYS if key in differing]
            words = "; ".join(
                f"{part.folder.path} holds clips made with "
                + ", ".join(f"{key} {part.audio[key]}" for key in keys)
                for part in (one, other)
            )
            advice = "such parts can't be one dataset: nothing was merged"
            raise ConfigError(Problem("", f"{words}; {advice}"))


def _differs(key: str, one: Part, other: Part) -> bool:
    return bool(one.audio[key] != other.audio[key])


def merge_order(parts: Sequence[Part]) -> dict[str, int]:
    """Return a place for each class (MID) that is chosen in a part: theirs, one after the other."""
    infos = [part.info for part in parts if part.info is not None]
    mids = dict.fromkeys(node["mid"] for info in infos for node in info.classes)
    return {mid: place for place, mid in enumerate(mids)}


def merge_info(
    own: Part, parts: Sequence[Part], names: Mapping[str, str], now: str
) -> RunInfo | None:
    """Return the run.json of the parts together, which keeps theirs; None where none has one.

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
    )


def find_other_metadata(parts: Iterable[Part]) -> list[str]:
    """Return the names of AudioSet's files that were not the same for all parts."""
    digests: dict[str, set[str]] = {}
    for part in parts:
        for name, digest in (part.info.metadata if part.info is not None else {}).items():
            if name.startswith("clips."):  # each part may have a list of its own
                continue
            digests.setdefault(name, set()).add(digest)
    return sorted(name for name, found in digests.items() if len(found) > 1)


def _read_records(folder: OutputFolder) -> list[Record]:
    if not folder.journal.is_file():
        return list(_records_of_tables(folder))
    with read_journal(folder.journal) as journal:
        records = {record.clip.clip_id: record for record in journal.records()}
    # What a killed run had written, and not noted yet.
    for clip, file in read_claims(folder):
        known = records.get(clip.clip_id)
        is_news = known is not None and known.file is None
        if known is not None and is_news and (folder.path / file.file_name).is_file():
            records[clip.clip_id] = saved(known, file)
    return list(records.values())


def saved(record: Record, file: SavedFile) -> Record:
    """Return the record of a clip once it is saved."""
    updated_at = file.saved_at
    return replace(record, state="saved", code=None, detail=None, updated_at=updated_at, file=file)


def _records_of_tables(folder: OutputFolder) -> Iterator[Record]:
    for row in read_failures(folder.failures):
        yield Record(
            clip=row.clip, classes=(), wanted=True, state=row.state, code=row.code,
            detail=row.detail, attempts=row.attempts, updated_at=row.updated_at, file=None,
        )  # fmt: skip
    for one in read_listings(folder.manifest):
        yield Record(
            clip=one.clip, classes=one.classes, wanted=bool(one.classes), state="saved", code=None,
            detail=None, attempts=0, updated_at=one.file.saved_at, file=one.file,
        )  # fmt: skip
