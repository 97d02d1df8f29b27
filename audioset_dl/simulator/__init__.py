"""A loopback YouTube that the unmodified yt-dlp extractor accepts; for the demo and for tests."""

from audioset_dl.simulator.budget import Budget
from audioset_dl.simulator.faults import RandomFaults
from audioset_dl.simulator.log import Request, RequestLog
from audioset_dl.simulator.server import Simulator
from audioset_dl.simulator.spells import Spell
from audioset_dl.simulator.tones import heard_tones, melody, sounds_right, voice_of
from audioset_dl.simulator.videos import Video, read_videos

__all__ = [
    "Budget",
    "RandomFaults",
    "Request",
    "RequestLog",
    "Simulator",
    "Spell",
    "Video",
    "heard_tones",
    "melody",
    "read_videos",
    "sounds_right",
    "voice_of",
]
