"""A model in LiteRT's interpreter, or in tflite-runtime's where a board has only that."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import BundleError, MissingExtra, ToolError
from edgernn.hosted import initial, need_leaves, need_shape

RUNTIMES = ("ai_edge_litert", "tflite_runtime")  # the second has had no version since 2.14 of 2023
PLAIN = "fp32"  # all that the second computes rightly
STEP, RESET = "step", "reset"  # the signatures


def interpreter(model: bytes, number_type: str) -> Any:
    """One thread, memory allotted.

    Raises: MissingExtra without a runtime; ToolError if the one that is here computes this number
        type wrongly; BundleError if it refuses the model.
    """
    found = next((name for name in RUNTIMES if importlib.util.find_spec(name)), None)
    if found is None:
        raise MissingExtra("ai-edge-litert", "litert")
    if found != RUNTIMES[0] and number_type != PLAIN:
        raise ToolError(
            f"tflite-runtime takes {number_type} models as newer LiteRT writes them, and computes "
            "them wrongly without a word; run: pip install ai-edge-litert, or export "
            f"--number-type {PLAIN}"
        )
    maker = importlib.import_module(f"{found}.interpreter")
    try:
        made = maker.Interpreter(model_content=model, num_threads=1)
        made.allocate_tensors()
    except (RuntimeError, ValueError) as cause:  # what the interpreter raises
        raise BundleError(f"LiteRT refuses the model: {cause}") from cause
    return made


class LitertProgram:
    """One live stream of the explicit form. row: inputs, outputs and states."""

    def __init__(self, model: bytes, row: Mapping[str, Any]) -> None:
        self.interpreter = interpreter(model, row["number_type"])
        self.states: list[Mapping[str, Any]] = row["states"]
        signature = self.interpreter.get_signature_runner(STEP)
        given, made = signature.get_input_details(), signature.get_output_details()
        self.inputs = {port["name"]: given[port["name"]] for port in row["inputs"]}
        self.outputs = {port["name"]: made[port["name"]]["index"] for port in row["outputs"]}
        self.carried = [
            (given[state["in"]]["index"], made[state["out"]]["index"]) for state in self.states
        ]
        self.leaves: list[Array] = []
        self.reset()

    def reset(self) -> None:
        """Back to the initial state."""
        self.leaves = [initial(row) for row in self.states]

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        run = self.interpreter
        for name, detail in self.inputs.items():
            given = np.asarray(inputs[name])
            need_shape(f"input {name}", given, detail["shape"])
            run.set_tensor(detail["index"], given.astype(detail["dtype"], copy=False))
        for (before, _), leaf in zip(self.carried, self.leaves, strict=True):
            run.set_tensor(before, leaf)
        run.invoke()
        self.leaves = [run.get_tensor(after) for _, after in self.carried]
        return {name: run.get_tensor(index) for name, index in self.outputs.items()}

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name."""
        pairs = zip(self.states, self.leaves, strict=True)
        return {row["in"]: leaf.copy() for row, leaf in pairs}

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if one does not fit."""
        need_leaves(self.states, leaves)
        self.leaves = [np.array(leaves[row["in"]], row["dtype"]) for row in self.states]


class StatefulProgram:
    """One live stream of the form whose states the interpreter keeps; they cannot be read."""

    def __init__(self, model: bytes, number_type: str) -> None:
        made = interpreter(model, number_type)
        self._interpreter = made
        self._step = made.get_signature_runner(STEP)
        self._reset = made.get_signature_runner(RESET)

    def reset(self) -> None:
        """Back to the initial state."""
        self._reset()

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk; the interpreter advances the state."""
        return dict(self._step(**inputs))
