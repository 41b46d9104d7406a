"""A recogniser's steps as models of sherpa-onnx, which loads them unchanged.

Of its online transducers the type `lstm` is taken (`models`). Steps: `encoder`, `predictor`, which
it calls decoder, and `joiner`; it computes the features itself. `client` is sherpa-onnx.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array, Artifact, Runner
from edgernn.errors import UnsupportedOp
from edgernn.export.onnx.program import open_session
from edgernn.export.sherpa.client import heard
from edgernn.export.sherpa.models import decoder, encoder, joiner, packed, tokens
from edgernn.graph.step_graph import StepGraph
from edgernn.target import Target

MAKE = {"encoder": encoder, "predictor": decoder, "joiner": joiner}
FILES = {"encoder": "encoder.onnx", "predictor": "decoder.onnx", "joiner": "joiner.onnx"}


class SherpaProgram:
    """One live stream through a model with sherpa-onnx's ports, called by ours."""

    def __init__(self, model: bytes, row: Mapping[str, Any]) -> None:
        self.session = open_session(model)
        (self.given,), (self.made,) = row["inputs"], row["outputs"]
        self.packs: list[list[Mapping[str, Any]]] = row["facts"]["packs"]
        self.inputs = [one.name for one in self.session.get_inputs()]
        self.reset()

    def reset(self) -> None:
        """Back to the initial state: zeros, as sherpa-onnx begins."""
        sizes = [sum(int(np.prod(leaf["shape"])) for leaf in pack) for pack in self.packs]
        self.states: list[Array] = [np.zeros((1, 1, size), np.float32) for size in sizes]

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state; a joiner's two vectors come as one."""
        x = inputs[self.given["name"]]
        ports = len(self.inputs) - len(self.states)
        parts = [x] if ports == 1 else [p.reshape(1, -1) for p in np.split(x, ports, axis=-1)]
        y, *self.states = self.session.run(
            None, dict(zip(self.inputs, [*parts, *self.states], strict=True))
        )
        return {self.made["name"]: y.reshape(self.made["shape"])}

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by our names."""
        found: dict[str, Array] = {}
        for pack, whole in zip(self.packs, self.states, strict=True):
            ends = np.cumsum([int(np.prod(leaf["shape"])) for leaf in pack])
            for leaf, part in zip(pack, np.split(whole.ravel(), ends[:-1]), strict=True):
                found[leaf["name"]] = part.reshape(leaf["shape"]).copy()
        return found

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves."""
        self.states = [
            np.concatenate([leaves[leaf["name"]].ravel() for leaf in pack])[None, None]
            for pack in self.packs
        ]


class Sherpa:
    """Backend `sherpa`: what sherpa-onnx loads, in fp32."""

    name = "sherpa"
    runtime = "sherpa-onnx"
    extra = "sherpa"
    number_types = ("fp32",)

    def supports(self, target: Target, number_type: str) -> bool:
        return number_type == "fp32" and target.name == "host"

    def export(
        self,
        graph: StepGraph,
        target: Target,
        number_type: str,
        *,
        labels: Sequence[str] = (),
        **_: Any,
    ) -> Artifact:
        """The model file of a step, and tokens.txt with the predictor's.

        labels: of the model, the blank first. Raises: UnsupportedOp for a step of another kind, or
        one whose states sherpa-onnx cannot keep.
        """
        if graph.name not in MAKE:
            raise UnsupportedOp(f"{graph.name}: sherpa-onnx takes the steps {', '.join(MAKE)}")
        main = FILES[graph.name]
        model = MAKE[graph.name](graph, len(labels))
        members = {main: model.SerializeToString(deterministic=True)}
        if graph.name == "predictor":
            members["tokens.txt"] = tokens(labels).encode()
        packs = [
            [{"name": leaf.name, "shape": list(leaf.shape)} for leaf in pack]
            for pack in packed(graph)
        ]
        return Artifact(self.name, "any", "fp32", members, main, {"packs": packs})

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> SherpaProgram:
        """A live stream, run by ONNX Runtime."""
        return SherpaProgram(main, entry)

    def heard(self, folder: Path, recordings: Sequence[Path]) -> list[list[str]]:
        """The words that sherpa-onnx hears. Raises: MissingExtra, ToolError."""
        return heard(folder, recordings)


BACKEND = Sherpa()
