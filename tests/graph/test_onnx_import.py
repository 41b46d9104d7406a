"""ONNX operators as plain ops: each against ONNX Runtime, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnsupportedOp
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import simplify
from edgernn.graph.reference import Reference
from edgernn.graph.step_graph import StepGraph, read_step_graph, write_metadata
from edgernn.streaming import Streaming
from edgernn.timing import Timing

from ..compiled import noise

Model = tuple[list[onnx.NodeProto], dict[str, Any]]
node = helper.make_node


def model(nodes: list[onnx.NodeProto], constants: dict[str, Any], *shape: Any) -> onnx.ModelProto:
    """x (of `shape`) -> y."""
    stored = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    made = helper.make_model(
        helper.make_graph(
            nodes,
            "step",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            stored,
        ),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.example", 1)],
        ir_version=10,
    )
    return onnx.shape_inference.infer_shapes(made)


def step_of(made: onnx.ModelProto) -> StepGraph:
    write_metadata(made, [], Timing())
    return read_step_graph(made)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def f32(*shape: int) -> np.ndarray:
    return noise(shape, 5)


OPERATORS: dict[str, Callable[[], Model]] = {
    **{
        op: lambda op=op: ([node(op, ["x"], ["y"])], {})
        for op in (
            *("Neg", "Abs", "Relu", "Sigmoid", "Tanh", "Exp", "Identity", "Reciprocal", "Erf"),
            *("Round", "Floor", "Ceil"),
            *("HardSigmoid", "LeakyRelu", "Elu", "Softplus", "Softsign", "HardSwish", "Selu"),
            *("Gelu", "ReduceSumSquare", "ReduceL2"),
        )
    },
    **{
        op: lambda op=op: ([node(op, ["x", "c"], ["y"])], {"c": f32(4) + 3})
        for op in ("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")
    },
    "PRelu": lambda: ([node("PRelu", ["x", "c"], ["y"])], {"c": f32(4)}),
    "LeakyRelu_steep": lambda: ([node("LeakyRelu", ["x"], ["y"], alpha=1.5)], {}),
    "Elu_small": lambda: ([node("Elu", ["x"], ["y"], alpha=0.3)], {}),
    "Gelu_tanh": lambda: ([node("Gelu", ["x"], ["y"], approximate="tanh")], {}),
    **{
        op: lambda op=op: (
            [node(op, ["x", "c"], ["mask"]), node("Where", ["mask", "x", "c"], ["y"])],
            {"c": f32(3, 1)},
        )
        for op in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual")
    },
    **{
        op: lambda op=op: (
            [
                node("Greater", ["x", "c"], ["a"]),
                node("Less", ["x", "c"], ["b"]),
                node(op, ["a", "known"], ["either"]),
                node("Not", ["either"], ["neither"]),
                node("Where", ["neither", "x", "c"], ["y"]),
            ],
            {"c": f32(4), "known": np.array([True, False, True, False])},
        )
        for op in ("And", "Or")
    },
    "Equal": lambda: (
        [
            node("Relu", ["x"], ["r"]),
            node("Equal", ["x", "r"], ["same"]),
            node("Cast", ["same"], ["y"], to=TensorProto.FLOAT),
        ],
        {},
    ),
    "Cast_to_bool": lambda: (
        [
            node("Relu", ["x"], ["r"]),
            node("Cast", ["r"], ["some"], to=TensorProto.BOOL),
            node("Where", ["some", "c", "x"], ["y"]),
        ],
        {"c": f32(1, 3, 4)},
    ),
    "Where_by_a_constant": lambda: (
        [node("Where", ["c", "x", "five"], ["y"])],
        {"c": np.array([[True], [False], [True]]), "five": np.float32(5)},
    ),
    "sum_of_three_maxima": lambda: (
        [node("Max", ["x", "a", "b"], ["y"])],
        {"a": f32(4), "b": f32(3, 1)},
    ),
    "Log_Sqrt": lambda: (
        [node("Abs", ["x"], ["a"]), node("Sqrt", ["a"], ["b"]), node("Log", ["b"], ["y"])],
        {},
    ),
    "Pow_two": lambda: ([node("Pow", ["x", "c"], ["y"])], {"c": np.float32(2)}),
    "Pow_half": lambda: (
        [node("Abs", ["x"], ["a"]), node("Pow", ["a", "c"], ["y"])],
        {"c": np.float32(0.5)},
    ),
    "Pow_cube": lambda: ([node("Pow", ["x", "c"], ["y"])], {"c": np.float32(3)}),
    "Pow_below": lambda: ([node("Pow", ["x", "c"], ["y"])], {"c": np.float32(-2)}),
    "Pow_nothing": lambda: ([node("Pow", ["x", "c"], ["y"])], {"c": np.float32(0)}),
    "Clip": lambda: (
        [node("Clip", ["x", "low", "high"], ["y"])],
        {"low": np.float32(-0.5), "high": np.float32(0.25)},
    ),
    "Clip_above": lambda: ([node("Clip", ["x", "", "high"], ["y"])], {"high": np.float32(0.25)}),
    "Reshape": lambda: ([node("Reshape", ["x", "s"], ["y"])], {"s": ints(0, -1, 2)}),
    "Flatten": lambda: ([node("Flatten", ["x"], ["y"], axis=2)], {}),
    "Squeeze": lambda: ([node("Squeeze", ["x", "a"], ["y"])], {"a": ints(0)}),
    "Squeeze_all": lambda: ([node("Squeeze", ["x"], ["y"])], {}),
    "Unsqueeze": lambda: ([node("Unsqueeze", ["x", "a"], ["y"])], {"a": ints(-1, 1)}),
    "Transpose": lambda: ([node("Transpose", ["x"], ["y"])], {}),
    "Slice": lambda: (
        [node("Slice", ["x", "a", "b", "axes", "steps"], ["y"])],
        {"a": ints(-3, 1), "b": ints(9, 99), "axes": ints(-2, 2), "steps": ints(2, 1)},
    ),
    "Split": lambda: (
        [node("Split", ["x", "s"], ["a", "b"], axis=2), node("Concat", ["b", "a"], ["y"], axis=-1)],
        {"s": ints(1, 3)},
    ),
    "Split_even": lambda: (
        [
            node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2),
            node("Concat", ["b", "a"], ["y"], axis=1),
        ],
        {},
    ),
    "Expand": lambda: ([node("Expand", ["x", "s"], ["y"])], {"s": ints(2, 3, 4)}),
    "Pad": lambda: (
        [node("Pad", ["x", "p", "v"], ["y"])],
        {"p": ints(0, 2, 0, 0, 1, 3), "v": np.float32(7)},
    ),
    "Pad_some_axes": lambda: (
        [node("Pad", ["x", "p", "", "axes"], ["y"])],
        {"p": ints(1, 0, 2, 3), "axes": ints(-1, 1)},
    ),
    "Gather_one": lambda: ([node("Gather", ["x", "i"], ["y"], axis=1)], {"i": np.int64(-1)}),
    "Gather_range": lambda: ([node("Gather", ["x", "i"], ["y"], axis=2)], {"i": ints(1, 2, 3)}),
    "MatMul": lambda: ([node("MatMul", ["x", "w"], ["y"])], {"w": f32(4, 5)}),
    "MatMul_left": lambda: ([node("MatMul", ["w", "x"], ["y"])], {"w": f32(5, 3)}),
    "Gemm": lambda: (
        [node("Squeeze", ["x"], ["a"]), node("Gemm", ["a", "w", "b"], ["y"], transB=1)],
        {"w": f32(5, 4), "b": f32(5)},
    ),
    "Gemm_turned": lambda: (
        [node("Squeeze", ["x"], ["a"]), node("Gemm", ["a", "w", "b"], ["y"])],
        {"w": f32(4, 5), "b": f32(1)},
    ),
    "Gemm_scaled": lambda: (
        [
            node("Squeeze", ["x"], ["a"]),
            node("Gemm", ["a", "w", "b"], ["y"], transA=1, alpha=0.5, beta=2.0),
        ],
        {"w": f32(3, 5), "b": f32(5)},
    ),
    "Gemm_without_bias": lambda: (
        [node("Squeeze", ["x"], ["a"]), node("Gemm", ["a", "w"], ["y"])],
        {"w": f32(4, 5)},
    ),
    "Conv_padded": lambda: (
        [node("Conv", ["x", "w", "b"], ["y"], pads=[2, 1])],
        {"w": f32(5, 3, 3), "b": f32(5)},
    ),
    "Conv": lambda: (
        [node("Conv", ["x", "w", "b"], ["y"], strides=[2])],
        {"w": f32(5, 3, 2), "b": f32(5)},
    ),
    "Conv_dilated": lambda: (
        [node("Conv", ["x", "w"], ["y"], dilations=[3])],
        {"w": f32(5, 3, 2)},
    ),
    "Conv_depthwise": lambda: (
        [node("Conv", ["x", "w"], ["y"], group=3)],
        {"w": f32(3, 1, 2)},
    ),
    "BatchNormalization": lambda: (
        [node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y"])],
        {"g": f32(3), "b": f32(3), "m": f32(3), "v": np.abs(f32(3)) + 1},
    ),
    "ReduceSum": lambda: ([node("ReduceSum", ["x", "a"], ["y"])], {"a": ints(1, -1)}),
    "ReduceMean": lambda: ([node("ReduceMean", ["x", "a"], ["y"], keepdims=0)], {"a": ints(1)}),
    "ReduceMax": lambda: ([node("ReduceMax", ["x"], ["y"])], {}),
    "ReduceMin": lambda: ([node("ReduceMin", ["x", "a"], ["y"])], {"a": ints(2)}),
    "CastLike": lambda: ([node("CastLike", ["x", "w"], ["y"])], {"w": f32(1)}),
    "constants_by_node": lambda: (
        [
            node("Constant", [], ["shape"], value_ints=[2, 2]),
            node("ConstantOfShape", ["shape"], ["zeros"]),
            node("Constant", [], ["one"], value=numpy_helper.from_array(np.float32([[1.5]]))),
            node("Tile", ["one", "shape"], ["tiled"]),
            node("Add", ["zeros", "tiled"], ["four"]),
            node("Reshape", ["four", "flat"], ["row"]),
            node("Mul", ["x", "row"], ["y"]),
        ],
        {"flat": ints(-1)},
    ),
    "shape_of_some_axes": lambda: (
        [
            node("Shape", ["x"], ["s"], start=1),
            node("Size", ["x"], ["n"]),
            node("Cast", ["n"], ["real"], to=TensorProto.FLOAT),
            node("Reshape", ["x", "s"], ["a"]),
            node("Div", ["a", "real"], ["y"]),
        ],
        {},
    ),
    "LogSoftmax": lambda: ([node("LogSoftmax", ["x"], ["y"], axis=2)], {}),
    "Softmax": lambda: ([node("Softmax", ["x"], ["y"], axis=-1)], {}),
    "LayerNormalization_without_bias": lambda: (
        [node("LayerNormalization", ["x", "g"], ["y"], axis=2, epsilon=0.1)],
        {"g": f32(4)},
    ),
    "LayerNormalization_of_one_gain_and_bias_of_its_own": lambda: (
        [
            node("Relu", ["b"], ["c"]),
            node("LayerNormalization", ["x", "g", "c"], ["y"]),
        ],
        {"g": f32(1, 1), "b": f32(4)},
    ),
    "LayerNormalization_with_a_gain_a_row": lambda: (
        [node("LayerNormalization", ["x", "g", "b"], ["y"])],
        {"g": f32(3, 1), "b": f32(4)},
    ),
    "LayerNormalization": lambda: (
        [node("LayerNormalization", ["x", "g", "b"], ["y"])],
        {"g": f32(4), "b": f32(4)},
    ),
    "shape_arithmetic": lambda: (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "i"], ["n"]),
            node("Div", ["n", "m"], ["half"]),
            node("Mul", ["half", "m"], ["back"]),
            node("Concat", ["minus", "back"], ["size"], axis=0),
            node("Reshape", ["x", "size"], ["y"]),
        ],
        {"minus": ints(-1), "i": ints(2), "m": ints(2)},
    ),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_means_what_onnx_runtime_means(operator: str) -> None:
    nodes, constants = OPERATORS[operator]()
    made = model(nodes, constants, 1, 3, 4)
    x = {"x": noise((1, 3, 4))}
    session = onnxruntime.InferenceSession(made.SerializeToString())
    (want,) = session.run(["y"], x)
    graph = to_graph(step_of(made))
    for form in (graph, simplify(graph)[0]):
        (got,) = Reference(form).step(x).values()
        assert got.shape == want.shape
        assert form.values[form.outputs[0]].shape == want.shape
        np.testing.assert_allclose(got, want, atol=1e-5, rtol=1e-5)


def test_every_operator_we_take_is_tried() -> None:
    from edgernn.graph.onnx_ops import HANDLERS

    used = {n.op_type for make in OPERATORS.values() for n in make()[0]}
    assert set(HANDLERS) - used <= {"Cast", "Dropout", "GRU", "LSTM", "RNN"}  # their own file


BRANCH = helper.make_graph(
    [node("Constant", [], ["z"], value_float=1.0)],
    "branch",
    [],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, ())],
)
REFUSED: dict[str, tuple[Model, str]] = {
    "Pow": (([node("Pow", ["x", "c"], ["y"], "odd")], {"c": np.float32(2.5)}), "odd.*2.5"),
    "Gather": (
        ([node("Gather", ["x", "i"], ["y"], "pick", axis=2)], {"i": ints(0, 2)}),
        "pick.*not one range",
    ),
    "Slice": (
        (
            [node("Slice", ["x", "a", "b", "a", "c"], ["y"], "back")],
            {"a": ints(0), "b": ints(-9), "c": ints(-1)},
        ),
        "back.*step -1",
    ),
    "Softmax": (([node("Softmax", ["x"], ["y"], "soft", axis=1)], {}), "soft.*last axis"),
    "Conv": (
        ([node("Conv", ["x", "w"], ["y"], "same", auto_pad="SAME_UPPER")], {"w": f32(5, 3, 3)}),
        r"Conv \(same\): auto_pad SAME_UPPER",
    ),
    "Conv_negative": (
        ([node("Conv", ["x", "w"], ["y"], "cut", pads=[-1, 0])], {"w": f32(5, 3, 3)}),
        r"Conv \(cut\): negative pads",
    ),
    "Conv_2d": (
        (
            [
                node("Unsqueeze", ["x", "two"], ["a"]),
                node("Conv", ["a", "w"], ["y"], "image"),
            ],
            {"w": f32(5, 3, 1, 3), "two": ints(2)},
        ),
        r"Conv \(image\): a kernel of \(1, 3\)",
    ),
    "Pad": (
        ([node("Pad", ["x", "p"], ["y"], "mirror", mode="reflect")], {"p": ints(0, 0, 1, 0, 0, 1)}),
        r"Pad \(mirror\): mode reflect",
    ),
    "Cast": (([node("Cast", ["x"], ["y"], "half", to=TensorProto.FLOAT16)], {}), "half.*float16"),
    "Reshape": (
        (
            [
                node("Cast", ["x"], ["s"], to=TensorProto.FLOAT),
                node("Reshape", ["x", "s"], ["y"], "to"),
            ],
            {},
        ),
        "to.*must be constant",
    ),
}


@pytest.mark.parametrize("operator", REFUSED)
def test_what_an_operator_cannot_hold_is_refused_by_name(operator: str) -> None:
    (nodes, constants), words = REFUSED[operator]
    made = model(nodes, constants, 1, 3, 4)
    with pytest.raises(UnsupportedOp, match=words):
        to_graph(step_of(made))


def test_all_unknown_operators_are_named_at_once() -> None:
    nodes = [
        node("Cos", ["x"], ["a"], "wave"),
        node("Relu", ["a"], ["b"]),
        node("Sin", ["b"], ["c"]),
        node("Einsum", ["c"], ["y"], "mix", equation="ijk->kji"),
    ]
    with pytest.raises(UnsupportedOp) as caught:
        to_graph(step_of(model(nodes, {}, 1, 3, 4)))
    assert str(caught.value) == "step: no plain form of Cos (wave), Sin (c), Einsum (mix)"


def test_attributes_are_listed_beside_operators() -> None:
    """Even behind an operator that we lack, where onnx can tell the shape."""
    nodes = [
        node("Cos", ["x"], ["a"], "wave"),
        node("Softmax", ["a"], ["b"], "soft", axis=1),
        node("Conv", ["b", "w"], ["c"], "same", auto_pad="SAME_UPPER"),
        node("Custom", ["c"], ["d"], "own", domain="com.example"),
        node("If", ["yes"], ["e"], "branch", then_branch=BRANCH, else_branch=BRANCH),
        node("RandomNormal", [], ["f"], "dice", shape=[1]),
        node("Pow", ["x", "odd"], ["y"], "root"),
    ]
    constants = {"w": f32(3, 3, 3), "yes": np.array(True), "odd": np.float32(2.5)}
    made = model(nodes, constants, 1, 3, 4)
    with pytest.raises(UnsupportedOp) as caught:
        to_graph(step_of(made))
    assert str(caught.value) == (
        "step: no plain form of Cos (wave), com.example.Custom (own), RandomNormal (dice); "
        "control flow cannot be compiled, export the branch that runs: If (branch); "
        "Softmax (soft): only over the last axis; "
        "Conv (same): auto_pad SAME_UPPER; write the pads as numbers; "
        "Pow (root): exponent 2.5; whole ones to 4 and 0.5 can be held"
    )


@pytest.mark.parametrize("size", [0, "frames"])
def test_a_shape_that_is_not_fixed_is_refused(size: Any) -> None:
    made = model([node("Relu", ["x"], ["y"])], {}, 1, size, 4)
    with pytest.raises(ShapeError, match=r"x: shape \(1, 0, 4\) is not fixed"):
        to_graph(step_of(made))


def test_names_that_we_make_up_never_meet_names_of_the_model() -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["w:1"]),
        node("LayerNormalization", ["w:1", "literal"], ["y:1"]),
        node("Mul", ["y:1", "w:2"], ["y"]),
    ]
    constants = {"w": f32(4, 4), "w:2": f32(4), "literal": f32(4)}
    made = model(nodes, constants, 1, 3, 4)
    x = {"x": noise((1, 3, 4))}
    (want,) = onnxruntime.InferenceSession(made.SerializeToString()).run(["y"], x)
    graph = to_graph(step_of(made))
    assert len({n.output for n in graph.nodes}) == len(graph.nodes)
    np.testing.assert_allclose(*Reference(graph).step(x).values(), want, atol=1e-5)


class Bank(Streaming):
    """A fixed filter bank, which the exporter would rather store turned."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bank", torch.randn(6, 4))
        self.register_buffer("mask", (torch.rand(3, 6) > 0.5).float())
        self.linear = nn.Linear(6, 3)

    def step(self, x: Tensor, state: object) -> tuple[Tensor, object]:
        y = nn.functional.linear(x, self.get_buffer("bank"))
        return nn.functional.linear(y, self.linear.weight * self.get_buffer("mask")), state


def test_what_is_made_of_buffers_alone_stays_float() -> None:
    torch.manual_seed(0)
    graph: Graph = simplify(to_graph(capture(Bank(), torch.zeros(1, 1, 4), "bank")))[0]
    first, second = [n.inputs[1] for n in graph.nodes if n.op == "linear"]
    assert first in graph.keep_float
    assert second not in graph.keep_float
