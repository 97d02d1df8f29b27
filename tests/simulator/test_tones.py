from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audioset_dl.simulator import heard_tones, melody, sounds_right
from audioset_dl.simulator.tones import (
    FREQUENCIES_HZ,
    NUM_TONES,
    NUM_VOICES,
    boundary_shifts_s,
    tone_at,
    voice_of,
)

YTID, OTHER = "-A_bcdefghi", "-A_bcdefghj"
RATE = 16000

ytids = st.text("ABCabc012_-", min_size=11, max_size=11)


def play(ytid: str, start_s: float, end_s: float, sample_rate: int = RATE) -> np.ndarray:
    """Play a piece of a video as no codec could: every change at its very sample."""
    time_s = start_s + np.arange(round((end_s - start_s) * sample_rate)) / sample_rate
    seconds = range(math.floor(start_s), math.ceil(end_s))
    tones = {second: FREQUENCIES_HZ[tone_at(ytid, second)] for second in seconds}
    hz = np.array([tones[second] for second in np.floor(time_s + 1e-9).astype(int)])
    return 0.25 * np.sin(2 * np.pi * hz * time_s)


def test_the_melody_is_the_same_for_ever() -> None:
    assert melody(YTID, 0, 8) == (20, 23, 16, 15, 22, 13, 16, 19)


@given(ytids, st.integers(0, 10_000))
def test_neighbouring_seconds_always_differ(ytid: str, second: int) -> None:
    assert tone_at(ytid, second) != tone_at(ytid, second + 1)


def test_a_voice_uses_its_tones_evenly_and_no_others() -> None:
    counts = np.bincount([tone_at(YTID, second) for second in range(2400)], minlength=NUM_TONES)
    lowest = 2 * voice_of(YTID)
    own = np.roll(counts, -lowest)[:12]
    assert own.sum() == 2400
    assert own.min() > 140
    assert own.max() < 260


def test_voices_are_spread_evenly() -> None:
    voices = [voice_of(f"{number:011d}") for number in range(3200)]
    counts = np.bincount(voices, minlength=NUM_VOICES)
    assert counts.min() > 140
    assert counts.max() < 260


@pytest.mark.parametrize(
    ("start_s", "end_s", "seconds"),
    [
        (0, 3, [0, 1, 2]),
        (2.69, 4.0, [2, 3]),
        (2.71, 4.0, [3]),
        (2.0, 4.31, [2, 3, 4]),
        (2.0, 4.29, [2, 3]),
        (5.2, 5.6, [5]),
        (5.2, 5.4, []),
    ],
)
def test_seconds_of_which_less_than_300_ms_are_held_are_not_judged(
    start_s: float, end_s: float, seconds: list[int]
) -> None:
    expected = tuple(tone_at(YTID, second) for second in seconds)
    assert melody(YTID, start_s, end_s) == expected
    assert heard_tones(play(YTID, start_s, end_s), RATE, start_s) == expected


@settings(max_examples=25, deadline=None)
@given(
    ytids,
    st.floats(0, 500).map(lambda s: round(s, 3)),
    st.floats(0.4, 12),
    st.sampled_from([8000, 16000, 44100]),
)
def test_what_is_played_is_heard(ytid: str, start_s: float, length_s: float, rate: int) -> None:
    samples = play(ytid, start_s, start_s + length_s, rate)
    expected = melody(ytid, start_s, start_s + len(samples) / rate)
    assert heard_tones(samples, rate, start_s) == expected
    assert sounds_right(samples, rate, ytid, start_s) == bool(expected)


def test_integers_and_channels_are_understood() -> None:
    samples = play(YTID, 30, 40)
    stereo = np.stack([samples, samples / 2], axis=1)
    assert sounds_right(stereo, RATE, YTID, 30)
    assert sounds_right((stereo * 32767).astype(np.int16), RATE, YTID, 30)


@pytest.mark.parametrize("shift_s", [0.07, 0.1, 0.2, 0.3, 0.5, 0.9, 1.0, 2.0, 4.0, 60.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_is_heard(shift_s: float, sign: int) -> None:
    start_s = 100.3
    moved = start_s + sign * shift_s
    assert not sounds_right(play(YTID, moved, moved + 10), RATE, YTID, start_s)


@pytest.mark.parametrize("shift_s", [-0.3, -0.05, -0.01, 0.0, 0.02, 0.2])
def test_a_shift_is_measured(shift_s: float) -> None:
    # What sounds `shift_s` late was cut too early.
    samples = play(YTID, 100.3 - shift_s, 110.3 - shift_s)
    shifts = boundary_shifts_s(samples, RATE, YTID, 100.3)
    assert len(shifts) == 10
    assert shifts == pytest.approx([shift_s] * 10, abs=0.015)


def test_another_video_is_heard() -> None:
    assert not sounds_right(play(OTHER, 30, 40), RATE, YTID, 30)


def test_silence_is_heard() -> None:
    silence = np.zeros(10 * RATE)
    assert heard_tones(silence, RATE, 30) == (None,) * 10
    assert not sounds_right(silence, RATE, YTID, 30)


def test_noise_is_no_tone() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 10 * RATE)
    assert heard_tones(noise, RATE, 30) == (None,) * 10


@pytest.mark.parametrize("at_s", [0.0, 3.5, 6.98, 9.95])
def test_a_gap_of_40_ms_is_heard(at_s: float) -> None:
    samples = play(YTID, 30, 40)
    at = round(at_s * RATE)
    samples[at : at + round(0.04 * RATE)] = 0
    assert not sounds_right(samples, RATE, YTID, 30)


def test_a_piece_left_out_is_heard() -> None:
    samples = play(YTID, 30, 40.1)
    cut = np.delete(samples, slice(round(4.4 * RATE), round(4.5 * RATE)))
    assert not sounds_right(cut, RATE, YTID, 30)


def test_padding_with_silence_is_heard() -> None:
    samples = np.concatenate([play(YTID, 30, 39.9), np.zeros(RATE // 10)])
    assert not sounds_right(samples, RATE, YTID, 30)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((0, 2)), play(YTID, 30, 30.2)])
def test_what_is_too_short_to_judge_is_not_right(samples: np.ndarray) -> None:
    assert not sounds_right(samples, RATE, YTID, 30)
