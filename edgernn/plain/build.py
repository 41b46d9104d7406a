"""From a traced forward to the instructions of the network that streams.

Node by node. What is known to reach along time has a rule; all else is tried: if, on the example,
it gives for some frames alone what it gives for them among all, it is done frame by frame.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn

from edgernn.errors import UnsupportedOp
from edgernn.layers.late import Blank, Late
from edgernn.layout import sort_of
from edgernn.plain.network import Do, from_frames, to_frames, to_rows
from edgernn.plain.trace import FACTS, SIZES, Traced, longer
from edgernn.plain.values import Fixed, Frames, Missing, Ref, Rows, Several, Shares, Value
from edgernn.streaming import Delay, Streaming

Rule = Callable[["Building", fx.Node], Value | None]  # None: it is nothing along time
CLOSE = 1e-4  # of the largest number, what frames alone may differ by from the same among all


class Building:
    """Instructions and layers so far, and the value of each node.

    delay: input frames by which the output may come late. mean: how the mean over a recording is
    taken: None (not at all), "so far", or the rate of an exponential mean. chunk: frames that a
    bidirectional layer reads at once, and ahead. blocks: what input comes in multiples of.
    """

    def __init__(
        self,
        given: Traced,
        delay: int,
        mean: float | str | None,
        chunk: tuple[int, int] | None,
    ) -> None:
        self.traced, self.delay, self.mean, self.chunk = given, delay, mean, chunk
        self.network = given.network
        self.plan: list[Do] = []
        self.between: dict[str, nn.Module] = {}
        self.replaced: dict[str, nn.Module] = {}  # layers of the module's by path, as they were
        self.values: dict[str, Value] = {}
        self.blocks = [1]
        self.exact = True  # whether the module itself gives the same

    # ---- what rules use

    def value(self, node: Any) -> Value | None:
        """Of an argument; None if it is no node."""
        return self.values[node.name] if isinstance(node, fx.Node) else None

    def seen(self, node: fx.Node) -> Any:
        """What it was for the example."""
        return self.traced.whole[node.name]

    def where(self, node: fx.Node) -> str:
        """How it is called in what is refused."""
        if node.op == "call_module":
            return f"{node.target} ({sort_of(self.module(node))})"
        target = node.target if isinstance(node.target, str) else node.target.__name__
        return f"{node.name} ({target})"

    def refuse(self, node: fx.Node, why: str) -> UnsupportedOp:
        return UnsupportedOp(f"streamify: {self.where(node)} {why}")

    def do(self, out: str, how: str, target: Any, *args: Any, **more: Any) -> Ref:
        self.plan.append(Do(out, how, target, args, **more))
        return Ref(out)

    def module(self, node: fx.Node) -> nn.Module:
        """The module's own layer."""
        path = str(node.target)
        return self.replaced.get(path) or self.network.get_submodule(path)

    def put(self, node: fx.Node, part: nn.Module) -> str:
        """A layer that streams in the place of the node's, or beside it if that was used before.

        Gives its path.
        """
        path = str(node.target)
        if path in self.replaced:
            return self.beside(path.replace(".", "_"), part)
        self.replaced[path] = self.network.get_submodule(path)
        parent, _, name = path.rpartition(".")
        owner = self.network.get_submodule(parent)
        if isinstance(owner, (nn.Sequential, nn.ModuleList)):
            owner[int(name)] = part
        else:
            setattr(owner, name, part)
        return path

    def beside(self, name: str, part: nn.Module) -> str:
        """A layer that the network has none of; gives its path."""
        while name in self.between or hasattr(self.network, name):
            name += "_"
        self.between[name] = part
        return name

    def through(self, out: str, path: str, x: Frames, rest: list[int] | None = None) -> Ref:
        """Frames through a layer that streams; other axes as they were, or of these sizes."""
        rest = x.rest if rest is None else rest
        told = self.do(f"{out}.out", "part", path, self.frames(x))
        if (x.batch, x.frames) == (0, 1) and len(rest) == 1:
            return told
        return self.do(out, "function", from_frames, told, x.batch, x.frames, rest)

    def rows(self, node: fx.Node, path: str, x: Frames, source: Ref) -> Rows:
        """What a layer that sums up gives of (B, T, C), as the rows of a node."""
        told = self.do(f"{node.name}.told", "part", path, source)
        return self.as_rows(node, x, told)

    def as_rows(self, node: fx.Node, x: Frames, told: Ref) -> Rows:
        """Each frame of (B, T, C) as a row of what a node gives, or gives first."""
        if not x.last:
            raise self.refuse(
                node,
                "takes frames that see padding behind the end, which no stream has; pad the "
                "layers before it on the left alone",
            )
        whole, wide = (
            run[node.name] if isinstance(run[node.name], Tensor) else run[node.name][0]
            for run in (self.traced.whole, self.traced.wide)
        )
        (batch,) = longer(wide, whole)
        rest = [size for i, size in enumerate(whole.shape) if i != batch]
        ref = self.do(node.name, "function", to_rows, told, batch, rest)
        return Rows(ref, batch, x.ratio, x.delay, None)

    def frames(self, x: Frames) -> Ref:
        """Them as (B, T, C)."""
        if x.plain:
            return x.ref
        name = f"{x.ref.name}.frames"
        if not any(do.out == name for do in self.plan):
            self.do(name, "function", to_frames, x.ref, x.batch, x.frames)
        return Ref(name)

    def late(self, part: Streaming, x: Frames) -> Streaming:
        """A layer that begins with the first frame that describes one."""
        return Late(part, x.delay) if x.delay > 0 else part

    def begun(self, x: Frames, name: str) -> Frames:
        """With the zeros that a padding put in front of it, if there are some."""
        return self.later(x, max(0, -x.delay), name)

    def blank(self, x: Frames, name: str) -> Frames:
        """With zeros in front of its first frame."""
        if x.delay <= 0:
            return x
        path = self.beside(f"{name}_blank", Blank(x.delay))
        return replace(x, ref=self.through(path, path, x))

    def later(self, x: Frames, frames: int, name: str) -> Frames:
        """So many frames later."""
        if not frames:
            return x
        path = self.beside(f"{name}_delay", Delay(frames, prod(x.rest)))
        return replace(x, ref=self.through(path, path, x), delay=x.delay + frames)

    # ---- node by node

    def build(self, rules: Mapping[Any, Rule]) -> Value:
        """The value that the forward returns. Raises: UnsupportedOp."""
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                x = self.traced.x
                self.given = Frames(
                    Ref(node.name), tuple(x.shape), self.traced.frames, self.traced.batch
                )
                self.values[node.name] = self.given
                continue
            if node.op == "output":
                return self._returned(node)
            self.values[node.name] = self._value(node, rules)
        raise AssertionError("a graph without an output")

    def needed(self, made: Frames | Rows) -> list[Do]:
        """The instructions that have a part in a value, in order."""
        wanted, kept = {made.ref.name}, []
        for do in reversed(self.plan):
            if do.out in wanted:
                wanted |= set(do.refs())
                kept.append(do)
        return kept[::-1]

    def _returned(self, node: fx.Node) -> Value:
        (told,) = node.args
        value = self.value(told)
        if isinstance(value, Missing):
            raise UnsupportedOp(f"streamify: {value.why}")
        if not isinstance(value, (Frames, Rows)):
            raise UnsupportedOp(
                "streamify: forward returns no tensor made of its frames; let it return the one "
                "that a step is to give"
            )
        return self.begun(value, "output") if isinstance(value, Frames) else value

    def _value(self, node: fx.Node, rules: Mapping[Any, Rule]) -> Value:
        if node.op == "get_attr":
            return Fixed(self.do(node.name, "attribute", node.target))
        given = [self.values[one.name] for one in node.all_input_nodes]
        for value in given:
            if isinstance(value, Missing):
                raise UnsupportedOp(f"streamify: {value.why}")
        if _is_size(node) or all(isinstance(value, Fixed) for value in given):
            return Fixed(self.done(node))
        rule = rules.get(self._kind(node))
        made = rule(self, node) if rule else None
        return self._frame_by_frame(node, given) if made is None else made

    def _kind(self, node: fx.Node) -> Any:
        """What rules are found by."""
        if node.op == "call_module":
            layer = self.module(node)
            return Streaming if isinstance(layer, Streaming) else type(layer)
        return node.target

    def done(
        self,
        node: fx.Node,
        scaled: frozenset[str] = frozenset(),
        instead: Mapping[str, Value] | None = None,
    ) -> Ref:
        """The node as it is, of what its arguments have become, or of other values by name."""
        values = self.values | dict(instead or {})

        def ref(one: fx.Node) -> Any:
            value = values[one.name]
            assert isinstance(value, (Frames, Rows, Fixed))
            return value.ref

        how, kwargs = node.op.removeprefix("call_"), fx.map_arg(dict(node.kwargs), ref)
        args = fx.map_arg(node.args, ref)
        return self.do(node.name, how, node.target, *args, kwargs=dict(kwargs), scaled=scaled)

    def _frame_by_frame(self, node: fx.Node, given: list[Value]) -> Value:
        kinds = {type(value) for value in given}
        if Shares in kinds:
            raise self.refuse(
                node, "reads a softmax over frames; a step can give its weighted mean alone"
            )
        if Several in kinds:
            raise self.refuse(node, "takes several values at once; take each by its place")
        if {Frames, Rows} <= kinds:
            raise self.refuse(
                node,
                "brings what a recording comes to together with each of its frames: earlier ones "
                "would change with every later one",
            )
        return self._of_rows(node) if Rows in kinds else self._of_frames(node)

    def _of_frames(self, node: fx.Node) -> Value:
        """A tensor of frames, or a tuple of such, as `chunk` gives it."""
        some = self.together(node)
        runs = (self.traced.whole, self.traced.short, self.traced.wide)
        whole, short, wide = (_listed(run[node.name]) for run in runs)
        axes = [longer(*pair) for pair in zip(whole, short, strict=False)]
        batch = [longer(*pair) for pair in zip(wide, whole, strict=False)]
        if any(rows and rows == frames for rows, frames in zip(batch, axes, strict=True)):
            raise self.refuse(node, "lays rows and frames on one axis; keep an axis for each")
        counts = {one.shape[at[0]] for one, at in zip(whole, axes, strict=True) if len(at) == 1}
        single = all(len(at) == 1 for at in (*axes, *batch)) and len(whole) == len(short)
        count = some[0].shape[some[0].frames]
        places = [at[0] for at in axes] if single else []
        if not single or counts != {count} or not self._is_local(node, whole, places):
            raise self.refuse(node, self._why(node, axes[0] if axes else []))
        back = [x.back for x in some]
        made = replace(
            some[0],
            ref=self.done(node),
            back=None if None in back else max(one for one in back if one is not None),
        )
        found = [
            replace(made, shape=tuple(one.shape), frames=frames, batch=rows[0])
            for one, frames, rows in zip(whole, places, batch, strict=True)
        ]
        if isinstance(self.seen(node), Tensor):
            return found[0]
        take = operator.getitem
        items = [
            replace(x, ref=self.do(f"{node.name}.{i}", "function", take, made.ref, i))
            for i, x in enumerate(found)
        ]
        return Several(tuple(items))

    def together(self, node: fx.Node) -> list[Frames]:
        """The frames that a node reads, all of one delay; instructions are put in where not."""
        inputs = [one for one in node.all_input_nodes if isinstance(self.values[one.name], Frames)]
        some = [self.values[one.name] for one in inputs]
        frames = [x for x in some if isinstance(x, Frames)]
        if len({x.ratio for x in frames}) > 1:
            raise self.refuse(node, "brings streams of different rates together")
        late = max(0, *(x.delay for x in frames))
        aligned = [
            self.later(x, late - x.delay, one.name) for one, x in zip(inputs, frames, strict=True)
        ]
        self.values |= {one.name: x for one, x in zip(inputs, aligned, strict=True)}
        return aligned

    def _is_local(self, node: fx.Node, whole: list[Any], axes: list[int]) -> bool:
        """Whether frames alone give what they give among all."""
        count = whole[0].shape[axes[0]]
        for at, size in ((0, 1), (count // 2, 3), (count - 1, 1)):
            size = min(size, count - at)
            try:
                some = _listed(self._again(node, at, size))
            except Exception:  # whatever torch says to other sizes
                return False
            wanted = [one.narrow(axis, at, size) for one, axis in zip(whole, axes, strict=True)]
            if len(some) != len(wanted) or not all(map(_close, some, wanted)):
                return False
        return True

    @torch.no_grad()
    def _again(self, node: fx.Node, at: int, size: int) -> Any:
        """The node, of these frames of the example."""
        ratios = [x.ratio for x in map(self.value, node.all_input_nodes) if isinstance(x, Frames)]
        per_frame = ratios[0] * self.traced.block

        def some(one: fx.Node) -> Any:
            value, seen = self.values[one.name], self.seen(one)
            if isinstance(value, Frames):
                return seen.narrow(value.frames, at, size)
            if isinstance(seen, int) and seen != self.traced.short[one.name]:
                return int((seen - self.traced.short[one.name]) * size / per_frame)
            return seen

        return self._called(node, some)

    def _of_rows(self, node: fx.Node) -> Rows:
        seen, batch = self.seen(node), self.traced.batch_axes(node.name)
        if not isinstance(seen, Tensor) or len(batch) != 1 or not self._keeps_rows(node, batch[0]):
            raise self.refuse(node, "brings rows of the batch together")
        inputs = node.all_input_nodes
        some = [x for one in inputs if isinstance(x := self.values[one.name], Rows)]
        if len({(x.ratio, x.delay) for x in some}) > 1:
            raise self.refuse(node, "brings together what comes at different times")
        scaled = frozenset(one.name for one in inputs if self._counts(one))
        return replace(some[0], ref=self.done(node, scaled), batch=batch[0])

    def _counts(self, node: fx.Node) -> bool:
        """Whether it is a number that grows with the rows."""
        seen = self.seen(node)
        return isinstance(seen, int) and seen != self.traced.wide[node.name]

    @torch.no_grad()
    def _keeps_rows(self, node: fx.Node, axis: int) -> bool:
        def first(one: fx.Node) -> Any:
            value, seen = self.values[one.name], self.seen(one)
            if isinstance(value, Rows):
                return seen.narrow(value.batch, 0, 1)
            return self.traced.wide[one.name] - seen if self._counts(one) else seen

        try:
            some = self._called(node, first)
        except Exception:  # whatever torch says to other sizes
            return False
        return isinstance(some, Tensor) and _close(some, self.seen(node).narrow(axis, 0, 1))

    def _why(self, node: fx.Node, axes: list[int]) -> str:
        """Why it is not done frame by frame."""
        fixed = [one for one in node.all_input_nodes if isinstance(self.values[one.name], Fixed)]
        if any(self.traced.frames_axes(one.name) for one in fixed):
            return (
                "depends on the place of a frame in its recording; a stream has no end, so let "
                "the network know distances instead (attention by distance, a recurrent layer)"
            )
        if len(axes) > 1:
            return (
                "compares each frame with every other; attend by nn.MultiheadAttention or "
                "F.scaled_dot_product_attention with a mask that limits its left context"
            )
        if not axes:
            return (
                "sums up a whole recording; a stream has no end: sum up the frames so far "
                "(mean, amax, a softmax over frames), or take the last one"
            )
        return "gives a frame something of others, in a way that no layer of ours has"

    def _called(self, node: fx.Node, value: Callable[[fx.Node], Any]) -> Any:
        args = fx.map_arg(node.args, value)
        kwargs = fx.map_arg(dict(node.kwargs), value)
        if node.op == "call_module":
            return self.module(node)(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        assert callable(node.target)
        return node.target(*args, **kwargs)


def _is_size(node: fx.Node) -> bool:
    """Whether it tells sizes or kinds alone, no number of a tensor."""
    if node.op == "call_method":
        return node.target in SIZES
    return node.op == "call_function" and node.target is getattr and node.args[1] in FACTS


def _listed(seen: Any) -> list[Any]:
    """The tensors that a node gives; none if it gives something else."""
    some = list(seen) if isinstance(seen, (tuple, list)) else [seen]
    return some if all(isinstance(one, Tensor) for one in some) else []


def _close(some: Tensor, want: Tensor) -> bool:
    if some.shape != want.shape:
        return False
    if not want.is_floating_point():
        return bool((some == want).all())
    bound = CLOSE * max(1.0, float(want.abs().max())) if want.numel() else 0.0
    return bool(((some - want).abs() <= bound).all())
