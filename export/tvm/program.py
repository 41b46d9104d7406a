"""A library in TVM's virtual machine, one thread; states are fed back as they come."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import BundleError, MissingExtra
from edgernn.hosted import initial, need_leaves, need_shape
from edgernn.quiet import first_line

ENTRY = "main"  # the function that its importer makes
ONE_THREAD = "TVM_NUM_THREADS"


class TvmProgram:
    """One live stream. row: inputs, outputs and states; takes, gives: their order."""

    def __init__(
        self, library: bytes, row: Mapping[str, Any], takes: Sequence[str], gives: Sequence[str]
    ) -> None:
        self._runtime, machine = _opened(library)
        self._function = machine[ENTRY]
        self.takes, self.gives = takes, gives
        self.ports: dict[str, Mapping[str, Any]] = {port["name"]: port for port in row["inputs"]}
        self.results = [port["name"] for port in row["outputs"]]
        self.states: list[Mapping[str, Any]] = row["states"]
        self.leaves: dict[str, Any] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the initial state."""
        self.load_state({row["in"]: initial(row) for row in self.states})

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        given = dict(self.leaves)
        for name, port in self.ports.items():
            array = np.ascontiguousarray(inputs[name], port["dtype"])
            need_shape(f"input {name}", array, port["shape"])
            given[name] = self._runtime.tensor(array)
        made = self._function(*(given[name] for name in self.takes))
        told = dict(zip(self.gives, [made] if len(self.gives) == 1 else made, strict=True))
        self.leaves = {row["in"]: told[row["out"]] for row in self.states}
        return {name: told[name].numpy().copy() for name in self.results}

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name."""
        return {name: leaf.numpy().copy() for name, leaf in self.leaves.items()}

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if one does not fit."""
        need_leaves(self.states, leaves)
        self.leaves = {
            row["in"]: self._runtime.tensor(np.array(leaves[row["in"]], row["dtype"]))
            for row in self.states
        }


def _opened(library: bytes) -> tuple[Any, Any]:
    """TVM's runtime, and its machine over a library. Raises: MissingExtra, BundleError."""
    os.environ.setdefault(ONE_THREAD, "1")  # it is read when the runtime begins
    try:
        import tvm
        from tvm import relax
    except ImportError as cause:
        raise MissingExtra("apache-tvm", "tvm") from cause
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.so"
        path.write_bytes(library)
        try:
            module = tvm.runtime.load_module(str(path))
            return tvm.runtime, relax.VirtualMachine(module, tvm.cpu())
        except Exception as cause:  # TVM raises many unrelated classes
            raise BundleError(f"TVM refuses the library: {first_line(cause)}") from cause
