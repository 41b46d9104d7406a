"""Sound as arrays, archives of it, and who is in which split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgernn.errors import DataError
from edgernn.spotting.archive import open_archive
from edgernn.spotting.sound import Bed, change_speed, rms, word_span
from edgernn.spotting.sources import NATIVE, SPLITS, load_native, split_of

from ..archives import RATE, make_archive, tone

OPTIONS = {"snr_db": [10, 10], "clean": 0.0, "gain_db": 0}


def test_split_shares_are_as_stated() -> None:
    found = [split_of(f"speaker{i}") for i in range(5000)]
    shares = [found.count(split) / 5000 for split in SPLITS]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.02)


@pytest.mark.parametrize("hop", [160, 320])
def test_word_is_found_in_its_clip(hop: int) -> None:
    begin, end = word_span(tone(440, 1.0, 0), hop)
    assert abs(begin / RATE - 0.3) < 0.05
    assert abs(end / RATE - 0.7) < 0.05


def test_speed_changes_pitch_and_length() -> None:
    wave = np.sin(np.arange(1600) * 0.1).astype(np.float32)
    fast = change_speed(wave, 1.25)
    assert len(fast) == 1280
    np.testing.assert_allclose(fast[:1000], np.sin(np.arange(1000) * 0.125), atol=2e-3)


@pytest.mark.parametrize("bank", [[], [np.full(RATE, 3000, np.int16)]], ids=["none", "one"])
def test_the_bed_lies_as_far_below_the_words_as_asked(bank: list[np.ndarray]) -> None:
    audio = np.where(np.arange(RATE) % 2, 0.1, -0.1).astype(np.float32)
    for seed in range(4):
        laid = Bed(bank, OPTIONS).lay(np.random.default_rng(seed), audio, rms(audio))
        below = 20 * np.log10(rms(audio) / rms(laid - audio))
        assert below == pytest.approx(10.0, abs=0.2)


def test_another_rate_is_refused_or_brought_to_16_khz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path / "cache"))
    make_archive(tmp_path / NATIVE, [{"file": "a.flac", "text": "a"}], rate=22050)
    with pytest.raises(DataError, match=r"a\.flac: 22050 Hz, 1 channels; need 16000 Hz mono"):
        open_archive(tmp_path / NATIVE)
    (clip,) = load_native(tmp_path)
    assert abs(len(clip) - 3 * RATE * RATE / 22050) < 2
    begin, end = (at / 16000 for at in word_span(clip, 160))
    assert (begin, end) == pytest.approx((0.3 * RATE / 22050, 0.7 * RATE / 22050), abs=0.05)


def test_audio_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_archive(tmp_path / "a.zip", [{"file": f"{i}.flac", "label": "x"} for i in range(3)])
    first = open_archive(tmp_path / "a.zip", tmp_path / "cache")
    monkeypatch.setattr(soundfile, "read", None)
    again = open_archive(tmp_path / "a.zip", tmp_path / "cache")
    assert np.array_equal(first.samples, again.samples)
    assert len(again.clip(2)) == RATE
