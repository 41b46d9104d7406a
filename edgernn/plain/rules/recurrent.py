"""Recurrent layers as our cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from torch import Tensor, fx, nn

from edgernn.from_torch import cell_of, from_torch
from edgernn.layers.chunked import Chunked
from edgernn.layers.dropout import Dropout
from edgernn.layers.late import Late
from edgernn.plain.build import Building, Rule
from edgernn.plain.network import stacked_rows
from edgernn.plain.rules.common import all_of, input_of, need_time
from edgernn.plain.values import Fixed, Frames, Missing, Ref, Rows, Several, Value
from edgernn.streaming import Sequential, Streaming


def _recurrent(make: Building, node: fx.Node) -> Value:
    layer, x = make.module(node), make.begun(input_of(make, node), node.name)
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
    need_time(make, node, x, layer.batch_first)
    parts = _cells(make, layer, make.where(node), x)
    path = make.put(node, nn.ModuleDict(parts) if layer.num_layers > 1 else parts[FIRST])
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


def _cells(make: Building, layer: nn.RNNBase, where: str, x: Frames) -> dict[str, Streaming]:
    """The layers of a stack, each begun with its first real frame."""
    if not layer.bidirectional:
        part = from_torch(layer, where)
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


RULES: Mapping[Any, Rule] = all_of(_recurrent, nn.RNN, nn.GRU, nn.LSTM)
