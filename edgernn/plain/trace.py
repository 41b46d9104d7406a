"""A module's forward as a graph, and what its values are for recordings of two lengths.

Which axis holds the frames, and which numbers come from their number, is not read off the
operators: it is seen by running the module on more and on fewer frames, and on more rows.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from edgernn.errors import DataError, ModelError
from edgernn.layout import sort_of
from edgernn.plain.encoder import expanded
from edgernn.replaced import replaced
from edgernn.streaming import Streaming

ROWS = 2
STRIDED = (nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d)
STRIDED_FUNCTIONS = {F.conv1d: 3, F.max_pool1d: 2, F.avg_pool1d: 2}  # where the stride is given
SIZES = ("size", "dim", "ndimension", "numel")  # methods that see no number of a tensor
FACTORIES = ("ones", "zeros", "full", "arange", "eye", "empty", "rand", "randn")
FACTS = ("shape", "ndim", "device", "dtype")  # attributes likewise


class _Tracer(fx.Tracer):
    """torch.nn's own layers stay whole, and layers that stream already."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Streaming) or super().is_leaf_module(m, module_qualified_name)


class _Recorder(fx.Interpreter):
    """Runs a graph and keeps what every node gives."""

    def __init__(self, network: nn.Module, graph: fx.Graph) -> None:
        super().__init__(network, graph=graph)
        self.extra_traceback = False
        self.kept: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        made = super().run_node(n)
        self.kept[n.name] = fx.node.map_aggregate(made, _copied)  # what follows may change it
        return made


@contextlib.contextmanager
def _sized_by_frames() -> Iterator[None]:
    """Calls that make a tensor of a traced size are traced too; fx alone sees calls on tensors."""

    def traceable(function: Any) -> Any:
        def made(*args: Any, **kwargs: Any) -> Any:
            found: list[fx.Proxy] = []
            fx.node.map_aggregate(
                (args, kwargs), lambda one: found.append(one) if isinstance(one, fx.Proxy) else None
            )
            if not found:
                return function(*args, **kwargs)
            return found[0].tracer.create_proxy("call_function", function, args, kwargs)

        return made

    with contextlib.ExitStack() as stack:
        for name in FACTORIES:
            stack.enter_context(replaced("torch", name, traceable))
        yield


@dataclass(frozen=True)
class Traced:
    """A copy of the module in eval mode, its forward, and what each node gives.

    frames: of the input, their axis. length, fewer: frames of both runs; block: their difference,
    a multiple of every stride. whole, short: values by node of ROWS rows; wide: of a row more.
    """

    network: nn.Module
    graph: fx.Graph
    frames: int
    block: int
    length: int
    fewer: int
    x: Tensor
    whole: Mapping[str, Any]
    short: Mapping[str, Any]
    wide: Mapping[str, Any]

    @property
    def output(self) -> str:
        """The node that is returned."""
        (told,) = next(node for node in self.graph.nodes if node.op == "output").args
        assert isinstance(told, fx.Node)
        return told.name

    @property
    def batch(self) -> int:
        """The axis of the input's rows."""
        return 1 if self.frames == 0 else 0

    def frames_axes(self, name: str) -> list[int]:
        """Axes of a tensor that are longer for a longer recording."""
        return longer(self.whole[name], self.short[name])

    def batch_axes(self, name: str) -> list[int]:
        """Axes that are longer for more rows."""
        return longer(self.wide[name], self.whole[name])


def traced(module: nn.Module, example: Tensor, frames: int) -> Traced:
    """Raises: ModelError for a forward that tracing does not reach, DataError for an example."""
    called = sort_of(module)
    if not 0 <= frames < example.dim() or example.dim() not in (2, 3):
        raise DataError(
            f"streamify: the example is {tuple(example.shape)} with frames on axis {frames}; need "
            "(batch, frames, channels), or frames= where its axis is another"
        )
    network = expanded(copy.deepcopy(module).eval())
    for layer in network.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False  # type: ignore[assignment]  # a stream may still need it
    tracer = _Tracer()
    try:
        with _sized_by_frames():
            graph = tracer.trace(network)
    except Exception as cause:  # whatever a forward does with what is not there
        raise ModelError(
            f"streamify: {called}.forward cannot be traced: {_line(cause)}; make it of torch's "
            "operations on whole tensors, without `if`, `for` or `while` over what is in them"
        ) from cause
    inputs = [node for node in graph.nodes if node.op == "placeholder" and node.users]
    if len(inputs) != 1:
        raise ModelError(
            f"streamify: {called}.forward reads {len(inputs)} inputs; a step reads one"
        )
    for node in reversed(graph.nodes):
        if not node.users and node.op not in ("placeholder", "output"):
            graph.erase_node(node)
    block = prod(_strides(network, graph))
    whole = example.shape[frames] // block * block
    if whole < 4 * block:
        raise DataError(
            f"streamify: an example of {example.shape[frames]} frames for strides of {block} in "
            f"all; need at least {4 * block}, and more than any of its layers sees"
        )
    x = example.narrow(frames, 0, whole)
    batch = 1 if frames == 0 else 0
    rows = [x.narrow(batch, 0, 1), x.narrow(batch, 0, 1).roll(1, frames)]
    both = torch.cat(rows[:ROWS], batch)
    wide = torch.cat([both, rows[0].flip(frames)], batch)
    fewer = both.narrow(frames, 0, whole - block)
    values = [_run(network, graph, given, called) for given in (both, fewer, wide)]
    return Traced(network, graph, frames, block, whole, whole - block, both, *values)


@torch.no_grad()
def _run(network: nn.Module, graph: fx.Graph, x: Tensor, called: str) -> dict[str, Any]:
    recorder = _Recorder(network, graph)
    try:
        recorder.run(x)
    except Exception as cause:
        raise DataError(
            f"streamify: {called} does not run on {tuple(x.shape)}, which is of the example: "
            f"{_line(cause)}"
        ) from cause
    return recorder.kept


def _strides(network: nn.Module, graph: fx.Graph) -> list[int]:
    found = []
    for node in graph.nodes:
        stride: Any = 1
        if node.op == "call_module":
            layer = network.get_submodule(node.target)
            if isinstance(layer, STRIDED):
                stride = layer.stride
            elif isinstance(layer, Streaming):
                stride = layer.timing.block
        elif node.op == "call_function" and node.target in STRIDED_FUNCTIONS:
            at = STRIDED_FUNCTIONS[node.target]
            rest = node.args[at] if len(node.args) > at else None
            stride = node.kwargs.get("stride", rest)
            if stride is None:  # a pool's stride is its window
                stride = 1 if node.target is F.conv1d else node.args[1]
        found.append(only(stride))
    return found


def only(number: Any) -> int:
    """A number, or the only one of a tuple."""
    return int(number[0]) if isinstance(number, (tuple, list)) else int(number)


def longer(one: Any, other: Any) -> list[int]:
    """Axes of a tensor that differ in size."""
    if not isinstance(one, Tensor) or one.dim() != other.dim():
        return []
    return [i for i, (a, b) in enumerate(zip(one.shape, other.shape, strict=True)) if a != b]


def _copied(one: Any) -> Any:
    return one.clone() if isinstance(one, Tensor) else one


def _line(cause: Exception) -> str:
    text = str(cause).strip()
    return text.splitlines()[0] if text else type(cause).__name__
