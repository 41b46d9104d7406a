"""The one protocol every edgernn layer obeys: a pure step over a chunk of frames.

The law: stepping a sequence in any chunks equals stepping it at once,

    step(a ++ b, s) == step(a, s) ++ step(b, s')      (s' is left by a)

so training (one chunk), chunked serving and one-frame firmware run the same code. Every layer
is causal; a layer that looks ahead emits late instead (see `Timing.delay`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, TimingError
from edgernn.layout import Layout, elementwise
from edgernn.state import State, difference, form
from edgernn.timing import Timing

Step = Callable[[Any, Tensor, State], tuple[Tensor, State]]


def _checked(step: Step) -> Step:
    """A step that refuses a state of another unit; not where it is captured or compiled."""

    @functools.wraps(step)
    def checked(self: Streaming, x: Tensor, state: State) -> tuple[Tensor, State]:
        if type(self).step is checked and not torch.compiler.is_compiling():
            need_state(self, state)
        return step(self, x, state)

    return checked


class Streaming(nn.Module):
    """A causal layer over (batch, time, channels).

    layout: where its channels lie, for what takes some out or reorders them; None if not said.
    parallel: how many frames are computed at once: "scan", "chunks", "newton" (rounds of scans),
        "window" or "convolution"; "" if one after the other.
    """

    timing: Timing = Timing()
    layout: Layout | None = None
    parallel: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls):
            cls.step = _checked(cls.step)  # type: ignore[method-assign, assignment]

    def initial_state(self, batch: int) -> State:
        """State before the first frame: a NamedTuple of (batch, ...) tensors, a dict, or ()."""
        return ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one chunk: (B, n*block, C) -> (B, n*block*ratio, C'); `state` is never modified."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Run a whole sequence from the initial state. Never overridden."""
        return self.step(x, self.initial_state(x.shape[0]))[0]

    def new_zeros(self, *shape: int) -> Tensor:
        """Zeros of this module's floating type and device, for `initial_state`."""
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.is_floating_point():
                return tensor.new_zeros(shape)
        return torch.zeros(shape)


def need_state(layer: Streaming, state: State) -> None:
    """Check that a state is of this layer: once for each form, which is remembered.

    Raises: ShapeError for another unit's, or that of another width.
    """
    known = layer.__dict__.setdefault("_forms", set())
    given = form(state)
    if given in known:
        return
    own = layer.initial_state(1)
    if given != form(own):
        raise ShapeError(
            f"{type(layer).__name__}: the state {difference(state, own)}; "
            "initial_state(batch) gives the first, each step the next"
        )
    known.add(given)


class Example(NamedTuple):
    """How to build a small instance of a cell or layer and what to feed it, for the tests."""

    build: Callable[[], Streaming]
    channels: int = 8
    tokens: int = 0  # > 0: the input is integer tokens (B, T) below this number


class Sequential(Streaming):
    """Children in order; the state is a dict by child name, stateless children left out."""

    def __init__(self, **children: Streaming) -> None:
        super().__init__()
        timing = Timing()
        for name, child in children.items():
            self.add_module(name, child)
            timing = timing.then(child.timing)
        self.timing = timing

    @property
    def layers(self) -> dict[str, Streaming]:
        """Children by name, read afresh, so that a child may be swapped for a twin."""
        return {name: cast(Streaming, child) for name, child in self.named_children()}

    @property
    def layout(self) -> Layout:  # type: ignore[override]  # of the children that there are now
        """The channels of its children, one feeding the next."""
        return Layout(chain=list(self.layers))

    def initial_state(self, batch: int) -> State:
        states = {name: child.initial_state(batch) for name, child in self.layers.items()}
        return {name: state for name, state in states.items() if state != ()}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after: dict[str, Any] = {}
        for name, child in self.layers.items():
            x, new = child.step(x, state.get(name, ()))
            if name in state:
                after[name] = new
        return x, after


class DelayState(NamedTuple):
    """The frames not yet emitted: past (B, frames, C)."""

    past: Tensor


class Delay(Streaming):
    """Emit each frame `frames` later; zeros come first.

    Shapes: x (B, T, C) -> y (B, T, C); state past (B, frames, C).
    """

    layout = elementwise(size="channels")

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        self.frames, self.channels = frames, channels
        self.timing = Timing(delay=frames)

    def initial_state(self, batch: int) -> State:
        return DelayState(self.new_zeros(batch, self.frames, self.channels)) if self.frames else ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if not self.frames:
            return x, state
        both = torch.cat([state.past, x], dim=1)
        return both[:, : x.shape[1]], DelayState(both[:, x.shape[1] :])


class Residual(Streaming):
    """y = x + body(x), the skip path delayed as long as the body is.

    Shapes: x (B, T, C) -> y (B, T, C). Raises: TimingError if the body changes the frame rate.
    """

    layout = Layout(output="in", chain=("body",), beside=("skip",))

    def __init__(self, body: Streaming, channels: int) -> None:
        super().__init__()
        if body.timing.ratio != 1:
            raise TimingError(f"Residual: the body keeps {body.timing.ratio} of the frames; need 1")
        self.skip = Delay(body.timing.delay, channels)
        self.body = body
        self.timing = body.timing

    def initial_state(self, batch: int) -> State:
        states = {n: m.initial_state(batch) for n, m in (("skip", self.skip), ("body", self.body))}
        return {name: state for name, state in states.items() if state != ()}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        skip, skip_state = self.skip.step(x, state.get("skip", ()))
        y, body_state = self.body.step(x, state.get("body", ()))
        if y.shape != skip.shape:
            raise ShapeError(f"Residual: body gives {tuple(y.shape)}, skip is {tuple(skip.shape)}")
        after = {"skip": skip_state, "body": body_state}
        return y + skip, {name: after[name] for name in state}


def offline(model: Streaming, x: Tensor) -> Tensor:
    """Run a whole recording, frames aligned with the input: pad the end, trim the delay.

    Shapes: x (B, T, C), any T -> y (B, ceil(T * ratio), C').
    """
    block, ratio, delay = model.timing.block, model.timing.ratio, model.timing.delay
    wanted = -(-x.shape[1] * ratio.numerator // ratio.denominator)
    frames = -(-(x.shape[1] + int(delay / ratio)) // block) * block
    tail = x.new_zeros(x.shape[0], frames - x.shape[1], *x.shape[2:])
    y: Tensor = model(torch.cat([x, tail], dim=1))
    return y[:, delay : delay + wanted]


EXAMPLES = {
    "delay": Example(lambda: Delay(3, 8)),
    "no_delay": Example(lambda: Delay(0, 8)),
    "residual": Example(lambda: Residual(Sequential(a=Delay(2, 8)), 8)),
}
