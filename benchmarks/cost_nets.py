"""What the cost model is fitted on: one layer at a time and small networks, of many sizes.

None of them is a shipped model. Sizes are drawn once by a seed; weights are fresh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from benchmarks import workloads
from edgernn.backend import Array
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.mhssm import MultiHeadSSM
from edgernn.cells.rnn import RNN
from edgernn.frontend.fbank import Fbank
from edgernn.frontend.logmel import LogMel
from edgernn.layers.activation import Activation
from edgernn.layers.attention import WindowAttention
from edgernn.layers.conv import Conv1d
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm, LayerNorm
from edgernn.layers.normalize import Normalize
from edgernn.layers.pooling import Pool
from edgernn.streaming import Residual, Sequential, Streaming

STEPS, FEW = 20, 6  # of golden input: of a net that drifts, and of another
DRIFT = 0.9  # how much of a frame is as it was, for nets that read what has moved
FLOATS = ("fp32", "w8a8")
OTHERS = ("w4a8", "w4a8-row", "w2a8", "w2a8-row", "w8a16")


@dataclass(frozen=True, slots=True)
class Net:
    """A network to be counted. channels: of its input, 0 for tokens. types: number types."""

    name: str
    make: Callable[[], Streaming]
    channels: int
    types: tuple[str, ...]
    drifts: bool = False

    def built(self) -> Streaming:
        torch.manual_seed(0)
        return self.make().eval()

    def frames(self, block: int) -> Array:
        """(steps, 1, block, channels) of normal numbers, or tokens."""
        rng, steps = np.random.default_rng(len(self.name)), STEPS if self.drifts else FEW
        if not self.channels:
            return rng.integers(0, 11, (steps, 1, block))
        noise = rng.standard_normal((steps, 1, block, self.channels)).astype(np.float32)
        for at in range(1, steps if self.drifts else 0):
            noise[at] = DRIFT * noise[at - 1] + (1 - DRIFT**2) ** 0.5 * noise[at]
        return noise / 4 if self.channels == 1 else noise


def _pruned(inputs: int, hidden: int, block: tuple[int, int], zeros: float) -> Streaming:
    network = GRU(inputs, hidden)
    workloads.prune(network, block, zeros)
    return network


def _small(kind: str, inputs: int, width: int) -> Streaming:
    """A layer between two products."""
    middle = LayerNorm(width) if kind == "norm" else Activation(kind)
    return Sequential(a=Linear(inputs, width), b=middle, c=Linear(width, 12))


def _squashed(kind: str, inputs: int, outputs: int) -> Streaming:
    return Sequential(a=Activation(kind), b=Linear(inputs, outputs))


def _pooled(kind: str, channels: int, window: int) -> Streaming:
    return Sequential(a=Pool(kind, channels, window), b=Linear(channels, 12))


def _front(hop: int, window: int, mels: int) -> Streaming:
    features = LogMel(16000, max(window, hop), hop, mels)
    return Sequential(a=features, b=Normalize(mels, [-4.0] * mels, [0.2] * mels))


def _tokens(count: int, width: int) -> Streaming:
    return Sequential(a=Embedding(count, width), b=Linear(width, 16))


def _spotter(cell: type[GRU | LSTM], inputs: int, channels: int, hidden: int, n: int) -> Streaming:
    return Sequential(
        conv=Conv1d(inputs, channels, n, bias=False),
        norm=BatchNorm(channels),
        relu=Activation("relu"),
        rnn=cell(channels, hidden),
        head=Linear(hidden, 12),
    )


def _separable(channels: int, n: int) -> Streaming:
    return Sequential(
        a=Conv1d(channels, channels, n, groups=channels, bias=False),
        b=BatchNorm(channels),
        c=Activation("relu"),
        d=Conv1d(channels, channels, 1, bias=False),
        e=BatchNorm(channels),
        f=Activation("relu"),
        g=Linear(channels, 6),
    )


def _residual(width: int) -> Streaming:
    return Sequential(
        norm=Normalize(width),
        conv=Conv1d(width, width, 5, stride=2),
        relu=Activation("relu"),
        block=Residual(Sequential(norm=LayerNorm(width), rnn=LSTM(width, width)), width),
        last=LayerNorm(width),
        out=Linear(width, 32),
    )


def nets() -> list[Net]:
    """All of them, the same in every run."""
    rng = np.random.default_rng(7)

    def size(low: int, high: int) -> int:
        """Sizes as networks have them: mostly multiples of 4."""
        drawn = int(rng.integers(low, high))
        return drawn if rng.random() < 0.2 else -(-drawn // 4) * 4

    found: list[Net] = []

    def add(
        kind: str,
        make: Callable[[], Streaming],
        channels: int,
        *types: str,
        drifts: bool = False,
    ) -> None:
        found.append(Net(f"{kind}{len(found)}", make, channels, types or FLOATS, drifts))

    def rotating() -> tuple[str, ...]:
        return (*FLOATS, OTHERS[len(found) % len(OTHERS)])

    for _ in range(10):
        i, o = size(6, 260), size(5, 200)
        add("linear", partial(Linear, i, o), i, *rotating())
    for k in range(6):
        i, h = size(8, 120), size(8, 120)
        add("gru", partial(GRU, i, h, reset_after=bool(k % 3)), i, *rotating())
    for _ in range(4):
        i, h = size(8, 90), size(8, 90)
        add("lstm", partial(LSTM, i, h), i, *rotating())
    for _ in range(2):
        i, h = size(8, 90), size(16, 90)
        add("rnn", partial(RNN, i, h), i)
    for k in range(6):
        i, o, n = size(6, 60), size(8, 90), int(rng.integers(1, 8))
        stride = 2 if k % 3 == 2 else 1
        add("conv", partial(Conv1d, i, o, max(n, stride), stride=stride), i, *rotating())
    for _ in range(4):
        c, n = size(12, 130), int(rng.integers(2, 16))
        add("depthwise", partial(Conv1d, c, c, n, groups=c), c)
    for k in range(3):
        c, n = 4 * size(4, 14), int(rng.integers(2, 6))
        add("grouped", partial(Conv1d, c, c, n, groups=1 if k == 2 else 4, dilation=2), c)
    for kind in ("relu", "sigmoid", "tanh"):
        i, o = size(8, 40), size(20, 200)
        add(f"{kind}s", partial(_small, kind, i, o), i)
    for _ in range(3):
        i, o = size(8, 60), size(16, 160)
        add("norms", partial(_small, "norm", i, o), i)
    for _ in range(3):
        i, left = 4 * size(4, 24), int(rng.integers(3, 40))
        add("attention", partial(WindowAttention, i, int(rng.choice([1, 2, 4])), left), i)
    for kind in ("mean", "max"):
        c, n = size(12, 90), int(rng.integers(3, 9))
        add("pool", partial(_pooled, kind, c, n), c)
    for hop in (160, 240, 400):
        mels = size(16, 60)
        add("logmel", partial(_front, hop, int(rng.choice([256, 384, 512])), mels), 1)
    add("fbank", Fbank, 1, "fp32")
    for _ in range(3):
        n, d = size(11, 300), size(12, 120)
        add("embedding", partial(_tokens, n, d), 0, *FLOATS, "w4a8")
    add("vectors", partial(Embedding, 60, 72), 0)
    add("vectors", partial(Embedding, 30, 40), 0)
    for k in range(6):
        i, h, block = 4 * size(3, 24), 4 * size(4, 30), 1 if k % 2 else 4
        limits = (float(rng.uniform(0.2, 1.0)), float(rng.uniform(0.02, 0.2)))
        types = (*FLOATS, OTHERS[k % 4], OTHERS[(k + 1) % 4])
        add("delta", partial(GRU, i, h, threshold=limits, block=block), i, *types, drifts=True)
    for k, tile in enumerate(((1, 1), (4, 4), (16, 4), (16, 1), (4, 4), (8, 1))):
        i, h = 16 * size(3, 9), 16 * size(3, 9)
        zeros = float(rng.uniform(0.5, 0.95))
        add("sparse", partial(_pruned, i, h, tile, zeros), i, *FLOATS, OTHERS[k % 4])
    add("ssm", partial(MultiHeadSSM, 24, 4, width=8, states=4, dt=(0.03, 0.5)), 24)
    for k in range(10):
        i, c, h = size(8, 60), size(12, 80), size(16, 100)
        n = int(rng.integers(2, 6))
        add("net", partial(_spotter, LSTM if k % 2 else GRU, i, c, h, n), i, *rotating())
    for _ in range(3):
        c, n = 4 * size(4, 20), int(rng.integers(3, 12))
        add("separable", partial(_separable, c, n), c)
    for _ in range(3):
        width = 4 * size(6, 22)
        add("residual", partial(_residual, width), width)
    for _ in range(3):  # zero blocks with gains, in the tiles of vector units
        i, h = 16 * size(2, 8), 16 * size(2, 8)
        add("blocks", partial(_pruned, i, h, (16, 4), float(rng.uniform(0.5, 0.9))), i, "w4a8")
    for kind in ("tanh", "sigmoid", "tanh"):
        i, o = size(20, 180), size(8, 90)
        add("squashed", partial(_squashed, kind, i, o), i)
    for window in (220, 300, 360):  # transforms of lengths that are no powers of two
        add("transform", partial(LogMel, 16000, window, 200, 24, n_fft=window), 1, "fp32")
    return found
