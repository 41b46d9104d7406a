"""Convolutions and pools: the newest frames, one output a stride.

The frames of a window are counted from the right: a layer whose newest frame is that of the stream
is done as it is, one that the module pads on both sides comes later by what it sees ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgernn.layers.conv import Conv1d
from edgernn.layers.pooling import Pool
from edgernn.plain.build import Building, Rule
from edgernn.plain.rules.common import all_of, allow, bound, input_of
from edgernn.plain.trace import only
from edgernn.plain.values import Frames, Value
from edgernn.streaming import Streaming


def _window(
    make: Building, node: fx.Node, x: Frames, part: Streaming, path: str, size: int, padding: int
) -> Frames:
    """A layer that sees the newest `size` frames, where the module pads `padding` on the left."""
    stride = part.timing.block
    ahead = size - stride - padding + x.delay
    delay = max(0, -(-ahead // stride))
    ratio, seen = x.ratio / stride, make.seen(node)
    (frames,), (batch,) = make.traced.frames_axes(node.name), make.traced.batch_axes(node.name)
    more = seen.shape[frames] - int(make.traced.length * ratio)
    if more > -delay and delay * stride > max(0, x.delay):  # its last frames see padding behind
        ahead_of = (delay * stride - max(0, x.delay)) / x.ratio
        allow(make, node, ahead_of, "is padded on both sides", "pad it on the left alone")
    if padding:
        x = make.blank(x, node.name)
    x = make.later(x, delay * stride - ahead, node.name)
    back = None if x.back is None else x.back + int((size - 1) / x.ratio)
    if (frames, batch) != (x.frames, x.batch):
        raise make.refuse(node, "moves the axis of frames")
    rest = [size for i, size in enumerate(seen.shape) if i not in (frames, batch)]
    ref = make.through(node.name, path, x, rest)
    return Frames(ref, tuple(seen.shape), frames, batch, ratio, delay, more, back)


def _as_channels(make: Building, node: fx.Node, x: Frames) -> None:
    """A layer of windows reads (B, C, T)."""
    if len(x.shape) != 3 or x.frames != 2:
        raise make.refuse(node, "does not have its frames on the last axis of three")


def _conv(make: Building, node: fx.Node) -> Value:
    x = input_of(make, node)
    layer = make.module(node)
    assert isinstance(layer, nn.Conv1d)
    _as_channels(make, node, x)
    part = _conv_part(make, node, layer)
    path = make.put(node, part)
    return _window(make, node, x, part, path, part.span, _left(make, node, layer))


def _conv_part(make: Building, node: fx.Node, layer: nn.Conv1d) -> Conv1d:
    if layer.padding_mode != "zeros":
        raise make.refuse(node, f"pads with {layer.padding_mode}; a stream begins with zeros")
    part = Conv1d(
        layer.in_channels,
        layer.out_channels,
        only(layer.kernel_size),
        stride=only(layer.stride),
        dilation=only(layer.dilation),
        groups=layer.groups,
        bias=layer.bias is not None,
    )
    part.conv.weight, part.conv.bias = layer.weight, layer.bias
    return part.train(layer.training)


def _left(make: Building, node: fx.Node, layer: nn.Conv1d) -> int:
    if layer.padding == "valid":
        return 0
    if layer.padding == "same":
        return only(layer.dilation) * (only(layer.kernel_size) - 1) // 2
    return only(layer.padding)


def _conv_function(make: Building, node: fx.Node) -> Value:
    given = bound(node, ("input", "weight", "bias", "stride", "padding", "dilation", "groups"))
    weight, bias = given["weight"], given.get("bias")
    fixed = [weight] if bias is None else [weight, bias]
    if not all(isinstance(one, fx.Node) and one.op == "get_attr" for one in fixed):
        raise make.refuse(node, "has a weight that is made anew; let it be a parameter")
    weights = make.seen(weight)
    layer = nn.Conv1d(
        weights.shape[1] * only(given.get("groups", 1)),
        weights.shape[0],
        weights.shape[2],
        stride=only(given.get("stride", 1)),
        padding=given.get("padding", 0),
        dilation=only(given.get("dilation", 1)),
        groups=only(given.get("groups", 1)),
        bias=bias is not None,
    ).eval()
    layer.weight = nn.Parameter(weights)
    layer.bias = None if bias is None else nn.Parameter(make.seen(bias))
    x = input_of(make, node)
    _as_channels(make, node, x)
    part = _conv_part(make, node, layer)
    path = make.beside(node.name, part)
    return _window(make, node, x, part, path, part.span, _left(make, node, layer))


def _pool(make: Building, node: fx.Node) -> Value | None:
    names: tuple[str, ...]
    if node.op == "call_module":
        layer: Any = make.module(node)
        size, stride, padding = only(layer.kernel_size), only(layer.stride), only(layer.padding)
        ceil, dilation = layer.ceil_mode, only(getattr(layer, "dilation", 1))
        kind = "max" if isinstance(layer, nn.MaxPool1d) else "mean"
    else:
        kind = "mean" if node.target is F.avg_pool1d else "max"
        names = ("input", "kernel_size", "stride", "padding")
        names += ("ceil_mode",) if kind == "mean" else ("dilation", "ceil_mode")
        given = bound(node, names)
        size = only(given["kernel_size"])
        stride = only(given.get("stride") or size)
        padding, ceil = only(given.get("padding", 0)), given.get("ceil_mode", False)
        dilation = only(given.get("dilation", 1))
    x = input_of(make, node)
    if x.frames != len(x.shape) - 1:
        return None  # it pools channels
    _as_channels(make, node, x)
    if padding or ceil or dilation != 1 or stride > size:
        raise make.refuse(
            node,
            f"pools with padding {padding}, ceil_mode {ceil}, dilation {dilation}, stride {stride} "
            f"of {size}; a step needs no padding, ceil_mode=False, dilation=1 and no more than "
            "the window for a stride",
        )
    part = Pool(kind, x.shape[1], size, stride=stride)
    path = make.beside(node.name, part)
    return _window(make, node, x, part, path, size, 0)


RULES: Mapping[Any, Rule] = {
    nn.Conv1d: _conv,
    F.conv1d: _conv_function,
    **all_of(_pool, nn.MaxPool1d, nn.AvgPool1d, F.max_pool1d, torch.max_pool1d, F.avg_pool1d),
}
