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
from typing import Any, Protocol

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


class Interface(Protocol):
    """What a step is called, and what goes in and out of it."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> tuple[Port, ...]: ...
    @property
    def outputs(self) -> tuple[Port, ...]: ...


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

    def row(self, states: list[dict[str, Any]]) -> dict[str, Any]:
        """Its manifest row, but for artifacts and golden vectors; `states` as they are stored."""

        def ports(found: tuple[Port, ...]) -> list[dict[str, Any]]:
            return [{"name": p.name, "shape": list(p.shape), "dtype": p.dtype} for p in found]

        return {
            "inputs": ports(self.inputs),
            "outputs": ports(self.outputs),
            "states": states,
            "timing": _timing_row(self.timing),
        }


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the properties of a model say; empty where it has none of ours."""

    states: tuple[StatePair, ...]
    timing: Timing
    keep_float: frozenset[str]


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    shape = tuple(int(d.dim_value) for d in tensor.shape.dim)
    return Port(value.name, shape, helper.tensor_dtype_to_np_dtype(tensor.elem_type).name)


def state_rows(states: Iterable[StatePair]) -> list[dict[str, Any]]:
    """Rows of states as the model has them, for its metadata and a manifest."""
    return [
        {
            "in": s.name,
            "out": s.out,
            "shape": list(s.shape),
            "dtype": s.dtype,
            "init": None if s.init is None else s.init.tolist(),
        }
        for s in states
    ]


def write_metadata(
    model: onnx.ModelProto,
    states: Iterable[StatePair],
    timing: Timing,
    keep_float: Iterable[str] = (),
) -> None:
    """Put our properties into a model, beside those that it has of others."""
    rows = [{**row, "scale": None, "zero_point": None} for row in state_rows(states)]
    helper.set_model_props(
        model,
        {
            **{p.key: p.value for p in model.metadata_props},
            "edgernn.state": json.dumps(rows),
            "edgernn.timing": json.dumps(_timing_row(timing)),
            "edgernn.keep_float": json.dumps(sorted(keep_float)),
        },
    )


def _timing_row(timing: Timing) -> dict[str, Any]:
    return {"block": timing.block, "ratio": str(timing.ratio), "delay": timing.delay}


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


def read_metadata(model: onnx.ModelProto) -> Metadata:
    """Our properties of a model. Raises: BundleError if one is damaged."""
    props = {p.key: p.value for p in model.metadata_props}

    def parsed(key: str, read: Callable[[Any], Any], missing: Any) -> Any:
        try:
            return read(json.loads(props[key])) if key in props else missing
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as cause:
            raise BundleError(f"{model.graph.name}: {key} is damaged: {cause}") from cause

    return Metadata(
        parsed("edgernn.state", _states, ()),
        parsed("edgernn.timing", timing_from, Timing()),
        parsed("edgernn.keep_float", frozenset, frozenset()),
    )


def read_step_graph(model: onnx.ModelProto) -> StepGraph:
    """A step graph from a model that carries our metadata.

    Raises: BundleError if the metadata is missing or does not fit the model.
    """
    name = model.graph.name
    if not {"edgernn.state", "edgernn.timing"} <= {p.key for p in model.metadata_props}:
        raise BundleError(f"{name}: the model names no states and timing (edgernn.state)")
    metadata = read_metadata(model)
    inputs = {v.name: _port(v) for v in model.graph.input}
    outputs = {v.name: _port(v) for v in model.graph.output}
    for state in metadata.states:
        if state.name not in inputs or state.out not in outputs:
            raise BundleError(f"{name}: no tensors for state {state.name}")
        for port in (inputs[state.name], outputs[state.out]):
            if (port.shape, port.dtype) != (state.shape, state.dtype):
                raise BundleError(
                    f"{name}: state {state.name} is {state.shape} {state.dtype}, "
                    f"but its tensor {port.name} is {port.shape} {port.dtype}"
                )
    taken = {s.name for s in metadata.states} | {s.out for s in metadata.states}
    return StepGraph(
        name,
        model,
        tuple(p for n, p in inputs.items() if n not in taken),
        tuple(p for n, p in outputs.items() if n not in taken),
        metadata.states,
        metadata.timing,
        metadata.keep_float,
    )
