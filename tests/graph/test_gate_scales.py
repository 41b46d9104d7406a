"""Scales around gates: gates need no shifts, and what else reads a value keeps its precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgernn.cells.gru import GRU
from edgernn.graph import fixed_point as fx
from edgernn.graph.calibrate import calibrate
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph, Quant
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import quantize, simplify
from edgernn.graph.passes.gate_scales import capped, gate_groups, unit_groups
from edgernn.graph.passes.storage import Storage

from ..compiled import Builder, noise


def gated(last: str) -> tuple[Graph, dict[str, str]]:
    """s = sigmoid(W x), p = s * (V x), t = last(p + W x); gives the graph and its names."""
    b = Builder()
    x = b.input("x", 1, 8)
    w, v = (b.op("linear", x, b.constant(k, noise((4, 8), i) / 20)) for i, k in enumerate("wv"))
    s = b.op("sigmoid", w)
    p = b.op("mul", s, v)
    total = b.op("add", p, w)
    t = b.op(last, total)
    graph = b.done(t)
    return graph, {"w": w, "v": v, "s": s, "p": p, "total": total, "t": t}


def test_what_only_gates_read_is_found_through_sums_and_gated_products() -> None:
    graph, names = gated("tanh")
    storage = Storage(graph)
    found = gate_groups(storage)
    assert {n for n, value in names.items() if storage.root(value) in found} >= {
        *("w", "v", "p", "total")
    }
    assert storage.root(names["t"]) not in found
    assert unit_groups(storage) == {storage.root(names[n]) for n in "st"}


def test_what_anything_else_reads_is_not() -> None:
    graph, names = gated("relu")
    storage = Storage(graph)
    assert not {storage.root(names[n]) for n in ("w", "v", "p", "total")} & gate_groups(storage)


@pytest.mark.parametrize("last", ["tanh", "relu"])
def test_only_gates_inputs_give_up_bits(last: str) -> None:
    graph, names = gated(last)
    frames = [{"x": noise((1, 8), t)} for t in range(20)]
    made = quantize.run(graph, calibrate(graph, frames)).graph
    product = next(n for n in made.nodes if n.op == "qlinear" and names["v"] in n.name)
    quant = made.values[product.output].quant
    assert quant is not None
    assert (quant.frac == fx.SIGMOID_FRAC) == (last == "tanh")
    assert quant.frac >= fx.SIGMOID_FRAC


def test_a_coarse_scale_stays() -> None:
    assert capped(Quant(2.0**-9)) == Quant(2.0**-9)
    assert capped(Quant(2.0**-15)) == Quant(2.0**-12)


def test_the_gates_of_a_gru_are_read_without_a_shift() -> None:
    torch.manual_seed(0)
    x = noise((200, 1, 1, 6))
    step = capture(GRU(6, 8).eval(), torch.from_numpy(x[0]), "gru")
    graph = simplify(to_graph(step))[0]
    ranges = calibrate(graph, ({step.inputs[0].name: f} for f in x))
    made = quantize.run(graph, ranges).graph
    sigmoids = [n for n in made.nodes if n.op == "qsigmoid"]
    assert len(sigmoids) == 2
    for node in sigmoids:
        source = made.values[node.inputs[0]].quant
        assert source == Quant(2.0**-fx.SIGMOID_FRAC)
        assert made.values[node.output].quant == Quant(2.0**-fx.UNIT_FRAC)
    assert np.isfinite([r.extremes() for r in ranges.values()]).all()
