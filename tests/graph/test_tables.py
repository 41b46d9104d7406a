"""Tables of vectors in a quantized graph: in few bits, where that takes fewer bytes."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph, Node, Value
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise, on_grid, streamed

ROWS = 11
FRAMES = [{"tokens": np.array([t % ROWS, (3 * t) % ROWS])} for t in range(2 * ROWS)]


def looked_up(table: Array, reader: str = "") -> Graph:
    """Two vectors of a table; a `product` reads them, or they meet what it gives in a `sum`."""
    b = Builder()
    tokens = b.input("tokens", 2, dtype="int64")
    name = b.constant("table", table)
    width = table.shape[1]
    b.graph.values["vector"] = Value((2, width))
    b.graph.nodes.append(Node("gather", "vector", (name, tokens), "vector"))
    if not reader:
        return b.done("vector")
    weight = b.constant("w", noise((width, width), 1) / np.float32(width))
    product = b.op("linear", "vector", weight)
    return b.done(product if reader == "product" else b.op("add", "vector", product))


def typed(graph: Graph, number_type: str = "w8a8") -> Graph:
    made = quantize.run(graph, calibrate(graph, FRAMES), find_number_type(number_type))
    return dead_code.run(made.graph).graph


def lookup(graph: Graph) -> Node:
    (node,) = (n for n in graph.nodes if n.op in ("gather", "qgather"))
    return node


def table_bytes(graph: Graph) -> int:
    node = lookup(graph)
    bits = node.attrs.get("bits", 0)
    arrays = [graph.constants[name] for name in node.inputs if name in graph.constants]
    halves = arrays[0].size * bits // 8 if bits else arrays[0].nbytes
    return halves + sum(array.nbytes for array in arrays[1:])


def errors(graph: Graph, made: Graph) -> Array:
    (want, _), (got, _) = (streamed(Reference(g), FRAMES) for g in (graph, made))
    return np.stack(got) - np.stack(want)


@pytest.mark.parametrize("number_type", ["w8a8", "w4a8", "w2a8-row", "mixed"])
def test_vectors_of_floats_are_integers_times_a_scale(number_type: str) -> None:
    graph = looked_up(noise((ROWS, 64)))
    made = typed(graph, number_type)
    assert lookup(made).op == "qgather"
    assert table_bytes(made) == ROWS * (64 + 4)
    assert 0 < errors(graph, made).std() < 0.01


def test_every_row_has_a_scale_of_its_own() -> None:
    sizes = np.float32(10.0) ** -np.arange(ROWS, dtype=np.float32)[:, None]
    table = noise((ROWS, 64)) * sizes
    (got, _) = streamed(Reference(typed(looked_up(table))), FRAMES)
    want = np.stack([table[f["tokens"]] for f in FRAMES])
    error = np.abs(np.stack(got) - want).max(axis=2) / np.abs(want).max(axis=2)
    assert error.max() < 1 / 250


@pytest.mark.parametrize("reader", ["product", "sum"])
@pytest.mark.parametrize("number_type", ["w8a8", "w8a16", "w4a8", "w4a8-row"])
def test_vectors_that_meet_integers_never_become_floats(reader: str, number_type: str) -> None:
    graph = looked_up(noise((ROWS, 64)), reader)
    made = typed(graph, number_type)
    inner = [n for n in made.nodes if n.output not in made.outputs]
    assert {made.values[n.output].dtype for n in inner} <= {"int8", "int16"}
    assert 0 < errors(graph, made).std() < (0.02 if number_type.startswith("w8") else 0.15)


def test_eight_bit_vectors_that_only_products_read_need_no_scale() -> None:
    graph = looked_up(noise((ROWS, 64)), "product")
    assert lookup(typed(graph)).op == "gather"
    assert table_bytes(typed(graph)) == table_bytes(typed(graph, "w4a8")) == ROWS * 64


def test_rows_too_short_for_a_scale_stay_as_they_are() -> None:
    for width, op in ((1, "gather"), (2, "qgather")):
        assert lookup(typed(looked_up(noise((ROWS, width))))).op == op


@pytest.mark.parametrize("reader", ["", "sum"])
def test_a_table_that_must_stay_float_stays_float(reader: str) -> None:
    graph = looked_up(noise((ROWS, 64)), reader)
    graph.keep_float = frozenset({"table"})
    made = typed(graph)
    assert made.constants[lookup(made).inputs[0]].dtype == np.float32
    assert reader or not errors(graph, made).any()


@pytest.mark.parametrize(("bits", "stored"), [(2, 4), (4, 4), (8, 8)])
def test_mixed_finds_the_grid_that_a_table_was_trained_on(bits: int, stored: int) -> None:
    graph = looked_up(on_grid(noise((ROWS, 64)), bits, 32 if bits < 8 else 0))
    found = typed(graph, "mixed")
    assert lookup(found).attrs["bits"] == stored
    assert table_bytes(found) == ROWS * ({4: 32 + 2, 8: 64}[stored] + 4)
    assert np.abs(errors(graph, found)).max() < 1e-6


def test_a_table_far_beyond_what_was_seen_is_refused() -> None:
    table = noise((ROWS, 64))
    graph = looked_up(table, "sum")
    ranges = calibrate(graph, FRAMES)
    graph.constants["table"] = table * np.float32(1e8)
    with pytest.raises(DataError, match=r"^vector: its products exceed"):
        quantize.run(graph, ranges)
