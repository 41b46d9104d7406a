"""How many weight columns a delta network reads: counted as its compiled step reads them.

A column is read in a frame when what is held of it changes, a block of 4 when any of the four
does. A layer that sees several frames in one step of the network stays dense when compiled
(`graph/passes/delta.py`), and counts so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.compress.signals import Signal, held_frames, signals, watched
from edgernn.state import State
from edgernn.streaming import Streaming

MOST_STEPS = 20_000  # of a network: as many as are counted in some seconds


class Stream(NamedTuple):
    """Input of a network from its initial state on, and which of its steps are counted.

    x: (B, T, C), T a whole number of blocks. counted: boolean (B, T / block); None counts all.
    part: the step that it is the input of, where a network has several.
    """

    x: Tensor
    counted: Tensor | None = None
    part: str = ""

    def through(self, network: nn.Module) -> Tensor:
        """What comes out of the network, or of that step of it."""
        y: Tensor = network.get_submodule(self.part)(self.x)
        return y


@dataclass(frozen=True, slots=True)
class Read:
    """Of one signal: the share of its columns that is read, the mean of all counted steps.

    weights: of the products that read it, so the share of them is the same.
    """

    name: str
    weights: int
    share: float


def whole(reads: Iterable[Read]) -> float:
    """The share of all weights behind holds that is read; 1 if nothing is held."""
    every = [(one.weights, one.share) for one in reads if one.weights]
    weights = sum(w for w, _ in every)
    return sum(w * share for w, share in every) / weights if weights else 1.0


@contextmanager
def heard(network: nn.Module, most: int = MOST_STEPS) -> Iterator[list[Stream]]:
    """The streams that a network, or each of its steps, is given within; whole at the block's end.

    Parts of a stream that are stepped one after another, each from the state before, are joined.
    most: steps that are kept of all streams, evenly spread, and of a longer one its beginning.
    """
    found: list[Stream] = []
    with ExitStack() as stack:
        each = {
            path: stack.enter_context(_heard(part, most)) for path, part in _parts(network).items()
        }
        yield found
    found += [one._replace(part=path) for path, some in each.items() for one in some]


def _parts(network: nn.Module) -> dict[str, Streaming]:
    """A streaming network under no name, else its children that are."""
    if isinstance(network, Streaming):
        return {"": network}
    return {name: one for name, one in network.named_children() if isinstance(one, Streaming)}


@contextmanager
def _heard(network: Streaming, most: int) -> Iterator[list[Stream]]:
    found: list[Stream] = []
    parts: dict[int, list[Tensor]] = {}
    ends: dict[int, tuple[int, State]] = {}  # by identity; the state is kept, so that it stays one
    own, block = network.step, network.timing.block
    numbers, every, kept = count(), 1, 0

    def step(x: Tensor, state: State) -> tuple[Tensor, State]:
        nonlocal every, kept
        known = ends.pop(id(state), None)
        at = next(numbers) if known is None else known[0]
        y, after = own(x, state)
        if at % every == 0:
            parts.setdefault(at, []).append(x.detach().cpu())
            kept += len(x) * x.shape[1] // block
        while kept > 2 * most and len(parts) > 1:  # let every second stream go
            every *= 2
            for other in [one for one in parts if one % every]:
                kept -= sum(len(x) * x.shape[1] // block for x in parts.pop(other))
        if after != ():
            ends[id(after)] = at, after
        return y, after

    network.step = step  # type: ignore[method-assign]
    try:
        yield found
    finally:
        del network.step
        alike: dict[Any, list[Tensor]] = {}  # those of one length are counted at once
        for x in (torch.cat(some, dim=1) for some in parts.values()):
            alike.setdefault((x.shape[1:], x.dtype), []).append(x)
        share = min(1.0, most / max(1, kept))
        found += [Stream(_some(torch.cat(one), block, share)) for one in alike.values()]


def _some(x: Tensor, block: int, share: float) -> Tensor:
    """A share of the steps: rows evenly spread, and of a single row its beginning."""
    steps = x.shape[1] // block
    rows = max(1, int(share * len(x)))
    steps = min(steps, max(1, round(share * len(x) * steps / rows)))
    chosen = torch.linspace(0, len(x) - 1, rows).round().long()
    return x[chosen, : steps * block]


@torch.no_grad()
def columns_read(network: nn.Module, streams: Iterable[Stream]) -> list[Read]:
    """What a network that holds reads over these streams, in eval mode, signal by signal."""
    found = signals(network)
    counts = {signal.name: _Count() for signal in found}
    training = network.training
    network.eval()
    for stream in streams:
        part: Any = network.get_submodule(stream.part)
        if not signals(part):
            continue
        steps = stream.x.shape[1] // part.timing.block
        counted = stream.counted
        if counted is None:
            counted = torch.ones(len(stream.x), steps, dtype=torch.bool)
        counter = _Counter(found, counts, counted)
        with watched(network, found, counter.see):
            part(stream.x)
    network.train(training)
    return [Read(s.name, s.weights, counts[s.name].share) for s in found]


@dataclass(slots=True)
class _Count:
    read: float = 0.0
    every: int = 0

    @property
    def share(self) -> float:
        return self.read / self.every if self.every else 0.0


class _Counter:
    """Adds one stream up."""

    def __init__(self, found: Sequence[Signal], counts: dict[str, _Count], counted: Tensor) -> None:
        self.found, self.counts, self.counted = found, counts, counted

    def see(self, path: str, module: Any, x: Tensor, state: State, y: Tensor) -> None:
        """Count the steps of one module."""
        own = [signal for signal in self.found if signal.path == path]
        steps = self.counted.shape[1]
        if x.shape[1] > steps:
            for signal in own:
                count = self.counts[signal.name]
                count.read += float(self.counted.sum())
                count.every += int(self.counted.sum())
            return
        for t, (before, after) in enumerate(held_frames(module, x, state)):
            rows = self.counted[:, t].to(x.device)
            for signal in own:
                moved = getattr(after, signal.leaf) != getattr(before, signal.leaf)
                count = self.counts[signal.name]
                count.read += float(_blocks(moved, signal.block)[rows].float().mean(1).sum())
                count.every += int(rows.sum())


def _blocks(moved: Tensor, block: int) -> Tensor:
    """Whether any column of each block moved: (B, C) -> (B, ceil(C / block))."""
    if block == 1:
        return moved
    padded = F.pad(moved, (0, -moved.shape[1] % block))
    return padded.reshape(len(moved), -1, block).any(2)
