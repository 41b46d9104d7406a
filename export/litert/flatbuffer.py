"""A `.tflite` file of one subgraph, grown tensor by tensor and operator by operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgernn.backend import Array

IDENTIFIER = b"TFL3"
FORMAT = 3  # the schema's version
OLD_CODES = 127  # operators above it are only in the newer of two fields
TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "bool": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
}


class Writer:
    """A model under way; `graph` is the subgraph that tensors and operators are added to."""

    def __init__(self, description: str) -> None:
        self.model = schema.ModelT()
        self.model.version, self.model.description = FORMAT, description
        self.model.buffers = [schema.BufferT()]  # the first is the empty one by convention
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.signatureDefs = []
        self.graph = self.begin("step")

    @classmethod
    def of(cls, data: bytes) -> Writer:
        """A model that is there, to be changed; its first subgraph is `graph`."""
        writer = cls("")
        writer.model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
        for buffer in writer.model.buffers:
            if buffer.offset > 1:  # a large one lies behind the tables
                end = buffer.offset + buffer.size
                buffer.data = np.frombuffer(data[buffer.offset : end], np.uint8)
                buffer.offset = buffer.size = 0
        writer.graph = writer.model.subgraphs[0]
        return writer

    def begin(self, name: str) -> Any:
        """A further subgraph, which is written to from now on."""
        self.graph = schema.SubGraphT()
        self.graph.name = name
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs.append(self.graph)
        return self.graph

    def tensor(
        self, name: str, shape: Sequence[int], dtype: str, array: Array | None = None
    ) -> int:
        """Its index. array: of a constant."""
        made = schema.TensorT()
        made.name, made.shape, made.type = name, [*shape], TYPES[dtype]
        made.hasRank, made.buffer = True, 0
        if array is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def operator(
        self,
        kind: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        version: int = 1,
        options: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """kind: as in the schema, FULLY_CONNECTED. options: its class there, and its fields."""
        made = schema.OperatorT()
        made.opcodeIndex = self._code(getattr(schema.BuiltinOperator, kind), version)
        made.inputs, made.outputs = [*inputs], [*outputs]
        if options is not None:
            name, fields = options
            made.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            made.builtinOptions = getattr(schema, f"{name}T")()
            for field, value in fields.items():
                setattr(made.builtinOptions, field, value)
        self.graph.operators.append(made)

    def _code(self, builtin: int, version: int) -> int:
        for index, code in enumerate(self.model.operatorCodes):
            if (code.builtinCode, code.version) == (builtin, version):
                return index
        made = schema.OperatorCodeT()
        made.builtinCode, made.version = builtin, version
        made.deprecatedBuiltinCode = min(builtin, OLD_CODES)
        self.model.operatorCodes.append(made)
        return len(self.model.operatorCodes) - 1

    def signature(
        self, key: str, inputs: Mapping[str, int], outputs: Mapping[str, int], subgraph: int = 0
    ) -> None:
        """Names by which a subgraph is called."""
        made = schema.SignatureDefT()
        made.signatureKey, made.subgraphIndex = key, subgraph
        made.inputs, made.outputs = _maps(inputs), _maps(outputs)
        self.model.signatureDefs.append(made)

    def bytes(self) -> bytes:
        """The file."""
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())


def _maps(tensors: Mapping[str, int]) -> list[Any]:
    made = []
    for name, index in tensors.items():
        one = schema.TensorMapT()
        one.name, one.tensorIndex = name, index
        made.append(one)
    return made
