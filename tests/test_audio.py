"""A recording is read, resampled with a note, or refused in one line."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edgernn.audio import read_audio
from edgernn.errors import DataError

RATE = 16_000


def tone(rate: int, seconds: float = 0.5, hz: float = 440.0) -> np.ndarray[Any, np.dtype[Any]]:
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate).astype(np.float32) / 2


def test_samples_come_as_they_are(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE, subtype="PCM_16")
    audio = read_audio(tmp_path / "a.wav", RATE)
    assert (audio.samples.dtype, audio.seconds, audio.notes) == (np.float32, 0.5, ())
    np.testing.assert_allclose(audio.samples, tone(RATE), atol=1 / 32768)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_other_containers_are_read(tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / f"a.{suffix}", tone(RATE), RATE)
    audio = read_audio(tmp_path / f"a.{suffix}", RATE)
    assert abs(float(np.sqrt((audio.samples**2).mean())) - 0.5 / np.sqrt(2)) < 0.03


def test_channels_are_averaged_and_it_is_said(tmp_path: Path) -> None:
    both = np.stack([tone(RATE), -tone(RATE) / 2], axis=1)
    soundfile.write(tmp_path / "a.wav", both, RATE, subtype="FLOAT")
    audio = read_audio(tmp_path / "a.wav", RATE)
    np.testing.assert_allclose(audio.samples, tone(RATE) / 4, atol=1e-7)
    assert audio.notes == ("2 channels averaged to one",)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_another_rate_is_resampled_and_it_is_said(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate), rate, subtype="FLOAT")
    audio = read_audio(tmp_path / "a.wav", RATE)
    assert audio.notes == (f"resampled from {rate:,} to 16,000 Hz",)
    assert abs(len(audio.samples) - 8000) <= 1
    middle = slice(1000, 7000)  # the ends ring
    np.testing.assert_allclose(audio.samples[middle], tone(RATE)[middle], atol=2e-3)


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_audio(path, RATE)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_what_is_not_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert "no such file" in refused(path)
    assert "not a regular file" in refused(tmp_path)
    path.touch()
    assert "is empty" in refused(path)
    path.write_text("not audio at all, but long enough to look at " * 20)
    assert "is not audio" in refused(path)
    path.write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt ")
    assert "is not audio" in refused(path)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
    assert "holds no samples" in refused(path)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_truncated_wav_is_refused(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE, subtype=subtype)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) // 2])
    assert "is truncated" in refused(tmp_path / "a.wav")


def test_a_truncated_flac_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.flac", rng.uniform(-1, 1, RATE), RATE)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "a.flac")


def test_a_wav_from_a_pipe_has_no_size_and_is_read(tmp_path: Path) -> None:
    """`arecord | tee` and ffmpeg to a pipe leave all ones where the size should be."""
    soundfile.write(tmp_path / "a.wav", tone(RATE), RATE, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"data")
    data[at + 4 : at + 8] = data[4:8] = struct.pack("<L", 0xFFFFFFFF)
    (tmp_path / "a.wav").write_bytes(data)
    assert len(read_audio(tmp_path / "a.wav", RATE).samples) == 8000


def test_a_nan_is_refused(tmp_path: Path) -> None:
    samples = tone(RATE)
    samples[100] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    assert "holds a NaN" in refused(tmp_path / "a.wav")


def test_no_damaged_file_raises_anything_else(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(RATE, 0.02), RATE, subtype="PCM_16")
    whole, rng = (tmp_path / "a.wav").read_bytes(), np.random.default_rng(0)
    read = 0
    for _ in range(300):
        data = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for at in rng.integers(0, min(60, len(data)), 2):
            data[at] = rng.integers(256)
        (tmp_path / "b.wav").write_bytes(data)
        try:
            read_audio(tmp_path / "b.wav", RATE)
            read += 1
        except DataError as error:
            line = str(error)
            assert "\n" not in line
    assert read < 300
