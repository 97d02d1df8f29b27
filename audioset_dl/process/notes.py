"""Notes about each clip, kept while a run goes on, so that a stopped run can be resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from audioset_dl.config import ProcessConfig
from audioset_dl.process.clean import Figures, find_flags
from audioset_dl.process.folder import file_name_of
from audioset_dl.process.scale import Scaling
from audioset_dl.storage.files import as_output_error, write_file

TOO_FEW_SAMPLES = "too_few_samples"
"""Code of a clip that is too short for a frame of its spectrogram."""


@dataclass(frozen=True)
class ProcessedFile:
    """A file that was made of a clip."""

    file_name: str
    """Relative to the processed folder."""
    sha256: str
    num_samples: int
    """Of a channel, before any spectrogram is made."""
    sample_rate: int
    """In Hz."""
    channels: int
    shape: tuple[int, ...]
    """Of the array: (num_samples,), (num_samples, channels) or (num_frames, n_mels)."""
    scaling: Scaling


@dataclass(frozen=True)
class ClipNote:
    """Everything that `process` found out about one clip of the dataset."""

    clip_id: str
    source_sha256: str
    length_s: float
    """``end_s - start_s``, which `figures` depend on."""
    audio_sha256: str = ""
    """Of the samples, their rate and channels: the same for files that sound the same."""
    figures: Figures | None = None
    """None if the file could not be read."""
    is_short: bool = False
    """True if the clip is shorter than `CLIP_LENGTH_S`."""
    made: ProcessedFile | None = None
    """None if the clip was left out."""
    code: str = ""
    """Why there can be no processed file: code of a `FileFault`, or `TOO_FEW_SAMPLES`."""
    detail: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags that need no other clip."""
        return () if self.figures is None else find_flags(self.figures)

    def reasons(self, recipe: ProcessConfig) -> tuple[str, ...]:
        """Return the reasons to leave the clip out that need no other clip."""
        if self.code:
            return (self.code,)
        short = ("short",) if self.is_short and recipe.short == "drop" else ()
        return (*(flag for flag in self.flags if flag in recipe.drop), *short)


_NOTE = TypeAdapter(ClipNote)


def find_duplicates(notes: Iterable[ClipNote], recipe: ProcessConfig) -> dict[str, str]:
    """Return for each clip that repeats another one the clip that stays, by clip_id.

    The clip that stays is the first by clip_id that has no reason of its own to be left out; if all
    have one, the first of all. So the result does not depend on the order of the notes.
    """
    by_audio: dict[str, list[ClipNote]] = {}
    for note in sorted(notes, key=lambda one: one.clip_id):
        if note.audio_sha256:
            by_audio.setdefault(note.audio_sha256, []).append(note)
    originals = {}
    for same in by_audio.values():
        stays = next((one for one in same if not one.reasons(recipe)), same[0])
        originals.update({one.clip_id: stays.clip_id for one in same if one is not stays})
    return originals


def read_notes(path: Path) -> dict[str, ClipNote]:
    """Read the notes of earlier runs, by clip_id; skip lines that a crash cut off.

    A note with a file name that `process` would not give is skipped as well: it decides which file
    is removed.
    """
    notes: dict[str, ClipNote] = {}
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return notes
    for line in lines:
        try:
            note = _NOTE.validate_python(json.loads(line))
        except ValueError:
            continue
        names = {file_name_of(note.clip_id, suffix) for suffix in (".wav", ".npy")}
        if note.made is None or note.made.file_name in names:
            notes[note.clip_id] = note
    return notes


def write_notes(path: Path, notes: Mapping[str, ClipNote]) -> None:
    """Write notes whole, sorted by clip_id."""
    write_file(path, "".join(_line(notes[clip_id]) for clip_id in sorted(notes)).encode())


@contextmanager
def noting(path: Path) -> Iterator[Callable[[ClipNote], None]]:
    """Give a function that appends a note to a file; the last note of a clip counts.

    Raises
    ------
    OutputError
        It can't be written.
    """
    with as_output_error(path), path.open("a", encoding="utf-8") as file:

        def append(note: ClipNote) -> None:
            file.write(_line(note))
            file.flush()

        yield append


def _line(note: ClipNote) -> str:
    return json.dumps(asdict(note)) + "\n"
