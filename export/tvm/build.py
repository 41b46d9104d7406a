"""A step graph through Relax to a shared library, linked by zig for the machine it is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tvm
from tvm import relax
from tvm.relax.backend.cpu_generic import pipeline as passes
from tvm.relax.frontend.onnx import from_onnx
from tvm.s_tir import dlight

from edgernn.compilers import host_cpu
from edgernn.errors import UnsupportedOp
from edgernn.export.tvm.schedule import SideBySide
from edgernn.graph.onnx_node import place
from edgernn.graph.step_graph import StepGraph
from edgernn.quiet import first_line, quiet
from edgernn.target import Target
from edgernn.toolchain import link_objects

FEW = 3  # nodes that a message names
TRIPLES = {"aarch64": "aarch64-linux-gnu"}  # of other machines, as LLVM calls them


def library(graph: StepGraph, target: Target) -> bytes:
    """The shared library that TVM's runtime loads. Raises: UnsupportedOp, ToolError."""
    made = program(graph, target)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{graph.name}.so"
        made.export_library(str(path), fcompile=_linked(target), workspace_dir=folder)
        return path.read_bytes()


def program(graph: StepGraph, target: Target) -> Any:
    """The compiled step. Raises: UnsupportedOp if TVM's importer or compiler refuses it."""
    machine = tvm.target.Target(_machine(target))
    try:
        with quiet():  # it says of every state that its dot becomes a dash
            module = from_onnx(graph.model, keep_params_in_input=False)
        return relax.build(module, target=machine, relax_pipeline=_pipeline(machine))
    except Exception as cause:  # TVM raises many unrelated classes
        what = f"{_blamed(graph, str(cause))}: {first_line(cause)}"
        raise UnsupportedOp(f"{graph.name}: TVM cannot build {what}") from cause


def _blamed(graph: StepGraph, complaint: str) -> str:
    """The nodes whose operators it names, with their layers; at most FEW of them."""
    words = set(re.findall(r"\w+", complaint))
    nodes = [node for node in graph.model.graph.node if node.op_type in words]
    named = [place(graph.model, node) for node in nodes[:FEW]]
    return ", ".join([*named, *(["..."] if len(nodes) > FEW else [])]) or "it"


def _machine(target: Target) -> dict[str, Any]:
    """What LLVM is told of the machine: the CPU level that our own C has."""
    if target.name in TRIPLES:
        return {
            "kind": "llvm",
            "mtriple": TRIPLES[target.name],
            "mcpu": "generic",
            "mattr": ["+neon"],
        }
    level = host_cpu().replace("_", "-")
    return {"kind": "llvm", **({} if level == "baseline" else {"mcpu": level})}


def _pipeline(machine: Any) -> Any:
    """Its own passes for a CPU, with our schedule where sums are."""
    steps = [
        *passes.library_dispatch_passes(machine),
        *passes.legalize_passes(machine),
        dlight.ApplyDefaultSchedule(SideBySide()),
        *passes.dataflow_lower_passes(machine),
        *passes.finalize_passes(machine),
    ]

    @tvm.transform.module_pass(opt_level=0)  # type: ignore[untyped-decorator]
    def run(module: Any, context: Any) -> Any:
        with machine:
            return tvm.transform.Sequential(steps)(module)

    return run


def _linked(target: Target) -> Callable[..., None]:
    """What links objects into a shared library, as `export_library` calls it."""

    def link(output: str, objects: list[str], **_: Any) -> None:
        found = {f"{at}.o": Path(path).read_bytes() for at, path in enumerate(objects)}
        Path(output).write_bytes(link_objects(found, target))

    link.object_format = "o"  # type: ignore[attr-defined]
    return link
