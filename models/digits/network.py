"""The recogniser's steps, from sound to logits of the digits and the blank.

features   samples (B, 160 n, 1) -> (B, n, 80)          Kaldi's filter banks
encoder    (B, 8 n, 80) -> (B, n, joint)                3 convolutions, residual LSTMs
predictor  labels (B, n) -> (B, n, joint)
joiner     both vectors (B, n, 2 joint) -> (B, n, classes)

Training runs from the encoder on, over features made anew of each string.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.frontend.fbank import BANDS, Fbank, band_edges, mel
from edgernn.models.digits import WORDS
from edgernn.recognition.blocks import lstm
from edgernn.recognition.network import fed, recognizer_steps, subsampled_encoder
from edgernn.recognition.transducer import Joiner, Transducer, stateless_predictor
from edgernn.streaming import Streaming

__all__ = ["HEARD", "build", "fed", "transducer"]

CLASSES = len(WORDS) + 1
RECORDED_HZ = 3600.0  # what the recordings, of 8 kHz, still hold after they were resampled
# bands that the recordings tell of; the others are multiplied by 0, so that live sound may be there
HEARD: NDArray[np.bool_] = band_edges()[2:] <= mel(RECORDED_HZ)


def transducer(
    hidden: int = 96,
    layers: int = 2,
    channels: int = 80,
    joint: int = 64,
    dropout: float = 0.1,
) -> Transducer:
    """What is trained: the three steps that have weights, and an auxiliary head."""
    encoder = subsampled_encoder(
        BANDS,
        hidden,
        joint,
        channels=channels,
        dropout=dropout,
        layers=layers,
        layer=lambda: lstm(hidden, dropout),
    )
    return Transducer(encoder, stateless_predictor(CLASSES, joint), Joiner(joint, CLASSES))


def build(**sizes: Any) -> dict[str, Streaming]:
    """Every step, untrained. sizes: those of `transducer`."""
    return recognizer_steps(Fbank(), transducer(**sizes))
