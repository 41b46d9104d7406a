"""Products of one input become one, where that costs nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.export.c.lower import lower
from edgernn.export.c.weights import Weights
from edgernn.graph.calibrate import calibrate
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import find_number_type
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import dead_code, merge_matvecs, quantize, simplify
from edgernn.graph.reference import Reference
from edgernn.streaming import Streaming

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed


def attention(rows: tuple[int, ...] = (8, 8, 6), frames: int = 1) -> Builder:
    """Query, key and value of one input, the key's with a bias."""
    b = Builder("attention")
    x = b.input("x", frames, 7)
    made = []
    for k, count in enumerate(rows):
        names = [b.constant("w", noise((count, 7), k))]
        names += [b.constant("bias", noise((count,), 9))] if k == 1 else []
        made.append(b.op("linear", x, *names))
    b.graph.outputs = made
    return b


def linears(graph: Graph) -> list[int]:
    """Rows of each product."""
    return [graph.values[n.output].shape[-1] for n in graph.nodes if n.op == "linear"]


def test_query_key_and_value_are_one_product() -> None:
    graph = attention().graph
    result = merge_matvecs.run(graph)
    assert linears(result.graph) == [22]
    assert [n.op for n in result.graph.nodes] == ["linear", "slice", "slice", "slice"]
    assert result.notes == ("linear, linear:1, linear:2: one product of 22 rows on x",)
    product = result.graph.nodes[0]
    bias = result.graph.constants[product.inputs[2]]
    np.testing.assert_array_equal(bias[8:16], graph.constants["bias"])
    assert not np.delete(bias, range(8, 16)).any()
    x = {"x": noise((1, 7), 5)}
    old, new = (Reference(g).step(x) for g in (graph, result.graph))
    for name, value in old.items():
        np.testing.assert_allclose(new[name], value, atol=1e-6)


@pytest.mark.cc
def test_the_c_gives_the_same_bits_with_one_call() -> None:
    graph = attention().graph
    merged = dead_code.run(merge_matvecs.run(graph).graph).graph
    frame = {"x": noise((1, 7), 5)}
    separate, one = (compiled(step_of(g), g).step(frame) for g in (graph, merged))
    for k in range(3):
        assert_same_bits(one[f"out{k}"], separate[f"out{k}"])
    assert sum(a.label == "linear" for a in lower(merged, Weights(())).actions) == 1


def test_what_reads_other_inputs_or_is_kept_float_stays() -> None:
    b = attention()
    y = b.op("linear", b.op("neg", "x"), b.constant("u", noise((4, 7))))
    b.graph.outputs.append(y)
    b.graph.keep_float = frozenset(["w:2"])
    after = merge_matvecs.run(b.graph).graph
    assert sorted(linears(after)) == [4, 6, 16]
    assert not after.keep_float - {"w:2"}
    b.graph.keep_float = frozenset(["w", "w:1", "w:2"])
    after = merge_matvecs.run(b.graph).graph
    assert sorted(linears(after)) == [4, 22]
    assert after.nodes[0].inputs[1] in after.keep_float


def test_a_weight_with_two_readers_is_stored_once() -> None:
    b = attention()
    b.graph.outputs.append(b.op("linear", b.op("neg", "x"), "w"))
    after = dead_code.run(merge_matvecs.run(b.graph).graph).graph
    assert sorted(linears(after)) == [8, 8, 14]
    sizes = sorted(a.shape[0] for a in after.constants.values() if a.ndim == 2)
    assert sizes == [8, 14]


def test_a_matrix_that_may_pay_as_a_sparse_one_stays_alone() -> None:
    b = attention()
    b.graph.constants["w:1"][:, 1:] = 0
    assert sorted(linears(merge_matvecs.run(b.graph).graph)) == [8, 14]


def test_a_matrix_that_needs_fewer_bits_stays_alone() -> None:
    b = attention()
    weight = b.graph.constants["w:1"]
    weight[:] = np.rint(weight / np.abs(weight).max() * 7)
    assert sorted(linears(merge_matvecs.run(b.graph).graph)) == [8, 14]


def test_a_single_row_stays_alone_where_it_keeps_more_bits() -> None:
    graph = attention(rows=(8, 1, 6)).graph
    assert sorted(linears(merge_matvecs.run(graph, find_number_type("w4a8")).graph)) == [1, 14]
    for number_type in ("fp32", "w8a8"):
        found = find_number_type(number_type)
        assert linears(merge_matvecs.run(graph, found).graph) == [15]


def test_products_of_several_frames_stay_because_their_rows_would_be_copied() -> None:
    assert not merge_matvecs.run(attention(frames=2).graph).modified


class Attention(Streaming):
    """A user's own projections of one frame."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(6, 5), nn.Linear(6, 5, bias=False)
        self.v = nn.Linear(6, 7)

    def step(self, x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
        weight = torch.sigmoid(self.q(x)) * self.k(x)
        return torch.cat([weight, torch.tanh(self.v(x))], dim=-1), state


MODELS: dict[str, tuple[Callable[[], Streaming], list[int]]] = {
    # x and h are two inputs, so a cell keeps two products
    "rnn": (lambda: RNN(6, 5), [5, 5]),
    "gru": (lambda: GRU(6, 5), [15, 15]),
    "lstm": (lambda: LSTM(6, 5), [20, 20]),
    "attention": (Attention, [17]),
}


@pytest.mark.parametrize("name", MODELS)
def test_counts_fall_and_results_stay(name: str) -> None:
    torch.manual_seed(0)
    make, rows = MODELS[name]
    step = capture(make(), torch.zeros(1, 1, 6), name)
    plain = to_graph(step)
    graph, _ = simplify(plain)
    assert linears(graph) == rows
    frames = [{"x": noise((1, 1, 6), t)} for t in range(50)]
    old, new = (streamed(Reference(g), frames[:6])[0] for g in (plain, graph))
    np.testing.assert_allclose(new, old, atol=2e-6)
    integer = dead_code.run(quantize.run(graph, calibrate(graph, frames)).graph).graph
    assert sum(n.op == "qlinear" for n in integer.nodes) == len(rows)
    exact = streamed(Reference(integer), frames[:6])[0]
    np.testing.assert_allclose(exact, old, atol=0.05)
