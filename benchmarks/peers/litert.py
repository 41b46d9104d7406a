"""LiteRT: models that its own converter made, by `python -m benchmarks.make_litert`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.contender import Contender, view
from edgernn.errors import MissingExtra, ToolError
from edgernn.graph.step_graph import StepGraph

Array = NDArray[Any]

NAME = "LiteRT"
KINDS: tuple[str, ...] = ("fp32", "int8", "int4")
CONVERT = "python -m venv V; V/bin/pip install -r benchmarks/requirements-litert.txt; "
CONVERT += "V/bin/python -m benchmarks.make_litert CACHE"


def candidates(graph: StepGraph, kind: str, cache: Path) -> Iterator[Contender]:
    """Every converted model of this step. Raises: MissingExtra, ToolError without models."""
    try:
        interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter
    except ImportError as cause:
        raise MissingExtra("ai-edge-litert", "bench") from cause
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
    # the wrapped object's own call spares LiteRT a check in Python, about 0.2 microseconds
    wrapped = getattr(interpreter, "_interpreter", None)
    invoke = getattr(wrapped, "Invoke", interpreter.invoke)

    def reset(_keep: Any = interpreter) -> None:
        for state, array in zip(graph.states, before, strict=True):
            array[...] = state.initial()

    reset()
    setting = stem.removeprefix(f"{graph.name}-").replace("-", ", ")
    return Contender(x, y, invoke, reset, setting, tuple(zip(before, after, strict=True)))


def _on_tensor(interpreter: Any, row: dict[str, Any]) -> Array:
    # the interpreter refuses to run while an array of its own making is held
    address = interpreter.tensor(row["index"])().ctypes.data
    return view(address, tuple(int(size) for size in row["shape"]))
