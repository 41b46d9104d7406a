"""Layers that are done frame by frame, but not as torch has them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn

from edgernn.layers.norm import BatchNorm
from edgernn.plain.build import Building, Rule
from edgernn.plain.rules.common import all_of, input_of
from edgernn.plain.values import Frames, Value
from edgernn.streaming import Streaming


def _batch_norm(make: Building, node: fx.Node) -> Value | None:
    layer, x = make.module(node), make.value(node.args[0])
    assert isinstance(layer, nn.BatchNorm1d)
    if not isinstance(x, Frames) or len(x.shape) != 3 or x.frames != 2:
        return None
    x = make.begun(x, node.name)
    if not layer.affine or not layer.track_running_stats:
        raise make.refuse(node, "needs affine=True and track_running_stats=True to be a step")
    part = BatchNorm(layer.num_features, eps=layer.eps)
    part.norm = copy.copy(layer)
    path = make.put(node, part)
    return replace(x, ref=make.through(node.name, path, x), shape=tuple(make.seen(node).shape))


def _streams(make: Building, node: fx.Node) -> Value:
    """A layer that streams already, as it is."""
    x, part = make.begun(input_of(make, node), node.name), make.module(node)
    assert isinstance(part, Streaming)
    if not x.plain and len(x.shape) != 2:
        raise make.refuse(node, "reads (batch, frames, channels)")
    if part.timing.block != 1:
        raise make.refuse(node, f"takes blocks of {part.timing.block}; put it behind the module")
    path = make.put(node, make.late(part, x))
    seen = make.seen(node)
    ref = make.do(node.name, "part", path, x.ref)
    return replace(
        x, ref=ref, shape=tuple(seen.shape), delay=x.delay + part.timing.delay, back=None
    )


def _turned(make: Building, node: fx.Node) -> Value:
    raise make.refuse(node, "turns a stream around, so that it begins with its end")


RULES: Mapping[Any, Rule] = {
    Streaming: _streams,
    nn.BatchNorm1d: _batch_norm,
    **all_of(_turned, torch.flip, "flip"),
}
