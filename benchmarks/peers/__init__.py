"""Other runtimes on the same step, one file each, with the settings that may be their best.

A file has `NAME`, `KINDS` (the number types it runs) and `candidates(graph, kind, cache)`. Which
candidate is a runtime's best is measured, not assumed. A runtime that is not installed, or a model
that was not converted, is told with the command that brings it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from benchmarks.contender import Contender
from benchmarks.peers import litert, onnxruntime, openvino, tvm
from edgernn.graph.step_graph import StepGraph


class Peer(Protocol):
    """A file of this folder."""

    NAME: str
    KINDS: tuple[str, ...]

    def candidates(self, graph: StepGraph, kind: str, cache: Path) -> Iterator[Contender]:
        """Raises: MissingExtra, ToolError."""


PEERS: tuple[Peer, ...] = (litert, onnxruntime, openvino, tvm)
