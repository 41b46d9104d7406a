"""A step graph as a `.tflite` file: with states as tensors, or kept by the interpreter.

    explicit    one signature, `step`: inputs and states in, outputs and new states out
    stateful    `step` takes inputs and gives outputs alone, `reset` begins anew; states are
                resource variables, which `step` sets to their first values if no one has

The second is made of the first, after its weights were rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgernn.errors import UnsupportedOp
from edgernn.export.litert.flatbuffer import Writer
from edgernn.export.litert.operators import HANDLERS, Lowering, Product
from edgernn.export.litert.program import RESET, STEP
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_node import place
from edgernn.graph.step_graph import StatePair, StepGraph

CONTAINER = "edgernn"  # of the variables


def written(step: StepGraph, graph: Graph) -> tuple[bytes, list[Product]]:
    """The explicit form, and the products in it whose weights may be rounded.

    graph: the step's plain ops.

    Raises: UnsupportedOp with every op that LiteRT has no form of.
    """
    _check(step, graph)
    writer = Writer(f"{step.name}, by edgernn")
    to = Lowering(graph, writer)
    inputs = {name: to.port(name) for name in (*graph.inputs, *(s.name for s in graph.states))}
    to.run()
    names = [port.name for port in step.outputs] + [state.out for state in step.states]
    taken: set[int] = set(inputs.values())
    outputs = {}
    for name, value in zip(names, graph.results(), strict=True):
        index = to.tensor(value)
        if index in taken or value in graph.constants:  # a tensor of its own for every result
            source, index = index, writer.tensor(f"{name}/copy", to.shape(value), "float32")
            to.reshape(source, index, to.shape(value))
        taken.add(index)
        outputs[name] = index
    writer.graph.inputs, writer.graph.outputs = [*inputs.values()], [*outputs.values()]
    writer.signature(STEP, inputs, outputs)
    return writer.bytes(), to.products


def _check(step: StepGraph, graph: Graph) -> None:
    """Raises: UnsupportedOp with every node that cannot be written, and its layer."""
    missing = {node.name for node in graph.nodes if node.op not in HANDLERS}
    if missing:
        named = [place(step.model, node) for node in step.model.graph.node if node.name in missing]
        raise UnsupportedOp(
            f"{step.name}: LiteRT has no form of {', '.join(named)}; --backend c holds them"
        )


def stateful(explicit: bytes, states: Iterable[StatePair]) -> bytes:
    """The form whose states the interpreter keeps by itself, of the explicit one."""
    writer = Writer.of(explicit)
    step = writer.graph
    (signature,) = writer.model.signatureDefs
    given = {_text(one.name): one.tensorIndex for one in signature.inputs}
    made = {_text(one.name): one.tensorIndex for one in signature.outputs}
    states = list(states)
    body, step.operators = step.operators, []
    reset = len(writer.model.subgraphs)
    writer.operator("CALL_ONCE", [], [], options=("CallOnceOptions", {"initSubgraphIndex": reset}))
    handles = {state.name: _handle(writer, state) for state in states}
    for state in states:
        writer.operator("READ_VARIABLE", [handles[state.name]], [given.pop(state.name)])
    step.operators += body
    for state in states:
        writer.operator("ASSIGN_VARIABLE", [handles[state.name], made.pop(state.out)], [])
    step.inputs, step.outputs = [*given.values()], [*made.values()]
    writer.model.signatureDefs = []
    writer.signature(STEP, given, made)
    writer.begin(RESET)
    for state in states:
        first = writer.tensor(f"{state.name}/first", state.shape, state.dtype, state.initial())
        writer.operator("ASSIGN_VARIABLE", [_handle(writer, state), first], [])
    writer.signature(RESET, {}, {}, reset)
    return writer.bytes()


def _handle(writer: Writer, state: StatePair) -> int:
    """A variable as the current subgraph names it."""
    made = writer.tensor(f"{state.name}/variable", (), "resource")
    options = {"container": CONTAINER, "sharedName": state.name}
    writer.operator("VAR_HANDLE", [], [made], options=("VarHandleOptions", options))
    return made


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
