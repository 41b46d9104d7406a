"""Other runtimes on the same step: ONNX Runtime and LiteRT, each with several settings.

Which setting is a runtime's best is measured, not assumed. A runtime that is not installed, or a
model that was not converted, is told with the command that brings it.
"""

from __future__ import annotations

import importlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks.contender import Contender, called, view
from benchmarks.workloads import FRONT_END
from edgernn.errors import MissingExtra, ToolError
from edgernn.graph.step_graph import StepGraph

Array = NDArray[Any]

KINDS = ("fp32", "int8")
CONVERT = "python -m venv V; V/bin/pip install -r benchmarks/requirements-litert.txt; "
CONVERT += "V/bin/python -m benchmarks.make_litert CACHE"


def onnxruntime(graph: StepGraph, kind: str) -> Iterator[Contender]:
    """The captured ONNX in ONNX Runtime: fp32, or quantized dynamically to int8."""
    models = {"": graph.model.SerializeToString()} if kind == "fp32" else dict(_quantized(graph))
    for model, data in models.items():
        for arena in (True, False):
            words = [word for word in (model, "" if arena else "no arena") if word]
            yield _session(graph, data, arena, ", ".join(words))


def _quantized(graph: StepGraph) -> Iterator[tuple[str, bytes]]:
    """Weights to int8, by tensor and by row; with the front end, and with it left in float."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    front = [n.name for n in graph.model.graph.node if _in_front_end(n)]
    for by_row in (False, True):
        for kept in ([], front) if front else ([],):
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                source, made = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
                onnx.save(graph.model, source)
                logging.getLogger().setLevel(logging.ERROR)  # it advises on its root logger
                quantize_dynamic(
                    source,
                    made,
                    weight_type=QuantType.QInt8,
                    per_channel=by_row,
                    nodes_to_exclude=kept,
                )
                name = "by row" if by_row else "by tensor"
                yield name + (", front end in float" if kept else ""), made.read_bytes()


def _in_front_end(node: onnx.NodeProto) -> bool:
    weights = any(name.startswith(f"{FRONT_END}.") for name in node.input)
    return weights and node.op_type in ("MatMul", "Gemm")


def _session(graph: StepGraph, data: bytes, arena: bool, setting: str) -> Contender:
    """Bound to fixed memory; two bindings swap the states' places, so no state is copied."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = arena
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    x = np.zeros(graph.inputs[0].shape, np.float32)
    y = np.zeros(graph.outputs[0].shape, np.float32)
    places = [[np.zeros(s.shape, np.float32) for s in graph.states] for _ in range(2)]
    x_value, y_value = map(ort.OrtValue.ortvalue_from_numpy, (x, y))
    values = [list(map(ort.OrtValue.ortvalue_from_numpy, place)) for place in places]
    bindings = []
    for before, after in (values, values[::-1]):
        binding = session.io_binding()
        binding.bind_ortvalue_input(graph.inputs[0].name, x_value)
        binding.bind_ortvalue_output(graph.outputs[0].name, y_value)
        for state, old, new in zip(graph.states, before, after, strict=True):
            binding.bind_ortvalue_input(state.name, old)
            binding.bind_ortvalue_output(state.out, new)
        bindings.append(binding)
    # no RunOptions: handing over a default one costs ONNX Runtime 1.32 three times the step
    turn, run = 0, session.run_with_iobinding

    def alone() -> None:
        nonlocal turn
        run(bindings[turn])
        turn = 1 - turn

    def step(frame: Array) -> Array:
        x[...] = frame
        alone()
        return y.copy()

    def reset() -> None:
        for state, array in zip(graph.states, places[turn], strict=True):
            array[...] = state.initial()

    return Contender(step, reset, called(alone), setting)


def litert(graph: StepGraph, kind: str, cache: Path) -> Iterator[Contender]:
    """The converted models of this step: from our cell and from torch's fused GRU.

    Raises: MissingExtra without the runtime, ToolError without the models.
    """
    try:
        interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError as cause:
        raise MissingExtra("ai-edge-litert", "litert") from cause
    paths = sorted(cache.glob(f"{graph.name}-*-{kind}*.tflite"))
    if not paths:
        raise ToolError(f"no {kind} models of {graph.name} in {cache}; run: {CONVERT}")
    refused = ""
    ready = 0
    for path in paths:
        try:
            yield _interpreter(graph, interpreter(str(path), num_threads=1), path.stem)
        except RuntimeError as cause:  # what the interpreter raises for a model it cannot prepare
            refused = f"{path.name}: {cause}"
        else:
            ready += 1
    if not ready:
        raise ToolError(f"LiteRT runs none of the models: {refused}")


def _interpreter(graph: StepGraph, interpreter: Any, stem: str) -> Contender:
    """Arrays lie directly on the interpreter's tensors, so that a copy is all a state costs."""
    interpreter.allocate_tensors()
    signature = interpreter.get_signature_runner()

    def views(details: dict[str, Any], word: str) -> list[Array]:
        rows = [details[f"{word}_{k}"] for k in range(len(details))]
        return [_on_tensor(interpreter, row) for row in rows]

    x, *before = views(signature.get_input_details(), "args")
    y, *after = views(signature.get_output_details(), "output")
    if [array.shape for array in before] != [state.shape for state in graph.states]:
        raise ToolError(f"{stem}.tflite is of another network; run: {CONVERT}")
    pairs, invoke = list(zip(before, after, strict=True)), interpreter.invoke

    def step(frame: Array) -> Array:
        x[...] = frame
        invoke()
        for old, new in pairs:
            old[...] = new
        return y.copy()

    def reset() -> None:
        for state, array in zip(graph.states, before, strict=True):
            array[...] = state.initial()

    reset()
    setting = stem.removeprefix(f"{graph.name}-").replace("-", ", ")
    return Contender(step, reset, called(invoke), setting)


def _on_tensor(interpreter: Any, row: dict[str, Any]) -> Array:
    # the interpreter refuses to run while an array of its own making is held
    address = interpreter.tensor(row["index"])().ctypes.data
    return view(address, tuple(int(size) for size in row["shape"]))
