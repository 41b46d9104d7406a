"""Kaldi's filter banks: a clip gives what kaldi-native-fbank, sherpa-onnx's own, makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgernn.audio import read_audio
from edgernn.frontend.fbank import BANDS, DELAY, HOP, Fbank, fbank_filters
from edgernn.streaming import offline

CLIP = Path(__file__).with_name("an253-fash-b.flac")  # "GO", of CMU AN4; any use is free
# what `kaldi` below gives for the clip by kaldi-native-fbank 1.23.0, float32
FEATURES = CLIP.with_name("an253-fash-b.fbank.npy")
NEAR = 2e-4  # in logarithms; both round, and quiet bands show it


def samples() -> NDArray[np.float32]:
    """The clip in whole hops."""
    clip = read_audio(CLIP, 16000).samples
    return np.append(clip, np.zeros(-len(clip) % HOP, np.float32))


def ours(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    y: NDArray[np.float32] = offline(Fbank(), torch.from_numpy(clip)[None, :, None])[0].numpy()
    return y


def kaldi(clip: NDArray[np.float32]) -> NDArray[np.float32]:
    """By the real library with sherpa-onnx's options; frames whose windows end in the clip."""
    knf = pytest.importorskip("kaldi_native_fbank")
    options = knf.FbankOptions()
    options.frame_opts.dither, options.frame_opts.snip_edges = 0, False
    options.mel_opts.num_bins, options.mel_opts.high_freq = BANDS, -400
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(16000, clip.tolist())
    return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])


def test_a_clip_gives_kaldis_features_but_for_the_first_frame() -> None:
    wanted, made = np.load(FEATURES), ours(samples())
    assert len(wanted) == len(made) - DELAY
    np.testing.assert_allclose(made[1 : len(wanted)], wanted[1:], atol=NEAR, rtol=0)
    assert np.abs(made[0] - wanted[0]).max() < 1.5  # zeros where Kaldi mirrors


def test_the_stored_features_are_those_of_kaldi_native_fbank() -> None:
    np.testing.assert_allclose(kaldi(samples()), np.load(FEATURES), atol=1e-5, rtol=0)


def test_noise_chirps_and_a_high_level_give_kaldis_features() -> None:
    t = np.arange(100 * HOP) / 16000
    chirp = 0.9 * np.sin(2 * np.pi * 3500 * t * t) + 0.05  # to 7 kHz, off the middle
    noise = np.random.default_rng(0).uniform(-1, 1, len(t))
    for sound in (chirp, noise, 1e-3 * noise):
        clip = sound.astype(np.float32)
        wanted = kaldi(clip)
        apart = np.abs(ours(clip)[1 : len(wanted)] - wanted[1:])
        assert apart.max() < 0.05  # where a band is nearly empty; both round
        assert apart.mean() < 1e-3


def test_where_the_stream_begins_with_silence_frame_0_is_kaldis_too() -> None:
    clip = np.append(np.zeros(200, np.float32), samples())[: 20 * HOP]
    wanted = kaldi(clip)
    np.testing.assert_allclose(ours(clip)[: len(wanted)], wanted, atol=NEAR, rtol=0)


def test_silence_is_the_floor() -> None:
    y = Fbank()(torch.zeros(1, 4 * HOP, 1))
    torch.testing.assert_close(y, torch.full_like(y, -15.942385))


def test_a_level_that_does_not_move_is_silence() -> None:
    y = offline(Fbank(), torch.full((1, 12 * HOP, 1), 0.25))
    torch.testing.assert_close(y[:, 1:-DELAY], torch.full_like(y[:, 1:-DELAY], -15.942385))


def test_every_band_holds_a_bin() -> None:
    filters = fbank_filters()
    assert filters.shape == (BANDS, 257)
    assert (filters.max(1) > 0).all()
    assert filters[:, -13:].max() == 0  # nothing above 7600 Hz
