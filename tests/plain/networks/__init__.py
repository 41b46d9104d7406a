"""Networks in plain torch as a newcomer writes them, each a file that `edgernn export` takes."""

from __future__ import annotations

import importlib

import torch
from torch import Tensor, nn

NAMES = ("attention_pooling", "conv_lstm", "raw_audio", "tagger", "tcn", "transformer")


def network(name: str) -> tuple[nn.Module, Tensor]:
    """The module itself, with seeded weights, and a recording that it reads."""
    file = importlib.import_module(f"{__name__}.{name}")
    (example,) = file.examples()
    x = torch.from_numpy(example)
    if name == "raw_audio":
        torch.manual_seed(0)
        return file.RawAudio(), x[:, :3200, 0].float()
    return file.build(), x if name == "tagger" else x[:, :60].float()
