"""A step in its number type as bytes: a bundle holds it, and C for a further target is made of it.

An .npz of the constants and first states, and of one JSON text with everything else. The same
graph gives the same bytes, and what is read back compiles to the very same C.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.errors import BundleError
from edgernn.graph.ir import Graph, Node, Quant, StateEdge, Value
from edgernn.graph.step_graph import Port

FORMAT = 1
_HEAD, _CONSTANT, _INITIAL = "step", "constant.", "initial."


@dataclass(frozen=True, slots=True)
class StoredStep:
    """All that the C compiler asks of a captured step, and its graph in a number type."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    graph: Graph
    number_type: str
    activations: str


def to_bytes(step: StoredStep) -> bytes:
    """The step, with the constants that its nodes read."""
    graph = step.graph
    used = {name for node in graph.nodes for name in node.inputs} | {*graph.results()}
    constants = {name: array for name, array in graph.constants.items() if name in used}
    head = {
        "format": FORMAT,
        "name": step.name,
        "number_type": step.number_type,
        "activations": step.activations,
        "ports": [[_port(port) for port in ports] for ports in (step.inputs, step.outputs)],
        "graph": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "states": [[state.name, state.new] for state in graph.states],
        "nodes": [[n.op, n.name, n.inputs, n.output, n.attrs] for n in graph.nodes],
        "values": [
            [
                name,
                value.shape,
                value.dtype,
                value.quant and [value.quant.scale, value.quant.zero_point],
            ]
            for name, value in graph.values.items()
            if name in constants or name not in graph.constants
        ],
        "keep_float": sorted(graph.keep_float),
    }
    arrays = {
        _HEAD: np.frombuffer(json.dumps(head, separators=(",", ":")).encode(), np.uint8),
        **{f"{_CONSTANT}{name}": array for name, array in constants.items()},
        **{f"{_INITIAL}{state.name}": np.asarray(state.init) for state in graph.states},
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_bytes(data: bytes) -> StoredStep:
    """The inverse. Raises: BundleError if it is damaged, or of a newer edgernn."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            head = json.loads(arrays[_HEAD].tobytes())
            if head["format"] != FORMAT:
                raise BundleError(
                    f"a stored step of format {head['format']}, this edgernn reads {FORMAT}; "
                    "export the bundle again"
                )
            return _step(head, dict(arrays))
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as cause:
        raise BundleError(f"a stored step is damaged: {cause}") from cause


def _step(head: dict[str, Any], arrays: dict[str, Any]) -> StoredStep:
    begin = len(_CONSTANT)
    graph = Graph(
        name=head["graph"],
        inputs=head["inputs"],
        outputs=head["outputs"],
        states=[StateEdge(name, new, arrays[f"{_INITIAL}{name}"]) for name, new in head["states"]],
        nodes=[
            Node(op, name, tuple(inputs), output, {k: _frozen(v) for k, v in attrs.items()})
            for op, name, inputs, output, attrs in head["nodes"]
        ],
        values={
            name: Value(tuple(shape), dtype, Quant(*quant) if quant else None)
            for name, shape, dtype, quant in head["values"]
        },
        constants={
            name[begin:]: each for name, each in arrays.items() if name.startswith(_CONSTANT)
        },
        keep_float=frozenset(head["keep_float"]),
    )
    inputs, outputs = (tuple(Port(*port) for port in ports) for ports in _frozen(head["ports"]))
    return StoredStep(
        head["name"], inputs, outputs, graph, head["number_type"], head["activations"]
    )


def _port(port: Port) -> list[Any]:
    return [port.name, port.shape, port.dtype]


def _frozen(value: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
