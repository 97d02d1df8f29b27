"""The videos of the simulated site, and the faults that each still has to show."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from audioset_dl.simulator.behaviours import BEHAVIOURS
from audioset_dl.simulator.faults import RandomFaults
from audioset_dl.simulator.spells import Spell, Spells
from audioset_dl.simulator.videos import Video, is_ytid

CANARY = "jNQXAC9IVRw"
"""YouTube's first video, which every shelf has."""


class Shelf:
    """The videos that a site has. Thread-safe.

    Parameters
    ----------
    videos : iterable of Video
        The videos.
    default : Video, optional
        Answers for every other id; None: these are ``unavailable``.
    random_faults : RandomFaults, optional
        Faults by chance, for requests that meet no fault of the video's own.
    """

    def __init__(
        self,
        videos: Iterable[Video] = (),
        default: Video | None = None,
        random_faults: RandomFaults | None = None,
    ) -> None:
        canary = Video(CANARY, duration_s=19.0)
        self.videos = {canary.ytid: canary, **{video.ytid: video for video in videos}}
        self._spells = Spells()
        self._default = default or Video("", behaviour="unavailable")
        self._random_faults = random_faults
        self._refusal: str | None = None
        self._faults: dict[tuple[str, bool], list[str]] = {}
        self._lock = threading.Lock()

    def refuse_all(self, behaviour: str | None) -> None:
        """Answer for every video with one behaviour, and without faults, until called with None.

        Raises
        ------
        ValueError
            There is no such behaviour.
        """
        if behaviour is not None and behaviour not in BEHAVIOURS:
            raise ValueError(f"{behaviour!r} is no behaviour; known are {', '.join(BEHAVIOURS)}")
        self._refusal = behaviour

    def cast(self, *spells: Spell, seed: int = 0) -> None:
        """Let the site be in some states, one after the other; none: it is well."""
        with self._lock:
            self._spells = Spells(spells, seed)

    def visit(self, ytid: str) -> Video | None:
        """Return a video whose watch page is asked for."""
        with self._lock:
            self._spells.visit(ytid)
        return self.find(ytid)

    def find(self, ytid: str) -> Video | None:
        """Return a video as it answers now; None where this can be no id."""
        if not is_ytid(ytid):
            return None
        video = self.videos.get(ytid) or self._default.named(ytid)
        if self._refusal is not None:
            return replace(video, behaviour=self._refusal)
        with self._lock:
            spell = self._spells.behaviour(ytid)
        is_well = spell == "ok" or video.behaviour != "ok"
        return video if is_well else replace(video, behaviour=spell)

    def next_fault(self, video: Video, kind: str) -> str:
        """Take the next fault of a video, or one by chance; empty: none."""
        if kind == "next" or self._refusal is not None:
            return ""
        is_media = kind == "media"
        faults = video.faults if is_media else video.page_faults
        with self._lock:
            left = self._faults.setdefault((video.ytid, is_media), list(faults)) if faults else []
            if left:
                return left.pop(0)
        return self._random_faults.next_fault(video.ytid, kind) if self._random_faults else ""
