"""The captured step as an ONNX model, run by ONNX Runtime, one thread, state fed back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgernn.backend import Array, Artifact, Runner, np_dtype
from edgernn.errors import BundleError, ShapeError
from edgernn.graph.step_graph import StepGraph
from edgernn.target import Target


def open_session(model: bytes) -> Any:
    """An InferenceSession on one thread. Raises: BundleError if ONNX Runtime refuses the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as cause:  # onnxruntime raises many unrelated classes
        raise BundleError(f"ONNX Runtime refuses the model: {cause}") from cause


class OnnxProgram:
    """One live stream through an InferenceSession."""

    def __init__(self, model: bytes, row: Mapping[str, Any]) -> None:
        self.session = open_session(model)
        self.states: list[Mapping[str, Any]] = row["states"]
        self.outputs: list[str] = [port["name"] for port in row["outputs"]]
        self.leaves: dict[str, Array] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the initial state."""
        self.leaves = {}
        for row in self.states:
            zeros = np.zeros(row["shape"], np_dtype(row["dtype"]))
            init = row.get("init")
            self.leaves[row["in"]] = zeros if init is None else np.array(init, zeros.dtype)

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        wanted = [*self.outputs, *(row["out"] for row in self.states)]
        given = {name: np.asarray(value) for name, value in inputs.items()}  # scalars too
        results = self.session.run(wanted, {**given, **self.leaves})
        got = dict(zip(wanted, results, strict=True))
        self.leaves = {row["in"]: got[row["out"]] for row in self.states}
        return {name: got[name] for name in self.outputs}

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name."""
        return {name: leaf.copy() for name, leaf in self.leaves.items()}

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if one does not fit."""
        for name, leaf in self.leaves.items():
            if leaves[name].shape != leaf.shape:
                raise ShapeError(f"state {name}: need {leaf.shape}, got {leaves[name].shape}")
        self.leaves = {name: np.array(leaves[name]) for name in self.leaves}


class Onnx:
    """Backend `onnx`: the interchange form, for any machine, in fp32."""

    name = "onnx"
    extra = ""

    def supports(self, target: Target, number_type: str) -> bool:
        return number_type == "fp32" and target.name == "host"

    def export(self, graph: StepGraph, target: Target, number_type: str, **_: Any) -> Artifact:
        """The model file with its metadata; deterministic bytes."""
        main = f"{graph.name}/onnx/{graph.name}.onnx"
        data = graph.model.SerializeToString(deterministic=True)
        states = [
            {
                "in": s.name,
                "out": s.out,
                "shape": list(s.shape),
                "dtype": s.dtype,
                "init": None if s.init is None else s.init.tolist(),
            }
            for s in graph.states
        ]
        facts = {"opset": graph.model.opset_import[0].version, "states": states}
        return Artifact(self.name, "any", "fp32", {main: data}, main, facts)

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> OnnxProgram:
        """A live stream; states are in the artifact's own types, not the manifest's."""
        return OnnxProgram(main, {**entry, "states": entry["facts"]["states"]})


BACKEND = Onnx()
