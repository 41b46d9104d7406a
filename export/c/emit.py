"""Loops, calls and the plan as C99 text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from edgernn.backend import Array
from edgernn.export.c.activations import activation_headers, in_form
from edgernn.export.c.expressions import (
    Term,
    expression,
    loaded,
    local_type,
    table_argument,
    table_result,
)
from edgernn.export.c.kernels import has_kernel, header
from edgernn.export.c.loops import Call, Loop, Statement, View
from edgernn.export.c.lower import Lowered
from edgernn.export.c.plan import Plan
from edgernn.export.c.stages import KERNEL, LOOKUPS, SHORTEST, Stage, block_of, stages
from edgernn.export.c.weights import C_TYPES, c_number
from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import Value
from edgernn.graph.step_graph import Interface


def c_name(name: str) -> str:
    """A name as a C identifier."""
    made = re.sub(r"\W+", "_", name)
    return f"_{made}" if made[:1].isdigit() else made


@dataclass
class Emitter:
    """Prints one step. Buffers are named pointers; offsets are in elements."""

    step: Interface
    lowered: Lowered
    plan: Plan
    prefix: str
    activations: str = "exact"
    pointers: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    locals: int = 0

    def __post_init__(self) -> None:
        graph = self.lowered.graph
        for port, name in zip(self.step.inputs, graph.inputs, strict=True):
            self.pointers[name] = f"in_{c_name(port.name)}"
        for index, (name, _) in enumerate(self.plan.state_offsets.items()):
            self.pointers[name] = f"s{index}_{c_name(name)}"
        for port, target in zip(self.step.outputs, self.lowered.homes, strict=True):
            self.pointers[target] = f"out_{c_name(port.name)}"
        for index, name in enumerate(sorted(self.plan.scratch_offsets)):
            self.pointers[name] = f"b{index}_{c_name(name)}"[:48]
        for buffer, home in self.plan.homes.items():
            self.pointers[buffer] = self.pointers[home]

    def pointer(self, view: View) -> str:
        base = self.pointers.get(view.buffer, view.buffer)
        return f"{base} + {view.offset}" if view.offset else base

    def call(self, call: Call) -> None:
        """A kernel call, in a loop over frames if it is repeated."""
        many = call.repeat > 1
        args = []
        for arg in call.args:
            if isinstance(arg, View):
                hop = call.advance.get(id(arg), 0)
                args.append(self.pointer(arg) + (f" + t * {hop}" if many and hop else ""))
            else:
                args.append(arg)
        text = f"edgernn_{call.kernel}({', '.join(args)});"
        self.lines.append(f"  /* {call.label} */")
        loop = f"  for (int t = 0; t < {call.repeat}; ++t) " if many else "  "
        self.lines.append(loop + text)

    def loop(self, loop: Loop) -> None:
        """Nested loops over the merged axes, one body."""
        views = [*loop.reads.values(), *loop.writes.values()]
        sizes, strides = merge_axes(loop.shape, [v.strides for v in views])
        self.lines.append(f"  /* {loop.label} */")
        places = [
            f"{self.pointers.get(v.buffer, v.buffer)}[{_index(v.offset, s)}]"
            for v, s in zip(views, strides, strict=True)
        ]
        if len(sizes) == 1 and sizes[0] >= SHORTEST and self.looks_up_in_rows(loop):
            self.staged(loop, sizes[0], places)
            return
        indent = "  "
        for axis, size in enumerate(sizes):
            brace = " {" if axis == len(sizes) - 1 else ""
            if brace and any(s.op in LOOKUPS for s in loop.statements):
                # one element keeps all registers of a small core busy: two of them spill
                self.lines.append("#pragma GCC unroll 1")
            self.lines.append(f"{indent}for (int i{axis} = 0; i{axis} < {size}; ++i{axis}){brace}")
            indent += "  "
        if not sizes:
            self.lines.append("  {")
            indent = "    "
        self.body(loop, places, indent)
        self.lines.append(indent[:-2] + "}")

    def looks_up_in_rows(self, loop: Loop) -> bool:
        """Whether the target has a kernel for the look-ups of a loop."""
        isas = self.lowered.weights.isas
        return any(s.op in LOOKUPS for s in loop.statements) and has_kernel(KERNEL, isas, False)

    def staged(self, loop: Loop, size: int, places: list[str]) -> None:
        """A loop in blocks, each in stages; see stages.py."""
        self.lowered.weights.kernels.use(KERNEL)
        block = block_of(size)
        rest = f"{size} - at < {block} ? {size} - at : {block}" if size % block else f"{block}"
        self.lines += [
            f"  for (int at = 0; at < {size}; at += {block}) {{",
            f"    const int n = {rest};",
        ]
        results: dict[str, Term] = {}
        for number, stage in enumerate(stages(loop)):
            rows = f"rows{number}"
            if stage.lookups:
                self.lines.append(f"    int16_t {rows}[{len(stage.lookups) * block}];")
            self.lines.append("    for (int i = 0; i < n; ++i) {")
            begin = len(self.lines)
            known = self.stage(loop, stage, places, results)
            for index, lookup in enumerate(stage.lookups):
                op, (name,) = lookup.op[1:], lookup.operands
                quant = self.lowered.graph.values[name].quant
                assert quant
                argument = table_argument(op, known[loop.aliases.get(name, name)], quant.frac)
                place = f"{rows}[{index} * n + i]"
                self.lines.append(f"      {place} = (int16_t){argument.bare()};")
                results[lookup.value] = table_result(op, place)
            if any(re.search(r"\bi0\b", line) for line in self.lines[begin:]):
                self.lines.insert(begin, "      const int i0 = at + i;")
            self.lines.append("    }")
            if stage.lookups:
                self.lines.append(f"    edgernn_{KERNEL}({rows}, {len(stage.lookups)} * n);")
        self.lines.append("  }")

    def stage(
        self, loop: Loop, stage: Stage, places: list[str], results: dict[str, Term]
    ) -> dict[str, Term]:
        """One pass: what it reads, computes and, in the last, writes. Gives the values' locals."""
        indent, known = "      ", {}
        for (name, _), place in zip(loop.reads.items(), places, strict=False):
            if name in stage.known:
                known[name] = self.read(name, place, indent)
        for name, term in results.items():
            if name in stage.known:
                known[name] = self.computed(name, term, indent)
        for statement in stage.statements:
            self.statement(loop, statement, known, indent)
        if not stage.lookups:
            self.write(loop, places[len(loop.reads) :], known, indent)
        return known

    def body(self, loop: Loop, places: list[str], indent: str) -> None:
        known: dict[str, Term] = {}
        if loop.statements[0].op == "copy":
            self.lines.append(f"{indent}{places[1]} = {places[0]};")
            return
        for (name, _), place in zip(loop.reads.items(), places, strict=False):
            known[name] = self.read(name, place, indent)
        for statement in loop.statements:
            self.statement(loop, statement, known, indent)
        self.write(loop, places[len(loop.reads) :], known, indent)

    def read(self, name: str, place: str, indent: str) -> Term:
        term = loaded(self.local(), self.lowered.graph.values[name].dtype)
        self.lines.append(f"{indent}const {self.type_of(name)} {term.text} = {place};")
        return term

    def computed(self, name: str, term: Term, indent: str) -> Term:
        local = term.named(self.local())
        self.lines.append(f"{indent}const {self.type_of(name)} {local.text} = {term.text};")
        return local

    def statement(
        self, loop: Loop, statement: Statement, known: dict[str, Term], indent: str
    ) -> None:
        names = [loop.aliases.get(name, name) for name in statement.operands]
        x = [known.get(name) or self.scalar(name) for name in names]
        term = expression(
            self.lowered.graph,
            *(statement.op, statement.value, list(statement.operands), x, statement.attrs),
        )
        known[statement.value] = self.computed(statement.value, term, indent)

    def write(self, loop: Loop, places: list[str], known: dict[str, Term], indent: str) -> None:
        for written, place in zip(loop.writes, places, strict=True):
            name = loop.aliases.get(written, written)
            value = self.lowered.graph.values[name]
            cast = f"({C_TYPES[value.dtype]})" if value.dtype in ("int8", "int16") else ""
            self.lines.append(f"{indent}{place} = {cast}{known[name].text};")

    def type_of(self, name: str) -> str:
        return local_type(self.lowered.graph.values[name].dtype)

    def local(self) -> str:
        self.locals += 1
        return f"v{self.locals}"

    def scalar(self, name: str) -> Term:
        array = self.lowered.graph.constants[name]
        number = array.reshape(-1)[0].item()
        text = c_number(number, array.dtype.name)
        text = f"({text})" if text.startswith("-") else text
        return Term(text) if isinstance(number, float) else Term(text, number, number)

    def pointers_text(self) -> list[str]:
        """Declarations of state leaves and scratch buffers as typed pointers."""
        lines = []
        graph = self.lowered.graph
        body = "\n".join(self.lines)
        groups = (
            ("state", self.plan.state_offsets, graph.values),
            ("scratch", self.plan.scratch_offsets, self.lowered.buffers),
        )
        for source, offsets, values in groups:
            for name, at in offsets.items():
                pointer = self.pointers[name]
                if re.search(rf"\b{re.escape(pointer)}\b", body):
                    kind = C_TYPES[values[name].dtype]
                    lines.append(
                        f"  {kind} *const {pointer} = ({kind} *)((char *){source} + {at});"
                    )
        return lines

    def step_text(self) -> str:
        """The body of NAME_step."""
        for action in self.plan.actions:
            if isinstance(action, Loop):
                self.loop(action)
            else:
                self.call(action)
        unused = [s for s in ("state", "scratch") if not self._uses(s)]
        inputs = [f"in_{c_name(port.name)}" for port in self.step.inputs]
        body = "\n".join(self.lines)
        unused += [name for name in inputs if not re.search(rf"\b{name}\b", body)]
        lines = [f"  (void){s};" for s in unused] + self.pointers_text() + self.lines
        return in_form("\n".join(lines), self.activations)

    def _uses(self, source: str) -> bool:
        declared = "\n".join(self.pointers_text())
        return f"(char *){source} +" in declared

    def helpers(self) -> str:
        """The shared headers and kernels that the body calls."""
        isas = self.lowered.weights.isas
        kernels = in_form(self.lowered.weights.kernels.text(), self.activations)
        body = "\n".join([in_form("\n".join(self.lines), self.activations), kernels])
        parts = [header("prelude"), *activation_headers(body)]
        if re.search(r"edgernn_(rint|floor)_f32\(", body):
            parts.append(header("rounding_f32"))
        if re.search(r"edgernn_(sat|shr|round|real|rescale|sigmoid_q|tanh_q)", body):
            parts.append(header("fixed", *isas))
        if "edgernn_shr_wide(" in body:
            parts.append(header("shift64"))
        if re.search(r"moid_q\(|tanh_q\(|sigmoid_table", body):
            table = ", ".join(map(str, fx.TABLE.tolist()))
            size = len(fx.TABLE)
            parts.append(f"static const int16_t edgernn_sigmoid_table[{size}] = {{{table}}};\n")
            parts.append(header("table", *isas))
        return "\n".join([*parts, kernels])

    def reset_text(self) -> str:
        """Statements that write the initial state; zeros are one loop over bytes."""
        states = self.lowered.graph.states
        size = self.plan.state_bytes
        lines = []
        if size:
            lines.append("  uint8_t *const bytes = (uint8_t *)state;")
            lines.append(f"  for (int i = 0; i < {size}; ++i) bytes[i] = 0u;")
        else:
            lines.append("  (void)state;")
        for index, state in enumerate(states):
            value = self.lowered.graph.values[state.name]
            if np.any(state.init):
                lines += self._initial(
                    index, state.init, value, self.plan.state_offsets[state.name]
                )
        return "\n".join(lines)

    def _initial(self, index: int, init: Array, value: Value, at: int) -> list[str]:
        kind = C_TYPES[value.dtype]
        leaf = f"s{index}"
        flat = init.reshape(-1)
        lines = [f"  {kind} *const {leaf} = ({kind} *)((char *)state + {at});"]
        if np.all(flat == flat[0]):
            source = c_number(flat[0].item(), value.dtype)
        else:
            source = f"{self.lowered.weights.table(f'init.{index}', init)}[i]"
        lines.append(f"  for (int i = 0; i < {flat.size}; ++i) {leaf}[i] = {source};")
        return lines


def _index(offset: int, strides: list[int]) -> str:
    terms = [f"i{k} * {s}" if s != 1 else f"i{k}" for k, s in enumerate(strides) if s]
    if offset or not terms:
        terms.append(str(offset))
    return " + ".join(terms)


def merge_axes(
    shape: tuple[int, ...], strides: list[tuple[int, ...]]
) -> tuple[list[int], list[list[int]]]:
    """Drop axes of one element and join neighbours that every view walks as one."""
    sizes: list[int] = []
    walks: list[list[int]] = [[] for _ in strides]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        here = [s[axis] for s in strides]
        if sizes and all(w[-1] == h * size for w, h in zip(walks, here, strict=True)):
            sizes[-1] *= size
            for walk, stride in zip(walks, here, strict=True):
                walk[-1] = stride
        else:
            sizes.append(size)
            for walk, stride in zip(walks, here, strict=True):
                walk.append(stride)
    return sizes, walks
