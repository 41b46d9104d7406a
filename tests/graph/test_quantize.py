"""Which number type each value gets, and that the integer graph stays close to the float one."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.errors import DataError, UnknownName
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph, Value
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.passes.storage import Storage
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise, streamed


def recurrent() -> Graph:
    """past (moved only) -> convolution -> a gate -> h (computed)."""
    b = Builder()
    x = b.input("x", 1, 1, 4)
    past, h = b.state("past", np.zeros((1, 2, 4), np.float32)), b.state("h", noise((1, 5)))
    window = b.op("concat", past, x, name="window", axis=1)
    keep = b.op("slice", window, name="keep", bounds=((0, 1, 1), (1, 3, 1), (0, 4, 1)))
    w, bias = b.constant("w", noise((5, 3, 4), 1)), b.constant("bias", noise((5,), 2))
    y = b.op("conv1d", window, w, bias, name="y", stride=1, dilation=1, groups=1)
    u = b.op("linear", h, b.constant("u", noise((5, 5), 3)), name="u_h")
    gate = b.op("sigmoid", b.op("add", b.op("reshape", y, shape=(1, 5)), u), name="gate")
    one = b.constant("one", np.array(1.0))
    new = b.op("mul", gate, b.op("sub", one, h), name="new")
    return b.done(b.op("linear", new, b.constant("v", noise((3, 5), 4))), past=keep, h=new)


def frames(graph: Graph, count: int = 200, offset: float = 0.0) -> list[dict[str, Array]]:
    shape = graph.values["x"].shape
    return [{"x": noise(shape, t) + np.float32(offset)} for t in range(count)]


def typed(graph: Graph, stream: list[dict[str, Array]], name: str = "w8a8") -> Graph:
    type_ = find_number_type(name)
    return dead_code.run(quantize.run(graph, calibrate(graph, stream), type_).graph).graph


def types(graph: Graph) -> dict[str, str]:
    return {s.name: graph.values[s.name].dtype for s in graph.states}


def test_a_moved_state_is_int8_and_a_computed_one_int16() -> None:
    graph = recurrent()
    made = typed(graph, frames(graph))
    assert types(made) == {"past": "int8", "h": "int16"}
    assert {s.init.dtype.name for s in made.states} == {"int8", "int16"}
    ops = [n.op for n in made.nodes]
    assert (ops.count("qlinear"), ops.count("qconv1d")) == (2, 1)
    assert not {"linear", "conv1d", "sigmoid", "mul"} & set(ops)


def test_a_computed_state_has_eight_bits_where_the_number_type_says_so() -> None:
    graph = recurrent()
    graph.outputs = [next(s.new for s in graph.states if s.name == "h")]
    stream = frames(graph)
    made = typed(graph, stream, "w8a8-s8")
    assert types(made) == {"past": "int8", "h": "int8"}
    quant = made.values["h"].quant
    assert quant is not None
    (want, _), (got, stored) = (streamed(Reference(g), stream) for g in (graph, made))
    for y, leaves in zip(got, stored, strict=True):  # what is stored is what goes on
        np.testing.assert_allclose(y, (leaves["h"] - np.float32(quant.zero_point)) * quant.scale)
    error = np.sqrt(np.mean((np.stack(got) - np.stack(want)) ** 2))
    fine = np.stack(streamed(Reference(typed(graph, stream)), stream)[0])
    assert np.sqrt(np.mean((fine - np.stack(want)) ** 2)) < error < 0.03


def test_only_quantized_types_have_states_of_eight_bits() -> None:
    assert find_number_type("w4a8-row-s8").state_bits == 8
    assert find_number_type("w4a8-row").state_bits == 16
    for name in ("fp32-s8", "w8a8-s8-s8", "w3a8-s8", "-s8"):
        with pytest.raises(UnknownName):
            find_number_type(name)


def test_an_initial_state_of_zeros_is_stored_as_its_zero_point() -> None:
    graph = recurrent()
    made = typed(graph, frames(graph, offset=2.0))
    past = next(s for s in made.states if s.name == "past")
    quant = made.values["past"].quant
    assert quant is not None
    assert quant.zero_point != 0
    assert (past.init == quant.zero_point).all()


def test_values_that_are_only_moved_share_one_scale() -> None:
    graph = recurrent()
    storage = Storage(graph)
    assert len({storage.root(name) for name in ("x", "past", "window", "keep")}) == 1
    assert storage.root("h") == storage.root("new")
    assert storage.root("h") != storage.root("gate")
    assert storage.of("past") == "int8"
    made = typed(graph, frames(graph))
    assert made.values["past"].quant == made.values["window"].quant == made.values["keep"].quant


def test_the_integer_graph_stays_close_to_the_float_one() -> None:
    graph = recurrent()
    stream = frames(graph)
    (want, states), (got, stored) = (
        streamed(Reference(g), stream) for g in (graph, typed(graph, stream))
    )
    error = np.sqrt(np.mean((np.stack(got) - np.stack(want)) ** 2))
    assert 0 < error <= 0.03 * np.sqrt(np.mean(np.stack(want) ** 2))
    quant = typed(graph, stream).values["h"].quant
    assert quant is not None
    real = np.stack([s["h"] for s in stored]) * quant.scale
    assert np.abs(real - np.stack([s["h"] for s in states])).max() < 0.05


def test_weights_that_must_stay_float_stay_float() -> None:
    graph = recurrent()
    graph.keep_float = frozenset({"w"})
    made = typed(graph, frames(graph))
    assert [n.op for n in made.nodes if n.op in ("conv1d", "qconv1d")] == ["conv1d"]
    assert types(made) == {"past": "float32", "h": "int16"}
    graph.keep_float = frozenset({"w", "u", "v"})
    assert {n.op for n in typed(graph, frames(graph)).nodes} == {n.op for n in graph.nodes}


def test_a_weight_row_of_zeros_does_no_harm() -> None:
    graph = recurrent()
    graph.constants["w"][2] = 0
    graph.constants["u"][:] = 0
    stream = frames(graph, 50)
    (want, _), (got, _) = (streamed(Reference(g), stream) for g in (graph, typed(graph, stream)))
    assert np.abs(np.stack(got) - np.stack(want)).max() < 0.2


def test_a_table_of_vectors_is_stored_in_the_type_of_what_it_meets() -> None:
    b = Builder()
    tokens, x = b.input("tokens", 1, 2, dtype="int64"), b.input("x", 1, 2, 3)
    flat = b.op("reshape", tokens, shape=(2,))
    table = b.constant("table", noise((7, 3)))
    b.graph.values["vector"] = Value((2, 3))
    vector = b.op("gather", table, flat)
    y = b.op("linear", b.op("reshape", x, shape=(2, 3)), b.constant("w", noise((3, 3), 1)))
    graph = b.done(b.op("mul", b.op("concat", vector, y, axis=1), b.constant("k", np.array(0.5))))
    stream = [{"x": noise((1, 2, 3), t), "tokens": np.array([[t % 7, 3]])} for t in range(20)]
    made = typed(graph, stream)
    assert {made.values[n.output].dtype for n in made.nodes if n.op == "gather"} == {"int16"}
    assert {made.values[n.output].dtype for n in made.nodes if n.inputs[0] == "tokens"} == {"int64"}
    (want, _), (got, _) = (streamed(Reference(g), stream) for g in (graph, made))
    assert np.abs(np.stack(got) - np.stack(want)).max() < 0.05


def test_calibration_needs_frames_and_finite_values() -> None:
    graph = recurrent()
    with pytest.raises(DataError, match="at least one frame"):
        calibrate(graph, [])
    bad = frames(graph, 4)
    bad[2]["x"][0, 0, 1] = np.nan
    with pytest.raises(DataError, match=r"calibration frame 2: .* is not finite"):
        calibrate(graph, bad)


def test_calibration_sees_extremes_and_leaves_the_rarest_out_of_eight_bits() -> None:
    b = Builder()
    graph = b.done(b.op("relu", b.input("x", 1)))
    stream = [{"x": np.array([v], np.float32)} for v in [*np.linspace(-1, 1, 2000), 50.0]]
    ranges = calibrate(graph, stream)
    assert ranges["x"].extremes() == (-1.0, 50.0)
    assert ranges["x"].usual()[1] < 1.01
    assert ranges["relu"].extremes() == (0.0, 50.0)


def test_ranges_hold_zero() -> None:
    b = Builder()
    graph = b.done(b.op("neg", b.input("x", 2)))
    ranges = calibrate(graph, [{"x": np.array([3.0, 5.0], np.float32)}])
    assert ranges["x"].extremes() == (0.0, 5.0)
    assert ranges["neg"].usual() == (-5.0, 0.0)


def test_quantizing_needs_ranges_of_every_value() -> None:
    graph = recurrent()
    with pytest.raises(DataError, match="calibration never reached"):
        quantize.run(graph, {})


def test_a_bias_that_dwarfs_its_products_takes_their_finest_steps() -> None:
    graph = recurrent()
    plain = typed(graph, frames(graph, 3))
    graph.constants["bias"][1] = 1e9
    made = typed(graph, frames(graph, 3))
    (before,), (after,) = ([n for n in g.nodes if n.op == "qconv1d"] for g in (plain, made))
    rows = [g.constants[n.inputs[1]] for g, n in ((plain, before), (made, after))]
    assert rows[0][1].any()
    assert not rows[1][1].any()  # a part in 2**28 of the bias is less than 16 bits can show
    np.testing.assert_array_equal(np.delete(rows[1], 1, 0), np.delete(rows[0], 1, 0))
    values: dict[str, Array] = {}
    Reference(made, values.__setitem__).step(frames(graph, 1)[0])
    quant = made.values[after.output].quant
    assert quant
    assert values[after.output][0, 0, 1] * quant.scale == pytest.approx(1e9, rel=1e-4)
