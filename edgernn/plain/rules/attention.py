"""Attention under a mask that is the same window around each frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgernn.layers.attention import Window, WindowAttention
from edgernn.plain.build import Building, Rule
from edgernn.plain.network import from_frames, joined
from edgernn.plain.rules.common import allow, bound, input_of, need_time
from edgernn.plain.values import Fixed, Frames, Missing, Several, Value

MASKED = -1e4  # of a mask that is added: less is not attended to


def _attention(make: Building, node: fx.Node) -> Value:
    layer = make.module(node)
    assert isinstance(layer, nn.MultiheadAttention)
    names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
    given = bound(node, names)
    x = make.begun(input_of(make, node), node.name)
    if any(given[name] is not given["query"] for name in ("key", "value")):
        raise make.refuse(node, "attends to something else than it asks with; a step reads one")
    if given.get("key_padding_mask") is not None:
        raise make.refuse(node, "is given a mask of padding, which no stream has")
    need_time(make, node, x, layer.batch_first)
    odd = [name for name in ("bias_k", "bias_v") if getattr(layer, name) is not None]
    if odd or layer.add_zero_attn or not layer._qkv_same_embed_dim:
        raise make.refuse(node, "has keys of its own or of another width")
    left, right = _band(make, node, given.get("attn_mask"), shut=True)
    if right:
        allow(make, node, right / x.ratio, "attends ahead", "mask what is ahead")
    part = _attention_part(layer, left, right)
    path = make.put(node, make.late(part.train(layer.training), x))
    seen = make.seen(node)[0]
    delay = x.delay + right
    back = None if x.back is None else x.back + int((left + right) / x.ratio)
    ref = make.through(f"{node.name}.y", path, x)
    y = replace(x, ref=ref, shape=tuple(seen.shape), delay=delay, back=back)
    return Several((y, Missing(f"{make.where(node)}: a step gives no weights of its attention")))


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
    given = bound(node, names)
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
        allow(make, node, right / q.ratio, "attends ahead", "mask what is ahead")
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


RULES: Mapping[Any, Rule] = {
    nn.MultiheadAttention: _attention,
    F.scaled_dot_product_attention: _dot_product,
}
