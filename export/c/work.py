"""What a step does and holds, told before it is compiled: amounts of work by kind.

A kind is what a compiler makes code of: the strips and tiles of a kernel, an operation in a loop
over elements, a load, a copy. A price for each (`edgernn.estimate`) makes instructions and bytes of
them. Amounts are of one step; those of `code` count what is written once, however often it runs.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from edgernn.export.c.emit import Emitter, merge_axes
from edgernn.export.c.kernels import BITS
from edgernn.export.c.loops import Call, Loop, View, is_copy
from edgernn.graph.ir import Value

VECTORS = frozenset(("neon", "helium", "simd128", "avx2"))  # where loops become vectors
LANES = 8  # columns that matmul_f32 takes at once, those left over one by one
MOVED = ":counts"  # behind the name of a hold: the list of what has moved
Listed = Mapping[str, tuple[float, float]]  # by hold: mean entries, chunks with any
_FORM = re.compile(r"_(s8x16|s8|s4|s2|f32)_(\d+)x(\d+)")
_LOCAL = re.compile(r"\s*const (float|int32_t|int16_t|int64_t|uint8_t) v\d+ = (.*);")
_STORE = re.compile(r"\s*\w+\[[^]]*\] = (.*);")
_TOKEN = re.compile(r"edgernn_(\w+)\(|(int64_t|>>|[*/+?&])|(?<=\s)(-)(?=\s)")


class Moves(NamedTuple):
    """What a hold lists in a step on the mean: entries, and chunks that have any."""

    entries: float
    chunks: float


@dataclass
class Work:
    """Amounts by kind: `done` in a step, `code` as it is written."""

    done: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    code: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, times: float) -> None:
        """So much of a kind, written in one place; what it needs beside is there but once."""
        self.done[kind] += times
        self.code[kind] += 1
        self.code[f"any {kind}"] = 1

    def call(self, kernel: str, times: int, parts: Mapping[str, float]) -> None:
        """A kernel, which is there once however often it is called."""
        self.done[kernel] += times
        self.code[kernel], self.code["call"] = 1, self.code["call"] + 1
        for part, amount in parts.items():
            self.done[f"{kernel}.{part}"] += times * amount


def work_of(emitter: Emitter, moves: Listed) -> Work:
    """The amounts of a planned step. moves: by hold; of one that is not told, all has moved."""
    made = Work()
    made.add("step", 1)
    for action in emitter.plan.actions:
        if isinstance(action, Call):
            _call(made, emitter, action, moves)
        elif is_copy(action):
            _copy(made, emitter, action)
        else:
            _loop(made, emitter, action)
    return made


def _call(made: Work, emitter: Emitter, call: Call, moves: Listed) -> None:
    """A kernel: what grows with each of its sizes."""
    name, times = call.kernel, call.repeat
    form = _FORM.search(name)
    if form is None:
        parts = _plain(name, _numbers(call)[_last_view(call) :])
    elif name.startswith("moves"):
        cols, chunk = [n for n in _numbers(call) if n is not None][-2:]
        found = _moves(call, moves) or Moves(cols / int(form[3]), -(-cols // chunk))
        parts = {"columns": cols, "chunks": -(-cols // chunk), "entries": found.entries}
    else:
        parts = _product(emitter, call, form, _moves(call, moves))
    made.call(name, times, parts)


def _plain(name: str, sizes: list[int | None]) -> dict[str, float]:
    """Parts of a kernel that stands alone, by the sizes that it is called with."""
    numbers = [n for n in sizes if n is not None]
    if name.startswith("depthwise"):
        channels, kernel, _ = numbers
        return {"channels": channels, "taps": channels * kernel}
    if name.startswith("gather"):
        count, _, width = numbers
        return {"vectors": count, "elements": count * width}
    if name == "matmul_f32":
        rows, inner, columns = numbers
        blocks, rest = divmod(columns, LANES)
        whole = {"blocks": rows * inner * blocks, "rest": rows * inner * rest}
        return {"rows": rows, "elements": rows * columns, **whole}
    if len(numbers) == 1:
        return {"elements": numbers[0]}
    rows, width = numbers[-2:]
    return {"rows": rows, "elements": rows * width}


def _product(
    emitter: Emitter, call: Call, form: re.Match[str], moved: Moves | None
) -> dict[str, float]:
    """Parts of a matrix product: strips of rows, tiles of weights that are read."""
    type_, height, width = form[1], int(form[2]), int(form[3])
    numbers = [n for n in _numbers(call)[_last_view(call) :] if n is not None]
    rows = numbers[0]
    table = emitter.lowered.weights.tables[str(call.args[0])]
    strips = -(-rows // height)
    tiles = table.nbytes * 8 / (height * width * BITS[type_])
    parts: dict[str, float] = {"strips": strips, "rows": rows, "tiles": tiles}
    groups = numbers[1] if len(numbers) > 1 else 0
    if "gain" in call.kernel:
        parts["chunks"] = strips * -(-groups * width // 32)
    if not call.kernel.startswith("delta"):
        parts["groups"] = groups
        return parts
    if type_ == "f32":  # some rows are summed anew in each step, `unit` of them together
        _, columns, unit, period = numbers
        anew = min(-(-rows // unit) * unit / period / height, strips)
        entries = columns if moved is None else moved.entries
        return {**parts, "tiles": anew * columns + (strips - anew) * entries, "entries": entries}
    together = numbers[2]
    full = Moves(groups, -(-groups // together)) if moved is None else moved
    chunks = full.chunks * strips
    return {**parts, "tiles": strips * full.entries, "chunks": chunks, "entries": full.entries}


def _numbers(call: Call) -> list[int | None]:
    """Whole numbers among the arguments, by their places."""
    return [
        int(arg) if isinstance(arg, str) and arg.lstrip("-").isdigit() else None
        for arg in call.args
    ]


def _last_view(call: Call) -> int:
    return max(at for at, arg in enumerate(call.args) if isinstance(arg, View)) + 1


def _moves(call: Call, moves: Listed) -> Moves | None:
    """Of the hold whose lists the call reads or makes."""
    names = (view.buffer for view in (*call.reads, *call.writes))
    holds = (name.removesuffix(MOVED) for name in names if name.endswith(MOVED))
    return next((Moves(*moves[name]) for name in holds if name in moves), None)


def _copy(made: Work, emitter: Emitter, loop: Loop) -> None:
    """Elements moved: whole rows as words or bytes, others one by one."""
    (source,), (target,) = loop.reads.values(), loop.writes.values()
    sizes, strides = merge_axes(loop.shape, [source.strides, target.strides])
    item = _item_bytes(emitter, target)
    count, inner = prod(sizes), sizes[-1] if sizes else 1
    if any(walk and walk[-1] != 1 for walk in strides):
        made.add("copy strided", 1)
        made.done["copy strided.rows"] += count // inner
        made.done["copy strided.elements"] += count
        return
    whole = all(
        _address(emitter, view) % 4 == 0 and all(step * item % 4 == 0 for step in walk[:-1])
        for view, walk in zip((source, target), strides, strict=True)
    )
    kind = f"copy {'words' if whole else f'of {item}'}"
    made.add(kind, 1)
    made.done[f"{kind}.rows"] += count // inner
    made.done[f"{kind}.bytes"] += count * item


def _loop(made: Work, emitter: Emitter, loop: Loop) -> None:
    """Operations of each element, as they are written."""
    views = [*loop.reads.values(), *loop.writes.values()]
    sizes, strides = merge_axes(loop.shape, [view.strides for view in views])
    count, inner = prod(sizes), sizes[-1] if sizes else 1
    along = all(not walk or walk[-1] in (0, 1) for walk in strides)
    vectors = along and inner >= 8 and VECTORS & set(emitter.lowered.weights.isas)
    before = "vector " if vectors else ""
    made.add(f"{before}loop", 1)
    made.done[f"{before}loop.rows"] += count // inner
    made.done[f"{before}loop.elements"] += count
    for view, walk, how in zip(
        views, strides, ["load"] * len(loop.reads) + ["store"] * len(loop.writes), strict=True
    ):
        if any(walk):
            kind = _value(emitter, view).dtype
            far = "" if walk[-1] in (0, 1) else "strided "
            made.add(f"{before}{far}{how} {kind}", count)
    kept = len(emitter.lines), emitter.locals
    emitter.loop(loop)
    lines = emitter.lines[kept[0] :]
    del emitter.lines[kept[0] :]
    emitter.locals = kept[1]
    for line in lines:
        local, store = _LOCAL.match(line), _STORE.match(line)
        text = local[2] if local else store[1] if store else ""
        kind = "float" if local and local[1] == "float" else "int"
        for token in _TOKEN.finditer(text):
            made.add(f"{before}{kind} {token[1] or token[2] or token[3]}", count)
        if "edgernn_sigmoid_rows(" in line:
            made.add("sigmoid_rows", count * int(line.rpartition(", ")[2].partition(" ")[0]))


def _value(emitter: Emitter, view: View) -> Value:
    values, lowered = emitter.lowered.graph.values, emitter.lowered
    name = lowered.homes.get(view.buffer, view.buffer)
    if view.buffer in lowered.weights.tables:
        table = lowered.weights.tables[view.buffer]
        return Value(table.shape, table.dtype.name)
    return lowered.buffers.get(name) or values[name]


def _item_bytes(emitter: Emitter, view: View) -> int:
    value = _value(emitter, view)
    return value.nbytes // max(value.size, 1)


def _address(emitter: Emitter, view: View) -> int:
    """Where a view begins, from the start of the memory that it is in."""
    plan = emitter.plan
    home = plan.homes.get(view.buffer, view.buffer)
    start = plan.state_offsets.get(home, plan.scratch_offsets.get(home, 0))
    return start + view.offset * _item_bytes(emitter, view)
