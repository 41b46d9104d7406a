"""What is measured: three streaming steps and the frames they are fed, always the same ones.

    gru       GRU 40 -> 128, linear -> 12; random weights, seed 0; noise; 66,048 MACs
    features  the shipped keyword spotter after its front end: log-mel frames in, logits out
    kws       the whole shipped keyword spotter: 20 ms of samples in, logits out

This file needs torch and the core of edgernn only, so that a converter's environment can read it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.model import find_model
from edgernn.streaming import Sequential, Streaming

Array = NDArray[Any]

TITLES = {
    "gru": "GRU 40→128→12, random weights",
    "features": "keyword spotter, log-mel frames in",
    "kws": "keyword spotter, raw samples in",
}
FRONT_END = "features"  # the keyword spotter's first layer
CALIBRATION = 200  # frames


def module(name: str) -> Streaming:
    """The network in evaluation mode."""
    if name == "gru":
        torch.manual_seed(0)
        return Sequential(rnn=GRU(40, 128), head=Linear(128, 12)).eval()
    whole = find_model("kws").steps()["kws"].eval()
    if name == "kws":
        return whole
    assert isinstance(whole, Sequential)
    layers = {child: layer for child, layer in whole.layers.items() if child != FRONT_END}
    return Sequential(**layers).eval()


def frames(name: str, count: int) -> Array:
    """`count` frames, (count, 1, block, channels) float32: noise for `gru`, else shipped clips."""
    if name == "gru":
        noise = np.random.default_rng(0).standard_normal((count, 1, 1, 40))
        return noise.astype(np.float32)
    hop = module("kws").timing.block
    streams = [clip[:, : clip.shape[1] // hop * hop] for clip in find_model("kws").calibration(64)]
    samples = np.concatenate(streams, axis=1)
    samples = np.tile(samples, (1, -(-count * hop // samples.shape[1]), 1))[:, : count * hop]
    if name == "features":
        whole = module("kws")
        assert isinstance(whole, Sequential)
        with torch.no_grad():
            mels = whole.layers[FRONT_END](torch.from_numpy(samples)).numpy()
        return np.ascontiguousarray(mels.reshape(count, 1, 1, -1))
    return np.ascontiguousarray(samples.reshape(count, 1, hop, 1))


def torch_outputs(network: Streaming, inputs: Array) -> Array:
    """What torch makes of the frames, one by one from the initial state: (N, 1, 1, classes)."""
    state, outputs = network.initial_state(1), []
    with torch.no_grad():
        for frame in inputs:
            y, state = network.step(torch.from_numpy(frame), state)
            outputs.append(y.numpy())
    return np.stack(outputs)
