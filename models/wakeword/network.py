"""The wake-word network: raw 16 kHz samples in, six logits every 32 ms hop out.

    log-mel (40 bands, window 1024, hop 512) - (x + 3) / 4 - 4 x [depthwise - pointwise] - classes

The geometry of MLPerf Tiny's streaming wake word: kernels 3, 5, 10 and 15 see 30 frames, 0.99 s.
There every hop recomputes all 30; here each depthwise convolution keeps the frames it still
needs as its state, so a hop costs 46,136 multiplications after the features, not 826,464.

Shapes: samples (B, T, 1), T a multiple of 512 -> logits (B, T / 512, 6). Delay 0.
Source: MLPerf Tiny, streaming wake word. Differs: six classes, not three.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.frontend.logmel import LogMel
from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.layers.normalize import Normalize
from edgernn.models.wakeword import HOP, LABELS, MELS, SAMPLE_RATE_HZ, WINDOW
from edgernn.streaming import Sequential, Streaming

MEAN, SCALE = -3.0, 0.25  # of log-mels over training streams; bands differ little


def build(
    channels: Sequence[int] = (128, 128, 128, 32), kernels: Sequence[int] = (3, 5, 10, 15)
) -> Sequential:
    """An untrained network; one separable convolution for each of `channels` and `kernels`."""
    layers: dict[str, Streaming] = {
        "features": LogMel(SAMPLE_RATE_HZ, WINDOW, HOP, MELS),
        "norm": Normalize(MELS, [MEAN] * MELS, [SCALE] * MELS),
    }
    width = MELS
    for i, (wide, kernel) in enumerate(zip(channels, kernels, strict=True), 1):
        layers[f"depthwise{i}"] = Conv1d(width, width, kernel, groups=width, bias=False)
        layers[f"bn{i}a"], layers[f"relu{i}a"] = BatchNorm(width), Activation("relu")
        layers[f"pointwise{i}"] = Conv1d(width, wide, 1, bias=False)
        layers[f"bn{i}b"], layers[f"relu{i}b"] = BatchNorm(wide), Activation("relu")
        width = wide
    return Sequential(**layers, head=Linear(width, len(LABELS)))
