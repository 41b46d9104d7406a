"""The captured step through TVM's Relax: a shared library that TVM's runtime loads.

    fp32      all that its importer and its CPU schedules hold

Built by LLVM for this machine or for 64-bit ARM Linux, linked by zig. Products are scheduled by us
(schedule.py): left alone they are many times slower.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgernn.backend import Artifact, Runner
from edgernn.errors import MissingExtra
from edgernn.export.tvm.program import TvmProgram
from edgernn.hosted import PLACES
from edgernn.target import Target

if TYPE_CHECKING:
    from edgernn.graph.step_graph import StepGraph


class Tvm:
    """Backend `tvm`: a library for TVM's virtual machine."""

    name = "tvm"
    runtime = "apache-tvm"
    extra = "tvm"
    number_types = ("fp32",)

    def supports(self, target: Target, number_type: str) -> bool:
        return number_type in self.number_types and target.name in PLACES

    def export(self, graph: StepGraph, target: Target, number_type: str, **_: Any) -> Artifact:
        """The library. Raises: MissingExtra, UnsupportedOp, ToolError."""
        if importlib.util.find_spec("tvm") is None:
            raise MissingExtra("apache-tvm", self.extra)
        from edgernn.export.tvm.build import library
        from edgernn.graph.step_graph import state_rows

        main = f"{graph.name}/tvm/{target.name}/{graph.name}.so"
        data = library(graph, target)
        facts = {
            "states": state_rows(graph.states),
            "model_bytes": len(data),
            "takes": [port.name for port in graph.model.graph.input],
            "gives": [port.name for port in graph.model.graph.output],
        }
        return Artifact(self.name, target.name, number_type, {main: data}, main, facts)

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> TvmProgram:
        """A live stream."""
        facts = entry["facts"]
        row = {**entry, "states": facts["states"]}
        return TvmProgram(main, row, facts["takes"], facts["gives"])


BACKEND = Tvm()
