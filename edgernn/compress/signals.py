"""What products of a network read as a hold passes it on, and how such a signal moves.

The state of a cell or layer that holds has leaves `held_x`, `held_h`, `held_m` or `held`; its
columns that change from one frame to the next are those that a compiled step reads. They are told
by stepping each such module frame by frame beside the network's own run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from edgernn.factored import Factored
from edgernn.layers.conv import Conv1d
from edgernn.layers.hold import Hold
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Sequential

LEAVES = {"held_x": "x", "held_h": "h", "held_m": "m"}


@dataclass(frozen=True, slots=True)
class Signal:
    """A vector that is held.

    name: `CELL.x`, `CELL.h`, `CELL.m`, or that of a Hold layer. path: the module that holds it;
    leaf: of that module's state. columns: its width. rows: of all products that read it (of
    factors the inner ones); 0 where what reads it is not known. block: columns that move together.
    """

    name: str
    path: str
    leaf: str
    columns: int
    rows: int
    block: int

    @property
    def weights(self) -> int:
        """Weights of the products that read it."""
        return self.rows * self.columns


def signals(network: nn.Module) -> list[Signal]:
    """What a network holds, in its own order."""
    found = []
    readers = _readers(network)
    for path, module in network.named_modules():
        if isinstance(module, Hold):
            rows = _rows(readers.get(path))
            found.append(Signal(path, path, "held", module.channels, rows, module.block))
        elif getattr(module, "thresholds", None) is not None:
            cell: Any = module
            w_ih, w_hh, *_ = cell.rnn.all_weights[0]
            widths = {"held_x": _shape(w_ih), "held_h": _shape(w_hh)}
            if getattr(cell, "proj_threshold", None) is not None:
                widths["held_m"] = _shape(cell.rnn.weight_hr_l0)
            for leaf, (rows, columns) in widths.items():
                name = f"{path}.{LEAVES[leaf]}"
                found.append(Signal(name, path, leaf, columns, rows, cell.block))
    return found


def _readers(network: nn.Module) -> dict[str, nn.Module]:
    """The layer behind each Hold that is a child of a `Sequential`."""
    found: dict[str, nn.Module] = {}
    for path, module in network.named_modules():
        if isinstance(module, Sequential):
            children = list(module.layers.items())
            for (name, child), (_, after) in pairwise(children):
                if isinstance(child, Hold):
                    found[f"{path}.{name}" if path else name] = after
    return found


def _rows(reader: Any) -> int:
    if isinstance(reader, Linear):
        return _shape(reader.linear.weight)[0]
    if isinstance(reader, Conv1d) and reader.span == reader.stride == reader.conv.groups == 1:
        return _shape(reader.conv.weight)[0]
    if hasattr(reader, "thresholds") and reader.thresholds is None:
        return _shape(reader.rnn.all_weights[0][0])[0]
    return 0


def _shape(weight: Any) -> tuple[int, int]:
    """Rows and columns of the product that reads a frame."""
    read = weight.inner if isinstance(weight, Factored) else weight
    return read.shape[0], read.shape[1]


See = Callable[[str, Any, Tensor, State, Tensor], None]  # path, module, x, state before, y


@contextmanager
def watched(network: nn.Module, found: Sequence[Signal], see: See) -> Iterator[None]:
    """Show every call of `step` of the modules that hold these signals to `see`."""
    paths = {signal.path for signal in found}
    chosen: dict[str, Any] = {p: m for p, m in network.named_modules() if p in paths}
    for path, module in chosen.items():
        module.step = _shown(path, module, see)
    try:
        yield
    finally:
        for module in chosen.values():
            del module.step


def _shown(path: str, module: Any, see: See) -> Callable[[Tensor, State], tuple[Tensor, State]]:
    own = module.step

    def step(x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = own(x, state)
        see(path, module, x, state, y)
        return y, after

    return step


@torch.no_grad()
def held_frames(module: Any, x: Tensor, state: State) -> Iterator[tuple[State, State]]:
    """The states before and after each frame of a chunk, by the module's own class."""
    for t in range(x.shape[1]):
        _, after = type(module).step(module, x[:, t : t + 1], state)
        yield state, after
        state = after


@torch.no_grad()
def deviations(
    network: nn.Module, found: Sequence[Signal], run: Callable[[], Any]
) -> dict[str, float]:
    """The standard deviation of each signal while `run` runs the network.

    That of each channel over frames and streams, the root mean square of all channels. Holds
    must be open (thresholds of zero), so that what is held is the signal itself.
    """
    sums: dict[str, list[Tensor]] = {s.name: [] for s in found}

    def see(path: str, module: Any, x: Tensor, state: State, y: Tensor) -> None:
        own = [s for s in found if s.path == path]
        for _, after in held_frames(module, x, state):
            for signal in own:
                sums[signal.name].append(getattr(after, signal.leaf).double())

    with watched(network, found, see):
        run()
    return {name: _deviation(values) for name, values in sums.items()}


def _deviation(values: list[Tensor]) -> float:
    if not values:
        return 0.0
    return float(torch.cat(values).var(0, correction=0).mean().sqrt())
