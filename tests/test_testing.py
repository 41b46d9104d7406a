"""`check_streaming` catches each way of breaking the law, and names the leaf and the frame."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.gru import GRU, GRUState
from edgernn.errors import ContractError
from edgernn.layers.conv import Conv1d, Conv1dState
from edgernn.layers.norm import BatchNorm
from edgernn.state import State
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming
from edgernn.timing import Timing


class SumState(NamedTuple):
    total: Tensor  # (B, C)


class Sum(Streaming):
    """A right cell: the sum of the frames so far. The broken ones each change one thing."""

    channels = 4

    def initial_state(self, batch: int) -> State:
        return SumState(torch.zeros(batch, 4))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y = state.total.unsqueeze(1) + x.cumsum(1)
        return y, SumState(y[:, -1])


class Peeks(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x + x.mean(dim=1, keepdim=True), state


class MasksTheFuture(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x + 0 * x.roll(-1, dims=1), state


class Mutates(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        state.total.copy_(after.total)
        return y, state


class MutatesInput(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        x.mul_(2)
        return y, after


class Grows(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, SumState(state.total[:, -4:]))
        return y, SumState(torch.cat([state.total, after.total], dim=1))


class ChangesType(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        return y, SumState(after.total.double())


class RenamesState(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        return y, {"sum": after.total}


class Forgets(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x, state)[0], state


class HidesState(Sum):
    def initial_state(self, batch: int) -> State:
        self.total = torch.zeros(batch, 4)
        return ()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, SumState(self.total[: x.shape[0]]))
        self.total = after.total
        return y, ()


class KeepsOnModule(Sum):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        self.seen += 1
        return super().step(x, state)


class Random(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x + torch.randn_like(x), state


class MixesRows(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x - x.mean(dim=0), state


class LosesFrames(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return x[:, 1:], state


class Detaches(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        return y, SumState(after.total.detach())


class DetachesParameter(GRU):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x, GRUState(state.h.detach()))


class WrongBatch(Sum):
    def initial_state(self, batch: int) -> State:
        return SumState(torch.zeros(1, 4))


class Unwritten(Streaming):
    channels = 4


class ReturnsOneThing(Sum):
    def step(self, x: Tensor, state: State) -> Any:
        return x


class OverridesForward(Sum):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.step(x, self.initial_state(x.shape[0]))[0]


class BlowsUp(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().step(x, SumState(state.total.reshape(-1, 3)))


class DividesByZero(Sum):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        return torch.cat([y[:, :2], y[:, 2:] / 0], dim=1), after


class ForgetsLate(Sum):
    """Right for chunks of one frame; a longer chunk leaves its first frame out of the state."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        return y, SumState(after.total - (x[:, 0] if x.shape[1] > 1 else 0))


class ForgetsOldest(Conv1d):
    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = super().step(x, state)
        return y, Conv1dState(torch.cat([torch.zeros_like(x[:, :1]), after.past[:, 1:]], dim=1))


BROKEN: dict[Streaming, str] = {
    Peeks(): r"Peeks: output frame 0 sees input frame 1 or later: it peeks ahead.*timing\.delay",
    Mutates(): r"Mutates: step modifies state total in place \(frame 0\); return a new one",
    MutatesInput(): r"step modifies its input x in place",
    Grows(): r"state total changes shape from \(3, 4\) to \(3, 8\) after frame 0",
    ChangesType(): r"state total changes type from torch.float32 to torch.float64 after frame 0",
    RenamesState(): r"state leaves change from total to sum after frame 0",
    Forgets(): r"differs at frame 1 when stepped in chunks of 1 .*forgets state total, which never",
    ForgetsLate(): r"state total differs after frame 12 when stepped in chunks of 1$",
    ForgetsOldest(4, 2, 3): r"frame 2 when stepped in chunks of 1 .*ignores or alters one \(past\)",
    HidesState(): r"HidesState: output differs at frame 6 when another stream starts at frame 6",
    KeepsOnModule(): r"step modifies buffer seen in place",
    Random(): r"output differs at frame 0 the second time .* the step is random",
    MixesRows(): r"row 0 differs at frame 0 when run alone .* rows of a batch must not mix",
    LosesFrames(): r"\(3, 1, 4\) in gave \(3, 0, 4\) out; with timing.ratio 1 it must be \(3, 1,",
    Detaches(): r"gradient of x at frame 0 differs when stepped in chunks of 1",
    DetachesParameter(4, 3): r"gradient of rnn\.weight_ih_l0 differs when stepped in chunks of 1",
    WrongBatch(): r"state total is \(1, 4\); its first axis must be the batch of 3",
    Unwritten(): r"Unwritten: step is not written",
    ReturnsOneThing(): r"step must return \(y, state\)",
    OverridesForward(): r"forward differs from step at frame 0",
    BlowsUp(): r"BlowsUp: step fails on frame 0: RuntimeError: The size of tensor a",
    DividesByZero(): r"output frame 2 is not finite",
}


def test_a_future_that_is_weighed_with_zero_is_not_seen() -> None:
    check_streaming(MasksTheFuture())


@pytest.mark.parametrize("layer", BROKEN, ids=lambda layer: type(layer).__name__)
def test_a_broken_module_is_named_in_one_line(layer: Streaming) -> None:
    with pytest.raises(ContractError, match=BROKEN[layer]) as caught:
        check_streaming(layer)
    line = str(caught.value)
    assert line.startswith(f"{type(layer).__name__}: ")
    assert "\n" not in line.split("RuntimeError")[0]


def test_the_unbroken_module_passes() -> None:
    check_streaming(Sum())


def test_a_fault_inside_a_stack_is_named_by_its_dotted_leaf() -> None:
    stack = Sequential(head=GRU(4, 4), tail=Forgets())
    with pytest.raises(ContractError, match=r"the step forgets state tail\.total"):
        check_streaming(stack)


def test_a_forgotten_block_is_reported_in_frames() -> None:
    class Blocks(Forgets):
        timing = Timing(block=4)

    with pytest.raises(ContractError, match=r"frame 4 when stepped in chunks of 4"):
        check_streaming(Blocks())


@pytest.mark.parametrize("missing", ["initial_state", "step"])
def test_a_plain_module_is_told_what_it_lacks(missing: str) -> None:
    layer = nn.Linear(4, 4)
    other = {"initial_state": "step", "step": "initial_state"}[missing]
    setattr(layer, other, lambda *args: args)
    with pytest.raises(ContractError, match=f"Linear: has no {missing}; a streaming module needs"):
        check_streaming(layer, torch.zeros(2, 8, 4))


def test_any_module_with_both_methods_can_be_checked() -> None:
    class Mine(nn.Module):
        def initial_state(self, batch: int) -> State:
            return {"last": torch.zeros(batch, 4)}

        def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
            both = torch.cat([state["last"].unsqueeze(1), x], dim=1)
            return both[:, 1:] - both[:, :-1], {"last": both[:, -1]}

    check_streaming(Mine(), torch.randn(2, 9, 4))


@pytest.mark.parametrize("shape", [(3,), (2, 3, 8), (2, 9, 8)])
def test_input_of_an_unusable_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match="need axis 1 to be 4 or more blocks of 2"):
        check_streaming(Conv1d(8, 4, 3, stride=2), torch.zeros(shape))


def test_input_must_be_given_when_its_width_is_unknown() -> None:
    class Passes(Streaming):
        def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
            return x, state

    with pytest.raises(ContractError, match=r"its width is not known; give x"):
        check_streaming(Passes())
    check_streaming(Passes(), torch.randn(1, 6, 3))


def test_the_module_is_left_as_it_was() -> None:
    layer = Sequential(norm=BatchNorm(4), rnn=GRU(4, 4))
    layer.train()
    layer.layers["norm"].eval()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    check_streaming(layer)
    assert [m.training for m in layer.layers.values()] == [False, True]
    assert all(torch.equal(before[n], v) for n, v in layer.state_dict().items())
    assert all(p.grad is None for p in layer.parameters())
