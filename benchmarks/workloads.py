"""What is measured: streaming steps and the frames they are fed, always the same ones.

    kws       GRU 40 -> 128, linear -> 12                        66,048 MACs
    kbd       2 x GRU 128 -> 256, linear -> 4096              1,736,704 MACs
    asr       4 x LSTM 320 -> 640 projected to 512, linear   11,567,104 MACs
    features  the keyword spotter kws/dense after its front end: log-mel frames in, logits out
    spotter   the whole of it: 20 ms of samples in, logits out

The first three are shapes: random weights (seed 0), fed with noise. This file needs torch and the
core of edgernn only, so that a converter's environment can read it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.layers.linear import Linear
from edgernn.model import find_model
from edgernn.streaming import Sequential, Streaming

Array = NDArray[Any]

SHAPES = {"kws": 40, "kbd": 128, "asr": 320}  # and how many values a frame has
TITLES = {
    "kws": "kws: GRU 40→128, linear→12",
    "kbd": "kbd: 2 GRU 128→256, linear→4096",
    "asr": "asr: 4 LSTM 320→640, projected to 512, linear→512",
    "features": "keyword spotter, log-mel frames in",
    "spotter": "keyword spotter, raw samples in",
}
FRONT_END = "features"  # the keyword spotter's first layer
CALIBRATION = 200  # frames
ASR_GAIN = 2.0  # of torch's initial weights; with 1 its fourth layer hears nothing of the frames
LEAST_PRUNED = 4096  # weights; the twelve outputs of kws stay dense


def module(name: str) -> Streaming:
    """The network in evaluation mode."""
    torch.manual_seed(0)
    if name == "kws":
        return Sequential(rnn=GRU(40, 128), head=Linear(128, 12)).eval()
    if name == "kbd":
        return Sequential(rnn0=GRU(128, 256), rnn1=GRU(256, 256), head=Linear(256, 4096)).eval()
    if name == "asr":
        sizes = (320, 512, 512, 512)
        cells = {f"rnn{k}": LSTM(size, 640, proj_size=512) for k, size in enumerate(sizes)}
        for weight in (p for cell in cells.values() for p in cell.parameters() if p.ndim == 2):
            weight.data *= ASR_GAIN
        return Sequential(**cells, head=Linear(512, 512)).eval()
    whole = find_model("kws/dense").steps()["kws"].eval()
    if name == "spotter":
        return whole
    assert isinstance(whole, Sequential)
    layers = {child: layer for child, layer in whole.layers.items() if child != FRONT_END}
    return Sequential(**layers).eval()


def frames(name: str, count: int, change: float = 1.0) -> Array:
    """`count` frames, (count, 1, block, channels) float32: noise for a shape, else shipped clips.

    change: how much of a frame is new. 1 is white noise; below it each value drifts, with the
    same variance, as features of one sound do.
    """
    if name in SHAPES:
        return _noise(SHAPES[name], count, change)
    hop = module("spotter").timing.block
    streams = [
        clip[:, : clip.shape[1] // hop * hop] for clip in find_model("kws/dense").calibration(64)
    ]
    samples = np.concatenate(streams, axis=1)
    samples = np.tile(samples, (1, -(-count * hop // samples.shape[1]), 1))[:, : count * hop]
    if name == "features":
        whole = module("spotter")
        assert isinstance(whole, Sequential)
        with torch.no_grad():
            mels = whole.layers[FRONT_END](torch.from_numpy(samples)).numpy()
        return np.ascontiguousarray(mels.reshape(count, 1, 1, -1))
    return np.ascontiguousarray(samples.reshape(count, 1, hop, 1))


def _noise(size: int, count: int, change: float) -> Array:
    new = np.random.default_rng(0).standard_normal((count, 1, 1, size))
    for before, after in pairwise(new):
        after *= change
        after += np.sqrt(1 - change**2) * before
    return new.astype(np.float32)


def torch_outputs(network: Streaming, inputs: Array) -> Array:
    """What torch makes of the frames, one by one from the initial state: (N, 1, 1, classes)."""
    state, outputs = network.initial_state(1), []
    with torch.no_grad():
        for frame in inputs:
            y, state = network.step(torch.from_numpy(frame), state)
            outputs.append(y.numpy())
    return np.stack(outputs)


def prune(network: nn.Module, block: tuple[int, int], zeros: float = 0.75) -> None:
    """Set a share of each matrix's blocks (rows, columns) to zero: those with the least L1 norm.

    Small matrices stay as they are: pruning them saves nothing and costs most.
    """
    for parameter in network.parameters():
        weight = parameter.data
        if weight.ndim != 2 or weight.numel() < LEAST_PRUNED:
            continue
        rows, cols = (size // part for size, part in zip(weight.shape, block, strict=True))
        norms = weight.abs().reshape(rows, block[0], cols, block[1]).sum((1, 3))
        least = norms.flatten().argsort()[: int(zeros * norms.numel())]
        kept = torch.ones(norms.numel()).index_fill(0, least, 0).reshape(rows, 1, cols, 1)
        weight.copy_((weight.reshape(rows, block[0], cols, block[1]) * kept).reshape_as(weight))
