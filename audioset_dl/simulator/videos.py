"""The description of a simulated video, and the file that holds a set of them.

Knows nothing of how a video is served.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from audioset_dl.simulator.behaviours import BEHAVIOURS, Behaviour
from audioset_dl.simulator.faults import FAULTS, PAGE_FAULTS, is_fault
from audioset_dl.simulator.sounds import SOUNDS, Offer
from audioset_dl.simulator.tracks import FORMATS

_YTID = re.compile(r"[A-Za-z0-9_-]{11}")

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
    """A fault of :mod:`audioset_dl.simulator.faults` for each of the first requests for media; an
    empty text: none. All later requests succeed."""
    page_faults: tuple[str, ...] = ()
    """The same for the first requests for the watch page and the player API, in the order in which
    they come."""
    sound: str = ""
    """Which audio tracks it has: a key of :data:`audioset_dl.simulator.sounds.SOUNDS`; empty: one
    in each of `itags`."""
    recorded: Mapping[str, Any] | None = None
    """The answer of the player API to every client, as somebody recorded it; None: a made one."""
    media_cap: int = 0
    """Bytes that one URL of its media delivers before it is refused; 0: all."""
    ad_s: int = 0
    """Seconds of advertisement before the video: until they are over, media is answered 403."""

    def __post_init__(self) -> None:
        if self.ytid and not is_ytid(self.ytid):
            raise ValueError(f"{self.ytid!r} is not a video id: 11 of A-Za-z0-9_- expected")
        if self.duration_s <= 0:
            raise ValueError(f"duration_s is {self.duration_s}, more than 0 expected")
        _refuse_unknown("packing", (self.packing,), PACKINGS)
        _refuse_unknown("behaviour", (self.behaviour,), tuple(BEHAVIOURS))
        if not set(self.itags) <= set(FORMATS):
            raise ValueError(f"itags: {self.itags} are not all known; known are {(*FORMATS,)}")
        if self.sound:
            _refuse_unknown("sound", (self.sound,), tuple(SOUNDS))
        _refuse_unknown_faults("faults", self.faults, of_page=False)
        _refuse_unknown_faults("page_faults", self.page_faults, of_page=True)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The formats that are offered."""
        return SOUNDS[self.sound] if self.sound else tuple(map(Offer, self.itags))

    @property
    def has_index(self) -> bool:
        """True if its tracks have an index before the media."""
        return self.packing != "no_index"

    @property
    def answers(self) -> Behaviour:
        """The site's answers about it."""
        return BEHAVIOURS[self.behaviour]

    def named(self, ytid: str) -> Video:
        """Return the same video under another id."""
        return replace(self, ytid=ytid)


def is_ytid(text: str) -> bool:
    """Return True if this has the form of a video id."""
    return _YTID.fullmatch(text) is not None


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
        if name not in known:
            raise ValueError(f"{what}: {name!r} is not known; known are {', '.join(known)}")


def _refuse_unknown_faults(what: str, found: tuple[str, ...], *, of_page: bool) -> None:
    for name in filter(None, found):
        if not is_fault(name, of_page=of_page):
            known = ", ".join(PAGE_FAULTS if of_page else FAULTS)
            raise ValueError(f"{what}: {name!r} is not known; known are http_NNN, {known}")
