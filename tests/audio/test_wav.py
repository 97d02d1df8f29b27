"""WAV files: written reproducibly, checked when read."""

import io
import struct

import numpy as np
import pytest
import soundfile

from audioset_dl.audio.cut import Samples
from audioset_dl.audio.wav import check_samples, encode_wav
from audioset_dl.audio.wav_header import (
    BadWavError,
    WavFormat,
    _read_any_header,
    check_format,
    read_format,
)

NOISE = np.random.default_rng(0).integers(-9000, 9000, (1600, 2), dtype="int16")


def test_16_bit_samples_come_back_as_they_were() -> None:
    wav = encode_wav(Samples(NOISE, 16_000), "PCM_16")
    data, _ = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert (data == NOISE).all()
    assert read_format(wav) == WavFormat(1600, 16_000, 2)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32"])
def test_a_plain_header_says_what_libsndfile_reads_in_it(subtype: str) -> None:
    wav = encode_wav(Samples(NOISE, 16_000), subtype)
    assert read_format(wav) == _read_any_header(wav) == WavFormat(1600, 16_000, 2)
    for place in range(44):
        for value in (0, 1, 2, 3, 16, 24, 255):
            changed = bytearray(wav)
            changed[place] = value
            for one in (bytes(changed), bytes(changed[:-3]), bytes(changed) + b"more"):
                assert outcome_of(read_format, one) == outcome_of(_read_any_header, one), place


def outcome_of(read, wav: bytes) -> WavFormat | str:
    try:
        return read(wav)
    except BadWavError as error:
        return str(error)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_files_do_not_tell_when_they_were_written(subtype: str) -> None:
    wav = encode_wav(Samples(NOISE.astype("float32") / 32768, 16_000), subtype)
    chunk_id, _size, version, time = struct.unpack_from("<4sIII", wav, wav.index(b"PEAK"))
    assert (chunk_id, version, time) == (b"PEAK", 1, 0)
    check_samples(wav)


@pytest.mark.parametrize(
    ("wav", "words"),
    [
        (b"", "not a readable WAV"),
        (b"<html>not found</html>" * 100, "not a readable WAV"),
        (encode_wav(Samples(NOISE, 8_000), "PCM_16"), "1600 samples, 8000 Hz, 2 ch"),
        (encode_wav(Samples(NOISE[:-1], 16_000), "PCM_16"), "1599 samples"),
        (encode_wav(Samples(NOISE[:, :1], 16_000), "PCM_16"), "1 ch"),
    ],
)
def test_other_files_are_told_apart(wav: bytes, words: str) -> None:
    with pytest.raises(BadWavError, match=words):
        check_format(wav, WavFormat(1600, 16_000, 2))


def test_what_is_not_a_number_is_found_by_decoding() -> None:
    data = np.zeros((100, 1), dtype="float32")
    data[50] = np.nan
    wav = encode_wav(Samples(data, 16_000), "FLOAT")
    with pytest.raises(BadWavError, match="not finite"):
        check_samples(wav)
