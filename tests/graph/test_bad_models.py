"""ONNX files that cannot be compiled: each refused in one line that names node or tensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from edgernn.cli import group
from edgernn.errors import EdgernnError
from edgernn.graph.onnx_file import read_onnx

from ..compiled import noise
from ..foreign import Foreign

BRANCH = helper.make_graph(
    [helper.make_node("Constant", [], ["z"], value_float=1.0)],
    "branch",
    [],
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, ())],
)
Change = Callable[[onnx.ModelProto], object]


def small() -> onnx.ModelProto:
    """x (1, 4), h (1, 4) -> y, new_h, by the nodes product, total, squash, loud."""
    m = Foreign(5)
    m.input("x", (1, 4))
    m.input("h", (1, 4))
    m.keep("W", noise((4, 4), 2) / 4)
    m.keep("gain", np.float32(2))
    m.output("y", (1, 4))
    m.output("new_h", (1, 4))
    m.nodes += [
        helper.make_node("MatMul", ["x", "W"], ["a"], "product"),
        helper.make_node("Add", ["a", "h"], ["b"], "total"),
        helper.make_node("Tanh", ["b"], ["new_h"], "squash"),
        helper.make_node("Mul", ["new_h", "gain"], ["y"], "loud"),
    ]
    return m.model()


def weight(array: Any, at: int = 0) -> Change:
    """Another array in the place of W (0) or gain (1)."""

    def change(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[at]
        tensor.CopyFrom(numpy_helper.from_array(np.asarray(array), tensor.name))

    return change


def kind(data_type: int) -> Change:
    """W in a type that numpy has not."""

    def change(model: onnx.ModelProto) -> None:
        tensor = helper.make_tensor("W", data_type, (4, 4), [0.5] * 16)
        model.graph.initializer[0].CopyFrom(tensor)

    return change


def instead(at: int, *node: Any, **attrs: Any) -> Change:
    """Another node in the place of node `at`."""
    return lambda model: model.graph.node[at].CopyFrom(helper.make_node(*node, **attrs))


def shape(name: str, *dims: int | str) -> Change:
    """Another shape of an input."""

    def change(model: onnx.ModelProto) -> None:
        (value,) = (v for v in model.graph.input if v.name == name)
        value.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))

    return change


def huge(op: str, *sizes: int) -> Change:
    """A constant made from its shape, which no memory holds."""

    def change(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.array(sizes), "sizes"))
        inputs = ["sizes"] if op == "ConstantOfShape" else ["gain", "sizes"]
        model.graph.node.insert(0, helper.make_node(op, inputs, ["large"], "spread"))

    return change


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("count", TensorProto.INT64, ()),
            helper.make_tensor_value_info("going", TensorProto.BOOL, ()),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, ())],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(3), "times"))
    model.graph.node.append(helper.make_node("Loop", ["times", ""], [], "again", body=body))


def feed_nothing_back(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def rename_domain(model: onnx.ModelProto) -> None:
    model.graph.node[2].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def sparse(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.float32([1, 2]), "thin")
    indices = numpy_helper.from_array(np.array([1, 5]), "where")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4, 4]))


def sequence_input(model: onnx.ModelProto) -> None:
    many = helper.make_tensor_sequence_value_info("many", TensorProto.FLOAT, (1, 4))
    model.graph.input.append(many)


def typed_input(data_type: int) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = data_type

    return change


def damage_weight(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"abc"


def holed(value: float) -> np.ndarray:
    array = noise((4, 4))
    array[1, 2] = value
    return array


BAD: dict[str, tuple[Change, str]] = {
    "dynamic": (shape("x", 1, "T"), r"input x: its shape \(1, T\) is not fixed.*--shape x=1,\?"),
    "no_shape": (
        lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"),
        "input x: its shape no shape is not fixed",
    ),
    "empty": (shape("x", 1, 0), r"input x: its shape \(1, \?\) is not fixed"),
    "if": (
        instead(3, "If", ["gain"], ["y"], "fork", then_branch=BRANCH, else_branch=BRANCH),
        r"control flow cannot be compiled.*If \(fork\)",
    ),
    "loop": (loop, r"control flow cannot be compiled.*Loop \(again\)"),
    "sequence": (
        instead(3, "SequenceConstruct", ["new_h"], ["y"], "many"),
        r"control flow cannot be compiled.*SequenceConstruct \(many\)",
    ),
    "sequence_input": (sequence_input, "input many: is of kind sequence_type"),
    "unknown": (
        instead(2, "Sin", ["b"], ["new_h"], "wave"),
        r"no plain form of Sin \(wave\)",
    ),
    "domain": (rename_domain, r"no plain form of com\.example\.Tanh \(squash\)"),
    "not_fed_back": (feed_nothing_back, r"h \(1, 4\) \(could be carried by y\).*--state h="),
    "state_shape": (
        lambda m: (shape("h", 1, 1)(m), None),
        r"state h goes in as \(1, 1\) float32 and comes out as \(1, 4\) float32 \(new_h\)",
    ),
    "bfloat16": (kind(TensorProto.BFLOAT16), "weight W: is bfloat16, a type that we lack"),
    "float8": (kind(TensorProto.FLOAT8E4M3FN), "weight W: is float8e4m3fn, a type"),
    "int4": (kind(TensorProto.INT4), "weight W: is int4, a type that we lack"),
    "complex": (weight(np.ones((4, 4), np.complex64)), "weight W: is complex64, a type"),
    "text": (weight(np.array(["a"], object)), "weight W: is string, a type that we lack"),
    "text_input": (typed_input(TensorProto.STRING), "input x: is string, a type that we lack"),
    "untyped_input": (typed_input(TensorProto.UNDEFINED), "input x: is undefined, a type"),
    "nan": (weight(holed(np.nan)), r"weight W: holds nan at \[1, 2\]"),
    "infinity": (weight(holed(-np.inf)), r"weight W: holds -inf at \[1, 2\]"),
    "too_large_for_float32": (
        weight(np.full((4, 4), 1e300)),
        r"weight W: holds inf at \[0, 0\]",
    ),
    "infinity_computed": (
        lambda m: (
            m.graph.node.insert(0, helper.make_node("Log", ["zero"], ["none"], "deep"))
            or m.graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
        ),
        r"Log \(deep\): holds -inf at \[\]",
    ),
    "overflow_input": (shape("x", 1 << 20, 1 << 12), r"input x: shape .* takes 17,179,869,184"),
    "overflow_far": (shape("x", 1 << 40, 1 << 40), "input x: shape"),
    "overflow_constant": (
        huge("ConstantOfShape", 1 << 20, 1 << 12),
        r"\(spread\): shape \(1048576",
    ),
    "overflow_expand": (huge("Expand", 1 << 40, 1 << 40), r"Expand \(spread\): shape"),
    "overflow_tile": (
        lambda m: (weight(noise((1,)), 1)(m), huge("Tile", 1 << 32)(m)),
        r"Tile \(spread\): shape",
    ),
    "overflow_node": (
        lambda m: (shape("x", 1 << 16, 4)(m), shape("h", 1 << 13, 1, 4)(m)),
        r"Add \(total\): shape \(8192, 65536, 4\) takes 8,589,934,592 bytes",
    ),
    "do_not_fit": (shape("h", 1, 3), r"Add \(total\): add cannot take shapes"),
    "damaged_weight": (damage_weight, "weight W: its data is damaged"),
    "one_c_name": (
        lambda m: m.graph.input.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in ("a.b", "a-b")
        ),
        r"a\.b and a-b have one name in C",
    ),
    "bool_output": (
        lambda m: (
            instead(3, "Greater", ["new_h", "gain"], ["y"], "loud")(m),
            setattr(m.graph.output[0].type.tensor_type, "elem_type", TensorProto.BOOL),
        ),
        "output y: is bool",
    ),
    "short_index": (
        lambda m: (
            typed_input(TensorProto.INT32)(m),
            instead(0, "Gather", ["W", "x"], ["rows"], "look")(m),
            m.graph.node.insert(1, helper.make_node("ReduceSum", ["rows"], ["a"], "sum")),
            m.graph.node.append(helper.make_node("Identity", ["x"], ["again"], "same")),
        ),
        r"Gather \(look\): x is int32; only int64",
    ),
    "unknown_type": (typed_input(77), "input x: is of unknown type 77"),
    "sparse": (sparse, "weight thin: is stored sparse"),
    "unmade": (instead(1, "Add", ["a", "ghost"], ["b"], "total"), r"Add \(total\): reads ghost"),
    "unmade_output": (
        lambda m: m.graph.output.append(
            helper.make_tensor_value_info("ghost", TensorProto.FLOAT, (1,))
        ),
        "output ghost is made by no node",
    ),
    "malformed": (instead(3, "Mul", [], ["y"], "loud"), r"Mul \(loud\): is malformed"),
    "malformed_attribute": (
        instead(3, "Transpose", ["new_h"], ["y"], "turn", perm=[0, 7]),
        r"Transpose \(turn\): transpose cannot take shapes",
    ),
    "opset_of_old": (lambda m: setattr(m.opset_import[0], "version", 6), "of opset 6; 9 to"),
    "opset_of_tomorrow": (lambda m: setattr(m.opset_import[0], "version", 999), "of opset 999"),
    "no_opset": (lambda m: m.opset_import.pop(), "of opset none"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_model_is_refused_by_name(case: str, tmp_path: Path) -> None:
    change, words = BAD[case]
    model = small()
    change(model)
    path = tmp_path / "step.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(EdgernnError, match=words) as caught:
        read_onnx(path, "step")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_the_model_that_all_of_these_are_made_of_is_good(tmp_path: Path) -> None:
    onnx.save(small(), tmp_path / "step.onnx")
    assert read_onnx(tmp_path / "step.onnx", "step").states[0].out == "new_h"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not an ONNX model: it has no nodes"),
        (b"hello, this is text\n", "is not an ONNX model"),
        (small().SerializeToString()[:200], "is not an ONNX model, or is damaged"),
    ],
)
def test_a_file_that_is_no_model_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "step.onnx"
    path.write_bytes(data)
    with pytest.raises(EdgernnError, match=words):
        read_onnx(path, "step")


def test_external_data_is_taken_in_and_missed_when_it_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "step.onnx"
    options = {"save_as_external_data": True, "location": "step.bin", "size_threshold": 0}
    onnx.save(small(), path, **options)
    step = read_onnx(path, "step")
    (stored,) = (t for t in step.model.graph.initializer if t.name == "W")
    assert np.array_equal(numpy_helper.to_array(stored), noise((4, 4), 2) / 4)
    (tmp_path / "step.bin").write_bytes(b"short")
    with pytest.raises(EdgernnError, match=r"step\.onnx: "):
        read_onnx(path, "step")
    (tmp_path / "step.bin").unlink()
    with pytest.raises(EdgernnError, match=r"step\.onnx: .*step\.bin") as caught:
        read_onnx(path, "step")
    assert "\n" not in str(caught.value)


def edgernn(*words: object) -> tuple[int, list[str]]:
    result = CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stderr.splitlines()


@pytest.mark.parametrize("case", ["dynamic", "if", "not_fed_back", "bfloat16", "nan", "unmade"])
def test_the_command_refuses_a_bad_model_in_one_line(case: str, tmp_path: Path) -> None:
    model = small()
    BAD[case][0](model)
    path = tmp_path / "step.onnx"
    path.write_bytes(model.SerializeToString())
    out = tmp_path / "out.edgernn"
    code, lines = edgernn("export", path, "-t", "host", "-o", out)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"error: {path}: ")
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--state", "h"], "--state h: need IN=OUT"),
        (["--state", "h=new_g"], "unknown output of a state 'new_g'; did you mean new_h"),
        (["--shape", "x=1,T"], "--shape x=1,T: need IN=1,9,80"),
        (["--shape", "1,4"], "--shape 1,4: need IN=1,9,80"),
        (["--frames", "none.npz"], "none.npz: No such file"),
        (["--number-type", "w8a8"], "w8a8 is calibrated on real input"),
    ],
)
def test_bad_options_are_refused_in_one_line(words: list[str], line: str, tmp_path: Path) -> None:
    onnx.save(small(), tmp_path / "step.onnx")
    code, lines = edgernn("export", tmp_path / "step.onnx", "-t", "host", *words)
    assert code == 2
    assert line in lines[-1]
    assert lines[-1].startswith("error: ")


def test_a_model_is_named_by_its_file(tmp_path: Path) -> None:
    from edgernn.model import find_model

    onnx.save(small(), tmp_path / "my model, v1.2.onnx")
    model = find_model(str(tmp_path / "my model, v1.2.onnx"))
    assert (model.name, model.is_onnx) == ("my-model-v1-2", True)
    with pytest.raises(EdgernnError, match="is exported as it is"):
        model.steps()
    with pytest.raises(EdgernnError, match=r"none\.onnx: no such file"):
        find_model(str(tmp_path / "none.onnx"))
    for command in (["card"], ["train", "--data", str(tmp_path)]):
        code, lines = edgernn(command[0], model.source, *command[1:])
        assert (code, len(lines)) == (2, 1)


@pytest.mark.cc
def test_the_command_compiles_a_good_model_and_says_what_it_found(tmp_path: Path) -> None:
    onnx.save(small(), tmp_path / "step.onnx")
    out = tmp_path / "out.edgernn"
    code, lines = edgernn("export", tmp_path / "step.onnx", "-t", "host", "-o", out)
    assert code == 0
    assert lines[0] == "step: states h -> new_h"
    assert "compared on seeded noise; give real input with --frames" in lines[1]
    assert edgernn("verify", out)[0] == 0
    code, lines = edgernn("run", out, tmp_path / "a.wav")
    assert (code, "not audio samples" in lines[-1]) == (2, True)
