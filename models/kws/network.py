"""The keyword spotter's network: raw 16 kHz samples in, twelve logits every 20 ms out.

    log-mel (40 bands, window 512, hop 320) - (x + 5) / 5 - conv - conv - GRU - classes

Shapes: samples (B, T, 1), T a multiple of 320 -> logits (B, T / 320, 12). Delay 0.
"""

from __future__ import annotations

from edgernn.cells.gru import GRU
from edgernn.frontend.logmel import LogMel
from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.layers.normalize import Normalize
from edgernn.models.kws import LABELS, SAMPLE_RATE_HZ
from edgernn.models.kws.data import HOP
from edgernn.streaming import Sequential

MELS, WINDOW = 40, 512
MEAN, SCALE = -5.0, 0.2  # of log-mels over training streams; bands differ little


def build(
    channels: int = 80,
    hidden: int = 160,
    kernel: int = 5,
    *,
    mels: int = MELS,
    window: int = WINDOW,
) -> Sequential:
    """An untrained network; `channels` of both convolutions, `hidden` units in the GRU.

    window: of the log-mels, in samples; it is the length of their Fourier transform too.
    """
    return Sequential(
        features=LogMel(SAMPLE_RATE_HZ, window, HOP, mels, n_fft=window),
        norm=Normalize(mels, [MEAN] * mels, [SCALE] * mels),
        conv1=Conv1d(mels, channels, kernel, bias=False),
        bn1=BatchNorm(channels),
        relu1=Activation("relu"),
        conv2=Conv1d(channels, channels, kernel, bias=False),
        bn2=BatchNorm(channels),
        relu2=Activation("relu"),
        rnn=GRU(channels, hidden),
        head=Linear(hidden, len(LABELS)),
    )
