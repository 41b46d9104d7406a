"""Fold each BatchNorm into the layer before it, on a copy, before anything is captured."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from edgernn.factored import Factored
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
        if not _into_factor(layer.conv, norm):
            layer.conv = fuse_conv_bn_eval(layer.conv, norm)
    elif isinstance(layer, Linear):
        if not _into_factor(layer.linear, norm):
            layer.linear = fuse_linear_bn_eval(layer.linear, norm)
    else:
        return False
    return True


@torch.no_grad()
def _into_factor(product: nn.Conv1d | nn.Linear, norm: nn.BatchNorm1d) -> bool:
    """Fold into the outer factor and the bias of a weight in factors; False if it is whole."""
    weight, mean, var = cast(Any, product.weight), norm.running_mean, norm.running_var
    if not isinstance(weight, Factored) or mean is None or var is None:
        return False
    scale = norm.weight / torch.sqrt(var + norm.eps)
    bias = 0.0 if product.bias is None else product.bias
    weight.outer.mul_(scale[:, None])
    product.bias = nn.Parameter((bias - mean) * scale + norm.bias)
    return True
