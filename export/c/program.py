"""A live stream over compiled C, wherever it is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from edgernn.backend import Array, Module, np_dtype
from edgernn.errors import ShapeError, ToolError


class _Place(NamedTuple):
    """Where the numbers of a port lie."""

    name: str
    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    nbytes: int


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
        self.inputs = [self._place(port) for port in row["inputs"]]
        self.outputs = [self._place(port) for port in row["outputs"]]
        places = [place.address for place in (*self.inputs, *self.outputs)]
        self.arguments = [self.blob, self.scratch, *places]
        self.reset()

    def _place(self, port: Mapping[str, Any]) -> _Place:
        dtype, shape = np_dtype(port["dtype"]), tuple(port["shape"])
        nbytes = math.prod(shape) * dtype.itemsize
        return _Place(port["name"], self.module.alloc(max(nbytes, 16)), shape, dtype, nbytes)

    def reset(self) -> None:
        """Back to the initial state."""
        if self.module.call(f"{self.symbol}_init", self.blob, self.state_bytes) != 0:
            raise ToolError(f"{self.symbol}_init refuses its state buffer")

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        self._feed(inputs)
        self.module.call(f"{self.symbol}_step", *self.arguments)
        return self._results()

    def steps(self, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk after the other: arrays (N, ...) in and out."""
        count = len(next(iter(frames.values())))
        given = [(place, self._bytes(frames, place, count)) for place in self.inputs]
        taken = [(place, bytearray()) for place in self.outputs]
        symbol, module = f"{self.symbol}_step", self.module
        for at in range(count):
            for place, data in given:
                size = place.nbytes
                module.write(place.address, data[at * size : (at + 1) * size])
            module.call(symbol, *self.arguments)
            for place, made in taken:
                made += module.read(place.address, place.nbytes)
        return {
            place.name: np.frombuffer(made, place.dtype).reshape(count, *place.shape)
            for place, made in taken
        }

    def count(self, inputs: Mapping[str, Array]) -> int:
        """Run one chunk and give the instructions it took."""
        self._feed(inputs)
        return self.module.count(f"{self.symbol}_step", *self.arguments)

    def _feed(self, inputs: Mapping[str, Array]) -> None:
        for place in self.inputs:
            self.module.write(place.address, self._bytes(inputs, place))

    def _bytes(self, inputs: Mapping[str, Array], place: _Place, chunks: int = 1) -> bytes:
        """So many chunks of an input. Raises: ShapeError for other sizes."""
        array = np.ascontiguousarray(inputs[place.name], place.dtype)
        if array.nbytes != chunks * place.nbytes:
            before = "" if chunks == 1 else f"{chunks} of "
            raise ShapeError(
                f"{self.symbol} input {place.name}: need {before}{place.shape}, got {array.shape}"
            )
        return array.tobytes()

    def _results(self) -> dict[str, Array]:
        results = {}
        for place in self.outputs:
            data = self.module.read(place.address, place.nbytes)
            results[place.name] = np.frombuffer(data, place.dtype).reshape(place.shape).copy()
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
            flat = np.frombuffer(blob, dtype, math.prod(shape), row["offset_bytes"])
            leaves[row["in"]] = flat.reshape(shape).copy()
        return leaves

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if one does not fit."""
        for row in self.row["states"]:
            leaf = np.ascontiguousarray(leaves[row["in"]])
            if list(leaf.shape) != list(row["shape"]) or leaf.dtype != np_dtype(row["dtype"]):
                raise ShapeError(f"state {row['in']}: need {row['shape']} {row['dtype']}")
            self.module.write(self.blob + row["offset_bytes"], leaf.tobytes())
