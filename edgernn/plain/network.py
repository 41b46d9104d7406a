"""The network that streams: the module's forward, its layers along time in the place of torch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, TimingError
from edgernn.plain.values import Frames, Ref, Rows
from edgernn.state import State
from edgernn.streaming import Streaming
from edgernn.timing import Timing


@dataclass(frozen=True, slots=True)
class Do:
    """One instruction: what `out` becomes.

    how: `part` (a layer that streams), `module`, `function`, `method`, `attribute` or `get`.
    target: the layer's path, the function, or the name. scaled: numbers of rows among the
    arguments, each of which stands for as many times the frames.
    """

    out: str
    how: str
    target: Any
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    scaled: frozenset[str] = frozenset()

    def refs(self) -> list[str]:
        """What it reads."""
        found: list[str] = []
        filled((self.args, dict(self.kwargs)), lambda ref: found.append(ref.name))
        return found


def filled(given: Any, value: Callable[[Ref], Any]) -> Any:
    """Arguments with each reference replaced, in whatever tuples, lists, dicts, slices they lie."""
    if isinstance(given, Ref):
        return value(given)
    if isinstance(given, (tuple, list)):
        some = [filled(one, value) for one in given]
        return some if isinstance(given, list) else tuple(some)
    if isinstance(given, dict):
        return {key: filled(one, value) for key, one in given.items()}
    if isinstance(given, slice):
        return slice(*(filled(part, value) for part in (given.start, given.stop, given.step)))
    return given


class Streamified(Streaming):
    """A plain torch module as a step; `streamify` makes it.

    network: a copy of the module, with layers that stream where it had torch's along time; what is
    delayed, held back or summed up between them are children of `between`. receptive_field: input
    frames that an output depends on, None if all before it. lookahead: of these, frames that come
    after the one that it describes.

    Shapes: x (B, n * block, C), or tokens (B, n * block) -> y (B, n * block * ratio, C').
    """

    def __init__(
        self,
        network: nn.Module,
        between: Mapping[str, nn.Module],
        plan: Sequence[Do],
        given: Frames,
        made: Frames | Rows,
        timing: Timing,
        channels: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.between = nn.ModuleDict(between)
        self.plan, self.given, self.made, self.timing = tuple(plan), given, made, timing
        self.channels = channels  # 0 of tokens, -1 of numbers without an axis of channels
        self.receptive_field = made.back
        self.lookahead = int(timing.delay / timing.ratio)

    @property
    def parts(self) -> dict[str, Streaming]:
        """Layers that stream, by path, in the order in which they run."""
        found = {}
        for do in self.plan:
            if do.how == "part":
                part = self._layer(do.target)
                assert isinstance(part, Streaming)
                found[do.target] = part
        return found

    def _layer(self, path: str) -> nn.Module:
        first, _, rest = path.partition(".")
        if first in self.between:
            return self.between[first].get_submodule(rest)
        return self.network.get_submodule(path)

    def initial_state(self, batch: int) -> State:
        states = {path: part.initial_state(batch) for path, part in self.parts.items()}
        return {path: state for path, state in states.items() if state != ()}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        self._check(x)
        if self.channels < 0:
            x = x.squeeze(-1)
        values: dict[str, Any] = {
            self.given.ref.name: _out_of(x, self.given.batch, self.given.frames)
        }
        after: dict[str, Any] = dict(state)
        frames = x.shape[1] // self.timing.block * int(self.timing.block * self.timing.ratio)
        for do in self.plan:

            def value(ref: Ref, do: Do = do) -> Any:
                return values[ref.name] * frames if ref.name in do.scaled else values[ref.name]

            args, kwargs = filled(do.args, value), filled(dict(do.kwargs), value)
            if do.how == "part":
                part = self._layer(do.target)
                assert isinstance(part, Streaming)
                values[do.out], new = part.step(args[0], state.get(do.target, ()))
                if do.target in state:
                    after[do.target] = new
            elif do.how == "module":
                values[do.out] = self._layer(do.target)(*args, **kwargs)
            elif do.how == "function":
                values[do.out] = do.target(*args, **kwargs)
            elif do.how == "method":
                values[do.out] = getattr(args[0], do.target)(*args[1:], **kwargs)
            else:
                values[do.out] = _attribute(self.network, do.target)
        return self._told(values[self.made.ref.name], x.shape[0], frames), after

    def _told(self, y: Tensor, batch: int, frames: int) -> Tensor:
        """The output as (B, frames, C)."""
        if isinstance(self.made, Rows):
            return y.movedim(self.made.batch, 0).reshape(batch, frames, -1)
        y = into(y, self.made.batch, self.made.frames)
        return y.unsqueeze(-1) if y.dim() == 2 else y if y.dim() == 3 else y.flatten(2)

    def _check(self, x: Tensor) -> None:
        wanted = "tokens (batch, frames)" if not self.channels else ""
        wanted = wanted or f"(batch, frames, {abs(self.channels)})"
        if x.dim() != (3 if self.channels else 2) or (
            self.channels and x.shape[2] != abs(self.channels)
        ):
            raise ShapeError(f"Streamified: x is {tuple(x.shape)}; need {wanted}")
        if not x.shape[1] or x.shape[1] % self.timing.block:
            raise TimingError(
                f"Streamified: {x.shape[1]} frames; need a whole number of blocks of "
                f"{self.timing.block}"
            )

    def extra_repr(self) -> str:
        seen = self.receptive_field
        return (
            f"an output depends on {'all frames so far' if seen is None else f'{seen} frames'}, "
            f"{self.lookahead} of them ahead; algorithmic latency {self.timing.latency_frames()} "
            f"frames, blocks of {self.timing.block}"
        )


def into(x: Tensor, batch: int, frames: int) -> Tensor:
    """From the module's layout to (B, T, ...)."""
    return x if (batch, frames) == (0, 1) else x.movedim((batch, frames), (0, 1))


def _out_of(x: Tensor, batch: int, frames: int) -> Tensor:
    """From (B, T, ...) to the module's layout."""
    return x if (batch, frames) == (0, 1) else x.movedim((0, 1), (batch, frames))


def to_frames(x: Tensor, batch: int, frames: int) -> Tensor:
    """From the module's layout to (B, T, C), as a layer that streams takes it."""
    x = into(x, batch, frames)
    return x.unsqueeze(-1) if x.dim() == 2 else x if x.dim() == 3 else x.flatten(2)


def from_frames(y: Tensor, batch: int, frames: int, rest: Sequence[int]) -> Tensor:
    """And back, its channels as these axes of the module's."""
    if list(y.shape[2:]) != list(rest):
        y = y.reshape(y.shape[0], y.shape[1], *rest)
    return _out_of(y, batch, frames)


def to_rows(y: Tensor, batch: int, rest: Sequence[int]) -> Tensor:
    """(B, T, C) as a tensor of B * T rows, other axes of these sizes."""
    rows = y.reshape(y.shape[0] * y.shape[1], *rest)
    return rows if not batch else rows.movedim(0, batch)


def stacked_rows(*layers: Tensor) -> Tensor:
    """T tensors (B, T, H) of a stack of layers -> (layers, B * T, H)."""
    return torch.stack([to_rows(one, 0, one.shape[2:]) for one in layers])


def joined(*some: Tensor) -> Tensor:
    """Tensors (B, T, C) side by side."""
    return torch.cat(some, dim=2)


def _attribute(network: nn.Module, path: str) -> Any:
    found: Any = network
    for name in path.split("."):
        found = getattr(found, name)
    return found
