"""What recognisers build their networks of, and how their steps feed one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.dropout import Dropout
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.layers.normalize import Normalize
from edgernn.recognition.decode import STEPS
from edgernn.recognition.transducer import Transducer, greedy
from edgernn.streaming import Sequential, Streaming


def subsampled_encoder(
    inputs: int,
    hidden: int,
    joint: int,
    *,
    channels: int,
    dropout: float,
    layers: int,
    layer: Callable[[], Streaming],
) -> Sequential:
    """Features to one vector every 8 frames: three convolutions of stride 2, then the layers.

    layer: makes each of them, (B, n, hidden) -> (B, n, hidden). The first convolution has 3/4 of
    the channels.

    Shapes: (B, 8 n, inputs) -> (B, n, joint).
    """
    first = 3 * channels // 4
    return Sequential(
        norm=Normalize(inputs),
        conv1=Conv1d(inputs, first, 5, stride=2),
        relu1=Activation("relu"),
        conv2=Conv1d(first, channels, 5, stride=2),
        relu2=Activation("relu"),
        conv3=Conv1d(channels, hidden, 3, stride=2),
        relu3=Activation("relu"),
        drop=Dropout(dropout),
        **{f"layer{i}": layer() for i in range(layers)},
        last=LayerNorm(hidden),
        output=Linear(hidden, joint),
    )


def normalize(network: Transducer, mean: NDArray[Any], scale: NDArray[Any]) -> None:
    """Let a `subsampled_encoder` take its input as (x - mean) * scale."""
    norm = network.encoder.get_submodule("norm")
    assert isinstance(norm, Normalize)
    norm.mean.copy_(torch.from_numpy(mean))
    norm.scale.copy_(torch.from_numpy(scale))


def recognizer_steps(front: Streaming, network: Transducer) -> dict[str, Streaming]:
    """What is exported, by name: the front end, and all of a network but its auxiliary head."""
    steps = (front, network.encoder, network.predictor, network.joiner)
    return dict(zip(STEPS, steps, strict=True))


@torch.no_grad()
def fed(
    steps: Mapping[str, Streaming], streams: Iterable[NDArray[Any]]
) -> dict[str, list[NDArray[Any]]]:
    """What each step of a recogniser is given while these streams of samples are recognised."""
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in steps}
    net = Transducer(steps["encoder"], steps["predictor"], steps["joiner"])  # type: ignore[arg-type]
    block = net.encoder.timing.block
    for stream in streams:
        features = steps["features"](torch.from_numpy(stream))
        features = features[:, : features.shape[1] // block * block]
        encoded = net.encode(features)
        labels = [0] * encoded.shape[1]  # the last word's, at each frame
        for word in greedy(net, encoded, torch.tensor([encoded.shape[1]]))[0]:
            labels[word.frame + 1 :] = [word.label] * (encoded.shape[1] - word.frame - 1)
        history = torch.tensor([labels])
        both = torch.cat([encoded, net.predictor(history)], dim=2)
        given = (stream, features, history, both)
        for name, array in zip(STEPS, given, strict=True):
            found[name].append(np.asarray(array))
    return found
