"""What vague words are worth on one way out to YouTube.

"Video unavailable" is what YouTube says of a video that it no longer has, and also, for hours or
days, of every video to an address, a client, an account or a network that it refuses
(https://github.com/yt-dlp/yt-dlp/issues/13583). Such words count against a clip only where the
same way delivered another video shortly before and shortly after. Pure bookkeeping: asks nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

NEAR = 10
"""Videos before and after vague words among which another one must be delivered."""
MANY_FIRST_LOOKS, OF_FIRST_LOOKS = 34, 50
"""So many vague first answers of the last ones, and none of them proves anything: networks that
filter show some videos all the same."""
MANY_FLIPS, FLIPS_SHARE = 2, 1 / 20
"""So many second answers that deliver a video after all, and vague words mean nothing here."""


class Heard(StrEnum):
    """What a way delivered when it was asked for a video."""

    MEDIA = "media"
    WORDS = "words"
    """Words about the video, which prove nothing about the way."""
    VAGUE = "vague"
    """Words that may be meant for the video or for the way."""
    NOTHING = "nothing"
    """No answer: the attempt failed before."""


class Distrust(StrEnum):
    """Why vague words prove nothing on a way in this run."""

    FLIPS = "flips"
    """Videos were delivered after all when they were asked for again."""
    TOO_MANY = "too many"
    """Nearly all videos are answered so."""


@dataclass(frozen=True)
class Look:
    """One video that is asked for by a way."""

    ytid: str
    number: int
    """Among all that the way was asked for, from 1."""
    follows_media: bool
    """True if the way delivered another video among the last `NEAR` that it was asked for."""


@dataclass(eq=False)
class Hearing:
    """Vague words that a way had for a clip."""

    clip_id: str
    ytid: str
    code: str
    heard_at: float
    """Seconds of the monotonic clock."""
    num_begun: int
    """Looks that had begun by then: later ones come after it."""
    num_after: int = 0
    """Later looks that were answered."""
    counts: bool | None = None
    """None until it is known whether another video was delivered before it and after it."""


@dataclass
class Hearings:
    """All that is known of the vague words of one way in this run."""

    distrust: Distrust | None = None
    num_second_looks: int = 0
    num_flips: int = 0
    _open: list[Hearing] = field(default_factory=list)
    _num_begun: int = 0
    _vague_in_row: int = 0
    _recent: deque[str] = field(default_factory=lambda: deque(maxlen=NEAR))
    """Of the last answers: the video that was delivered, or nothing."""
    _first_looks: deque[bool] = field(default_factory=lambda: deque(maxlen=OF_FIRST_LOOKS))
    """Of the last clips at their first look: True for vague words."""

    @property
    def needs_witness(self) -> bool:
        """True if nothing more may be asked before a video is known to play by this way."""
        is_overdue = bool(self._open) and not any(self._recent) and len(self._recent) == NEAR
        return is_overdue or self._vague_in_row >= NEAR

    @property
    def num_vague_first_looks(self) -> int:
        """Number of the last `OF_FIRST_LOOKS` clips that met vague words at their first look."""
        return sum(self._first_looks)

    @property
    def num_first_looks(self) -> int:
        """Number of clips among which these are."""
        return len(self._first_looks)

    def is_distrusted(self, code: str, believed: Collection[str] = ()) -> bool:
        """Tell whether vague words of a code prove nothing here.

        Parameters
        ----------
        code : str
            Failure code of the words.
        believed : collection of str
            Codes that are taken for true even where nearly all videos are answered so.
        """
        is_believed = code in believed and self.distrust is Distrust.TOO_MANY
        return self.distrust is not None and not is_believed

    def is_open(self, hearing: Hearing) -> bool:
        """Tell whether a hearing of this way is not settled yet."""
        return hearing in self._open

    def would_follow_media(self, ytid: str) -> bool:
        """Tell whether a look that begins now follows another video that was delivered."""
        return any(other and other != ytid for other in self._recent)

    def begin(self, ytid: str) -> Look:
        """Note that a video is asked for."""
        self._num_begun += 1
        return Look(ytid, self._num_begun, self.would_follow_media(ytid))

    def end(self, look: Look, heard: Heard) -> list[Hearing]:
        """Note what came of a look; return the hearings that are settled by it."""
        if heard is Heard.NOTHING:
            return []
        self._recent.append(look.ytid if heard is Heard.MEDIA else "")
        if heard is Heard.MEDIA:
            self._vague_in_row = 0
        elif heard is Heard.VAGUE:
            self._vague_in_row += 1
        for hearing in self._open:
            self._note_later_look(hearing, look, heard)
        return self._take_settled()

    def hear(self, look: Look, clip_id: str, code: str, now: float) -> Hearing:
        """Note vague words for a clip, after `end` of the look."""
        hearing = Hearing(clip_id, look.ytid, code, now, self._num_begun)
        if look.follows_media:
            self._open.append(hearing)
        else:
            hearing.counts = False
        return hearing

    def drop_open(self) -> list[Hearing]:
        """Let none of the open hearings count: the way is refused. Return them."""
        for hearing in self._open:
            hearing.counts = False
        return self._take_settled()

    def note_first_look(self, *, is_vague: bool) -> None:
        """Note what a clip met at its first look."""
        self._first_looks.append(is_vague)
        if self.num_vague_first_looks >= MANY_FIRST_LOOKS:
            self.distrust = self.distrust or Distrust.TOO_MANY

    def note_second_look(self, *, is_flip: bool) -> None:
        """Note that a clip was looked at again, and whether it was delivered after all."""
        self.num_second_looks += 1
        self.num_flips += is_flip
        if self.num_flips >= MANY_FLIPS and self.num_flips > FLIPS_SHARE * self.num_second_looks:
            self.distrust = Distrust.FLIPS

    @staticmethod
    def _note_later_look(hearing: Hearing, look: Look, heard: Heard) -> None:
        if look.number <= hearing.num_begun:
            return
        hearing.num_after += 1
        if heard is Heard.MEDIA and look.ytid != hearing.ytid:
            hearing.counts = True
        elif hearing.num_after >= NEAR:
            hearing.counts = False

    def _take_settled(self) -> list[Hearing]:
        settled = [hearing for hearing in self._open if hearing.counts is not None]
        self._open = [hearing for hearing in self._open if hearing.counts is None]
        return settled
