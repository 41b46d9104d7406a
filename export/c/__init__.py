"""The step-graph compiler: a step as C99 that needs no library, built for a target.

    fold, fuse -> number type -> loops and kernel calls -> memory plan -> C -> compile

See `source.compile_step` for the compiler, `program.CProgram` for running what it made.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.backend import Array, Artifact, Module, Outlook, Program, Runner
from edgernn.errors import UnknownName
from edgernn.export.c.program import CProgram
from edgernn.graph.number_type import NUMBER_TYPES, find_number_type
from edgernn.target import Target

if TYPE_CHECKING:  # what compiles is imported when something is compiled; opening needs none of it
    from edgernn.compilers import Compiler
    from edgernn.export.c.source import CSource
    from edgernn.firmware import GoldenRun
    from edgernn.graph.ir import Graph
    from edgernn.graph.step_graph import Interface, StepGraph

SUFFIX = {"library": ".so", "archive": ".a", "firmware": ".elf", "wasm": ".wasm"}


class C:
    """Backend `c`. Artifacts hold the C beside what was built from it."""

    name = "c"
    runtime = ""
    extra = "c"
    number_types = tuple(NUMBER_TYPES)

    def supports(self, target: Target, number_type: str) -> bool:
        try:
            find_number_type(number_type, target.number_types)
        except UnknownName:
            return False
        return True

    def typed(
        self,
        step: StepGraph,
        number_type: str,
        frames: Iterable[Mapping[str, Array]],
        calibration: str = "percentile",
    ) -> tuple[Graph, list[str]]:
        """The graph in a number type, and what each pass did; see `source.number_typed`."""
        from edgernn.export.c.source import number_typed

        return number_typed(step, number_type, frames, calibration)

    def export(
        self,
        graph: StepGraph,
        target: Target,
        number_type: str,
        *,
        typed: Graph,
        golden: GoldenRun | None = None,
        cc: str | None = None,
        activations: str = "exact",
        **_: Any,
    ) -> Artifact:
        """Build a step. `typed` is the graph from `typed`, `golden` is built into firmware.

        Raises: UnknownName, UnsupportedOp, DoesNotFit, ToolError.
        """
        from edgernn.compilers import compiler
        from edgernn.elf import read_elf
        from edgernn.toolchain import compile_line

        find_number_type(number_type, target.number_types)
        tool = compiler(cc)
        source = self.source(graph, typed, target, number_type, activations)
        binary = self._build(source, target, golden, tool)
        folder = f"{graph.name}/{target.name}"
        main = f"{folder}/{source.symbol}{SUFFIX[target.kind]}"
        members = {f"{folder}/{name}": text.encode() for name, text in source.files().items()}
        facts = {**source.facts, "compiled": compile_line(target, tool), "notes": source.notes}
        facts["binary_bytes"] = len(binary)
        if target.kind == "firmware":
            sizes = read_elf(binary).sizes
            facts |= {"flash_bytes": sizes.flash_bytes, "ram_bytes": sizes.ram_bytes}
        del facts["states"]
        return Artifact(self.name, target.name, number_type, {**members, main: binary}, main, facts)

    def source(
        self,
        step: Interface,
        typed: Graph,
        target: Target,
        number_type: str,
        activations: str = "exact",
    ) -> CSource:
        """The C of a step for a target, not compiled yet. Raises: UnknownName, UnsupportedOp."""
        from edgernn.export.c.source import compile_step

        made_by = f"edgernn export --target {target.name} --number-type {number_type}"
        if activations != "exact":
            made_by += f" --activations {activations}"
        return compile_step(
            step,
            typed,
            number_type,
            isas=target.isa,
            faster=target.faster,
            activations=activations,
            made_by=made_by,
        )

    def outlook(
        self,
        step: Interface,
        typed: Graph,
        target: Target,
        moves: Mapping[str, tuple[float, float]],
        activations: str = "exact",
    ) -> Outlook:
        """What `export` would make, without a compiler's run.

        moves: by hold, entries and chunks that it lists in a step on the mean; of one that is not
        told, all. Raises: UnsupportedOp.
        """
        from edgernn.export.c.source import planned_step, sizes_of
        from edgernn.export.c.work import work_of

        isas, faster = target.isa, target.faster
        emitter = planned_step(step, typed, isas=isas, faster=faster, activations=activations)
        made = work_of(emitter, moves)
        return Outlook(made.done, made.code, sizes_of(emitter))

    def state_rows(self, graph: StepGraph, typed: Graph, number_type: str) -> list[dict[str, Any]]:
        """The manifest's rows of the state leaves, alike for every target."""
        from edgernn.export.c.source import compile_step

        rows: list[dict[str, Any]] = compile_step(graph, typed, number_type).facts["states"]
        return rows

    def _build(
        self, source: CSource, target: Target, golden: GoldenRun | None, cc: Compiler
    ) -> bytes:
        from edgernn.firmware import golden_header
        from edgernn.toolchain import build_archive, build_firmware, build_library, build_wasm

        files = source.files()
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            if target.kind == "firmware":
                if golden is not None:
                    files["golden.h"] = golden_header(source.symbol, golden)
                path = build_firmware(files, target, Path(folder), name=source.symbol, cc=cc)
            else:
                builds = {"library": build_library, "archive": build_archive, "wasm": build_wasm}
                build = builds[target.kind]
                path = build(files, target, Path(folder), name=source.symbol, cc=cc)
            return path.read_bytes()

    def load(self, entry: Mapping[str, Any], module: Module) -> CProgram:
        """A live stream over an already loaded module."""
        return CProgram(module, entry)

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> Program:
        """A live stream over an artifact; `entry` is its manifest row."""
        return CProgram(runner.load(main, target), entry)


BACKEND = C()
