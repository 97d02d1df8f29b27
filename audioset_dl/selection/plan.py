"""What a download would do, before anything is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audioset_dl.catalog.clips import Clip
from audioset_dl.config import AudioConfig, Config, DownloadConfig
from audioset_dl.selection.availability import taken_as_gone
from audioset_dl.selection.select import Selection

REQUESTS_PER_CLIP = 5
"""Page, two players (yt-dlp 2026.10.26), the beginning of the track and the ten seconds; counted on
the simulator."""
WAV_HEADER_BYTES = 44
_SOURCE_RATE = 48000
_SOURCE_CHANNELS = 2
_BYTES_PER_SAMPLE = {"PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
                     "FLOAT": 4, "DOUBLE": 8}  # fmt: skip


@dataclass(frozen=True)
class ClassPlan:
    """What is planned for one class."""

    mid: str
    name: str
    wanted: int
    """Clips that it will have if none is gone: ``per_class``, or all of fewer."""
    available: int
    """Candidates in the metadata not known to be gone."""
    short: int
    """How many fewer it can have than ``per_class`` asks for."""


@dataclass(frozen=True)
class Plan:
    """What a download would do if no more videos were gone than are known to be."""

    classes: Sequence[ClassPlan]
    clips: int
    """Different clips wanted; one that several classes want counts once."""
    saved: int
    """Of these, on the disk already."""
    to_fetch: int
    audio_s: float
    """Seconds of audio of all wanted clips."""
    disk_bytes: int
    """Size of all wanted WAV files."""
    requests: int
    """Requests for the clips to fetch."""
    seconds: float | None
    """Time at the configured pace; None where nothing is paced."""
    clip_list: str | None = None
    """The list whose clips are downloaded, in the place of ``per_class`` clips of each class."""
    known_gone: int = 0
    """Clips that would be wanted, and are taken as gone without asking."""


def make_plan(
    selection: Selection, config: Config, states: Mapping[str, tuple[str, str | None]]
) -> Plan:
    """Plan a download.

    Parameters
    ----------
    selection : Selection
        What the config chooses.
    config : Config
        For pace and sample format.
    states : mapping of str to (state, code)
        What the journal knows by clip_id; empty before the first run.
    """
    draw = selection.draw()
    gone = [clip_id for clip_id, (state, _) in states.items() if state == "gone"]
    hearsay = taken_as_gone(selection.known_gone, states)
    drawn = draw.start([*gone, *hearsay])
    clips = [selection.clip(clip_id) for clip_id in drawn]
    saved = sum(states.get(clip_id, ("", None))[0] == "saved" for clip_id in drawn)
    names = {node.mid: node.name for node in selection.classes}
    per_class = selection.per_class or 0
    return Plan(
        classes=[
            ClassPlan(share.mid, names[share.mid], share.wanted, share.available,
                      max(0, per_class - share.wanted))
            for share in draw.shares()
        ],
        clips=len(clips),
        saved=saved,
        to_fetch=len(clips) - saved,
        audio_s=round(sum(clip.duration_s for clip in clips), 3),
        disk_bytes=sum(wav_bytes(clip, config.audio) for clip in clips),
        requests=(len(clips) - saved) * REQUESTS_PER_CLIP,
        seconds=paced_seconds(len(clips) - saved, config.download),
        clip_list=str(selection.clip_list.path) if selection.clip_list else None,
        known_gone=len(hearsay.keys() & draw.drawn().keys()),
    )  # fmt: skip


def wav_bytes(clip: Clip, audio: AudioConfig) -> int:
    """Return the size of a clip's WAV file; where the source decides, that of 48 kHz stereo."""
    num_samples = round(clip.duration_s * (audio.sample_rate or _SOURCE_RATE))
    channels = audio.channels or _SOURCE_CHANNELS
    return WAV_HEADER_BYTES + num_samples * channels * _BYTES_PER_SAMPLE[audio.subtype]


def paced_seconds(num_clips: int, config: DownloadConfig) -> float | None:
    """Return how long the configured pace makes a number of clips last, over all addresses."""
    last = max(0, -(-num_clips // max(1, len(config.proxies))) - 1)
    if config.max_per_hour is None:
        return last * config.delay_s if config.delay_s else None
    hours, rest = divmod(last, config.max_per_hour)
    return max(last * config.delay_s, hours * 3600 + rest * config.delay_s)
