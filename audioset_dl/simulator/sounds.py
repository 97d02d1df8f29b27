"""The audio tracks that a video has, as a table: dubs, descriptions, other channels, no sound.

The shapes are those that recordings of the live site and public reports show. A dub plays another
melody than the video's own sound, so that a test hears which one was fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Packing = Literal["audio", "muxed", "video"]


@dataclass(frozen=True)
class Offer:
    """One format that the player API offers."""

    itag: int
    """As the site numbers it."""
    made_of: int = 0
    """Format of the bytes, a key of :data:`audioset_dl.simulator.tracks.FORMATS`; 0: `itag`."""
    language: str = ""
    """Language of the track, ``en``; empty: the site says nothing of it."""
    name: str = ""
    """Its name, such as ``English original``."""
    is_default: bool = False
    channels: int = 2
    packing: Packing = "audio"
    """muxed: the picture is in the same file; video: there is no sound in it."""
    is_drc: bool = False
    """True if loud and quiet are brought together (dynamic range compression)."""

    @property
    def plays_own_sound(self) -> bool:
        """True if it holds the video's own sound."""
        return not self.language or "original" in self.name or self.is_default

    @property
    def source(self) -> int:
        """Format of the bytes."""
        return self.made_of or self.itag

    @property
    def tag(self) -> str:
        """Value of ``xtags`` in the URL of its media; empty where nothing is said of the track."""
        kind = self.name.split()[-1] if self.name else ""
        return f"acont={kind}:lang={self.language}" if self.language else ""

    def audio_track(self) -> dict[str, Any]:
        """Return what the player API says of the track."""
        if not self.language:
            return {}
        track = {
            "id": f"{self.language}.{4 if self.is_default else 3}",
            "displayName": self.name or self.language,
            "audioIsDefault": self.is_default,
        }
        return {"audioTrack": track}


def _original(itag: int, **more: Any) -> Offer:
    return Offer(itag, language="en", name="English original", is_default=True, **more)


def _dub(itag: int, language: str = "de", **more: Any) -> Offer:
    return Offer(itag, language=language, name=f"{language} dubbed", **more)


_LANGUAGES = ("ar", "bn", "de", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ro",
              "ru", "sv", "ta", "te", "th", "tr", "uk", "vi", "zh", "zu")  # fmt: skip
_PICTURE = Offer(134, 140, packing="video")
_DESCRIBED = Offer(251, language="en", name="English descriptive")

SOUNDS: Mapping[str, tuple[Offer, ...]] = {
    "dubs": (
        *(_dub(itag, one) for one in _LANGUAGES for itag in (251, 140)),
        *map(_original, (251, 140)),
    ),
    "quiet_original": (_dub(251), _dub(140), _original(249)),
    "aac_original": (_dub(251), _dub(140), _original(140)),
    "mono_original": (_dub(251), _original(251, channels=1)),
    "described_first": (_DESCRIBED, _original(251)),
    "muxed_original": (_dub(251), Offer(18, 140, packing="muxed")),
    "dub_only": (_dub(251), _dub(140, "fr")),
    "spatial": (Offer(338, 251, channels=4), Offer(251), Offer(140)),
    "surround": (Offer(258, 140, channels=6), Offer(251)),
    "compressed": (Offer(251, is_drc=True), Offer(251)),
    "no_audio": (_PICTURE,),
    "muxed": (Offer(18, 140, packing="muxed"), _PICTURE),
}
"""By the name that `audioset_dl.simulator.videos.Video.sound` has."""
WITHOUT_MANIFEST = frozenset({"dub_only", "no_audio"})
"""Those of which no HLS manifest is offered."""
