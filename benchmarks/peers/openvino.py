"""OpenVINO on the captured ONNX: float32, or weights compressed to int8 or int4.

Compressed weights are what its own tools write: integers, converted and scaled before the product,
which the CPU plugin then takes in integers, quantizing activations in groups as they come.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender
from edgernn.errors import MissingExtra
from edgernn.graph.step_graph import StepGraph

Array = NDArray[Any]

NAME = "OpenVINO"
KINDS: tuple[str, ...] = ("fp32", "int8", "int4")
LEAST = 4096  # elements of a matrix that is worth compressing
ONE_THREAD = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "INFERENCE_PRECISION_HINT": "f32",
}
WEIGHTS = {"int8": ((8, 0),), "int4": ((4, 0), (4, 32), (4, 128))}  # bits, group; 0: by row
ACTIVATIONS = (0, 32, 128)  # groups in which activations are quantized; 0: not at all


def candidates(graph: StepGraph, kind: str, cache: Path) -> Iterator[Contender]:
    """float32; or each form of weights with each way to take the product. Raises: MissingExtra."""
    try:
        ov: Any = importlib.import_module("openvino")
    except ImportError as cause:
        raise MissingExtra("openvino", "bench") from cause
    core = ov.Core()

    def fresh() -> Any:
        return core.read_model(graph.model.SerializeToString())

    if kind == "fp32":
        yield _requests(ov, graph, core.compile_model(fresh(), "CPU", ONE_THREAD), "f32")
        return
    for bits, group in WEIGHTS[kind]:
        for activations in ACTIVATIONS:
            model = fresh()
            if not _compress(ov, model, bits, group):
                continue
            options = {**ONE_THREAD, "DYNAMIC_QUANTIZATION_GROUP_SIZE": activations}
            words = f"weights by {f'groups of {group}' if group else 'row'}, "
            words += f"activations by groups of {activations}" if activations else "float products"
            compiled = core.compile_model(model, "CPU", options)
            yield _requests(ov, graph, compiled, words)


def _compress(ov: Any, model: Any, bits: int, group: int) -> bool:
    """Replace each large constant of a product; False where the groups do not divide one."""
    ops: Any = importlib.import_module("openvino.opset13")
    for node in [n for n in model.get_ops() if n.get_type_name() == "MatMul"]:
        source = node.input_value(1).get_node()
        if source.get_type_name() != "Constant":
            continue
        weight = source.data
        if weight.ndim != 2 or weight.size < LEAST:
            continue
        by_row = weight if node.get_attributes()["transpose_b"] else weight.T
        if group and by_row.shape[1] % group:
            return False
        small = _integers(ov, ops, np.ascontiguousarray(by_row), bits, group)
        made = ops.matmul(node.input_value(0), small, False, True)
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(made.output(0))
    model.validate_nodes_and_infer_types()
    return True


def _integers(ov: Any, ops: Any, weight: Array, bits: int, group: int) -> Any:
    """(rows, cols) float32 as integers and scales."""
    rows, cols = weight.shape
    most = (1 << bits - 1) - 1
    parts = weight.reshape(rows, -1, group) if group else weight
    scale = np.abs(parts).max(-1, keepdims=True) / most
    whole = np.clip(np.round(parts / np.maximum(scale, 1e-12)), -most, most).astype(np.int8)
    if bits == 8:
        constant = ops.constant(whole, ov.Type.i8)
    else:
        flat = whole.reshape(-1) & 15
        packed = (flat[0::2] | flat[1::2] << 4).astype(np.uint8)
        borrowed = ov.Tensor(packed, ov.Shape(list(whole.shape)), ov.Type.i4)
        constant = ov.op.Constant(borrowed, False)
    real = ops.multiply(ops.convert(constant, "f32"), ops.constant(scale.astype(np.float32)))
    return ops.reshape(real, np.array([rows, cols]), False) if group else real


def _requests(ov: Any, graph: StepGraph, compiled: Any, setting: str) -> Contender:
    """Two requests whose states swap places, so no state is copied."""
    x = ov.Tensor(np.zeros(graph.inputs[0].shape, np.float32))
    y = ov.Tensor(np.zeros(graph.outputs[0].shape, np.float32))
    places = [[ov.Tensor(np.zeros(s.shape, np.float32)) for s in graph.states] for _ in range(2)]
    requests = []
    for before, after in (places, places[::-1]):
        request = compiled.create_infer_request()
        request.set_tensor(graph.inputs[0].name, x)
        request.set_tensor(graph.outputs[0].name, y)
        for state, old, new in zip(graph.states, before, after, strict=True):
            request.set_tensor(state.name, old)
            request.set_tensor(state.out, new)
        requests.append(request)
    turn = 0

    def call() -> None:
        nonlocal turn
        requests[turn].infer(share_outputs=True)
        turn = 1 - turn

    def reset() -> None:
        for state, tensor in zip(graph.states, places[turn], strict=True):
            tensor.data[...] = state.initial()

    return Contender(x.data, y.data, call, reset, setting)
