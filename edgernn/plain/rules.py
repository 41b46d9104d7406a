"""What reaches along time, and the layer of ours that streams it: one rule an operation.

A rule gives the value of a node, or None where what it sees is nothing along time. The frames of
a window are counted from the right: a convolution whose newest frame is that of the stream is done
as it is, one that the module pads on both sides comes later by what it sees ahead.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from edgernn.from_torch import cell_of, from_torch
from edgernn.layers.attention import Window, WindowAttention
from edgernn.layers.chunked import Chunked
from edgernn.layers.conv import Conv1d
from edgernn.layers.dropout import Dropout
from edgernn.layers.late import Late
from edgernn.layers.norm import BatchNorm
from edgernn.layers.pooling import Pool, RunningMean
from edgernn.layers.so_far import AttentionSoFar, MaxSoFar, MeanSoFar
from edgernn.plain.build import Building, Rule
from edgernn.plain.network import from_frames, joined, stacked_rows
from edgernn.plain.values import Fixed, Frames, Missing, Ref, Rows, Several, Shares, Value
from edgernn.streaming import Sequential, Streaming

MASKED = -1e4  # of a mask that is added: less is not attended to


# ---- windows


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
        _allow(make, node, x, (delay * stride - max(0, x.delay)) / x.ratio)
    if padding:
        x = make.blank(x, node.name)
    x = make.later(x, delay * stride - ahead, node.name)
    back = None if x.back is None else x.back + int((size - 1) / x.ratio)
    if (frames, batch) != (x.frames, x.batch):
        raise make.refuse(node, "moves the axis of frames")
    ref = make.through(node.name, path, x, [seen.shape[i] for i in _others(seen, frames, batch)])
    return Frames(ref, tuple(seen.shape), frames, batch, ratio, delay, more, back)


def _allow(make: Building, node: fx.Node, x: Frames, frames: Fraction) -> None:
    if frames > make.delay:
        raise make.refuse(
            node,
            f"is padded on both sides, so that it sees {float(frames):g} frames of the input "
            "ahead; pad it on the left alone, or allow that its output comes later: "
            f"delay={float(frames):g}",
        )
    make.delay -= int(frames)


def _others(seen: Tensor, *axes: int) -> list[int]:
    return [i for i in range(seen.dim()) if i not in axes]


def _one(number: Any) -> int:
    return int(number[0]) if isinstance(number, (tuple, list)) else int(number)


def _as_channels(make: Building, node: fx.Node, x: Frames) -> None:
    """A layer of windows reads (B, C, T)."""
    if len(x.shape) != 3 or x.frames != 2:
        raise make.refuse(node, "does not have its frames on the last axis of three")


def _conv(make: Building, node: fx.Node) -> Value:
    x = _input(make, node)
    layer = make.module(node)
    assert isinstance(layer, nn.Conv1d)
    _as_channels(make, node, x)
    part = _conv_part(make, node, layer)
    path = str(node.target)
    make.put(path, part)
    return _window(make, node, x, part, path, part.span, _left(make, node, layer))


def _conv_part(make: Building, node: fx.Node, layer: nn.Conv1d) -> Conv1d:
    if layer.padding_mode != "zeros":
        raise make.refuse(node, f"pads with {layer.padding_mode}; a stream begins with zeros")
    part = Conv1d(
        layer.in_channels,
        layer.out_channels,
        _one(layer.kernel_size),
        stride=_one(layer.stride),
        dilation=_one(layer.dilation),
        groups=layer.groups,
        bias=layer.bias is not None,
    )
    part.conv.weight, part.conv.bias = layer.weight, layer.bias
    return part.train(layer.training)


def _left(make: Building, node: fx.Node, layer: nn.Conv1d) -> int:
    if layer.padding == "valid":
        return 0
    if layer.padding == "same":
        return _one(layer.dilation) * (_one(layer.kernel_size) - 1) // 2
    return _one(layer.padding)


def _conv_function(make: Building, node: fx.Node) -> Value:
    given = _bound(node, ("input", "weight", "bias", "stride", "padding", "dilation", "groups"))
    weight, bias = given["weight"], given.get("bias")
    fixed = [weight] if bias is None else [weight, bias]
    if not all(isinstance(one, fx.Node) and one.op == "get_attr" for one in fixed):
        raise make.refuse(node, "has a weight that is made anew; let it be a parameter")
    weights = make.seen(weight)
    layer = nn.Conv1d(
        weights.shape[1] * _one(given.get("groups", 1)),
        weights.shape[0],
        weights.shape[2],
        stride=_one(given.get("stride", 1)),
        padding=given.get("padding", 0),
        dilation=_one(given.get("dilation", 1)),
        groups=_one(given.get("groups", 1)),
        bias=bias is not None,
    ).eval()
    layer.weight = nn.Parameter(weights)
    layer.bias = None if bias is None else nn.Parameter(make.seen(bias))
    x = _input(make, node)
    _as_channels(make, node, x)
    part = _conv_part(make, node, layer)
    path = make.beside(node.name, part)
    return _window(make, node, x, part, path, part.span, _left(make, node, layer))


def _pool(make: Building, node: fx.Node) -> Value | None:
    names: tuple[str, ...]
    if node.op == "call_module":
        layer: Any = make.module(node)
        size, stride, padding = _one(layer.kernel_size), _one(layer.stride), _one(layer.padding)
        ceil, dilation = layer.ceil_mode, _one(getattr(layer, "dilation", 1))
        kind = "max" if isinstance(layer, nn.MaxPool1d) else "mean"
    else:
        kind = "mean" if node.target is F.avg_pool1d else "max"
        names = ("input", "kernel_size", "stride", "padding")
        names += ("ceil_mode",) if kind == "mean" else ("dilation", "ceil_mode")
        given = _bound(node, names)
        size = _one(given["kernel_size"])
        stride = _one(given.get("stride") or size)
        padding, ceil = _one(given.get("padding", 0)), given.get("ceil_mode", False)
        dilation = _one(given.get("dilation", 1))
    x = _input(make, node)
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


def _padded(make: Building, node: fx.Node) -> Value | None:
    if node.op == "call_module":
        layer: Any = make.module(node)
        pads, value = list(layer.padding), getattr(layer, "value", 0)
        mode = "constant"
    else:
        given = _bound(node, ("input", "pad", "mode", "value"))
        pads, mode = list(given["pad"]), given.get("mode", "constant")
        value = given.get("value") or 0
    x = _input(make, node)
    at = 2 * (len(x.shape) - 1 - x.frames)  # pads begin with the last axis
    left, right = pads[at : at + 2] if at + 1 < len(pads) else (0, 0)
    if not left and not right:
        return None
    if any(pads[:at]) or any(pads[at + 2 :]):
        raise make.refuse(node, "pads frames and another axis at once; do it one after the other")
    if mode != "constant" or value:
        raise make.refuse(node, "pads frames with something else than zeros")
    return _cut(make, node, x, -left)


def _cut(make: Building, node: fx.Node, x: Frames, first: int) -> Frames:
    """Without the first frames, or with so many zeros in front; what is at the end is no matter."""
    if first < 0:
        x = make.blank(x, node.name)
    shape = tuple(make.seen(node).shape)
    more = x.more + shape[x.frames] - x.shape[x.frames]
    ref = make.do(node.name, "function", _same, x.ref)
    return replace(x, ref=ref, shape=shape, delay=x.delay + first, more=more)


def _same(x: Tensor) -> Tensor:
    return x


# ---- items


def _item(make: Building, node: fx.Node) -> Value | None:
    whole, index = node.args
    value = make.value(whole)
    if isinstance(value, Several):
        assert isinstance(index, int)
        item: Value = value.values[index]
        return item
    if isinstance(value, Frames):
        return _frames_item(make, node, value, index if isinstance(index, tuple) else (index,))
    return None


def _frames_item(make: Building, node: fx.Node, x: Frames, index: tuple[Any, ...]) -> Value | None:
    if Ellipsis in index:
        at = index.index(Ellipsis)
        rest = len(x.shape) - sum(one is not None for one in index) + 1
        index = (*index[:at], *[slice(None)] * rest, *index[at + 1 :])
    if None in index or len(index) <= x.frames:
        return None
    others = [one for i, one in enumerate(index) if i != x.frames]
    one = index[x.frames]
    if one == slice(None):
        return None
    if any(other != slice(None) for other in others):
        raise make.refuse(node, "picks frames and something else at once; do it in two steps")
    if isinstance(one, int):
        return _picked(make, node, x, one)
    if not isinstance(one, slice) or one.step not in (None, 1):
        raise make.refuse(node, "picks single frames; a step passes all of them on")
    first = _number(make, one.start)
    count = make.seen(node).shape[x.frames]
    short = make.traced.short[node.name].shape[x.frames]
    if first < 0 or make.traced.length - make.traced.fewer != (count - short) / x.ratio:
        raise make.refuse(node, "keeps the end of a recording, which a stream has none of")
    return _cut(make, node, x, first)


def _number(make: Building, given: Any) -> int:
    if isinstance(given, fx.Node):
        seen = make.seen(given)
        return -1 if seen != make.traced.short[given.name] else int(seen)
    return 0 if given is None else int(given)


def _picked(make: Building, node: fx.Node, x: Frames, place: int) -> Value:
    if place not in (-1, x.shape[x.frames] - 1):
        raise make.refuse(node, f"picks frame {place}; a step has the newest alone, [-1]")
    return make.as_rows(node, x, make.frames(x))


def _select(make: Building, node: fx.Node) -> Value | None:
    given = _bound(node, ("input", "dim", "index"))
    x = _input(make, node)
    if _axis(given["dim"], x) != x.frames:
        return None
    return _picked(make, node, x, given["index"])


# ---- recurrent layers


def _recurrent(make: Building, node: fx.Node) -> Value:
    layer, path, x = make.module(node), str(node.target), _input(make, node)
    assert isinstance(layer, nn.RNNBase)
    if layer.bidirectional and make.chunk is None:
        raise make.refuse(
            node,
            "is bidirectional: it reads a stream from its end. Train it with bidirectional=False, "
            "or let it read by chunks, as near as that is: chunk=(16, 8) for 16 frames at a time "
            "and 8 ahead",
        )
    begins = node.args[1] if len(node.args) > 1 else node.kwargs.get("hx")
    for one in begins if isinstance(begins, tuple) else [begins]:
        if one is not None and not _is_zero(make, one):
            raise make.refuse(node, "begins with a state that is given; a stream begins with zeros")
    if len(x.shape) != 3:
        raise make.refuse(node, "reads one recording without an axis of rows; give it one")
    parts = _cells(make, layer, path, x)
    make.put(path, nn.ModuleDict(parts) if layer.num_layers > 1 else parts[FIRST])
    ref, told, delay = make.frames(x), [], x.delay
    for name, part in parts.items():
        at = f"{path}.{name}" if layer.num_layers > 1 else path
        ref = make.do(f"{node.name}.{name}", "part", at, ref)
        delay += part.timing.delay
        if not isinstance(part, Dropout):
            told.append(ref)
    seen = make.seen(node)[0]
    y = Frames(ref, tuple(seen.shape), x.frames, x.batch, x.ratio, delay, x.more, None)
    if (x.batch, x.frames) != (0, 1):
        y = replace(y, ref=make.do(f"{node.name}.y", "function", _swapped, ref))
    last = _last_states(make, node, y, told)
    why = f"{make.where(node)} has no c of each frame; take the last frame of its output instead"
    return Several((y, Several((last, Missing(why))) if isinstance(layer, nn.LSTM) else last))


FIRST = "l0"


def _cells(make: Building, layer: nn.RNNBase, path: str, x: Frames) -> dict[str, Streaming]:
    """The layers of a stack, each begun with its first real frame."""
    if not layer.bidirectional:
        part = from_torch(layer, path)
        cells = {FIRST: part} if layer.num_layers == 1 else cast(Sequential, part).layers
        return {
            name: one if isinstance(one, Dropout) else make.late(one, x)
            for name, one in cells.items()
        }
    assert make.chunk is not None
    frames, ahead = make.chunk
    make.exact = False
    make.blocks.append(int(frames / x.ratio))
    parts: dict[str, Streaming] = {}
    for at in range(layer.num_layers):
        onward, back = cell_of(layer, at), cell_of(layer, at, reverse=True)
        width = layer.input_size if at == 0 else 2 * (layer.proj_size or layer.hidden_size)
        late = x.delay + at * ahead
        begun = Late(onward, late) if late > 0 else onward
        parts[f"l{at}"] = Chunked(begun, back, width, chunk=frames, ahead=ahead)
    return parts


def _last_states(make: Building, node: fx.Node, x: Frames, told: list[Ref]) -> Value:
    if not x.last:
        return Missing(
            f"{make.where(node)}: its last state has seen padding behind the end, which no stream "
            "has; pad the layers before it on the left alone"
        )
    ref = make.do(f"{node.name}.h", "function", stacked_rows, *told)
    return Rows(ref, 1, x.ratio, x.delay, None)


def _swapped(x: Tensor) -> Tensor:
    return x.transpose(0, 1)


def _is_zero(make: Building, given: Any) -> bool:
    if not isinstance(given, fx.Node) or not isinstance(make.value(given), Fixed):
        return False
    return not bool(make.seen(given).any())


# ---- attention


def _attention(make: Building, node: fx.Node) -> Value:
    layer, path = make.module(node), str(node.target)
    assert isinstance(layer, nn.MultiheadAttention)
    names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
    given = _bound(node, names)
    x = _input(make, node)
    if any(given[name] is not given["query"] for name in ("key", "value")):
        raise make.refuse(node, "attends to something else than it asks with; a step reads one")
    if given.get("key_padding_mask") is not None:
        raise make.refuse(node, "is given a mask of padding, which no stream has")
    odd = [name for name in ("bias_k", "bias_v") if getattr(layer, name) is not None]
    if odd or layer.add_zero_attn or not layer._qkv_same_embed_dim:
        raise make.refuse(node, "has keys of its own or of another width")
    left, right = _band(make, node, given.get("attn_mask"), shut=True)
    if right:
        _allow_ahead(make, node, right, x)
    part = _attention_part(layer, left, right)
    make.put(path, make.late(part.train(layer.training), x))
    x = make.later(x, max(0, -x.delay), node.name)
    seen = make.seen(node)[0]
    delay = x.delay + right
    back = None if x.back is None else x.back + int((left + right) / x.ratio)
    ref = make.through(f"{node.name}.y", path, x)
    y = replace(x, ref=ref, shape=tuple(seen.shape), delay=delay, back=back)
    return Several((y, Missing(f"{make.where(node)}: a step gives no weights of its attention")))


def _allow_ahead(make: Building, node: fx.Node, right: int, x: Frames) -> None:
    frames = float(right / x.ratio)
    if frames > make.delay:
        raise make.refuse(
            node,
            f"attends to {frames:g} frames of the input ahead; mask what is ahead, or allow that "
            f"its output comes later: delay={frames:g}",
        )
    make.delay -= int(frames)


def _band(make: Building, node: fx.Node, mask: Any, *, shut: bool) -> tuple[int, int]:
    """Frames back and ahead that a mask lets through; a boolean one has `shut` for the others."""
    if not isinstance(mask, fx.Node) or not isinstance(make.value(mask), Fixed):
        raise make.refuse(node, f"attends to the future and to all of the past; {_LIMIT}")
    seen = make.seen(mask)
    if seen.dim() != 2 or seen.shape[0] != seen.shape[1]:
        raise make.refuse(node, f"has a mask of {tuple(seen.shape)}; need (frames, frames)")
    open_ = seen != shut if seen.dtype == torch.bool else seen > MASKED
    if seen.dtype != torch.bool and bool(seen[open_].any()):
        raise make.refuse(node, "adds something else than 0 and -inf to its scores")
    at = torch.arange(len(seen))
    distance = at[None] - at[:, None]
    if not bool(open_.any()):
        raise make.refuse(node, "attends to nothing")
    left, right = int(-distance[open_].min()), int(distance[open_].max())
    if not bool((open_ == ((distance >= -left) & (distance <= right))).all()):
        raise make.refuse(node, "has a mask that is not the same window around each frame")
    if left >= len(seen) - 1 or right >= len(seen) - 1:
        ahead = "the future and to " if right >= len(seen) - 1 else ""
        raise make.refuse(
            node, f"attends to {ahead}all of the past, {len(seen)} frames of the example; {_LIMIT}"
        )
    return left, max(0, right)


def _dot_product(make: Building, node: fx.Node) -> Value:
    """F.scaled_dot_product_attention: three streams of one shape, (rows, heads, frames, width)."""
    names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
    given = _bound(node, names)
    some = [make.value(given[name]) for name in names[:3]]
    shapes = {(x.shape, x.frames, x.batch) for x in some if isinstance(x, Frames)}
    if len(shapes) != 1 or not all(isinstance(x, Frames) for x in some):
        raise make.refuse(node, "needs queries, keys and values of one shape, made of frames")
    ((shape, frames, batch),) = shapes
    if len(shape) not in (3, 4) or frames != len(shape) - 2 or batch != 0:
        raise make.refuse(node, "needs (batch, heads, frames, width) or (batch, frames, width)")
    if given.get("scale") is not None or given.get("dropout_p"):
        raise make.refuse(node, "has a scale of its own or dropout; scale the queries before it")
    if given.get("is_causal"):
        raise make.refuse(node, f"attends to all of the past (is_causal); {_LIMIT}")
    left, right = _band(make, node, given.get("attn_mask"), shut=False)
    q, k, v = make.together(node)
    if right:
        _allow_ahead(make, node, right, q)
    heads, width = shape[1] if len(shape) == 4 else 1, shape[-1]
    path = make.beside(node.name, make.late(Window(heads, width, left, right), q))
    source = make.do(f"{node.name}.qkv", "function", joined, *map(make.frames, (q, k, v)))
    told = make.do(f"{node.name}.out", "part", path, source)
    ref = told
    if not q.plain:
        ref = make.do(node.name, "function", from_frames, told, q.batch, q.frames, q.rest)
    back = None if q.back is None else q.back + int((left + right) / q.ratio)
    return replace(q, ref=ref, delay=q.delay + right, back=back)


_LIMIT = (
    "a step remembers a number of frames: limit it by attn_mask, as "
    "~torch.ones(T, T, dtype=torch.bool).tril().triu(-32) for 32 frames back"
)


def _attention_part(layer: nn.MultiheadAttention, left: int, right: int) -> WindowAttention:
    """The same weights; a bias of keys changes no softmax, so it is left out."""
    width, heads = layer.embed_dim, layer.num_heads
    part = WindowAttention(width, heads, left, right)
    weight, bias = layer.in_proj_weight.detach(), layer.in_proj_bias
    with torch.no_grad():
        for at, one in enumerate((part.query, part.key, part.value)):
            rows = slice(at * width, (at + 1) * width)
            one.linear.weight.copy_(weight[rows])
            if one.linear.bias is not None:
                one.linear.bias.copy_(torch.zeros(width) if bias is None else bias[rows])
        part.output.linear.weight.copy_(layer.out_proj.weight)
        own = layer.out_proj.bias
        part.output.linear.bias.copy_(torch.zeros(width) if own is None else own)
    return part


# ---- over all frames


def _softmax(make: Building, node: fx.Node) -> Value | None:
    x = make.value(node.args[0])
    if not isinstance(x, Frames):
        return None
    if node.op == "call_module":
        dim = getattr(make.module(node), "dim", None)
    else:
        dim = _bound(node, ("input", "dim")).get("dim")
    if dim is None or _axis(dim, x) != x.frames:
        return None
    return Shares(x)


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
    source = next(one for one in node.all_input_nodes)
    make.values[source.name] = value.scores
    ref = make._done(node)
    make.values[source.name] = value
    shape = tuple(make.seen(node).shape)
    return Shares(replace(value.scores, ref=ref, shape=shape, frames=axis, batch=batch))


def _product(make: Building, node: fx.Node) -> Value | None:
    """Batched or not, the product of a softmax over frames with what it weighs."""
    shares = _times(make, node)
    return _weighted(make, node, shares) if isinstance(shares, Shares) else None


def _weighted(make: Building, node: fx.Node, shares: Shares) -> Value:
    scores, over = shares.scores, shares.over
    assert over is not None
    count, width = _count(scores), _count(over)
    if count not in (1, width) or make.traced.frames_axes(node.name):
        raise make.refuse(node, f"weighs {width} values by {count} softmaxes over frames")
    if (scores.delay, scores.more) != (over.delay, over.more) or scores.ratio != over.ratio:
        raise make.refuse(node, "weighs frames by scores that come at another time")
    path = make.beside(node.name, make.late(AttentionSoFar(count, width), over))
    source = make.do(f"{node.name}.in", "function", joined, make.frames(scores), make.frames(over))
    return make.rows(node, path, over, source)


def _count(x: Frames) -> int:
    count = 1
    for size in x.rest:
        count *= size
    return count


def _sum(make: Building, node: fx.Node) -> Value | None:
    value = make.value(node.args[0])
    axis = _reduced(node)
    if isinstance(value, Shares) and value.over is not None and axis is not None:
        return _weighted(make, node, value)
    if isinstance(value, Frames) and axis is not None and _axis(axis, value) == value.frames:
        raise make.refuse(node, "sums over all frames, which grows without end; take their mean")
    return None


def _mean(make: Building, node: fx.Node) -> Value | None:
    x, axis = make.value(node.args[0]), _reduced(node)
    if not isinstance(x, Frames) or axis is None or _axis(axis, x) != x.frames:
        return None
    return _mean_of(make, node, x)


def _mean_of(make: Building, node: fx.Node, x: Frames) -> Value:
    width = _count(x)
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
    x, axis = make.value(node.args[0]), _reduced(node)
    if not isinstance(x, Frames) or axis is None or _axis(axis, x) != x.frames:
        return None
    path = make.beside(node.name, make.late(MaxSoFar(_count(x)), x))
    rows = make.rows(node, path, x, make.frames(x))
    if isinstance(make.seen(node), Tensor):
        return rows
    why = f"{make.where(node)}: a step does not know where the maximum lay"
    return Several((rows, Missing(why)))


def _adaptive(make: Building, node: fx.Node) -> Value | None:
    x = _input(make, node)
    size = (
        getattr(make.module(node), "output_size", None)
        if node.op == "call_module"
        else _bound(node, ("input", "output_size"))["output_size"]
    )
    if _one(size) != 1 or x.frames != len(x.shape) - 1:
        raise make.refuse(node, "cuts a recording into parts of its length, which no stream has")
    maximum = node.target is F.adaptive_max_pool1d or (
        node.op == "call_module" and isinstance(make.module(node), nn.AdaptiveMaxPool1d)
    )
    if not maximum:
        return _mean_of(make, node, x)
    path = make.beside(node.name, make.late(MaxSoFar(_count(x)), x))
    return make.rows(node, path, x, make.frames(x))


# ---- frame by frame, but not as torch has it


def _batch_norm(make: Building, node: fx.Node) -> Value | None:
    layer, x = make.module(node), make.value(node.args[0])
    assert isinstance(layer, nn.BatchNorm1d)
    if not isinstance(x, Frames) or len(x.shape) != 3 or x.frames != 2:
        return None
    if not layer.affine or not layer.track_running_stats:
        raise make.refuse(node, "needs affine=True and track_running_stats=True to be a step")
    part = BatchNorm(layer.num_features, eps=layer.eps)
    part.norm = copy.copy(layer)
    path = str(node.target)
    make.put(path, part)
    return replace(x, ref=make.through(node.name, path, x), shape=tuple(make.seen(node).shape))


def _streams(make: Building, node: fx.Node) -> Value:
    """A layer that streams already, as it is."""
    x, path, part = _input(make, node), str(node.target), make.module(node)
    assert isinstance(part, Streaming)
    if not x.plain and len(x.shape) != 2:
        raise make.refuse(node, "reads (batch, frames, channels)")
    if part.timing.block != 1:
        raise make.refuse(node, f"takes blocks of {part.timing.block}; put it behind the module")
    x = make.later(x, max(0, -x.delay), node.name)
    if x.delay > 0:
        make.put(path, make.late(part, x))
    seen = make.seen(node)
    ref = make.do(node.name, "part", path, x.ref)
    return replace(
        x, ref=ref, shape=tuple(seen.shape), delay=x.delay + part.timing.delay, back=None
    )


def _refused(why: str) -> Rule:
    def rule(make: Building, node: fx.Node) -> Value:
        raise make.refuse(node, why)

    return rule


# ---- what is common to them


def _input(make: Building, node: fx.Node) -> Frames:
    first = node.args[0] if node.args else next(iter(node.kwargs.values()))
    value = make.value(first)
    if not isinstance(value, Frames):
        raise make.refuse(node, "reads something else than frames of the input")
    return value


def _bound(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    """Arguments by name, those that are given."""
    return {**dict(zip(names, node.args, strict=False)), **node.kwargs}


def _axis(dim: Any, x: Frames) -> int:
    dim = dim[0] if isinstance(dim, (tuple, list)) and len(dim) == 1 else dim
    return dim % len(x.shape) if isinstance(dim, int) else -1


def _reduced(node: fx.Node) -> Any:
    """The axis of a reduction."""
    given = _bound(node, ("input", "dim"))
    return given.get("dim", given.get("axis"))


def _all(rule: Rule, *targets: Any) -> dict[Any, Rule]:
    return dict.fromkeys(targets, rule)


RULES: Mapping[Any, Rule] = {
    Streaming: _streams,
    nn.Conv1d: _conv,
    F.conv1d: _conv_function,
    **_all(_pool, nn.MaxPool1d, nn.AvgPool1d, F.max_pool1d, torch.max_pool1d, F.avg_pool1d),
    **_all(_padded, F.pad, nn.ConstantPad1d, nn.ZeroPad1d),
    operator.getitem: _item,
    **_all(_select, torch.select, "select"),
    **_all(_recurrent, nn.RNN, nn.GRU, nn.LSTM),
    nn.MultiheadAttention: _attention,
    F.scaled_dot_product_attention: _dot_product,
    **_all(_softmax, torch.softmax, F.softmax, "softmax", nn.Softmax),
    **_all(_times, operator.mul, torch.mul, "mul"),
    **_all(_product, operator.matmul, torch.matmul, torch.bmm, "matmul", "bmm"),
    **_all(_moved, "unsqueeze", "squeeze", "transpose", "permute", torch.unsqueeze, torch.squeeze),
    **_all(_moved, torch.transpose, torch.permute, nn.Dropout, F.dropout),
    **_all(_sum, torch.sum, "sum"),
    **_all(_mean, torch.mean, "mean"),
    **_all(_max, torch.max, torch.amax, "max", "amax"),
    **_all(_adaptive, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d, F.adaptive_avg_pool1d),
    F.adaptive_max_pool1d: _adaptive,
    nn.BatchNorm1d: _batch_norm,
    **_all(
        _refused("turns a stream around, so that it begins with its end"),
        *(torch.flip, "flip"),
    ),
}
