"""An ONNX step model made elsewhere, as a step graph: shapes fixed, states paired, float32.

The model in the step graph is the file's own but for what is said in its notes, with our metadata
added; ONNX Runtime runs it as the truth that the compiled step is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, inliner, numpy_helper

from edgernn.errors import EdgernnError, ModelError, ShapeError, UnknownName
from edgernn.graph.onnx_import import import_model, type_name, weight_array
from edgernn.graph.onnx_recurrent import FIRST_C, FIRST_H, RECURRENT_HANDLERS, time_major
from edgernn.graph.state_names import pair_states
from edgernn.graph.step_graph import (
    Port,
    StatePair,
    StepGraph,
    read_metadata,
    read_step_graph,
    write_metadata,
)

BATCH = re.compile(r"n|b|bs|batch|batch_?size|.*[._]batch(_?size)?", re.IGNORECASE)
AS_FLOAT32: dict[int, str] = {TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
INPUT_TYPES = ("float", "int8", "uint8", "int16", "int32", "int64", "bool")
MOVEMENT = ("Slice", "Squeeze", "Unsqueeze", "Reshape", "Split", "Gather", "Transpose", "Identity")
Shape = tuple[int, ...]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a person says of a model: its state pairs, and the shapes of inputs that vary.

    states: (input, output); an empty output says that an input is no state.
    """

    states: tuple[tuple[str, str], ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)


def read_onnx(
    path: Path, name: str, wiring: Wiring | None = None, say: Say = lambda line: None
) -> StepGraph:
    """The step of an ONNX file.

    Raises: ModelError for a file that is no usable ONNX model or a state that is not fed back;
        ShapeError for a shape that is not fixed; UnsupportedOp listing all that we lack.
    """
    wiring = wiring or Wiring()
    model = _loaded(path)
    try:
        return _step(model, name, wiring, say)
    except UnknownName:
        raise
    except EdgernnError as cause:
        line = " ".join(str(cause).split()).removeprefix(f"{name}: ")
        raise type(cause)(f"{path}: {line}") from cause


def _loaded(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
    except DecodeError as cause:
        raise ModelError(f"{path}: is not an ONNX model, or is damaged") from cause
    except OSError as cause:
        missing = cause.filename or cause
        raise ModelError(f"{path}: cannot be read: {missing}: {cause.strerror or ''}") from cause
    except Exception as cause:  # onnx raises many classes for external data that is not there
        line = str(cause).splitlines()[0]
        raise ModelError(f"{path}: its external data cannot be read: {line}") from cause
    if not model.graph.node or not model.graph.output:
        raise ModelError(f"{path}: is not an ONNX model: it has no nodes or no outputs")
    return inliner.inline_local_functions(model) if model.functions else model


def _step(model: onnx.ModelProto, name: str, wiring: Wiring, say: Say) -> StepGraph:
    if model.graph.sparse_initializer:
        tensor = model.graph.sparse_initializer[0].values.name
        raise ModelError(f"weight {tensor}: is stored sparse, which we lack; store it dense")
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs_alone = [value for value in model.graph.input if value.name not in stored]
    del model.graph.input[:]  # old models list their weights there too
    model.graph.input.extend(inputs_alone)
    for note in (*_to_float32(model), *_to_int64(model)):
        say(f"note: {name}: {note}")
    time_major(model)
    inputs = _fix_shapes(model, wiring.shapes)
    importer = import_model(name, model, inputs)
    values = importer.graph.values
    outputs = []
    for value in model.graph.output:
        made = values[importer.known(value.name)]
        if value.type.tensor_type.elem_type == TensorProto.BOOL:
            raise ModelError(f"output {value.name}: is bool; cast it to float in the model")
        outputs.append(Port(value.name, made.shape, made.dtype))
        value.type.CopyFrom(_tensor_type(made.dtype, made.shape))
    known = read_metadata(model)
    given = [*wiring.states]
    said = {pair[0] for pair in given}
    given += [(s.name, s.out) for s in known.states if s.name not in said]
    pairs = pair_states(name, inputs, outputs, given, _begins_recurrence(model))
    if pairs:
        say(f"{name}: states {', '.join(f'{a} -> {b}' for a, b in pairs.items())}")
    first = {s.name: s.init for s in known.states}
    states = [
        StatePair(p.name, pairs[p.name], p.shape, p.dtype, first.get(p.name))
        for p in inputs
        if p.name in pairs
    ]
    model.graph.name = name
    write_metadata(model, states, known.timing, known.keep_float)
    step = read_step_graph(model)
    for ports in (step.inputs, step.outputs):
        _refuse_one_c_name(ports)
    return step


def _to_float32(model: onnx.ModelProto) -> Iterator[str]:
    """Make every float16 and float64 of a model float32; a line for each kind of weights."""
    counts: dict[int, int] = dict.fromkeys(AS_FLOAT32, 0)

    def convert(tensor: onnx.TensorProto) -> None:
        if tensor.data_type in AS_FLOAT32:
            counts[tensor.data_type] += 1
            with np.errstate(over="ignore"):  # an infinity is refused where weights are stored
                array = weight_array(tensor, "float16").astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    graph = model.graph
    for tensor in graph.initializer:
        convert(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                convert(attribute.t)
            elif (node.op_type, attribute.name) == ("Cast", "to") and attribute.i in AS_FLOAT32:
                attribute.i = TensorProto.FLOAT
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in AS_FLOAT32:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    del graph.value_info[:]
    for kind, count in counts.items():
        if count:
            how = "exactly" if kind == TensorProto.FLOAT16 else "rounded"
            yield f"{count} tensors of {AS_FLOAT32[kind]} became float32, {how}"


def _to_int64(model: onnx.ModelProto) -> Iterator[str]:
    """Make tokens of 32 bits wide, where they only choose rows of a table."""
    for value in model.graph.input:
        readers = {n.op_type for n in model.graph.node if value.name in n.input}
        if value.type.tensor_type.elem_type == TensorProto.INT32 and readers == {"Gather"}:
            value.type.tensor_type.elem_type = TensorProto.INT64
            yield f"input {value.name} became int64"


def _refuse_one_c_name(ports: tuple[Port, ...]) -> None:
    """Two names that are one as C identifiers."""
    seen: dict[str, str] = {}
    for port in ports:
        other = seen.setdefault(re.sub(r"\W+", "_", port.name), port.name)
        if other != port.name:
            raise ModelError(f"{other} and {port.name} have one name in C; rename one of them")


def _tensor_type(dtype: str, shape: Shape) -> onnx.TypeProto:
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)


def _fix_shapes(model: onnx.ModelProto, given: Mapping[str, Shape]) -> list[Port]:
    """Every input with its shape, which is written into the model too."""
    values = model.graph.input
    unknown = given.keys() - {value.name for value in values}
    if unknown:
        raise UnknownName("input", min(unknown), [value.name for value in values])
    symbols: dict[str, int] = {}
    for value in values:
        if value.name in given:
            symbols |= _bound(value, given[value.name], symbols)
    ports = []
    for value in values:
        if not value.type.HasField("tensor_type"):
            kind = value.type.WhichOneof("value") or "nothing"
            raise ModelError(f"input {value.name}: is of kind {kind}; only tensors can be stepped")
        shape = given.get(value.name) or _shape(value, symbols)
        kind = type_name(value.type.tensor_type.elem_type)
        if kind not in INPUT_TYPES:
            raise ModelError(f"input {value.name}: is {kind}, a type that we lack")
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        value.type.CopyFrom(_tensor_type(dtype, shape))
        ports.append(Port(value.name, shape, dtype))
    return ports


def _bound(value: onnx.ValueInfoProto, shape: Shape, symbols: Mapping[str, int]) -> dict[str, int]:
    """What a given shape says of the symbols in its tensor's own."""
    dims = value.type.tensor_type.shape.dim
    own = _written(value)
    fits = len(dims) == len(shape) or not value.type.tensor_type.HasField("shape")
    found: dict[str, int] = {}
    for dim, size in zip(dims, shape, strict=False):
        fits = fits and size > 0 and (not dim.dim_value or dim.dim_value == size)
        if dim.dim_param:
            fits = fits and {**symbols, **found}.get(dim.dim_param, size) == size
            found[dim.dim_param] = size
    if not fits:
        raise ShapeError(f"input {value.name}: --shape says {shape}, but the model {own}")
    return found


def _written(value: onnx.ValueInfoProto) -> str:
    """A shape as the model writes it: (N, 9, 80)."""
    if not value.type.tensor_type.HasField("shape"):
        return "no shape"
    dims = value.type.tensor_type.shape.dim
    return f"({', '.join(d.dim_param or str(d.dim_value or '?') for d in dims)})"


def _shape(value: onnx.ValueInfoProto, symbols: Mapping[str, int]) -> Shape:
    shape = []
    tensor = value.type.tensor_type
    for dim in tensor.shape.dim:
        size = dim.dim_value or symbols.get(dim.dim_param, 0)
        if not size and BATCH.fullmatch(dim.dim_param):
            size = 1
        shape.append(size)
    if not tensor.HasField("shape") or min(shape, default=1) <= 0:
        sizes = ",".join(str(n) if n > 0 else "?" for n in shape) or "1,?"
        raise ShapeError(
            f"input {value.name}: its shape {_written(value)} is not fixed; a step has one size, "
            f"so give it: --shape {value.name}={sizes}"
        )
    return tuple(shape)


def _begins_recurrence(model: onnx.ModelProto) -> set[str]:
    """Inputs that a recurrent node begins with, seen through what only moves numbers."""
    makers = {name: node for node in model.graph.node for name in node.output}
    found = set()
    for node in model.graph.node:
        if node.op_type not in RECURRENT_HANDLERS:
            continue
        for index in (FIRST_H, FIRST_C):
            name = node.input[index] if index < len(node.input) else ""
            while name in makers and makers[name].op_type in MOVEMENT:
                name = makers[name].input[0]
            found.add(name)
    return found
