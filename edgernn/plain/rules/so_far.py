"""What sums up all frames: as they are until now."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from edgernn.layers.pooling import RunningMean
from edgernn.layers.so_far import AttentionSoFar, MaxSoFar, MeanSoFar
from edgernn.plain.build import Building, Rule
from edgernn.plain.network import joined
from edgernn.plain.rules.common import all_of, axis_of, bound, input_of, reduced
from edgernn.plain.trace import only
from edgernn.plain.values import Frames, Missing, Rows, Several, Shares, Value


def _softmax(make: Building, node: fx.Node) -> Value | None:
    x = make.value(node.args[0])
    if not isinstance(x, Frames):
        return None
    if node.op == "call_module":
        dim = getattr(make.module(node), "dim", None)
    else:
        dim = bound(node, ("input", "dim")).get("dim")
    if dim is None or axis_of(dim, x) != x.frames:
        return None
    return Shares(make.begun(x, node.name))


def _times(make: Building, node: fx.Node) -> Value | None:
    """A softmax over frames by the values that it weighs."""
    one, other = (make.value(arg) for arg in node.args[:2])
    if isinstance(other, Shares):
        one, other = other, one
    if not isinstance(one, Shares) or one.over is not None or not isinstance(other, Frames):
        return None
    return replace(one, over=other)


def _moved(make: Building, node: fx.Node) -> Value | None:
    """Shapes of a softmax over frames are those of its scores."""
    value = make.value(node.args[0])
    if not isinstance(value, Shares) or value.over is not None:
        return None
    (axis,), (batch,) = make.traced.frames_axes(node.name), make.traced.batch_axes(node.name)
    ref = make.done(node, instead={node.all_input_nodes[0].name: value.scores})
    shape = tuple(make.seen(node).shape)
    return Shares(replace(value.scores, ref=ref, shape=shape, frames=axis, batch=batch))


def _product(make: Building, node: fx.Node) -> Value | None:
    """Batched or not, the product of a softmax over frames with what it weighs."""
    shares = _times(make, node)
    return _weighted(make, node, shares) if isinstance(shares, Shares) else None


def _weighted(make: Building, node: fx.Node, shares: Shares) -> Value:
    scores, over = shares.scores, shares.over
    assert over is not None
    count, width = prod(scores.rest), prod(over.rest)
    if count not in (1, width) or make.traced.frames_axes(node.name):
        raise make.refuse(node, f"weighs {width} values by {count} softmaxes over frames")
    if (scores.delay, scores.more) != (over.delay, over.more) or scores.ratio != over.ratio:
        raise make.refuse(node, "weighs frames by scores that come at another time")
    path = make.beside(node.name, make.late(AttentionSoFar(count, width), over))
    source = make.do(f"{node.name}.in", "function", joined, make.frames(scores), make.frames(over))
    return make.rows(node, path, over, source)


def _sum(make: Building, node: fx.Node) -> Value | None:
    value = make.value(node.args[0])
    axis = reduced(node)
    if isinstance(value, Shares) and value.over is not None and axis is not None:
        return _weighted(make, node, value)
    if isinstance(value, Frames) and axis is not None and axis_of(axis, value) == value.frames:
        raise make.refuse(node, "sums over all frames, which grows without end; take their mean")
    return None


def _mean(make: Building, node: fx.Node) -> Value | None:
    x, axis = make.value(node.args[0]), reduced(node)
    if not isinstance(x, Frames) or axis is None or axis_of(axis, x) != x.frames:
        return None
    return _mean_of(make, node, x)


def _mean_of(make: Building, node: fx.Node, x: Frames) -> Value:
    x = make.begun(x, node.name)
    width = prod(x.rest)
    if make.mean is None:
        raise make.refuse(
            node,
            "is a mean over all frames, and a stream has no end; choose what it is at each frame: "
            'mean="so far" for the mean of all frames until then, mean=0.02 for an exponential '
            "mean of about the last 50",
        )
    part = MeanSoFar(width) if make.mean == "so far" else RunningMean(width, float(make.mean))
    make.exact = make.exact and make.mean == "so far"
    path = make.beside(node.name, make.late(part, x))
    return make.rows(node, path, x, make.frames(x))


def _max(make: Building, node: fx.Node) -> Value | None:
    x, axis = make.value(node.args[0]), reduced(node)
    if not isinstance(x, Frames) or axis is None or axis_of(axis, x) != x.frames:
        return None
    rows = _max_of(make, node, x)
    if isinstance(make.seen(node), Tensor):
        return rows
    why = f"{make.where(node)}: a step does not know where the maximum lay"
    return Several((rows, Missing(why)))


def _max_of(make: Building, node: fx.Node, x: Frames) -> Rows:
    x = make.begun(x, node.name)
    path = make.beside(node.name, make.late(MaxSoFar(prod(x.rest)), x))
    return make.rows(node, path, x, make.frames(x))


def _adaptive(make: Building, node: fx.Node) -> Value | None:
    x = input_of(make, node)
    size = (
        getattr(make.module(node), "output_size", None)
        if node.op == "call_module"
        else bound(node, ("input", "output_size"))["output_size"]
    )
    if only(size) != 1 or x.frames != len(x.shape) - 1:
        raise make.refuse(node, "cuts a recording into parts of its length, which no stream has")
    maximum = node.target is F.adaptive_max_pool1d or (
        node.op == "call_module" and isinstance(make.module(node), nn.AdaptiveMaxPool1d)
    )
    return _max_of(make, node, x) if maximum else _mean_of(make, node, x)


RULES: Mapping[Any, Rule] = {
    **all_of(_softmax, torch.softmax, F.softmax, "softmax", nn.Softmax),
    **all_of(_times, operator.mul, torch.mul, "mul"),
    **all_of(_product, operator.matmul, torch.matmul, torch.bmm, "matmul", "bmm"),
    **all_of(_moved, "unsqueeze", "squeeze", "transpose", "permute", nn.Dropout, F.dropout),
    **all_of(_moved, torch.unsqueeze, torch.squeeze, torch.transpose, torch.permute),
    **all_of(_sum, torch.sum, "sum"),
    **all_of(_mean, torch.mean, "mean"),
    **all_of(_max, torch.max, torch.amax, "max", "amax"),
    **all_of(_adaptive, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d),
    **all_of(_adaptive, F.adaptive_avg_pool1d, F.adaptive_max_pool1d),
}
