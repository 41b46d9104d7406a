"""Fold each BatchNorm into the layer before it, on a copy, before anything is captured."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.streaming import Sequential, Streaming


def fold_batchnorm(module: Streaming) -> Streaming:
    """A copy in eval mode without the BatchNorms that follow a Conv1d or Linear in a Sequential.

    Others stay, and are captured as a multiply and an add. State leaves keep their names, for a
    BatchNorm has none.
    """
    folded = copy.deepcopy(module).eval()
    for sequence in [m for m in folded.modules() if isinstance(m, Sequential)]:
        before: Streaming | None = None
        for name, layer in sequence.layers.items():
            if isinstance(layer, BatchNorm) and _fold(before, layer.norm):
                delattr(sequence, name)
            else:
                before = layer
    return folded


def _fold(layer: Streaming | None, norm: nn.BatchNorm1d) -> bool:
    """Give `layer` the weights of itself followed by `norm`; False if it is no such layer."""
    if norm.running_mean is None:
        return False
    if isinstance(layer, Conv1d):
        layer.conv = fuse_conv_bn_eval(layer.conv, norm)
    elif isinstance(layer, Linear):
        layer.linear = fuse_linear_bn_eval(layer.linear, norm)
    else:
        return False
    return True
