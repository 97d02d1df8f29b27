"""The one place that starts ffmpeg.

Owns which binary is used and how it is run: without a shell, without the terminal's input, with a
deadline. Knows nothing of clips.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from audioset_dl.errors import AudiosetDlError, ToolMissingError, find_resource_error

_NAME_ANOTHER = "name an ffmpeg binary, or write null to use the one that comes with the program"


class FfmpegError(AudiosetDlError):
    """ffmpeg ran and failed; the message is the end of what it printed."""


class FfmpegStopped(FfmpegError):
    """ffmpeg was stopped before its end: it says nothing about what it read."""


def find_ffmpeg(configured: Path | None = None) -> Path:
    """Return the ffmpeg to use: the configured one, else that of the imageio-ffmpeg wheel.

    The same build cuts alike on every machine. A static one also starts in 12 ms of CPU time, where
    a distribution's shared one took 93 ms.

    Raises
    ------
    ToolMissingError
        The configured file does not exist, or the wheel of imageio-ffmpeg has no binary for this
        platform.
    """
    if configured is not None:
        if not configured.is_file():
            raise ToolMissingError(f"audio.ffmpeg: {configured} is not a file", fix=_NAME_ANOTHER)
        return configured
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ToolMissingError(
            "no ffmpeg for this platform came with imageio-ffmpeg",
            fix="install ffmpeg and name it in the config as audio.ffmpeg",
        ) from error


def run_ffmpeg(
    ffmpeg: Path, arguments: Sequence[str], *, stdin: bytes | None = None, timeout_s: float = 120
) -> bytes:
    """Run ffmpeg once and return what it wrote to standard output.

    Parameters
    ----------
    ffmpeg : Path
        The binary, from :func:`find_ffmpeg`.
    arguments : sequence of str
        Options, inputs and outputs. Protocols other than ``pipe`` and ``file`` are refused.
    stdin : bytes, optional
        What ``pipe:0`` reads.
    timeout_s : float
        Seconds after which ffmpeg is killed.

    Raises
    ------
    FfmpegError
        Non-zero exit status.
    FfmpegStopped
        A signal killed it, or the deadline has passed.
    ToolMissingError
        The binary can't be started.
    ResourceError
        The system gives no more processes, memory or open files.
    """
    command = [str(ffmpeg), "-hide_banner", "-nostdin", "-v", "error",
               "-protocol_whitelist", "pipe,file", *arguments]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            # A terminal sends Ctrl-C to the whole process group. In a group of its own ffmpeg
            # finishes the clip; if this process dies, it ends at the closed pipe.
            process_group=0,
        )
    except subprocess.TimeoutExpired as error:
        raise FfmpegStopped(f"ffmpeg did not end within {timeout_s:g} s") from error
    except OSError as error:
        raise find_resource_error(error) or ToolMissingError(
            f"ffmpeg can't be started: {error}"
        ) from error
    if done.returncode < 0:
        raise FfmpegStopped(f"ffmpeg was killed by signal {-done.returncode}")
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        words = "; ".join(line.strip() for line in lines[-3:])
        raise FfmpegError(words or f"ffmpeg ended with {done.returncode}")
    return done.stdout


def ffmpeg_version(ffmpeg: Path) -> str:
    """Return the first line that ``ffmpeg -version`` prints.

    Raises
    ------
    ToolMissingError
        The binary can't be started, or is no ffmpeg.
    """
    try:
        text = run_ffmpeg(ffmpeg, ["-version"], timeout_s=30).decode(errors="replace")
    except FfmpegError as error:
        raise ToolMissingError(f"{ffmpeg} can't be used as ffmpeg: {error}") from error
    first_line = text.partition("\n")[0]
    if not first_line.startswith("ffmpeg version"):
        raise ToolMissingError(
            f"audio.ffmpeg: {ffmpeg} is no ffmpeg (it says {first_line!r:.60})", fix=_NAME_ANOTHER
        )
    return first_line
