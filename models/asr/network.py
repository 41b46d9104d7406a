"""The recogniser's steps, from sound to logits of the words and the blank.

    features   samples (B, 160 n, 1) -> (B, n, 13)          Sphinx's cepstra
    encoder    (B, 8 n, 13) -> (B, n, joint)                3 convolutions, residual LSTMs
    predictor  labels (B, n) -> (B, n, joint)
    joiner     both vectors (B, n, 2 joint) -> (B, n, classes)

Training runs from the encoder on, over the cepstra that AN4 is distributed as.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgernn.cells.lstm import LSTM
from edgernn.frontend.sphinx import COEFFICIENTS, SphinxMFCC
from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.dropout import Dropout
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.layers.normalize import Normalize
from edgernn.models.asr import WORDS
from edgernn.recognition.transducer import Joiner, Transducer, greedy, stateless_predictor
from edgernn.streaming import Residual, Sequential, Streaming

CLASSES = len(WORDS) + 1
WIDEST = 256  # hidden units


def encoder(
    hidden: int = WIDEST,
    layers: int = 2,
    channels: int = 128,
    joint: int = 128,
    dropout: float = 0.15,
) -> Sequential:
    """Cepstra to one vector every 8 frames; the first convolution has 3/4 of the channels.

    dropout: in the widest; narrower ones have as much less of it as they are narrower (adaptive
    dropout of arXiv:2309.01947, whose rule is not published: ours).
    """
    first, dropout = 3 * channels // 4, dropout * hidden / WIDEST
    return Sequential(
        norm=Normalize(COEFFICIENTS),
        conv1=Conv1d(COEFFICIENTS, first, 5, stride=2),
        relu1=Activation("relu"),
        conv2=Conv1d(first, channels, 5, stride=2),
        relu2=Activation("relu"),
        conv3=Conv1d(channels, hidden, 3, stride=2),
        relu3=Activation("relu"),
        drop=Dropout(dropout),
        **{f"layer{i}": _layer(hidden, dropout) for i in range(layers)},
        last=LayerNorm(hidden),
        output=Linear(hidden, joint),
    )


def _layer(hidden: int, dropout: float) -> Residual:
    body = Sequential(norm=LayerNorm(hidden), rnn=LSTM(hidden, hidden), drop=Dropout(dropout))
    return Residual(body, hidden)


def transducer(joint: int = 128, **sizes: Any) -> Transducer:
    """What is trained: the three steps that have weights, and an auxiliary head."""
    return Transducer(
        encoder(joint=joint, **sizes), stateless_predictor(CLASSES, joint), Joiner(joint, CLASSES)
    )


def build(**sizes: Any) -> dict[str, Streaming]:
    """Every step, untrained. sizes: those of `transducer`."""
    net = transducer(**sizes)
    return {
        "features": SphinxMFCC(),
        "encoder": net.encoder,
        "predictor": net.predictor,
        "joiner": net.joiner,
    }


@torch.no_grad()
def fed(
    steps: Mapping[str, Streaming], streams: Iterable[NDArray[Any]]
) -> dict[str, list[NDArray[Any]]]:
    """What each step is given while these streams of samples are recognised."""
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in steps}
    net = Transducer(steps["encoder"], steps["predictor"], steps["joiner"])  # type: ignore[arg-type]
    for stream in streams:
        cepstra = steps["features"](torch.from_numpy(stream))
        cepstra = cepstra[:, : cepstra.shape[1] // 8 * 8]
        encoded = net.encoder(cepstra)
        labels = [0] * encoded.shape[1]  # the last word's, at each frame
        for word in greedy(net, encoded, torch.tensor([encoded.shape[1]]))[0]:
            labels[word.frame + 1 :] = [word.label] * (encoded.shape[1] - word.frame - 1)
        history = torch.tensor([labels])
        both = torch.cat([encoded, net.predictor(history)], dim=2)
        given = (stream, cepstra, history, both)
        for name, array in zip(("features", "encoder", "predictor", "joiner"), given, strict=True):
            found[name].append(np.asarray(array))
    return found
