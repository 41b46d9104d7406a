"""`check_streaming`: prove that a module obeys the streaming law, or name what breaks it.

    from edgernn.testing import check_streaming
    check_streaming(MyCell(8, 16))

It raises ContractError with one line that names the state leaf and the frame. It needs no test
framework, leaves the module as it was, and works on any module with `initial_state` and `step`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from edgernn.errors import ContractError, EdgernnError
from edgernn.state import State, named_leaves
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing

BLOCKS, BATCH, SEED = 13, 3, 20230601  # 13: no multiple of the chunks of 2 and 3


def check_streaming(layer: nn.Module, x: Tensor | None = None, *, atol: float = 1e-5) -> None:
    """Check the law and all that it rests on, in eval mode.

    Chunks of 1, 2, 3 blocks and random cuts against the whole, output and state; fixed state
    names, shapes and types; nothing modified in place; no output that sees a later input; rows
    that do not mix; the number of frames; gradients through chunks, of the input and parameters.

    Shapes: x (B, T, C) with T at least 4 blocks, or tokens (B, T); made up when left out.
    Raises: ContractError, naming the leaf and the frame. `atol` grows with values above 1.
    """
    modes = [(module, module.training) for module in layer.modules()]
    try:
        layer.eval()
        _Check(layer, x, atol).run()
    finally:
        for module, training in modes:
            module.training = training


def check_backend(
    module: Streaming,
    x: Tensor,
    backend: str = "c",
    *,
    target: str = "host",
    number_type: str | Sequence[str] = "fp32",
) -> None:
    """Check that a module's step gives torch's numbers after a backend has had it.

    The law, capture, ONNX Runtime and, for `c`, the compiled code on the target: over 10,000
    steps made of `x`, within the tolerance of the number type. Of several number types the stops
    before the compiler are seen once.

    Shapes: x (1, T, C), T at least 4 blocks; real input, for w8a8 is calibrated on it.
    Raises: ContractError, UnsupportedOp, ToolError, ParityError, DoesNotFit, UnknownName.
    """
    from edgernn.backend import find_backend
    from edgernn.road import Road
    from edgernn.sources import TorchSource
    from edgernn.streams import cut_to_steps
    from edgernn.target import find_target

    name = type(module).__name__.lower()
    frames = cut_to_steps([x.numpy()], module.timing.block)
    types = [number_type] if isinstance(number_type, str) else number_type
    road = Road(TorchSource(name, module.eval(), frames), types[0])
    if find_backend(backend).name != "c":
        road.start()
        return
    for one in types:
        road.number_type = one
        road.travel(find_target(target))


def example_input(layer: nn.Module, example: Example, blocks: int = BLOCKS) -> Tensor:
    """Random input that suits an `Example`: (3, T, C) of unit variance, or tokens (3, T)."""
    frames = blocks * getattr(layer, "timing", Timing()).block
    random = torch.Generator().manual_seed(SEED)
    if example.tokens:
        return torch.randint(0, example.tokens, (BATCH, frames), generator=random)
    x = torch.randn(BATCH, frames, example.channels, generator=random)
    floats = [p for p in layer.parameters() if p.is_floating_point()]
    return x.to(floats[0]) if floats else x


def _guess_input(layer: nn.Module, name: str) -> Tensor:
    """Input for a layer whose width some module inside it tells."""
    for module in layer.modules():
        for key in ("in_channels", "input_size", "in_features", "num_features", "channels"):
            if isinstance(width := getattr(module, key, None), int):
                return example_input(layer, Example(Streaming, channels=width))
        if isinstance(module, nn.Embedding):
            return example_input(layer, Example(Streaming, tokens=module.num_embeddings))
    raise ContractError(f"{name}: its width is not known; give x, a (batch, frames, channels)")


def first_difference(got: Tensor, want: Tensor, atol: float) -> tuple[int, float] | None:
    """The first index on axis 1 where the two differ, and the largest difference; or None."""
    got, want = got.double(), want.double()
    bound = atol * max(1.0, want.abs().max().item() if want.numel() else 0.0)
    off = (got - want).abs()
    bad = ~(off <= bound)  # so that NaN counts as a difference
    if not bad.any():
        return None
    return _first_frame(bad), off.nan_to_num(nan=float("inf")).max().item()


def _frames(at: int, x: Tensor) -> str:
    """Words for the frames of a chunk that begins at frame `at`."""
    return f"frame {at}" if x.shape[1] == 1 else f"frames {at} to {at + x.shape[1] - 1}"


def _first_frame(mask: Tensor) -> int:
    """The first index on axis 1 where a boolean tensor holds anywhere."""
    return int(mask.movedim(1, 0).flatten(1).any(1).nonzero()[0, 0])


class _Check:
    """One run over one module; every method raises ContractError or returns quietly."""

    def __init__(self, layer: nn.Module, x: Tensor | None, atol: float) -> None:
        self.layer, self.name, self.atol = layer, type(layer).__name__, atol
        for method in ("initial_state", "step"):
            if not callable(getattr(layer, method, None)):
                self.fail(f"has no {method}; a streaming module needs initial_state and step")
        self.timing: Timing = getattr(layer, "timing", Timing())
        x = _guess_input(layer, self.name) if x is None else x.detach()
        block = self.timing.block
        if x.dim() < 2 or x.shape[1] % block or x.shape[1] < 4 * block:
            self.fail(f"x is {tuple(x.shape)}; need axis 1 to be 4 or more blocks of {block}")
        self.x = x

    def fail(self, what: str) -> NoReturn:
        raise ContractError(f"{self.name}: {what}")

    def run(self) -> None:
        with torch.no_grad():
            self.step(self.x[:, : self.timing.block], self.start(self.x.shape[0]), 0)
            whole, state = self.step(self.x, self.start(self.x.shape[0]), 0)
            self.repeats(whole)
            self.causal(whole)
            self.rows(whole)
            self.chunks(whole, state)
            self.streams(whole)
        self.gradients()

    def start(self, batch: int) -> State:
        """A fresh state, its leaves checked for the batch axis."""
        try:
            state = self.layer.initial_state(batch)  # type: ignore[operator]
            leaves = named_leaves(state)
        except EdgernnError:
            raise
        except Exception as cause:
            raise ContractError(
                f"{self.name}: initial_state({batch}) must give a NamedTuple of tensors, a dict "
                f"of states or (): {type(cause).__name__}: {cause}"
            ) from cause
        for leaf, value in leaves.items():
            if not isinstance(value, Tensor) or value.dim() < 1 or value.shape[0] != batch:
                shape = tuple(value.shape) if isinstance(value, Tensor) else value
                self.fail(f"state {leaf} is {shape}; its first axis must be the batch of {batch}")
        return state

    def raw_step(self, x: Tensor, state: State, at: int) -> tuple[Tensor, State]:
        """The module's own step, its result checked for form."""
        last = at + x.shape[1] - 1
        try:
            result: Any = self.layer.step(x, state)  # type: ignore[operator]
        except EdgernnError:
            raise
        except NotImplementedError as cause:
            raise ContractError(f"{self.name}: step is not written") from cause
        except Exception as cause:
            raise ContractError(
                f"{self.name}: step fails on {_frames(at, x)}: {type(cause).__name__}: {cause}"
            ) from cause
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Tensor)):
            self.fail("step must return (y, state), y a tensor")
        y, after = result
        frames = int(x.shape[1] * self.timing.ratio)
        if y.dim() < 2 or y.shape[0] != x.shape[0] or y.shape[1] != frames:
            self.fail(
                f"{tuple(x.shape)} in gave {tuple(y.shape)} out; with timing.ratio "
                f"{self.timing.ratio} it must be ({x.shape[0]}, {frames}, ...)"
            )
        self.same_form(named_leaves(state), after, last)
        return y, after

    def same_form(self, old: dict[str, Tensor], after: State, frame: int) -> None:
        try:
            new = named_leaves(after)
        except Exception as cause:
            raise ContractError(
                f"{self.name}: the state after frame {frame} is no state: {cause}"
            ) from cause
        if list(new) != list(old):
            was, now = ", ".join(old) or "none", ", ".join(new) or "none"
            self.fail(f"state leaves change from {was} to {now} after frame {frame}")
        for leaf, value in new.items():
            if value.shape != old[leaf].shape:
                was, now = f"{tuple(old[leaf].shape)}", f"{tuple(value.shape)}"
                self.fail(f"state {leaf} changes shape from {was} to {now} after frame {frame}")
            if value.dtype != old[leaf].dtype:
                was, now = f"{old[leaf].dtype}", f"{value.dtype}"
                self.fail(f"state {leaf} changes type from {was} to {now} after frame {frame}")

    def step(self, x: Tensor, state: State, at: int) -> tuple[Tensor, State]:
        """A step that must leave its arguments and the module's buffers as they were."""
        watched = {
            "its input x": x,
            **{f"state {k}": v for k, v in named_leaves(state).items()},
            **{f"buffer {k}": v for k, v in self.layer.named_buffers()},
        }
        before = {what: value.clone() for what, value in watched.items()}
        y, after = self.raw_step(x, state, at)
        for what, value in watched.items():
            if not torch.equal(value.nan_to_num(), before[what].nan_to_num()):
                self.fail(f"step modifies {what} in place ({_frames(at, x)}); return a new one")
        return y, after

    def repeats(self, whole: Tensor) -> None:
        if not whole.isfinite().all():
            self.fail(f"output frame {_first_frame(~whole.isfinite())} is not finite")
        again, _ = self.step(self.x, self.start(self.x.shape[0]), 0)
        if diff := first_difference(again, whole, self.atol):
            self.fail(
                f"output differs at frame {diff[0]} the second time (max {diff[1]:.2g}): the step "
                "is random or keeps something on the module instead of in its state"
            )
        if isinstance(self.layer, Streaming):
            diff = first_difference(self.layer(self.x), whole, self.atol)
            if diff:
                self.fail(f"forward differs from step at frame {diff[0]} (max {diff[1]:.2g})")

    def causal(self, whole: Tensor) -> None:
        """Whatever comes later, huge or small, must not change what is already out.

        No NaN: a frame that a product of whole chunks weighs with an exact zero is not seen.
        """
        for cut in range(self.timing.block, self.x.shape[1], self.timing.block):
            done = int(cut * self.timing.ratio)
            for factor in (1, 10_000):
                x = self.x.clone()
                x[:, cut:] = x[:, cut:].flip(0)
                if x.is_floating_point():
                    x[:, cut:] *= factor
                y, _ = self.step(x, self.start(x.shape[0]), 0)
                if diff := first_difference(y[:, :done], whole[:, :done], self.atol):
                    self.fail(
                        f"output frame {diff[0]} sees input frame {cut} or later: it peeks ahead. "
                        "Emit it later instead, and say so in timing.delay"
                    )

    def rows(self, whole: Tensor) -> None:
        for row in range(self.x.shape[0]):
            y, _ = self.step(self.x[row : row + 1].clone(), self.start(1), 0)
            if diff := first_difference(y, whole[row : row + 1], self.atol):
                self.fail(
                    f"row {row} differs at frame {diff[0]} when run alone (max {diff[1]:.2g}): "
                    "rows of a batch must not mix"
                )

    def plans(self) -> Iterator[tuple[str, list[int]]]:
        """Ways to cut the input: words for it, and the frames to cut at."""
        block, frames = self.timing.block, self.x.shape[1]
        for size in (1, 2, 3):
            yield f"in chunks of {size * block}", [*range(0, frames, size * block), frames]
        random = torch.Generator().manual_seed(SEED)
        for _ in range(2):
            chosen = torch.rand(frames // block - 1, generator=random) < 0.4
            cuts = [(i + 1) * block for i in chosen.nonzero().flatten().tolist()]
            yield f"in chunks cut at {cuts}", [0, *cuts, frames]

    def chunks(self, whole: Tensor, final: State) -> None:
        for words, cuts in self.plans():
            states, ys = [self.start(self.x.shape[0])], []
            for a, b in pairwise(cuts):
                y, state = self.step(self.x[:, a:b].clone(), states[-1], a)
                ys.append(y)
                states.append(state)
            if diff := first_difference(torch.cat(ys, dim=1), whole, self.atol):
                why = self.blame(cuts, states)
                self.fail(
                    f"output differs at frame {diff[0]} when stepped {words} "
                    f"(max {diff[1]:.2g}): {why}"
                )
            if leaf := self.wrong_leaf(states[-1], final):
                self.fail(f"state {leaf} differs after frame {cuts[-1] - 1} when stepped {words}")

    def wrong_leaf(self, got: State, want: State) -> str | None:
        wanted = named_leaves(want)
        for leaf, value in named_leaves(got).items():
            if first_difference(value.unsqueeze(1), wanted[leaf].unsqueeze(1), self.atol):
                return leaf
        return None

    def blame(self, cuts: list[int], states: list[State]) -> str:
        """Which leaf carries the fault from one chunk to the next, and after which frame."""
        if not named_leaves(states[0]):
            return "the step needs earlier frames, but there is no state that holds them"
        for cut, state in zip(cuts[1:], states[1:], strict=True):
            _, whole = self.step(self.x[:, :cut].clone(), self.start(self.x.shape[0]), 0)
            if leaf := self.wrong_leaf(state, whole):
                return f"the step forgets or alters state {leaf}, wrong after frame {cut - 1}"
        first = named_leaves(states[0])
        for leaf in first:
            if all(torch.equal(named_leaves(s)[leaf], first[leaf]) for s in states):
                return f"the step forgets state {leaf}, which never changes"
        return (
            "each leaf equals a whole run's, so the step ignores or alters one "
            f"({', '.join(first)}), or depends on the length of the chunk"
        )

    def streams(self, whole: Tensor) -> None:
        """A stream that starts while another runs must not reach it."""
        half = self.x.shape[1] // self.timing.block // 2 * self.timing.block
        early, state = self.step(self.x[:, :half], self.start(self.x.shape[0]), 0)
        self.step(self.x.flip(1)[:, :half], self.start(self.x.shape[0]), 0)
        late, _ = self.step(self.x[:, half:], state, half)
        if diff := first_difference(torch.cat([early, late], dim=1), whole, self.atol):
            self.fail(
                f"output differs at frame {diff[0]} when another stream starts at frame {half}: "
                "the step keeps something on the module instead of in its state"
            )

    def gradients(self) -> None:
        parameters = {n: p for n, p in self.layer.named_parameters() if p.requires_grad}
        x = self.x.clone()
        if x.is_floating_point():
            x.requires_grad_()
        names = [*parameters, *(["x"] if x.requires_grad else [])]
        inputs = [*parameters.values(), *([x] if x.requires_grad else [])]

        def through(cuts: list[int]) -> list[Tensor] | None:
            state, ys = self.start(x.shape[0]), []
            for a, b in pairwise(cuts):
                y, state = self.raw_step(x[:, a:b], state, a)
                ys.append(y)
            y = torch.cat(ys, dim=1)
            if not inputs or not y.requires_grad:
                return None
            random = torch.Generator().manual_seed(SEED)
            weights = torch.randn(y.shape, generator=random).to(y)
            found = torch.autograd.grad((y * weights).sum(), inputs, allow_unused=True)
            zeros = [torch.zeros_like(i) for i in inputs]
            return [z if g is None else g for g, z in zip(found, zeros, strict=True)]

        with torch.enable_grad():
            want = through([0, x.shape[1]])
            for words, cuts in list(self.plans())[::2] if want else ():
                got = through(cuts) or [torch.zeros_like(i) for i in inputs]
                for name, a, b in zip(names, got, want or (), strict=True):
                    axes = (a, b) if name == "x" else (a.reshape(1, 1, -1), b.reshape(1, 1, -1))
                    if diff := first_difference(*axes, 10 * self.atol):
                        where = f"x at frame {diff[0]}" if name == "x" else name
                        self.fail(
                            f"gradient of {where} differs when stepped {words} (max "
                            f"{diff[1]:.2g}): is a state detached between chunks?"
                        )
