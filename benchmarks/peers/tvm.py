"""TVM: the captured ONNX through Relax, with its default schedules, dlight's, and our backend's.

Untuned it is far behind, so it is timed apart, over few steps.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender
from edgernn.errors import MissingExtra, ToolError
from edgernn.graph.step_graph import StepGraph
from edgernn.quiet import first_line
from edgernn.target import find_target

Array = NDArray[Any]

NAME = "TVM"
KINDS: tuple[str, ...] = ("fp32",)
OURS = "results side by side"  # as our own backend builds it
SETTINGS = ("default schedules", "dlight's matrix-vector schedule", OURS)
HOST = find_target("host")


def candidates(graph: StepGraph, kind: str, cache: Path) -> Iterator[Contender]:
    """Raises: MissingExtra; ToolError when its importer or its compiler refuses the step."""
    try:
        tvm: Any = importlib.import_module("tvm")
        relax: Any = importlib.import_module("tvm.relax")
        importer: Any = importlib.import_module("tvm.relax.frontend.onnx")
        dlight: Any = importlib.import_module("tvm.s_tir.dlight")
    except ImportError as cause:
        raise MissingExtra("apache-tvm", "bench") from cause
    target = tvm.target.Target({"kind": "llvm", "mcpu": _cpu()})
    for setting in SETTINGS:
        try:
            if setting == OURS:
                build: Any = importlib.import_module("edgernn.export.tvm.build")
                yield _machine(tvm, relax, graph, build.program(graph, HOST), setting)
                continue
            module = importer.from_onnx(graph.model, keep_params_in_input=False)
            with target:
                if setting != SETTINGS[0]:
                    module = relax.get_pipeline("zero")(module)
                    module = dlight.ApplyDefaultSchedule(dlight.cpu.GEMV())(module)
                program = tvm.compile(module, target=target)
            yield _machine(tvm, relax, graph, program, setting)
        except Exception as cause:  # TVM raises many unrelated classes
            raise ToolError(f"TVM cannot build {graph.name}: {first_line(cause)}") from cause


def _cpu() -> str:
    """This machine's CPU as LLVM names it."""
    registry: Any = importlib.import_module("tvm_ffi")
    name = registry.get_global_func("target.llvm_get_system_cpu", allow_missing=True)
    return str(name()) if name else "x86-64-v3"


def _machine(tvm: Any, relax: Any, graph: StepGraph, program: Any, setting: str) -> Contender:
    """The states it gives back are the arguments of the next step: nothing is copied."""
    function = relax.VirtualMachine(program, tvm.cpu())["main"]
    x = np.zeros(graph.inputs[0].shape, np.float32)
    y = np.zeros(graph.outputs[0].shape, np.float32)
    x_tensor = tvm.runtime.tensor(x)
    states: list[Any] = []

    def call() -> None:
        x_tensor.copyfrom(x)
        made = function(x_tensor, *states)
        states[:] = [made[k] for k in range(1, len(graph.states) + 1)]
        y[...] = made[0].numpy()

    def reset() -> None:
        states[:] = [tvm.runtime.tensor(state.initial()) for state in graph.states]

    reset()
    return Contender(x, y, call, reset, setting)
