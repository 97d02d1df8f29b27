"""The forms in which datasets that are made of YouTube list their clips.

A form is known by its header, or, where a list has none, by the shape of its first row; nothing is
guessed. Each becomes rows with the columns of our own lists. Must not know what the clips are for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from audioset_dl.selection.clip_csv import CLIP_ID_WITH_ZEROS, is_id, is_number

LENGTH_S = 10.0
"""Length of the clips of lists that say only where they start."""


@dataclass(frozen=True)
class Form:
    """A form of list."""

    name: str
    """The dataset that is published in it; empty for our own lists and manifests."""
    columns: Mapping[str, str]
    """Its columns by ours: ``ytid, start_s, end_s, labels``."""
    length_s: float | None = None
    """Length of the clips, where rows do not say it."""
    without_header: tuple[str, ...] = ()
    """Names of its columns in order, for a list without a header."""
    in_seconds: bool = False
    """True if clip_ids name the start in whole seconds."""

    def rename(self, cells: Mapping[str, str]) -> dict[str, str]:
        """Return a row with our names for the columns that we know."""
        ours = {theirs: column for column, theirs in self.columns.items()}
        return {ours.get(column, column): cell for column, cell in cells.items()}


OWN = Form("", {})
VGGSOUND = Form("VGGSound", {"start_s": "start"}, LENGTH_S, ("ytid", "start", "label", "split"))
_VGGSOUND_YOUTUBE_ID = replace(VGGSOUND, columns={"ytid": "youtube_id", "start_s": "start"})
_VGGSOUND_NAMES = Form("VGGSound", {}, LENGTH_S, in_seconds=True)
AUDIOCAPS = Form(
    "AudioCaps", {"ytid": "youtube_id", "start_s": "start_time"}, LENGTH_S,
    ("audiocap_id", "youtube_id", "start_time", "caption"),
)  # fmt: skip
MUSICCAPS = Form(
    "MusicCaps", {"labels": "audioset_positive_labels"}, None,
    ("ytid", "start_s", "end_s", "audioset_positive_labels", "aspect_list", "caption", "author_id",
     "is_balanced_subset", "is_audioset_eval"),
)  # fmt: skip
KINETICS = Form(
    "Kinetics", {"ytid": "youtube_id", "start_s": "time_start", "end_s": "time_end"}, None,
    ("label", "youtube_id", "time_start", "time_end", "split", "is_cc"),
)  # fmt: skip
_KINETICS_IN_SHORT = replace(KINETICS, without_header=KINETICS.without_header[:-1])

_HEADERS: Sequence[tuple[frozenset[str], Form]] = (
    (frozenset({"youtube_id", "time_start", "time_end"}), KINETICS),
    (frozenset({"youtube_id", "start_time"}), AUDIOCAPS),
    (frozenset({"ytid", "start_s", "end_s", "audioset_positive_labels"}), MUSICCAPS),
    (frozenset({"ytid", "start", "label", "split"}), VGGSOUND),
    (frozenset({"youtube_id", "start", "label", "split"}), _VGGSOUND_YOUTUBE_ID),
)


def _is_split(cell: str) -> bool:
    return cell in {"train", "test", "val", "valid", "validation"}


def _is_label(cell: str) -> bool:
    return cell.startswith("/")


_SHAPES: Sequence[tuple[Form, Mapping[str, Callable[[str], bool]]]] = (
    (VGGSOUND, {"ytid": is_id, "start": is_number, "split": _is_split}),
    (AUDIOCAPS, {"youtube_id": is_id, "audiocap_id": is_number, "start_time": is_number}),
    (MUSICCAPS, {"ytid": is_id, "start_s": is_number, "end_s": is_number,
                 "audioset_positive_labels": _is_label}),
    (KINETICS, {"youtube_id": is_id, "time_start": is_number, "time_end": is_number}),
    (_KINETICS_IN_SHORT, {"youtube_id": is_id, "time_start": is_number, "time_end": is_number}),
)  # fmt: skip

KNOWN_FORMS = (
    "ours: a header with clip_id, or ytid and start_s (not needed for YouTube addresses with t=)",
    "AudioCaps: youtube_id,start_time",
    "MusicCaps: ytid,start_s,end_s,audioset_positive_labels",
    "Kinetics: youtube_id,time_start,time_end",
    "VGGSound: ytid,start,label,split, with or without a header, or clip_id as <id>_000030",
)
"""What is said where a list has none of them."""


def find_form(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Form | None:
    """Return the form of a list by its header; None if it is none that is known.

    Parameters
    ----------
    header : sequence of str
        The names of the columns, in lower case.
    rows : sequence of sequence of str
        The other rows.
    """
    if "clip_id" in header:
        place = header.index("clip_id")
        ids = (row[place] for row in rows if len(row) > place)
        return _VGGSOUND_NAMES if any(map(CLIP_ID_WITH_ZEROS.search, ids)) else OWN
    for columns, form in _HEADERS:
        if columns <= set(header):
            return form
    if {"ytid", "start_s"} <= set(header) or _has_addresses(header, rows):
        return OWN
    return None


def find_shape(row: Sequence[str]) -> Form | None:
    """Return the form of a list without a header by its first row; None if it is none of these."""
    for form, tests in _SHAPES:
        if len(row) == len(form.without_header):
            cells = dict(zip(form.without_header, row, strict=True))
            if all(test(cells[column].strip()) for column, test in tests.items()):
                return form
    return None


def _has_addresses(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    if "ytid" not in header:
        return False
    place = header.index("ytid")
    return any("t=" in row[place] for row in rows if len(row) > place)
