"""Every op in C against the numpy reference, exactly where the numbers are exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.graph import fixed_point as fx
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph, Node, Quant, Value
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.reference import Reference

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed

pytestmark = pytest.mark.cc


def conv(groups: int, dilation: int, stride: int, kernel: int, out: int, bias: bool) -> Graph:
    b = Builder()
    x = b.input("x", 1, 11, 6)
    weights = [b.constant("w", noise((out, kernel, 6 // groups)))]
    weights += [b.constant("b", noise((out,), 1))] if bias else []
    options = {"groups": groups, "dilation": dilation, "stride": stride}
    y = b.op("conv1d", x, *weights, name="y", **options)
    return b.done(b.op("relu", y))


CONVOLUTIONS = {
    "dense": (1, 1, 1, 3, 5, True),
    "strided": (1, 1, 2, 3, 5, False),
    "dilated": (1, 3, 1, 3, 5, True),
    "grouped": (3, 1, 1, 3, 9, True),
    "grouped_dilated_strided": (2, 2, 2, 4, 8, False),
    "grouped_pointwise": (2, 1, 2, 1, 4, True),
    "depthwise": (6, 1, 1, 3, 6, True),
    "depthwise_dilated_strided": (6, 2, 3, 3, 6, True),
    "depthwise_with_two_outputs": (6, 1, 1, 3, 12, True),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_of_every_kind(name: str) -> None:
    graph = conv(*CONVOLUTIONS[name])
    frames = [{"x": noise((1, 11, 6), t)} for t in range(5)]
    want, _ = streamed(Reference(graph), frames)
    got, _ = streamed(compiled(step_of(graph), graph), frames)
    np.testing.assert_allclose(got, want, atol=1e-5)
    integer = dead_code.run(quantize.run(graph, calibrate(graph, frames)).graph).graph
    assert any(n.op == "qconv1d" for n in integer.nodes)
    exact, _ = streamed(Reference(integer), frames)
    stored, _ = streamed(compiled(step_of(integer), integer, "w8a8"), frames)
    for a, b in zip(stored, exact, strict=True):
        assert_same_bits(a, b)
    assert np.abs(np.stack(stored) - np.stack(want)).max() < 0.05 * np.abs(want).max()


def matmuls(left: tuple[int, ...], right: tuple[int, ...]) -> Graph:
    b = Builder()
    x = b.input("x", *left)
    return b.done(b.op("matmul", x, b.constant("m", noise(right))))


def products() -> dict[str, Callable[[], Graph]]:
    shapes = {
        "matrices": ((3, 4), (4, 9)),
        "batched": ((2, 3, 4), (2, 4, 5)),
        "one_right_for_all": ((2, 3, 4), (1, 4, 5)),
        "one_left_for_all": ((1, 3, 4), (2, 4, 5)),
    }
    return {f"matmul_{k}": lambda v=v: matmuls(*v) for k, v in shapes.items()}  # type: ignore[misc]


def one(op: str, *shape: int, **attrs: Any) -> Graph:
    b = Builder()
    return b.done(b.op(op, b.input("x", *shape), **attrs))


def layer_norm() -> Graph:
    b = Builder()
    x = b.input("x", 2, 5)
    total = b.op("reduce_sum", x, axes=(1,))
    centred = b.op("sub", x, b.op("mul", total, b.constant("fifth", np.array(0.2))))
    power = b.op("reduce_sum", b.op("mul", centred, centred), axes=(1,))
    return b.done(b.op("div", centred, b.op("sqrt", power)))


def turned_linear() -> Graph:
    b = Builder()
    t = b.op("transpose", b.input("x", 4, 3), perm=(1, 0))
    w = b.constant("w", noise((5, 4)))
    return b.done(
        b.op("add", b.op("linear", t, w), b.op("linear", t, w, b.constant("b", noise((5,)))))
    )


CLOSE: dict[str, Callable[[], Graph]] = {
    **products(),
    **{op: lambda op=op: one(op, 3, 5) for op in ("sigmoid", "tanh", "exp", "softmax")},  # type: ignore[misc]
    "reduce_sum_middle": lambda: one("reduce_sum", 2, 3, 4, axes=(1,)),
    "reduce_sum_all": lambda: one("reduce_sum", 2, 3, 4, axes=(0, 1, 2)),
    "layer_norm": layer_norm,
    "turned_linear": turned_linear,
}


@pytest.mark.parametrize("name", CLOSE)
def test_float_ops_are_numpy_s_to_the_last_places(name: str) -> None:
    graph = CLOSE[name]()
    frames = [{"x": noise(graph.values["x"].shape, t)} for t in range(4)]
    got, _ = streamed(compiled(step_of(graph), graph), frames)
    want, _ = streamed(Reference(graph), frames)
    np.testing.assert_allclose(got, want, atol=3e-6, rtol=3e-6)


def test_exp_log_and_sqrt_hold_over_the_whole_range() -> None:
    b = Builder()
    x = b.input("x", 1, 64)
    graph = b.done(b.op("exp", x), b.op("log", b.op("exp", x)), b.op("sqrt", b.op("abs", x)))
    program = compiled(step_of(graph), graph)
    for low, high in ((-87.0, 88.0), (-1e-3, 1e-3), (-20, 20)):
        values = np.linspace(low, high, 64, dtype=np.float32)[None]
        got = program.step({"x": values})
        exp = np.exp(values.astype(np.float64))
        np.testing.assert_allclose(got["out0"], exp, rtol=3e-7)
        np.testing.assert_allclose(
            got["out1"], np.log(got["out0"].astype(np.float64)), rtol=3e-7, atol=2e-7
        )
        assert_same_bits(got["out2"], np.sqrt(np.abs(values)))


def table(dtype: str, tokens: Array) -> tuple[Graph, dict[str, Array]]:
    b = Builder()
    b.input("x", *tokens.shape, dtype="int64")
    rows = noise((7, 3))
    quant = {"int8": Quant(0.02, 3), "int16": Quant(2.0**-12)}.get(dtype)
    name = b.constant("rows", rows)
    if quant:
        stored = np.clip(np.rint(rows / quant.scale), -100, 100).astype(dtype)
        b.graph.constants[name] = stored
        b.graph.values[name] = Value(rows.shape, dtype, quant)
    b.graph.values["y"] = Value((*tokens.shape, 3), dtype, quant)
    b.graph.nodes.append(Node("gather", "pick", (name, "x"), "y"))
    out = "y"
    if quant:
        b.graph.values["real"] = Value((*tokens.shape, 3))
        b.graph.nodes.append(Node("dequantize", "real", ("y",), "real"))
        out = "real"
    return b.done(out), {"x": tokens}


@pytest.mark.parametrize("dtype", ["float32", "int16", "int8"])
def test_tables_of_every_type_are_looked_up(dtype: str) -> None:
    graph, frame = table(dtype, np.array([[0, 6], [3, 3]]))
    program = compiled(step_of(graph), graph)
    assert_same_bits(program.step(frame)["out0"], *Reference(graph).step(frame).values())
    outside = program.step({"x": np.array([[99, -5], [7, -1]])})["out0"]
    inside = program.step({"x": np.array([[6, 0], [6, 0]])})["out0"]
    assert_same_bits(outside, inside)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.3])
def test_a_matrix_that_is_mostly_zeros_is_stored_by_tiles(share: float) -> None:
    rng = np.random.default_rng(0)
    weight = noise((20, 30)) * (rng.random((20, 30)) < share)
    b = Builder()
    x = b.input("x", 2, 30)
    graph = b.done(b.op("linear", x, b.constant("w", weight), b.constant("b", noise((20,), 1))))
    program = compiled(step_of(graph), graph)
    kernels = program.row["facts"]["kernels"]
    assert any(name.startswith("sparse_f32") for name in kernels) == (share < 0.25)
    frame = {"x": noise((2, 30), 2)}
    np.testing.assert_allclose(
        program.step(frame)["out0"], *Reference(graph).step(frame).values(), atol=1e-5
    )
    if share < 0.25:
        assert program.row["facts"]["weights_bytes"] < weight.nbytes


FRACS = [-6, -1, 0, 4, 11, 15]
INTEGER = ["qadd", "qsub", "qmul", "qmaximum", "qminimum", "qrelu", "qneg", "qsigmoid", "qtanh"]


def integer_ops() -> Graph:
    """Every 16-bit op under scales from the finest to absurd ones."""
    b = Builder("every")
    rng = np.random.default_rng(5)
    ends = []
    for op in INTEGER:
        for _ in range(6 if op in INTEGER[:5] else 3):
            fa, fb, fo = (int(f) for f in rng.choice(FRACS, 3))
            if op in ("qsigmoid", "qtanh"):
                fo = 15
            names = []
            for frac in (fa, fb)[: 2 if op in INTEGER[:5] else 1]:
                quant = Quant(2.0**-frac)
                stored = b.op("quantize", "x" if "x" in b.graph.values else b.input("x", 1, 512))
                b.graph.values[stored] = Value((1, 512), "int16", quant)
                names.append(stored)
            made = b.op(op, *names)
            b.graph.values[made] = Value((1, 512), "int16", Quant(2.0**-fo))
            real = b.op("dequantize", made)
            b.graph.values[real] = Value((1, 512))
            ends.append(real)
    for dtype, zero in (("int8", -9), ("int16", 0)):
        for scale, frac in ((3e3, 15), (2e-9, 3), (0.013, 12)):
            stored = b.op("quantize", "x")
            b.graph.values[stored] = Value((1, 512), "int16", Quant(2.0**-frac))
            mult, shift = fx.multiplier(2.0**-frac / scale, 15)
            made = b.op("requantize", stored, mult=mult, shift=shift)
            b.graph.values[made] = Value((1, 512), dtype, Quant(scale, zero))
            real = b.op("dequantize", made)
            b.graph.values[real] = Value((1, 512))
            ends.append(real)
    return b.done(*ends)


def test_integer_ops_are_the_reference_to_the_bit_under_any_scale() -> None:
    graph = integer_ops()
    program, reference = compiled(step_of(graph), graph, "w8a8"), Reference(graph)
    for t, reach in enumerate((1.0, 40.0, 3e4, 1e7)):
        x = noise((1, 512), t) * np.float32(reach)
        x[0, :4] = [-1e30, 1e30, 0, -0.0]
        got, want = program.step({"x": x}), reference.step({"x": x})
        for k, (name, value) in enumerate(want.items()):
            assert_same_bits(got[f"out{k}"], value, f"{name} at reach {reach}")
