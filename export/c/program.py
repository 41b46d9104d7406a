"""A live stream over compiled C, wherever it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgernn.backend import Array, Module, np_dtype
from edgernn.errors import ShapeError, ToolError


class CProgram:
    """Calls NAME_init and NAME_step through a Module; `row` is the manifest's entry."""

    def __init__(self, module: Module, row: Mapping[str, Any]) -> None:
        self.module, self.row = module, row
        facts = row["facts"]
        self.symbol: str = facts["symbol"]
        self.state_bytes: int = facts["state_bytes"]
        for what in ("state", "scratch"):
            built = module.call(f"{self.symbol}_{what}_size")
            if built != facts[f"{what}_bytes"]:
                raise ToolError(
                    f"{self.symbol}: code needs {built} {what} bytes, manifest says "
                    f"{facts[f'{what}_bytes']}"
                )
        self.blob = module.alloc(max(self.state_bytes, 16))
        self.scratch = module.alloc(max(facts["scratch_bytes"], 16))
        self.inputs = [(p["name"], *self._buffer(p)) for p in row["inputs"]]
        self.outputs = [(p["name"], *self._buffer(p)) for p in row["outputs"]]
        pointers = [place for _, place, *_ in (*self.inputs, *self.outputs)]
        self.arguments = [self.blob, self.scratch, *pointers]
        self.reset()

    def _buffer(self, port: Mapping[str, Any]) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
        dtype, shape = np_dtype(port["dtype"]), tuple(port["shape"])
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return self.module.alloc(max(size, 16)), shape, dtype

    def reset(self) -> None:
        """Back to the initial state."""
        if self.module.call(f"{self.symbol}_init", self.blob, self.state_bytes) != 0:
            raise ToolError(f"{self.symbol}_init refuses its state buffer")

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        self._feed(inputs)
        self.module.call(f"{self.symbol}_step", *self.arguments)
        return self._results()

    def count(self, inputs: Mapping[str, Array]) -> int:
        """Run one chunk and give the instructions it took."""
        self._feed(inputs)
        return self.module.count(f"{self.symbol}_step", *self.arguments)

    def _feed(self, inputs: Mapping[str, Array]) -> None:
        for name, place, shape, dtype in self.inputs:
            array = np.ascontiguousarray(inputs[name], dtype)
            if array.size != int(np.prod(shape)):
                raise ShapeError(f"{self.symbol} input {name}: need {shape}, got {array.shape}")
            self.module.write(place, array.tobytes())

    def _results(self) -> dict[str, Array]:
        results = {}
        for name, place, shape, dtype in self.outputs:
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            results[name] = (
                np.frombuffer(self.module.read(place, size), dtype).reshape(shape).copy()
            )
        return results

    def blob_bytes(self) -> bytes:
        """The whole state as it lies in memory, padding included."""
        return self.module.read(self.blob, self.state_bytes)

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name, as stored."""
        blob = self.blob_bytes()
        leaves = {}
        for row in self.row["states"]:
            dtype, shape = np_dtype(row["dtype"]), tuple(row["shape"])
            count = int(np.prod(shape, dtype=np.int64))
            flat = np.frombuffer(blob, dtype, count, row["offset_bytes"])
            leaves[row["in"]] = flat.reshape(shape).copy()
        return leaves

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if one does not fit."""
        for row in self.row["states"]:
            leaf = np.ascontiguousarray(leaves[row["in"]])
            if list(leaf.shape) != list(row["shape"]) or leaf.dtype != np_dtype(row["dtype"]):
                raise ShapeError(f"state {row['in']}: need {row['shape']} {row['dtype']}")
            self.module.write(self.blob + row["offset_bytes"], leaf.tobytes())
