"""Step models of others: compiled and compared with ONNX Runtime, and all that is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgernn import Session
from edgernn.bundle import open_bundle
from edgernn.errors import DataError, EdgernnError, ModelError, ParityError, ShapeError
from edgernn.exporting import OnnxOptions, export
from edgernn.graph.onnx_file import Wiring, read_onnx
from edgernn.streams import noise_frames, read_frames

from ..compiled import noise
from ..foreign import Foreign, icefall, rnnoise, silero

pytestmark = pytest.mark.usefixtures("whole_road")

MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "icefall": icefall,
    "silero": silero,
    "rnnoise": rnnoise,
}
STATES = {
    "icefall": [("state0", "new_state0"), ("state1", "new_state1")],
    "silero": [("state", "stateN")],
    "rnnoise": [(f"{s}_state", f"{s}_state_out") for s in ("vad", "noise", "denoise")],
}


def save(folder: Path, model: onnx.ModelProto, name: str = "step") -> Path:
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return path


def frames_for(path: Path, count: int = 300) -> Path:
    """Input of three loudnesses, as a recording has."""
    step = read_onnx(path, "step")
    loudness = np.repeat([0.2, 1.0, 0.5], count // 3)
    arrays = {}
    for port in step.inputs:
        drawn = noise((count, *port.shape), 11)
        scaled = drawn * loudness.reshape(-1, *[1] * len(port.shape)).astype(np.float32)
        arrays[port.name] = scaled if port.dtype == "float32" else np.full(count, 16_000)
    out = path.with_suffix(".npz")
    np.savez(out, **arrays)
    return out


@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_made_elsewhere_is_compiled_and_gives_its_own_numbers(
    name: str, number_type: str, tmp_path: Path
) -> None:
    path = save(tmp_path, MODELS[name](), name)
    options = OnnxOptions(frames=frames_for(path))
    said: list[str] = []
    out = tmp_path / "out.edgernn"
    report = export(str(path), "host", number_type, out, say=said.append, onnx=options)
    (check,) = report.checks
    assert (check.what, check.frames) == (
        *(f"{name} c {number_type} on host against ONNX Runtime", 10_000),
    )
    pairs = ", ".join(f"{a} -> {b}" for a, b in STATES[name])
    assert said[0] == f"{name}: states {pairs}"
    row = open_bundle(out).manifest["steps"][name]
    assert [s["in"] for s in row["states"]] == [a for a, _ in STATES[name]]
    native, truth = Session(out), Session(out, on="any")
    frames = read_frames(tmp_path / f"{name}.npz", read_onnx(path, name).inputs)
    got, want = [], []
    for at in range(500):
        frame = {k: v[at % len(v)] for k, v in frames.items()}
        for session, outputs in ((native, got), (truth, want)):
            outputs.append(np.concatenate([y.reshape(-1) for y in session.step(frame).values()]))
    spread = np.std(want, axis=0).mean()
    assert spread > 0.01  # the model hears its input
    error = np.sqrt(np.mean((np.array(got) - np.array(want)) ** 2))
    assert error < (1e-5 if number_type == "fp32" else 0.25) * spread


@pytest.mark.cc
def test_a_bundle_of_such_a_model_is_verified_profiled_and_runs_on_a_chip(tmp_path: Path) -> None:
    from edgernn.profile.measuring import profile
    from edgernn.verify import verify

    path = save(tmp_path, rnnoise(), "denoise")
    out = tmp_path / "out.edgernn"
    options = OnnxOptions(frames=frames_for(path))
    report = export(str(path), "cortex-m4", "w8a8", out, onnx=options)
    held = {check.what: check.result for check in report.checks}
    assert held["denoise c w8a8 on cortex-m4 against host"] == "same bits"
    results = {check.what: check.result for check in verify(out).checks}
    assert results["denoise c w8a8 on cortex-m4"].startswith("same bits")
    assert results["denoise onnx fp32 on any"].startswith("equals ONNX Runtime")
    (found,) = profile([out], 0.1, lambda line: None)
    assert found.as_json()["chips"][0]["count"]["mean"] > 10_000
    frame = {"features": noise((1, 1, 42))}
    chip, desk = (Session(out, on=target).step(frame) for target in ("cortex-m4", "host"))
    assert set(chip) == {"vad", "gains"}
    assert all(np.array_equal(chip[k], desk[k]) for k in chip)


def small(**changes: object) -> Foreign:
    """x (1, 4), h (1, 4) -> y (1, 4), new_h: one product, a sum and a tanh."""
    m = Foreign(5)
    m.input("x", (1, 4))
    m.input("h", (1, 4))
    m.keep("W", changes.get("W", noise((4, 4), 2) / 4))
    total = m.op("Add", [m.op("MatMul", ["x", "W"]), "h"])
    m.op("Tanh", [total], m.output("new_h", (1, 4)))
    m.op("Mul", ["new_h", m.keep("gain", np.float32(2))], m.output("y", (1, 4)))
    return m


@pytest.mark.cc
@pytest.mark.parametrize("kind", [TensorProto.INT32, TensorProto.INT64])
def test_tokens_are_steps_too(kind: int, tmp_path: Path) -> None:
    m = Foreign(6)
    m.input("ids", ("batch", 1), kind)
    m.input("h", (1, "batch", 6))
    rows = m.op("Gather", [m.weight("table", 11, 5), "ids"])
    m.recurrent("GRU", rows, 6, 5, ["h"], [m.output("hn", (1, "batch", 6))])
    m.op("Identity", ["hn"], m.output("y", (1, "batch", 6)))
    path = save(tmp_path, m.model())
    np.save(tmp_path / "ids.npy", np.random.default_rng(0).integers(0, 11, (400, 1)))
    options = OnnxOptions(frames=tmp_path / "ids.npy", frame_ms=40)
    out = tmp_path / "out.edgernn"
    (check,) = export(str(path), "host", "fp32", out, onnx=options).checks
    assert check.frames == 10_000
    assert open_bundle(out).manifest["frame_ms"] == 40
    assert Session(out).inputs[0].dtype == "int64"


@pytest.mark.cc
def test_float16_and_double_weights_become_float32_and_it_is_said(tmp_path: Path) -> None:
    weight = noise((4, 4), 2) / 4
    kinds = {"float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE}
    for name, kind in kinds.items():
        m = small(W=weight.astype(name))
        m.stored[1].CopyFrom(numpy_helper.from_array(np.array(2, name), "gain"))
        for value in (*m.inputs, *m.outputs):
            value.type.tensor_type.elem_type = kind
        path = save(tmp_path, m.model(), name)
        said: list[str] = []
        step = read_onnx(path, "step", say=said.append)
        how = "exactly" if name == "float16" else "rounded"
        assert said[0] == f"note: step: 2 tensors of {name} became float32, {how}"
        assert {p.dtype for p in (*step.inputs, *step.states, *step.outputs)} == {"float32"}
        (stored,) = (t for t in step.model.graph.initializer if t.name == "W")
        assert np.array_equal(numpy_helper.to_array(stored), weight.astype(name).astype("float32"))
        export(str(path), "host", "fp32", tmp_path / f"{name}.edgernn")


def test_a_varying_batch_is_one_and_other_sizes_are_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path, icefall())
    assert read_onnx(path, "step").inputs[0].shape == (1, 4, 20)
    model = icefall()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "rows"
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_param = "rows"
    path = save(tmp_path, model)
    with pytest.raises(ShapeError, match=r"x: its shape \(rows, 4, 20\).*--shape x=\?,4,20"):
        read_onnx(path, "step")
    step = read_onnx(path, "step", Wiring(shapes={"x": (1, 4, 20)}))
    assert [s.shape for s in step.states] == [(2, 1, 24)] * 2


@pytest.mark.parametrize(
    ("shapes", "error", "words"),
    [
        (
            {"x": (1, 5, 20)},
            ShapeError,
            r"x: --shape says \(1, 5, 20\), but the model \(N, 4, 20\)",
        ),
        ({"x": (1, 80)}, ShapeError, "x: --shape says"),
        ({"x": (1, 4, 20), "state0": (2, 3, 24)}, ShapeError, "state0: --shape says"),
        ({"wave": (1, 80)}, EdgernnError, "unknown input 'wave'; did you mean"),
    ],
)
def test_a_shape_that_the_model_does_not_have_is_refused(
    shapes: dict[str, tuple[int, ...]], error: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        read_onnx(save(tmp_path, icefall()), "step", Wiring(shapes=shapes))


def test_metadata_of_ours_names_pairs_and_first_states(tmp_path: Path) -> None:
    model = small().model()
    rows = [{"in": "x", "out": "y", "shape": [1, 4], "dtype": "float32", "init": [[1, 2, 3, 4]]}]
    import json

    helper.set_model_props(model, {"edgernn.state": json.dumps(rows), "author": "someone"})
    path = save(tmp_path, model)
    with pytest.raises(ModelError, match="every input is a state"):
        read_onnx(path, "step")
    step = read_onnx(path, "step", Wiring((("h", ""),)))
    assert [(s.name, s.out) for s in step.states] == [("x", "y")]
    assert step.states[0].initial().tolist() == [[1, 2, 3, 4]]
    assert {p.key: p.value for p in step.model.metadata_props}["author"] == "someone"


def test_old_models_that_list_weights_as_inputs_are_read(tmp_path: Path) -> None:
    m = small()
    model = m.model()
    model.graph.input.append(helper.make_tensor_value_info("W", TensorProto.FLOAT, (4, 4)))
    model.ir_version = 3
    step = read_onnx(save(tmp_path, model), "step")
    assert [p.name for p in step.inputs] == ["x"]


def test_local_functions_are_inlined(tmp_path: Path) -> None:
    m = small()
    twice = helper.make_function(
        *("local", "Twice", ["a"], ["b"]),
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )
    m.nodes[-1] = helper.make_node("Twice", ["new_h"], ["y"], "twice", domain="local")
    model = m.model()
    model.functions.append(twice)
    model.opset_import.append(helper.make_opsetid("local", 1))
    step = read_onnx(save(tmp_path, model), "step")
    assert {n.op_type for n in step.model.graph.node} == {"MatMul", "Add", "Tanh"}


def test_frames_are_read_as_steps_or_as_a_stream(tmp_path: Path) -> None:
    (port,) = read_onnx(save(tmp_path, icefall()), "step").inputs
    whole = noise((6, 1, 4, 20))
    for array in (whole, whole.reshape(6, 4, 20), whole.reshape(24, 20), whole.reshape(1, 24, 20)):
        np.save(tmp_path / "x.npy", array)
        assert np.array_equal(read_frames(tmp_path / "x.npy", [port])["x"], whole)
    np.savez(tmp_path / "x.npz", x=whole.astype(np.float64))
    assert read_frames(tmp_path / "x.npz", [port])["x"].dtype == np.float32
    np.save(tmp_path / "x.npy", whole.reshape(24, 20)[:-1])
    assert len(read_frames(tmp_path / "x.npy", [port])["x"]) == 5
    assert noise_frames([port])["x"].shape == (2_000, 1, 4, 20)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((6, 5, 20), np.float32)}, r"x is float32 \(6, 5, 20\); need \(steps, 1, 4"),
        ({"x": np.zeros((0, 4, 20), np.float32)}, "need"),
        ({"x": np.full((6, 4, 20), np.nan)}, "NaN or infinity"),
        ({"x": np.zeros((6, 4, 20), np.int64)}, "need real numbers"),
        ({"x": np.array("text")}, "need real numbers"),
        ({"y": np.zeros((6, 4, 20))}, "unknown input in .*'y'; did you mean x"),
        ({}, "no frames for x"),
        (None, "No such file"),
        (b"text", "no .npy or .npz"),
    ],
)
def test_frames_that_cannot_be_used_are_refused(
    arrays: dict[str, np.ndarray] | bytes | None, words: str, tmp_path: Path
) -> None:
    ports = read_onnx(save(tmp_path, icefall()), "step").inputs
    path = tmp_path / "x.npz"
    if isinstance(arrays, bytes):
        path.write_bytes(arrays)
    elif arrays is not None:
        np.savez(path, **arrays)
    with pytest.raises(EdgernnError, match=words) as caught:
        read_frames(path, ports)
    assert "\n" not in str(caught.value)


def test_quantizing_asks_for_real_frames_and_fp32_makes_do_with_noise(tmp_path: Path) -> None:
    path, out = save(tmp_path, icefall()), tmp_path / "out.edgernn"
    with pytest.raises(DataError, match=r"w8a8 is calibrated on real input.*--frames.*x \(1, 4"):
        export(str(path), "host", "w8a8", out)
    assert not out.exists()


def test_options_of_an_onnx_file_are_refused_for_other_models(tmp_path: Path) -> None:
    options = OnnxOptions(Wiring((("h", "hn"),)))
    with pytest.raises(ModelError, match=r"kws: --state, --shape, .* are for an \.onnx file"):
        export("kws", "host", "fp32", tmp_path / "out.edgernn", onnx=options)


def test_a_model_that_itself_gives_nan_is_told_apart_from_a_wrong_compiler(tmp_path: Path) -> None:
    m = small()
    m.nodes[-1] = helper.make_node("Log", ["new_h"], ["y"], "log")
    path = save(tmp_path, m.model())
    with pytest.raises(
        DataError, match=r"the model itself gives NaN or infinity at step \d+ \(y\)"
    ):
        export(str(path), "host", "fp32", tmp_path / "out.edgernn")


@pytest.mark.cc
def test_a_wrong_kernel_is_named_by_its_first_step_and_leaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from edgernn.export.c import C

    right = C.typed

    def wrong(self: C, *given: Any) -> object:
        graph, notes = right(self, *given)
        at, tanh = next((k, n) for k, n in enumerate(graph.nodes) if n.op == "tanh")
        graph.nodes[at] = dataclasses.replace(tanh, op="sigmoid")
        return graph, notes

    monkeypatch.setattr(C, "typed", wrong)
    path = save(tmp_path, small().model())
    words = r"differs from ONNX Runtime from frame \d+.*state h leaves ONNX Runtime's first"
    with pytest.raises(ParityError, match=words):
        export(str(path), "host", "fp32", tmp_path / "out.edgernn")
