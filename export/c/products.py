"""Matrix products, convolutions and delta sums as kernel calls on views."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from edgernn.backend import Array
from edgernn.export.c.loops import Call, View
from edgernn.export.c.weights import Product
from edgernn.graph.ir import Node, Value

if TYPE_CHECKING:
    from edgernn.export.c.lower import Lowering


def strip_type(node: Node, dtype: str) -> str:
    """The strip type of an integer product: weight bits, and the input's type."""
    return "s8x16" if dtype == "int16" else f"s{node.attrs.get('bits', 8)}"


def gains(work: Lowering, node: Node) -> Array | None:
    """The gains (rows, chunks) of a product's weights, if it has any."""
    return work.graph.constants[node.inputs[4]] if len(node.inputs) > 4 else None


def scaling(node: Node) -> list[str]:
    """The arguments `lead` and `shift` of an integer kernel."""
    return [str(node.attrs["lead"]), str(node.attrs["shift"])]


def linear(work: Lowering, node: Node) -> None:
    """One product for each frame of the input."""
    x = work.contiguous(node.inputs[0])
    y = work.storage(node.output, work.graph.values[node.output])
    work.out.views[node.output] = y
    weight = work.graph.constants[node.inputs[1]]
    frames = y.cells.size // weight.shape[0]
    matvec(work, node, weight, x, y, frames, weight.shape[1])


def matvec(
    work: Lowering,
    node: Node,
    weight: Array,
    x: View,
    y: View,
    frames: int,
    hop: int,
    group: int = 0,
) -> None:
    """`frames` products of one matrix, the input advancing by `hop` elements.

    weight: the rows of this group, which write as many elements of every output frame.
    """
    rows = weight.shape[0]
    part = slice(group * rows, (group + 1) * rows)
    name = f"{node.inputs[1]}.group{group}" if group else node.inputs[1]
    constants, width = work.graph.constants, work.graph.values[node.output].shape[-1]
    repeat = {"repeat": frames, "advance": {id(x): hop, id(y): width}}
    if not node.op.startswith("q"):
        bias = np.zeros(rows, np.float32)
        if len(node.inputs) > 2:
            bias = constants[node.inputs[2]][part]
        made = work.out.weights.product_f32(name, weight, bias)
        work.call(made.kernel, [*made.before, x, y, *made.after], node, **repeat)
        return
    start, mult = (constants[name][part] for name in node.inputs[2:4])
    gain = gains(work, node)
    type_ = strip_type(node, work.graph.values[node.inputs[0]].dtype)
    made = work.out.weights.product_int(
        name, weight, (start, mult), type_, None if gain is None else gain[part]
    )
    room = _room(work, node, made)
    args = [*made.before, *scaling(node), x, room, y, *made.after]
    spare = [room] if isinstance(room, View) else []
    advance = {id(x): hop, id(y): width}
    call = Call(made.kernel, args, [x], [*spare, y], node.name, frames, advance)
    work.out.actions.append(call)


def _room(work: Lowering, node: Node, made: Product) -> View | str:
    """Scratch into which a kernel rewrites its input; `0` if it needs none."""
    if not made.room_bytes:
        return "0"
    name = work.graph.fresh(f"{node.output}:room{len(work.out.buffers)}")
    return work.storage(name, Value((made.room_bytes,), "int8"))


def conv1d(work: Lowering, node: Node) -> None:
    """A convolution over time as products on windows of its input."""
    x = work.contiguous(node.inputs[0])
    value = work.graph.values[node.output]
    weight = work.graph.constants[node.inputs[1]]
    y = work.storage(node.output, value)
    work.out.views[node.output] = y
    out, kernel, depth = weight.shape
    groups, frames, channels = node.attrs["groups"], value.shape[1], x.shape[2]
    stride, dilation = node.attrs["stride"], node.attrs["dilation"]
    if depth == 1 and groups == out == channels > 1:
        args = _depthwise_weights(work, node, weight[:, :, 0])
        tail = [str(channels), str(kernel), str(dilation * channels)]
        name = "depthwise_s8" if node.op.startswith("q") else "depthwise_f32"
        advance = {id(x): stride * channels, id(y): out}
        work.kernel_call(name, [*args, x, y, *tail], node, repeat=frames, advance=advance)
    elif dilation == 1 and groups == 1:
        matvec(work, node, weight.reshape(out, -1), x, y, frames, stride * channels)
    else:
        _grouped(work, node, weight, x, y)


def _grouped(work: Lowering, node: Node, weight: Array, x: View, y: View) -> None:
    """A convolution as one matrix a group, on windows copied into a row where they are not."""
    groups, frames = node.attrs["groups"], y.shape[1]
    out, kernel, depth = weight.shape
    rows, channels = out // groups, x.shape[2]
    shape = (frames, kernel, depth)
    steps = (node.attrs["stride"] * channels, node.attrs["dilation"] * channels, 1)
    value = Value((1, *shape), work.graph.values[node.inputs[0]].dtype)
    for g in range(groups):
        cells = as_strided(x.cells[0, :, g * depth :], shape, steps)
        window, hop = x.on(cells), steps[0]
        if kernel > 1:
            packed = work.storage(f"{node.output}:window{g}", value)
            target, hop = packed.on(packed.cells[0]), kernel * depth
            work.copy(window, target, value, node.inputs[0])
            window = target
        part = weight[g * rows : (g + 1) * rows].reshape(rows, -1)
        made = y.on(y.cells[:, :, g * rows : (g + 1) * rows])
        matvec(work, node, part, window, made, frames, hop, g)


def _depthwise_weights(work: Lowering, node: Node, weight: Array) -> list[str | View]:
    """Tables of a depthwise convolution, tap by tap."""
    constants, table = work.graph.constants, work.out.weights.table
    taps = table(node.inputs[1], weight.T)
    if node.op.startswith("q"):
        names = [table(n, constants[n]) for n in node.inputs[2:4]]
        return [taps, *names, *scaling(node)]
    bias = np.zeros(len(weight), np.float32)
    if len(node.inputs) > 2:
        bias = constants[node.inputs[2]]
    return [taps, table(f"{node.inputs[1]}.bias", bias)]


def qhold(work: Lowering, node: Node) -> None:
    """What has moved since it was held: lists for the delta sums, and the new held values."""
    dtype, block = work.graph.values[node.output].dtype, node.attrs["block"]
    limits = [str(node.attrs[key]) for key in ("limit", "last")]
    listed(work, node, strip_type(node, dtype), limits[: 1 if block == 1 else 2])


def listed(work: Lowering, node: Node, type_: str, limits: list[str]) -> None:
    """The lists of a hold, and the new held values. limits: as the kernel compares with them."""
    x, value = work.contiguous(node.inputs[0]), work.graph.values[node.output]
    held = work.storage(node.output, value)
    work.out.views[node.output] = held
    work.copy(work.view(node.inputs[1]), held, value, node.output)
    block, cols = node.attrs["block"], value.size
    chunk = node.attrs.get("chunk") or cols
    strip = work.out.weights.delta_strip(type_, block, cols)
    longest = cols if type_ == "f32" else 2 * -(-cols // strip.cols) + 4 * -(-cols // chunk)
    sizes = (("counts", -(-cols // chunk), "uint16"), ("list", longest, "uint16"))
    buffers = [
        work.storage(f"{node.output}:{part}", Value((count,), dtype))
        for part, count, dtype in (*sizes, ("moves", longest * strip.cols, value.dtype))
    ]
    work.moves[node.output] = buffers
    driver = "moves" if block == 1 else "moves4"
    kernel = work.out.weights.kernels.use_driver(driver, strip, cols)
    args: list[str | View] = [x, held, *limits, str(cols), str(chunk), *buffers]
    work.out.actions.append(Call(kernel, args, [x, held], [held, *buffers], node.name))


def delta_linear(work: Lowering, node: Node) -> None:
    """Running sums of a product of floats, brought up to date, some of them made anew."""
    graph, (_, held, old, age, name, bias) = work.graph, node.inputs
    value = graph.values[node.output]
    total = work.storage(node.output, value)
    work.out.views[node.output] = total
    work.copy(work.view(old), total, value, node.output)
    weight, block = graph.constants[name], node.attrs["block"]
    made = work.out.weights.delta_f32(name, weight, graph.constants[bias], block)
    reads = [*work.moves[held], work.view(held), work.view(age)]
    args: list[str | View] = [*made.before, *reads, total, *made.after, str(node.attrs["period"])]
    work.out.actions.append(Call(made.kernel, args, [*reads, total], [total], node.name))


def delta_sum(work: Lowering, node: Node) -> None:
    """Running sums of a product, brought up to date with what has moved."""
    graph = work.graph
    held, old, name = node.inputs[1], node.inputs[2], node.inputs[3]
    value = graph.values[node.output]
    total = work.storage(node.output, value)
    work.out.views[node.output] = total
    work.copy(work.view(old), total, value, node.output)
    gain = gains(work, node)
    weight = graph.constants[name]
    chunk = node.attrs["chunk"] or weight.shape[1]
    type_ = strip_type(node, graph.values[held].dtype)
    made = work.out.weights.delta(name, weight, type_, gain, node.attrs["block"], chunk)
    lists, room = work.moves[held], _room(work, node, made)
    spare = [room] if isinstance(room, View) else []
    args: list[str | View] = [*made.before, *lists, room, total, *made.after]
    call = Call(made.kernel, args, [*lists, total], [*spare, total], node.name)
    work.out.actions.append(call)


def rescale(work: Lowering, node: Node) -> None:
    """Sums of 32 bits as 16-bit values."""
    total = work.contiguous(node.inputs[0])
    mult = work.view(node.inputs[1])
    value = work.graph.values[node.output]
    y = work.storage(node.output, value)
    work.out.views[node.output] = y
    work.out.weights.kernels.use("rescale_rows")
    args: list[str | View] = [total, mult, *scaling(node), y, str(value.size)]
    work.out.actions.append(Call("rescale_rows", args, [total], [y], node.name))


PRODUCTS = {
    "linear": linear,
    "qlinear": linear,
    "conv1d": conv1d,
    "qconv1d": conv1d,
    "qhold": qhold,
    "delta_sum": delta_sum,
    "delta_linear": delta_linear,
    "rescale": rescale,
}
