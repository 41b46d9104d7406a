"""`StepGraph`: one captured step, as an ONNX model of plain ops with named state pairs.

The property `edgernn.state` in the model's metadata is a JSON list of
`{in, out, shape, dtype, init, scale, zero_point}`, `edgernn.timing` the timing, and
`edgernn.keep_float` the constants that are never quantized (a module's buffers, for a module's
parameters are what training may quantize). `init` is null for zeros, else a nested list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from onnx import helper

from edgernn.backend import Array
from edgernn.errors import BundleError
from edgernn.timing import Timing


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output of a step: batch 1, fixed chunk."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class StatePair:
    """A state leaf: the input that carries it in, the output that carries it out."""

    name: str
    out: str
    shape: tuple[int, ...]
    dtype: str
    init: Array | None = None  # None: zeros

    def initial(self) -> Array:
        """A fresh array of the leaf before the first frame."""
        if self.init is None:
            return np.zeros(self.shape, self.dtype)
        return np.array(self.init, self.dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class StepGraph:
    """The captured step and all that a backend may know of it."""

    name: str
    model: onnx.ModelProto
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    states: tuple[StatePair, ...]
    timing: Timing
    keep_float: frozenset[str] = frozenset()


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    shape = tuple(int(d.dim_value) for d in tensor.shape.dim)
    return Port(value.name, shape, helper.tensor_dtype_to_np_dtype(tensor.elem_type).name)


def write_metadata(
    model: onnx.ModelProto,
    states: Iterable[StatePair],
    timing: Timing,
    keep_float: Iterable[str] = (),
) -> None:
    """Put the properties `edgernn.state`, `edgernn.timing`, `edgernn.keep_float` into a model."""
    rows = [
        {
            "in": s.name,
            "out": s.out,
            "shape": list(s.shape),
            "dtype": s.dtype,
            "init": None if s.init is None else s.init.tolist(),
            "scale": None,
            "zero_point": None,
        }
        for s in states
    ]
    clock = {"block": timing.block, "ratio": str(timing.ratio), "delay": timing.delay}
    helper.set_model_props(
        model,
        {
            "edgernn.state": json.dumps(rows),
            "edgernn.timing": json.dumps(clock),
            "edgernn.keep_float": json.dumps(sorted(keep_float)),
        },
    )


def timing_from(row: dict[str, object]) -> Timing:
    """The inverse of a manifest's or model's timing entry."""
    return Timing(int(str(row["block"])), Fraction(str(row["ratio"])), int(str(row["delay"])))


def _states(rows: list[dict[str, Any]]) -> tuple[StatePair, ...]:
    return tuple(
        StatePair(
            r["in"],
            r["out"],
            tuple(r["shape"]),
            r["dtype"],
            None if r["init"] is None else np.array(r["init"], r["dtype"]).reshape(r["shape"]),
        )
        for r in rows
    )


def read_step_graph(model: onnx.ModelProto) -> StepGraph:
    """A step graph from a model that carries our metadata.

    Raises: BundleError if the metadata is missing or does not fit the model.
    """
    name = model.graph.name
    props = {p.key: p.value for p in model.metadata_props}
    if "edgernn.state" not in props:
        raise BundleError(f"{name}: the model names no states (edgernn.state)")

    def parsed(key: str, read: Callable[[Any], Any], missing: str = "null") -> Any:
        try:
            return read(json.loads(props.get(key, missing)))
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as cause:
            raise BundleError(f"{name}: {key} is damaged: {cause}") from cause

    states: tuple[StatePair, ...] = parsed("edgernn.state", _states)
    inputs = {v.name: _port(v) for v in model.graph.input}
    outputs = {v.name: _port(v) for v in model.graph.output}
    for state in states:
        if state.name not in inputs or state.out not in outputs:
            raise BundleError(f"{name}: no tensors for state {state.name}")
        for port in (inputs[state.name], outputs[state.out]):
            if (port.shape, port.dtype) != (state.shape, state.dtype):
                raise BundleError(
                    f"{name}: state {state.name} is {state.shape} {state.dtype}, "
                    f"but its tensor {port.name} is {port.shape} {port.dtype}"
                )
    taken = {s.name for s in states} | {s.out for s in states}
    return StepGraph(
        name,
        model,
        tuple(p for n, p in inputs.items() if n not in taken),
        tuple(p for n, p in outputs.items() if n not in taken),
        states,
        parsed("edgernn.timing", timing_from),
        parsed("edgernn.keep_float", frozenset, "[]"),
    )
