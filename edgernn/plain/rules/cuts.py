"""Padding and slicing along time, and the items of tuples and tensors."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgernn.plain.build import Building, Rule
from edgernn.plain.rules.common import all_of, axis_of, bound, cut, input_of
from edgernn.plain.values import Frames, Several, Value


def _padded(make: Building, node: fx.Node) -> Value | None:
    if node.op == "call_module":
        layer: Any = make.module(node)
        pads, value = list(layer.padding), getattr(layer, "value", 0)
        mode = "constant"
    else:
        given = bound(node, ("input", "pad", "mode", "value"))
        pads, mode = list(given["pad"]), given.get("mode", "constant")
        value = given.get("value") or 0
    x = input_of(make, node)
    at = 2 * (len(x.shape) - 1 - x.frames)  # pads begin with the last axis
    left, right = pads[at : at + 2] if at + 1 < len(pads) else (0, 0)
    if not left and not right:
        return None
    if any(pads[:at]) or any(pads[at + 2 :]):
        raise make.refuse(node, "pads frames and another axis at once; do it one after the other")
    if mode != "constant" or value:
        raise make.refuse(node, "pads frames with something else than zeros")
    return cut(make, node, x, -left)


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
    return cut(make, node, x, first)


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
    given = bound(node, ("input", "dim", "index"))
    x = input_of(make, node)
    if axis_of(given["dim"], x) != x.frames:
        return None
    return _picked(make, node, x, given["index"])


RULES: Mapping[Any, Rule] = {
    **all_of(_padded, F.pad, nn.ConstantPad1d, nn.ZeroPad1d),
    operator.getitem: _item,
    **all_of(_select, torch.select, "select"),
}
