"""The captured step as an ONNX model for ONNX Runtime: as it is, or with weights of few bits.

    fp32           the step graph itself, the interchange form
    int8-dynamic   weights of 8 bits, inputs of products rounded as they come
    int8           the same by ranges seen on real input (QDQ)
    int4           weights of 4 bits in groups of 32 (MatMulNBits); single rows stay floats

Beside each lies the same in ORT format, for mobile builds of ONNX Runtime, with the operators that
such a build needs. States stay float32 in all of them.

To open a model takes numpy and ONNX Runtime alone: a board has neither onnx nor torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgernn.backend import Array, Artifact, Runner
from edgernn.export.onnx.program import OnnxProgram
from edgernn.hosted import PLACES
from edgernn.target import Target

if TYPE_CHECKING:
    from edgernn.graph.step_graph import StepGraph


class Onnx:
    """Backend `onnx`: the interchange form and what ONNX Runtime makes of it, for any machine."""

    name = "onnx"
    runtime = "onnxruntime"
    extra = ""
    number_types = ("fp32", "int8-dynamic", "int8", "int4")

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
        """The model file with its metadata; deterministic bytes.

        frames: real input, for `int8`. mobile: the ORT format beside it.
        Raises: DataError for `int8` without frames.
        """
        from edgernn.graph.step_graph import state_rows

        main = f"{graph.name}/onnx/{graph.name}.onnx"
        if number_type == "fp32":
            model = graph.model
        else:
            from edgernn.export.onnx.forms import made

            model = made(graph, number_type, frames)
        data = model.SerializeToString(deterministic=True)
        members = {main: data}
        if mobile:
            from edgernn.export.onnx.mobile import operators, ort_format

            members[main.replace(".onnx", ".ort")] = ort_format(data)
            members[f"{graph.name}/onnx/required_operators.config"] = operators(model).encode()
        opset = graph.model.opset_import[0].version
        facts = {"opset": opset, "states": state_rows(graph.states), "model_bytes": len(data)}
        return Artifact(self.name, "any", number_type, members, main, facts)

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> OnnxProgram:
        """A live stream; states are in the artifact's own types, not the manifest's."""
        return OnnxProgram(main, {**entry, "states": entry["facts"]["states"]})


BACKEND = Onnx()
