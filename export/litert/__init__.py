"""The captured step as `.tflite`, for LiteRT on Android and wherever its interpreter runs.

    fp32           the step graph, op by op
    int8-dynamic   weights of 8 bits, inputs of products rounded as they come
    int8           the same by ranges seen on real input
    int4           weights of 4 bits in groups of 32; single rows and convolutions of 8

No converter is needed: a step graph has plain ops alone, which are written as LiteRT's own; see
operators.py. Beside the form with explicit states lies the one whose states the interpreter keeps
(`.stateful.tflite`), with a signature `reset`. Its weights are rounded by ai-edge-quantizer.

To open a model takes numpy and an interpreter alone: a board has neither onnx nor torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgernn.backend import Array, Artifact, Runner
from edgernn.errors import MissingExtra
from edgernn.export.litert.program import PLAIN, LitertProgram
from edgernn.hosted import PLACES
from edgernn.target import Target

if TYPE_CHECKING:
    from edgernn.graph.step_graph import StepGraph

WRITERS = {"ai_edge_litert": "ai-edge-litert", "ai_edge_quantizer": "ai-edge-quantizer"}


class Litert:
    """Backend `litert`: a flat file for LiteRT's interpreter, for any machine."""

    name = "litert"
    runtime = "ai-edge-litert"
    extra = "litert"
    number_types = (PLAIN, "int8-dynamic", "int8", "int4")

    def supports(self, target: Target, number_type: str) -> bool:
        return number_type in self.number_types and target.name in PLACES

    def export(
        self,
        graph: StepGraph,
        target: Target,
        number_type: str,
        frames: Iterable[Mapping[str, Array]] = (),
        mobile: bool = False,
        **_: Any,
    ) -> Artifact:
        """The model file; deterministic bytes.

        frames: real input, for `int8`. mobile: the stateful form beside it.
        Raises: MissingExtra, UnsupportedOp, DataError for `int8` without frames, ParityError if the
            stateful form differs from the explicit one.
        """
        for module, package in WRITERS.items():
            if importlib.util.find_spec(module) is None:
                raise MissingExtra(package, self.extra)
        from edgernn.export.litert.make import members
        from edgernn.graph.step_graph import state_rows

        made = members(graph, number_type, frames, mobile)
        main = next(iter(made))
        facts = {"states": state_rows(graph.states), "model_bytes": len(made[main])}
        return Artifact(self.name, "any", number_type, made, main, facts)

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> LitertProgram:
        """A live stream; states are in the artifact's own types, not the manifest's."""
        return LitertProgram(main, {**entry, "states": entry["facts"]["states"]})


BACKEND = Litert()
