"""ONNX Runtime on the captured ONNX: as it is, quantized dynamically, or with packed weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from benchmarks.contender import Contender
from benchmarks.workloads import FRONT_END
from edgernn.export.onnx.forms import dynamic, weights_in_groups
from edgernn.graph.step_graph import StepGraph

Array = NDArray[Any]

NAME = "ONNX Runtime"
KINDS: tuple[str, ...] = ("fp32", "int8", "int4")
GROUPS = (32, 128)


def candidates(graph: StepGraph, kind: str, cache: Path) -> Iterator[Contender]:
    """Every way to run this number type, each with its memory arena and without."""
    made = {"fp32": _plain, "int8": _int8, "int4": _int4}[kind](graph)
    for model, data in made:
        for arena in (True, False):
            words = [word for word in (model, "" if arena else "no arena") if word]
            yield _session(graph, data, arena, ", ".join(words))


def _plain(graph: StepGraph) -> Iterator[tuple[str, bytes]]:
    yield "as captured", graph.model.SerializeToString()


def _int8(graph: StepGraph) -> Iterator[tuple[str, bytes]]:
    """Quantized as they come, by tensor and by row, front end too and not; weights alone."""
    front = [n.name for n in graph.model.graph.node if _in_front_end(n)]
    for by_row in (False, True):
        for kept in ([], front) if front else ([],):
            name = "by row" if by_row else "by tensor"
            name += ", front end in float" if kept else ""
            model = dynamic(graph, by_row=by_row, kept=kept)
            yield name, model.SerializeToString()
    model = weights_in_groups(graph, 8, 128, kept=())
    yield "MatMulNBits, groups of 128", model.SerializeToString()


def _int4(graph: StepGraph) -> Iterator[tuple[str, bytes]]:
    """Weights in groups; the products in int8."""
    for group in GROUPS:
        model = weights_in_groups(graph, 4, group, kept=())
        yield f"MatMulNBits, groups of {group}", model.SerializeToString()


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

    def call() -> None:
        nonlocal turn
        run(bindings[turn])
        turn = 1 - turn

    def reset() -> None:
        for state, array in zip(graph.states, places[turn], strict=True):
            array[...] = state.initial()

    return Contender(x, y, call, reset, setting)
