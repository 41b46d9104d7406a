"""A step graph as one C source and its header: the whole compiler, without a compiler's run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgernn.backend import Array
from edgernn.export.c.activations import check_form
from edgernn.export.c.emit import Emitter, c_name
from edgernn.export.c.lower import lower
from edgernn.export.c.memory_map import describe, plan_row
from edgernn.export.c.plan import plan_memory
from edgernn.export.c.weights import C_TYPES, Weights
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import find_number_type
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import dead_code, delta, quantize, simplify
from edgernn.graph.step_graph import Interface, StepGraph

RESERVED = (  # files that a step is built with, and the prefix of our own functions
    *("memory", "port", "print", "golden", "golden_main", "cortex_m", "linux", "built_for"),
    *("recognizer", "recognizer_search", "recognizer_model", "transcribe", "stdint", "edgernn"),
    *("darwin", "loop", "loop_search", "stream", "opened", "spotter", "spotter_model"),
    *("saved", "recognizer_saved", "spotter_saved"),
)


@dataclass(frozen=True, slots=True)
class CSource:
    """The C of one step. `facts` go into the manifest, `notes` are for `--explain`."""

    symbol: str
    source: str
    header: str
    facts: dict[str, Any]
    notes: tuple[str, ...]
    graph: Graph

    def files(self) -> dict[str, str]:
        """File name -> text."""
        return {f"{self.symbol}.c": self.source, f"{self.symbol}.h": self.header}


def number_typed(
    step: StepGraph,
    number_type: str,
    frames: Iterable[Mapping[str, Array]],
    calibration: str = "percentile",
) -> tuple[Graph, list[str]]:
    """The simplified graph in a number type; `frames` calibrate it, by a method of `calibrate`.

    Raises: UnknownName, UnsupportedOp, DataError.
    """
    type_ = find_number_type(number_type)
    graph, notes = simplify(to_graph(step), type_)
    if type_.quantized:
        result = quantize.run(graph, calibrate(graph, frames, calibration), type_)
        notes += [f"quantize: {note}" for note in result.notes]
        graph = result.graph
    result = delta.run(graph)
    notes += [f"delta: {note}" for note in result.notes]
    return dead_code.run(result.graph).graph, notes


def symbol_of(name: str) -> str:
    """The prefix of a step's symbols and files."""
    symbol = c_name(name)
    return f"{symbol}_net" if symbol in RESERVED else symbol


def _arguments(step: Interface, qualifier: str = "") -> str:
    """Parameters of NAME_step; `restrict` is C only, so the header leaves it out."""
    star = f"*{qualifier}"
    parts = [f"const {C_TYPES[p.dtype]} {star}in_{c_name(p.name)}" for p in step.inputs]
    parts += [f"{C_TYPES[p.dtype]} {star}out_{c_name(p.name)}" for p in step.outputs]
    return ", ".join([f"void {star}state", f"void {star}scratch", *parts])


def _state_rows(graph: Graph, offsets: Mapping[str, int]) -> list[dict[str, Any]]:
    rows = []
    for state in graph.states:
        value = graph.values[state.name]
        rows.append(
            {
                "in": state.name,
                "out": f"new_{state.name}",
                "shape": list(value.shape),
                "dtype": value.dtype,
                "init": state.init.tolist() if state.init.any() else None,
                "scale": value.quant.scale if value.quant else None,
                "zero_point": value.quant.zero_point if value.quant else None,
                "offset_bytes": offsets[state.name],
            }
        )
    return rows


def _header(step: Interface, symbol: str, facts: Mapping[str, Any], made_by: str) -> str:
    upper = symbol.upper()
    ports = [f" *   {p.name}: {list(p.shape)} {p.dtype}, input" for p in step.inputs]
    ports += [f" *   {p.name}: {list(p.shape)} {p.dtype}, output" for p in step.outputs]
    leaves = [
        f" *   {row['offset_bytes']:6d}  {row['in']}: {row['shape']} {row['dtype']}"
        for row in facts["states"]
    ]
    return "\n".join(
        [
            f"/* One step of {symbol}, {facts['number_type']}. Made by: {made_by}",
            " *",
            f" * {facts['macs']} multiply-accumulates a step. In bytes: weights",
            f" * {facts['weights_bytes']} (flash), state {facts['state_bytes']} and scratch "
            f"{facts['scratch_bytes']} (RAM, the caller's,",
            " * 16-aligned). No two arguments of a step may overlap. Threads may step different",
            " * states at once, each with a scratch of its own. Buffers of several types share",
            " * the scratch: build with -fno-strict-aliasing; for equal bits, -ffp-contract=off.",
            *ports,
            " * State leaves by byte offset:",
            *leaves,
            " */",
            f"#ifndef {upper}_H",
            f"#define {upper}_H",
            "#include <stdint.h>",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            f"#define {upper}_STATE_BYTES {facts['state_bytes']}u",
            f"#define {upper}_SCRATCH_BYTES {facts['scratch_bytes']}u",
            f"#define {upper}_MACS {facts['macs']}u",
            f"uint32_t {symbol}_state_size(void);",
            f"uint32_t {symbol}_scratch_size(void);",
            "/* 0; -1 if `bytes` is too small or `state` is not 16-aligned */",
            f"int {symbol}_init(void *state, uint32_t bytes);",
            f"void {symbol}_reset(void *state);",
            f"void {symbol}_step({_arguments(step)});",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def _source(emitter: Emitter, symbol: str) -> str:
    upper = symbol.upper()
    body, reset = emitter.step_text(), emitter.reset_text()
    # `bytes < 0u` would be a warning
    small = f"bytes < {upper}_STATE_BYTES || " if emitter.plan.state_bytes else "(void)bytes, "
    return "\n".join(
        [
            f'#include "{symbol}.h"',
            "",
            emitter.helpers(),
            emitter.lowered.weights.text(),
            f"uint32_t {symbol}_state_size(void) {{ return {upper}_STATE_BYTES; }}",
            f"uint32_t {symbol}_scratch_size(void) {{ return {upper}_SCRATCH_BYTES; }}",
            "",
            f"void {symbol}_reset(void *state) {{\n{reset}\n}}",
            "",
            f"int {symbol}_init(void *state, uint32_t bytes) {{",
            f"  if ({small}((uintptr_t)state & 15u)) return -1;",
            f"  {symbol}_reset(state);",
            "  return 0;",
            "}",
            "",
            f"void {symbol}_step({_arguments(emitter.step, 'restrict ')}) {{\n{body}\n}}",
            "",
        ]
    )


def planned_step(
    step: Interface,
    graph: Graph,
    *,
    isas: tuple[str, ...] = (),
    faster: str = "",
    activations: str = "exact",
) -> Emitter:
    """Kernels chosen and memory planned, before a line is written. Raises: as `compile_step`."""
    check_form(activations)
    lowered = lower(graph, Weights(isas, faster))
    plan = plan_memory(lowered)
    return Emitter(step, lowered, plan, symbol_of(step.name), activations)


def sizes_of(emitter: Emitter) -> dict[str, int]:
    """MACs of a planned step, and its bytes but for the code's own."""
    return {
        "macs": emitter.lowered.graph.macs(),
        "weights_bytes": emitter.lowered.weights.flash_bytes(),
        "state_bytes": emitter.plan.state_bytes,
        "scratch_bytes": emitter.plan.scratch_bytes,
    }


def compile_step(
    step: Interface,
    graph: Graph,
    number_type: str,
    *,
    isas: tuple[str, ...] = (),
    faster: str = "",
    activations: str = "exact",
    made_by: str = "edgernn",
) -> CSource:
    """C for a graph in its number type, with the kernels of these instruction sets.

    isas: best first. faster: one that is used where the CPU turns out to have it.
    activations: form of sigmoid, tanh and exp of floats; see `activations`.
    Equal arguments give equal bytes. Raises: UnsupportedOp, UnknownName.
    """
    check_form(activations)
    symbol = symbol_of(step.name)
    lowered = lower(graph, Weights(isas, faster))
    plan = plan_memory(lowered)
    emitter = Emitter(step, lowered, plan, symbol, activations)
    text = _source(emitter, symbol)
    facts = {
        "symbol": symbol,
        "number_type": number_type,
        "macs": graph.macs(),
        "weights_bytes": lowered.weights.flash_bytes(),
        "state_bytes": plan.state_bytes,
        "scratch_bytes": plan.scratch_bytes,
        "peak_live_bytes": plan.peak_live_bytes,
        "states": _state_rows(graph, plan.state_offsets),
        "kernels": lowered.weights.kernels.kinds(),
        "memory_plan": plan_row(lowered, plan),
    }
    notes = (
        *lowered.notes,
        *lowered.weights.notes,
        *(f"memory: {line}" for line in describe(lowered, plan)),
    )
    return CSource(symbol, text, _header(step, symbol, facts, made_by), facts, notes, graph)
