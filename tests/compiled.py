"""What the compiler's tests share: graphs by hand, steps compiled for a target, their streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx

from edgernn.backend import Array, Program, find_backend, find_runner
from edgernn.compilers import cpu_flags
from edgernn.firmware import GoldenRun
from edgernn.graph.integer_weights import integer_weights
from edgernn.graph.ir import Graph, Node, StateEdge, Value
from edgernn.graph.shapes import result_shape
from edgernn.graph.step_graph import Port, StatePair, StepGraph
from edgernn.target import Target, find_target
from edgernn.timing import Timing

Frames = Sequence[Mapping[str, Array]]
VNNI = ("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni")  # as Linux names them


def cpu_runs(kernels: str) -> bool:
    """Whether this CPU has all that kernels of this folder need beyond the host's least."""
    return kernels != "vnni" or set(VNNI) <= cpu_flags()


class Builder:
    """Grows a graph of the intermediate representation, value by value."""

    def __init__(self, name: str = "small") -> None:
        self.graph = Graph(name, [], [], [], [], {}, {})
        self.initial: dict[str, Array] = {}

    def input(self, name: str, *shape: int, dtype: str = "float32") -> str:
        self.graph.inputs.append(name)
        self.graph.values[name] = Value(shape, dtype)
        return name

    def state(self, name: str, init: Array) -> str:
        self.initial[name] = init
        self.graph.values[name] = Value(init.shape, init.dtype.name)
        return name

    def constant(self, name: str, array: Any) -> str:
        return self.graph.add_constant(name, np.asarray(array, np.float32))

    def op(self, op: str, *inputs: str, name: str = "", **attrs: Any) -> str:
        values = self.graph.values
        output = self.graph.fresh(name or op)
        shape = result_shape(op, [values[i].shape for i in inputs], attrs)
        values[output] = Value(shape, values[inputs[0]].dtype)
        self.graph.nodes.append(Node(op, output, inputs, output, attrs))
        return output

    def done(self, *outputs: str, **new: str) -> Graph:
        """The graph; `new` says what each state becomes."""
        self.graph.outputs = list(outputs)
        self.graph.states = [StateEdge(k, new[k], init) for k, init in self.initial.items()]
        return self.graph


def step_of(graph: Graph) -> StepGraph:
    """The ports of a graph, as a step without an ONNX model."""
    ports = {n: Port(n, graph.values[n].shape, graph.values[n].dtype) for n in graph.inputs}
    outputs = [
        Port(f"out{k}", graph.values[n].shape, "float32") for k, n in enumerate(graph.outputs)
    ]
    states = [
        StatePair(s.name, f"new_{s.name}", s.init.shape, s.init.dtype.name, s.init)
        for s in graph.states
    ]
    return StepGraph(
        graph.name, onnx.ModelProto(), (*ports.values(),), (*outputs,), (*states,), Timing()
    )


def row_of(step: StepGraph, states: list[dict[str, Any]], facts: Mapping[str, Any]) -> Any:
    """A manifest row of a step."""

    def rows(ports: Sequence[Port]) -> list[dict[str, Any]]:
        return [{"name": p.name, "shape": list(p.shape), "dtype": p.dtype} for p in ports]

    return {
        "inputs": rows(step.inputs),
        "outputs": rows(step.outputs),
        "states": states,
        "facts": facts,
    }


def compiled(
    step: StepGraph,
    typed: Graph,
    number_type: str = "fp32",
    target: Target | None = None,
    golden: GoldenRun | None = None,
) -> Any:
    """A live stream over the step's C, built for a target and loaded by its runner.

    golden: what a firmware image checks at boot; firmware cannot be built without.
    """
    backend: Any = find_backend("c")
    target = target or find_target("host")
    artifact = backend.export(step, target, number_type, typed=typed, golden=golden)
    row = row_of(step, backend.state_rows(step, typed, number_type), artifact.facts)
    runner = find_runner(target.runner)
    return backend.open(row, artifact.members[artifact.main], runner, target)


def onnx_program(step: StepGraph) -> Program:
    """A live stream over the step's ONNX model."""
    backend = find_backend("onnx")
    host = find_target("host")
    artifact = backend.export(step, host, "fp32")
    row = row_of(step, [], artifact.facts)
    return backend.open(row, artifact.members[artifact.main], find_runner("local"), host)


def streamed(program: Any, frames: Frames) -> tuple[list[Array], list[dict[str, Array]]]:
    """First outputs and all states after each frame, from the initial state."""
    program.reset()
    outputs, states = [], []
    for frame in frames:
        outputs.append(np.array(next(iter(program.step(frame).values()))))
        states.append(program.state())
    return outputs, states


def noise(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Seeded normal float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_same_bits(got: Array, want: Array, what: str = "") -> None:
    assert got.dtype == want.dtype, what
    assert got.shape == want.shape, what
    assert got.tobytes() == want.tobytes(), (what, np.abs(got.astype(float) - want).max())


def on_grid(table: Array, bits: int, chunk: int) -> Array:
    """The nearest values that so many bits hold exactly, with a gain for each chunk of columns."""
    made = integer_weights(table.astype(np.float64), bits, chunk)
    return np.asarray(made.rows * made.gains_by_column() * made.scale[:, None], np.float32)
