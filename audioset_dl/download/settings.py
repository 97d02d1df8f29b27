"""What all clips of a run have in common: tools, cookies, the form of the audio."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import soundfile

from audioset_dl.audio.cut import choose_resampler
from audioset_dl.audio.ffmpeg import ffmpeg_version, find_ffmpeg
from audioset_dl.config import AudioConfig, Config, DownloadConfig
from audioset_dl.dataset.journal import Journal
from audioset_dl.dataset.layout import OutputFolder
from audioset_dl.dataset.run_info import read_run_info
from audioset_dl.errors import ConfigError, Problem
from audioset_dl.versions import __version__
from audioset_dl.youtube.cookies import find_cookies

_PACKAGES = ("yt-dlp", "yt-dlp-ejs", "soundfile", "numpy", "pandas")
"""Packages that decide what is downloaded and how it is written."""
_AUDIO_KEYS = ("sample_rate", "channels", "subtype")


@dataclass(frozen=True)
class FetchSettings:
    """What all clips of a run have in common."""

    download: DownloadConfig
    audio: AudioConfig
    ffmpeg: Path
    output: OutputFolder
    cookies: str | None
    """Text of a cookies.txt, for tickets that use cookies."""


def read_settings(config: Config) -> FetchSettings:
    """Return the settings that a config stands for: ffmpeg is found, cookies are read.

    Raises
    ------
    ToolMissingError
        There is no ffmpeg.
    ConfigError
        The cookies can't be used.
    """
    return FetchSettings(
        download=config.download,
        audio=config.audio,
        ffmpeg=find_ffmpeg(config.audio.ffmpeg),
        output=OutputFolder(config.output.dir),
        cookies=find_cookies(config.download),
    )


def tool_versions(settings: FetchSettings) -> dict[str, str]:
    """Return the versions of the program and its tools, for run.json."""
    return {
        "audioset-dl": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        "ffmpeg": ffmpeg_version(settings.ffmpeg),
        "resampler": choose_resampler(settings.ffmpeg),
    }


def check_same_audio(config: Config, output: OutputFolder, journal: Journal) -> None:
    """Refuse to mix files of different formats in one folder.

    Raises
    ------
    ConfigError
        What the folder holds, and what the config says.
    """
    last = next(iter(journal.saved_last(1)), None)
    if last is None:
        return
    is_now = {key: getattr(config.audio, key) for key in _AUDIO_KEYS}
    earlier = read_run_info(output.run)
    if earlier is not None:
        was = {key: earlier.config.get("audio", {}).get(key) for key in _AUDIO_KEYS}
    else:  # run.json is lost, and its files tell: null is whatever a source had
        was = _form_of(output, journal, last.clip_id)
        was |= {key: None for key in _AUDIO_KEYS if is_now[key] is None}
        was = {key: is_now[key] if value is None else value for key, value in was.items()}
    if was != is_now:
        found = (
            f"{output.path} holds clips made with {_describe(was)}, the config says "
            f"{_describe(is_now)}"
        )
        raise ConfigError(Problem("audio", found, "set it back, or choose another output.dir"))


def _form_of(output: OutputFolder, journal: Journal, clip_id: str) -> dict[str, object]:
    """Return the settings that a saved clip was made with, as far as the clip shows them."""
    row = journal.find(clip_id)
    assert row is not None
    file = row.saved_file
    try:
        subtype = soundfile.info(output.path / file.file_name).subtype
    except (OSError, soundfile.SoundFileError):
        subtype = None  # `verify` tells what is wrong with it
    return {"sample_rate": file.sample_rate, "channels": file.channels, "subtype": subtype}


def _describe(audio: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in audio.items())
