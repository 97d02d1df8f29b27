"""What a simulated video is, and the file from which a set of them is read.

Owns the description of a video; knows nothing of how it is served.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from audioset_dl.simulator.behaviours import BEHAVIOURS, Behaviour
from audioset_dl.simulator.tracks import FORMATS

_YTID = re.compile(r"[A-Za-z0-9_-]{11}")
_HTTP_FAULT = re.compile(r"http_([45]\d\d)(?::(\d+))?")

FAULTS = (
    "truncate",
    "reset",
    "stall",
    "wrong_range",
    "full_200",
    "html_200",
    "redirect",
)
"""Besides ``http_NNN``. truncate: half of the body, then the connection is closed. reset: half of
the body, then a TCP reset (within TLS, Python's ssl shows it as an end of file, too). stall: the
head of the answer, then nothing. wrong_range: another range than was asked for, truly labelled.
full_200: all of the track. html_200: a web page. redirect: 302 to another host that has it."""

PAGE_FAULTS = ("truncate", "reset", "stall", "html_200")
"""Besides ``http_NNN``."""

PACKINGS = ("dash", "no_index", "hls")
"""dash: one file a format, with its index in front. no_index: the same audio in the same codecs,
but in a WebM with its Cues at the end, or a plain MP4. hls: nothing but an HLS manifest, with AAC
in MPEG-TS, whatever `itags` says."""


@dataclass(frozen=True)
class Video:
    """One video of the simulated site.

    Raises
    ------
    ValueError
        A field holds what the simulator does not know.
    """

    ytid: str
    """11 of ``A-Za-z0-9_-``; empty for a template that stands for every unknown id."""
    duration_s: float = 240.0
    itags: tuple[int, ...] = (251, 140)
    """The audio formats that are offered; see :data:`audioset_dl.simulator.tracks.FORMATS`."""
    packing: str = "dash"
    """How the audio is packed: one of :data:`PACKINGS`."""
    behaviour: str = "ok"
    """A key of :data:`audioset_dl.simulator.behaviours.BEHAVIOURS`."""
    faults: tuple[str, ...] = ()
    """One for each of the first requests for media: one of :data:`FAULTS`, or ``http_503``,
    ``http_429:7`` (with ``Retry-After: 7``) and the like; empty for none. Then all is well."""
    page_faults: tuple[str, ...] = ()
    """Likewise for the first requests for the watch page and the player API, in the order in which
    they come: one of :data:`PAGE_FAULTS` or ``http_NNN``."""
    ad_s: int = 0
    """Length of the advertisement in front: so long the media is refused with 403."""

    def __post_init__(self) -> None:
        if self.ytid and not is_ytid(self.ytid):
            raise ValueError(f"{self.ytid!r} is not a video id: 11 of A-Za-z0-9_- expected")
        if self.duration_s <= 0:
            raise ValueError(f"duration_s is {self.duration_s}, more than 0 expected")
        _refuse_unknown("packing", (self.packing,), PACKINGS)
        _refuse_unknown("behaviour", (self.behaviour,), tuple(BEHAVIOURS))
        if not set(self.itags) <= set(FORMATS):
            raise ValueError(f"itags: {self.itags} are not all known; known are {(*FORMATS,)}")
        _refuse_unknown("faults", self.faults, ("", *FAULTS))
        _refuse_unknown("page_faults", self.page_faults, ("", *PAGE_FAULTS))

    @property
    def has_index(self) -> bool:
        """Whether its tracks have an index in front of the media."""
        return self.packing != "no_index"

    @property
    def answers(self) -> Behaviour:
        """What the site says about it."""
        return BEHAVIOURS[self.behaviour]

    def named(self, ytid: str) -> Video:
        """Return the same video under another id."""
        return replace(self, ytid=ytid)


def is_ytid(text: str) -> bool:
    """Tell whether this has the form of a video id."""
    return _YTID.fullmatch(text) is not None


def http_fault(fault: str) -> tuple[int, str] | None:
    """Return the status and the Retry-After (or "") of a fault like ``http_429:7``."""
    match = _HTTP_FAULT.fullmatch(fault)
    return (int(match[1]), match[2] or "") if match else None


def read_videos(path: Path) -> tuple[Video, ...]:
    """Read videos from a JSON array, or from JSON lines; the keys are the fields of Video.

    Raises
    ------
    ValueError
        The file is not such JSON, or a video in it can't be simulated.
    """
    text = path.read_text(encoding="utf-8")
    rows = json.loads(text) if text.lstrip().startswith("[") else _json_lines(text)
    return tuple(_make_video(row) for row in rows)


def _json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _make_video(row: dict[str, Any]) -> Video:
    _refuse_unknown("a video", tuple(row), tuple(field.name for field in fields(Video)))
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
    }
    return Video(**values)


def _refuse_unknown(what: str, found: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in found:
        if name not in known and not (what.endswith("faults") and http_fault(name)):
            raise ValueError(f"{what}: {name!r} is not known; known are {', '.join(known)}")
