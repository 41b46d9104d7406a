"""A model in ONNX Runtime, one thread, bound to memory of our own; states are fed back.

Two bindings swap the places of the states, so that none is copied. What is bound is kept here: it
would otherwise be read after it is gone (ONNX Runtime takes no share in numpy's memory).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgernn.backend import Array, np_dtype
from edgernn.errors import BundleError, ToolError
from edgernn.hosted import initial, need_leaves, need_shape

CPU = "CPUExecutionProvider"


def open_session(
    model: bytes, options: Any = None, provider: str = CPU, settings: Mapping[str, Any] = {}
) -> Any:
    """An InferenceSession on one thread.

    provider, settings: what runs its operators. Raises: ToolError if this ONNX Runtime has not got
        it or does not get it to run, BundleError if it refuses the model.
    """
    import onnxruntime

    if provider not in onnxruntime.get_available_providers():
        raise ToolError(f"the ONNX Runtime that is here has no {provider}")

    options = options or onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[(provider, {**settings})])
    except Exception as cause:  # onnxruntime raises many unrelated classes
        raise BundleError(f"ONNX Runtime refuses the model: {cause}") from cause
    if session.get_providers()[0] != provider:  # it goes on by the CPU, and says so to nobody
        raise ToolError(f"ONNX Runtime cannot set up {provider}; its own log says why")
    return session


class OnnxProgram:
    """One live stream through an InferenceSession.

    row: inputs, outputs and states; `provider`, if there is one, is a name and its settings.
    """

    def __init__(self, model: bytes, row: Mapping[str, Any]) -> None:
        self.session = open_session(model, None, *row.get("provider", ()))
        self.states: list[Mapping[str, Any]] = row["states"]
        self.inputs = {port["name"]: _empty(port) for port in row["inputs"]}
        told = {state["out"] for state in self.states}
        self.outputs = {port["name"]: _empty(port) for port in row["outputs"]}
        self.places = [{s["in"]: _empty(s) for s in self.states} for _ in range(2)]
        self.turn = 0
        self.bindings = [self._bound(told, before) for before in (0, 1)]
        self.reset()

    def _bound(self, told: set[str], before: int) -> Any:
        """From the states of one place to the other."""
        binding = self.session.io_binding()
        for name, array in {**self.inputs, **self.places[before]}.items():
            binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        after = {s["out"]: self.places[1 - before][s["in"]] for s in self.states}
        own = {name: array for name, array in self.outputs.items() if name not in told}
        for name, array in {**own, **after}.items():
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return binding

    def reset(self) -> None:
        """Back to the initial state."""
        for row in self.states:
            self.places[self.turn][row["in"]][...] = initial(row)

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        for name, array in self.inputs.items():
            given = np.asarray(inputs[name])
            need_shape(f"input {name}", given, array.shape)
            array[...] = given
        self.session.run_with_iobinding(self.bindings[self.turn])
        self.turn = 1 - self.turn
        told = {s["out"]: self.places[self.turn][s["in"]] for s in self.states}
        return {name: told.get(name, array).copy() for name, array in self.outputs.items()}

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name."""
        return {name: leaf.copy() for name, leaf in self.places[self.turn].items()}

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if one does not fit."""
        need_leaves(self.states, leaves)
        for name, leaf in self.places[self.turn].items():
            leaf[...] = leaves[name]


def _empty(port: Mapping[str, Any]) -> Array:
    """Memory for a port or a state."""
    return np.zeros(port["shape"], np_dtype(port["dtype"]))
