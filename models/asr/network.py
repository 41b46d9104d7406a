"""The recogniser's steps, from sound to logits of the words and the blank.

    features   samples (B, 160 n, 1) -> (B, n, 13)          Sphinx's cepstra
    encoder    (B, 8 n, 13) -> (B, n, joint)                3 convolutions, residual blocks
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

from edgernn.errors import UnknownName
from edgernn.frontend.sphinx import COEFFICIENTS, SphinxMFCC
from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.dropout import Dropout
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.layers.normalize import Normalize
from edgernn.models.asr import WORDS
from edgernn.models.asr.blocks import FAMILIES
from edgernn.recognition.transducer import (
    Joiner,
    Transducer,
    greedy,
    recurrent_predictor,
    stateless_predictor,
)
from edgernn.streaming import Sequential, Streaming

CLASSES = len(WORDS) + 1
WIDEST = 256  # hidden units
PREDICTORS = ("stateless", "recurrent")


def acoustic_encoder(
    hidden: int = WIDEST,
    layers: int = 2,
    channels: int = 128,
    joint: int = 128,
    dropout: float = 0.15,
    *,
    encoder: str = "lstm",
    adaptive: bool = True,
    **sizes: int,
) -> Sequential:
    """Cepstra to one vector every 8 frames; the first convolution has 3/4 of the channels.

    encoder: lstm, mhssm or transformer (`blocks`), which take further sizes. dropout: in the
    widest; narrower ones have as much less of it as they are narrower, unless it is not adaptive
    (adaptive dropout of arXiv:2309.01947, whose rule is not published: ours).

    Raises: UnknownName for another encoder.
    """
    if encoder not in FAMILIES:
        raise UnknownName("encoder", encoder, FAMILIES)
    first, dropout = 3 * channels // 4, dropout * hidden / WIDEST if adaptive else dropout
    blocks = {f"layer{i}": FAMILIES[encoder](hidden, dropout, **sizes) for i in range(layers)}
    return Sequential(
        norm=Normalize(COEFFICIENTS),
        conv1=Conv1d(COEFFICIENTS, first, 5, stride=2),
        relu1=Activation("relu"),
        conv2=Conv1d(first, channels, 5, stride=2),
        relu2=Activation("relu"),
        conv3=Conv1d(channels, hidden, 3, stride=2),
        relu3=Activation("relu"),
        drop=Dropout(dropout),
        **blocks,
        last=LayerNorm(hidden),
        output=Linear(hidden, joint),
    )


def transducer(
    joint: int = 128, *, predictor: str = "stateless", memory: int = 64, **sizes: Any
) -> Transducer:
    """What is trained: the three steps that have weights, and an auxiliary head.

    predictor: stateless, which sees the last word alone, or recurrent, an LSTM of `memory` units
    over all words so far. sizes: those of `acoustic_encoder`.

    Raises: UnknownName for another predictor or encoder.
    """
    if predictor not in PREDICTORS:
        raise UnknownName("predictor", predictor, PREDICTORS)
    encoder = acoustic_encoder(joint=joint, **sizes)
    if predictor == "stateless":
        words = stateless_predictor(CLASSES, joint)
    else:
        words = recurrent_predictor(CLASSES, joint, memory)
    return Transducer(encoder, words, Joiner(joint, CLASSES))


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
        encoded = net.encode(cepstra)
        labels = [0] * encoded.shape[1]  # the last word's, at each frame
        for word in greedy(net, encoded, torch.tensor([encoded.shape[1]]))[0]:
            labels[word.frame + 1 :] = [word.label] * (encoded.shape[1] - word.frame - 1)
        history = torch.tensor([labels])
        both = torch.cat([encoded, net.predictor(history)], dim=2)
        given = (stream, cepstra, history, both)
        for name, array in zip(("features", "encoder", "predictor", "joiner"), given, strict=True):
            found[name].append(np.asarray(array))
    return found
