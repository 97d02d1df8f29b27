"""The melody that a simulated video plays, and how to recognize it.

Owns which tone sounds in which second of which video, and how to tell from samples alone whether a
piece of audio is the right ten seconds of the right video. Knows nothing of codecs, containers or
HTTP.

A second holds one tone. Even seconds use the even tones and odd seconds the odd ones, so neighbours
always differ (each whole second ends in a change that can be heard), and which of the 16 it is
comes from a hash of the video's id and the second, so another video, or another place in the same
one, plays another melody. A video keeps to a register of a few neighbouring tones, its *voice*,
which comes from its id alone: so classes can be given videos that sound alike. Ten seconds of two
videos of one voice agree by chance once in 6**10, 60 million.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[Any]
Signal = npt.NDArray[np.float64]

NUM_TONES = 32

FREQUENCIES_HZ = tuple(300.0 + 110.0 * tone for tone in range(NUM_TONES))
"""300 to 3710 Hz: every tone survives resampling to 8 kHz, and 110 Hz apart they are told apart by
a window of 25 ms."""

NUM_VOICES = NUM_TONES // 2
_VOICE_TONES = 6
"""Tones of each parity that a voice has."""

SHORTEST_S = 0.3
"""A part of a second shorter than this is not judged."""

_BAND_HZ = 30.0
_FULL_SCALE_FLOOR = 1e-4  # -80 dBFS: below it is silence, whatever its spectrum
_BLOCK_S = 0.02
_SMOOTHING_S = 0.025
_REACH_S = 0.4


def voice_of(ytid: str) -> int:
    """Return the voice of video `ytid`, 0..15: its lowest pair of tones."""
    return _number(f"voice:{ytid}") % NUM_VOICES


def tone_at(ytid: str, second: int) -> int:
    """Return the index of the tone that video `ytid` plays in [second, second + 1)."""
    step = voice_of(ytid) + _number(f"{ytid}:{second}") % _VOICE_TONES
    return 2 * (step % NUM_VOICES) + second % 2


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def melody(ytid: str, start_s: float, end_s: float) -> tuple[int, ...]:
    """Return the tones that should be heard in a piece of a video.

    Parameters
    ----------
    ytid : str
        The video.
    start_s, end_s : float
        The piece, in seconds of the video.

    Returns
    -------
    tuple of int
        One tone index for each second of the video of which the piece holds at least
        :data:`SHORTEST_S`, in order; the counterpart of :func:`heard_tones`.
    """
    return tuple(tone_at(ytid, second) for second, _, _ in _seconds(start_s, end_s))


def heard_tones(samples: Samples, sample_rate: int, start_s: float) -> tuple[int | None, ...]:
    """Return the tone heard in each second of the video that the samples hold.

    Parameters
    ----------
    samples : ndarray, shape (n,) or (n, channels)
        Floats in -1..1, or integers at full scale.
    sample_rate : int
        In Hz; at least 8000 to hear every tone.
    start_s : float
        Where the samples are supposed to begin in the video.

    Returns
    -------
    tuple of (int or None)
        None where there is silence, or no tone that outweighs all else.
    """
    signal = _mono(samples)
    return tuple(
        _tone_of(_middle(signal, sample_rate, since - start_s, until - start_s), sample_rate)
        for _, since, until in _seconds(start_s, start_s + len(signal) / sample_rate)
    )


def boundary_shifts_s(
    samples: Samples, sample_rate: int, ytid: str, start_s: float
) -> tuple[float, ...]:
    """Return by how many seconds each change of tone comes late (negative: early).

    Around every whole second of the video, how long the old tone outweighs the new one tells where
    the change is, within a few milliseconds. Shifts beyond 0.4 s show as 0.4 s. Arguments as for
    :func:`heard_tones`; changes within 0.1 s of either end of the samples are left out.
    """
    signal = _mono(samples)
    end_s = start_s + len(signal) / sample_rate
    seconds = range(math.ceil(start_s + 0.1), math.floor(end_s - 0.1) + 1)
    shifts = []
    for second in seconds:
        since, until = max(start_s, second - _REACH_S), min(end_s, second + _REACH_S)
        piece = signal[_index(since - start_s, sample_rate) : _index(until - start_s, sample_rate)]
        old = _loudness(piece, sample_rate, FREQUENCIES_HZ[tone_at(ytid, second - 1)])
        new = _loudness(piece, sample_rate, FREQUENCIES_HZ[tone_at(ytid, second)])
        shifts.append(float(np.mean(old > new)) * (until - since) - (second - since))
    return tuple(shifts)


def sounds_right(
    samples: Samples, sample_rate: int, ytid: str, start_s: float, *, tolerance_s: float = 0.05
) -> bool:
    """Return True if the samples are video `ytid` from `start_s` on, without a gap.

    Every second must play its tone, every change of tone must come within `tolerance_s` of its
    whole second, and no 40 ms may be silent. The encoders themselves are up to 15 ms off (AAC
    frames are 23 ms long), so a cut that is wrong by `tolerance_s` + 0.02 s is surely caught,
    provided that it holds a change of tone.

    Parameters
    ----------
    samples : ndarray, shape (n,) or (n, channels)
        Floats in -1..1, or integers at full scale.
    sample_rate : int
        In Hz, at least 8000.
    ytid : str
        The video that it should be.
    start_s : float
        The second of the video at which the samples should begin.
    tolerance_s : float
        How far a change of tone may lie from its whole second.
    """
    expected = melody(ytid, start_s, start_s + len(samples) / sample_rate)
    return (
        bool(expected)
        and heard_tones(samples, sample_rate, start_s) == expected
        and not _has_gap(_mono(samples), sample_rate)
        and all(
            abs(shift) <= tolerance_s
            for shift in boundary_shifts_s(samples, sample_rate, ytid, start_s)
        )
    )


def _seconds(start_s: float, end_s: float) -> Iterator[tuple[int, float, float]]:
    """Yield (second, since, until) for each second of the video that is long enough to judge."""
    for second in range(math.floor(start_s), math.ceil(end_s)):
        since, until = max(start_s, float(second)), min(end_s, second + 1.0)
        if until - since >= SHORTEST_S - 1e-9:
            yield second, since, until


def _index(time_s: float, sample_rate: int) -> int:
    return round(time_s * sample_rate)


def _mono(samples: Samples) -> Signal:
    array = np.asarray(samples)
    scale = float(np.iinfo(array.dtype).max) if np.issubdtype(array.dtype, np.integer) else 1.0
    signal = array.astype(np.float64) / scale
    return signal if signal.ndim == 1 else signal.mean(axis=1)


def _middle(signal: Signal, sample_rate: int, since: float, until: float) -> Signal:
    quarter = (until - since) / 4
    return signal[_index(since + quarter, sample_rate) : _index(until - quarter, sample_rate)]


def _tone_of(piece: Signal, sample_rate: int) -> int | None:
    if not len(piece) or math.sqrt(float(np.mean(piece**2))) < _FULL_SCALE_FLOOR:
        return None
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    bins = np.fft.rfftfreq(len(piece), 1 / sample_rate)
    shares = [float(power[np.abs(bins - hz) <= _BAND_HZ].sum()) for hz in FREQUENCIES_HZ]
    loudest = int(np.argmax(shares))
    return loudest if shares[loudest] > 0.5 * float(power.sum()) else None


def _loudness(piece: Signal, sample_rate: int, frequency_hz: float) -> Signal:
    """Return the level of one frequency at each sample: heterodyne, then a moving average."""
    at = np.arange(len(piece))
    total = np.concatenate(
        ([0], np.cumsum(piece * np.exp(-2j * np.pi * frequency_hz / sample_rate * at)))
    )
    half = max(1, round(_SMOOTHING_S / 2 * sample_rate))
    level: Signal = np.abs(
        total[np.minimum(at + half, len(piece))] - total[np.maximum(at - half, 0)]
    )
    return level


def _has_gap(signal: Signal, sample_rate: int) -> bool:
    block = max(1, round(_BLOCK_S * sample_rate))
    blocks = signal[: len(signal) // block * block].reshape(-1, block)
    levels = np.sqrt(np.mean(blocks**2, axis=1))
    return bool(len(levels)) and bool(levels.min() < 0.1 * np.median(levels))
