"""Sphinx's features: a clip of AN4 gives the ones that are distributed with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgernn.audio import read_audio
from edgernn.frontend.sphinx import DELAY, HOP, SphinxMFCC, sphinx_filters
from edgernn.streaming import offline

CLIP = Path(__file__).with_name("an253-fash-b.flac")  # "GO", of CMU AN4; any use is free
FEATURES = CLIP.with_suffix(".npy")  # of the same utterance as CMU distributes them, in float16


def steps_apart(one: NDArray[np.float16], other: NDArray[np.float16]) -> NDArray[np.int64]:
    """How many float16 numbers lie between, for those of one sign."""
    return np.abs(one.view(np.int16).astype(np.int64) - other.view(np.int16).astype(np.int64))


def test_a_clip_of_an4_gives_its_distributed_features() -> None:
    samples = read_audio(CLIP, 16000).samples
    wanted = np.load(FEATURES)
    padded = np.append(samples, np.zeros(-len(samples) % HOP, np.float32))
    y = offline(SphinxMFCC(), torch.from_numpy(padded)[None, :, None])[0].numpy()
    made = y[: len(wanted)].astype(np.float16)
    apart = steps_apart(made, wanted)
    assert (apart == 0).mean() > 0.98
    assert apart.max() <= 1


def test_frames_are_told_by_their_first_sample() -> None:
    x = torch.zeros(1, 8 * HOP, 1)
    x[0, 3 * HOP] = 0.5  # heard first by the last window that reaches it, then by 2 more
    y, quiet = SphinxMFCC()(x), SphinxMFCC()(torch.zeros_like(x))
    heard = (y != quiet).any(-1)[0].nonzero().flatten().tolist()
    assert heard == [3, 4, 3 + DELAY]


def test_filters_have_unit_area() -> None:
    filters = sphinx_filters()
    assert filters.shape == (40, 257)
    np.testing.assert_allclose(filters.sum(1) * 16000 / 512, 1.0, atol=0.35)
    assert (filters.max(1) > 0).all()
