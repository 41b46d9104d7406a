"""What composes layers: Sequential, Residual, Delay, offline."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edgernn.cells.gru import GRU, GRUState
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.errors import ShapeError, TimingError
from edgernn.layers.activation import Activation
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.state import State, named_leaves
from edgernn.streaming import Delay, Residual, Sequential, Streaming, offline
from edgernn.testing import check_streaming


def stack() -> Sequential:
    return Sequential(
        conv=Conv1d(4, 6, 5, stride=2, lookahead=2),
        relu=Activation("relu"),
        body=Residual(Sequential(mix=Conv1d(6, 6, 3, lookahead=1), rnn=GRU(6, 6)), 6),
        head=Linear(6, 3),
    )


def test_a_deep_stack_obeys_the_law() -> None:
    torch.manual_seed(0)
    check_streaming(stack())


def test_state_names_follow_the_children_and_skip_the_stateless() -> None:
    leaves = named_leaves(stack().initial_state(2))
    assert list(leaves) == ["conv.past", "body.skip.past", "body.body.mix.past", "body.body.rnn.h"]
    _, after = stack().step(torch.zeros(2, 2, 4), stack().initial_state(2))
    assert list(named_leaves(after)) == list(leaves)


def test_timing_of_a_stack_adds_up() -> None:
    timing = stack().timing
    assert (timing.block, timing.ratio, timing.delay) == (2, 0.5, 1 + 1)


def test_weights_of_a_stack_are_named_by_its_children() -> None:
    assert "body.body.rnn.rnn.weight_hh_l0" in stack().state_dict()


def test_a_child_may_be_swapped_for_a_twin() -> None:
    model = Sequential(a=Linear(4, 4), b=GRU(4, 4))
    x = torch.randn(1, 5, 4)
    before = model(x)
    model.b = GRU(4, 4)
    assert not torch.allclose(model(x), before)
    torch.testing.assert_close(model(x), model.b(model.a(x)))


def test_an_empty_stack_passes_frames_through() -> None:
    x = torch.randn(1, 3, 4)
    assert torch.equal(Sequential()(x), x)


@pytest.mark.parametrize("frames", [0, 1, 4])
def test_delay_emits_zeros_and_then_its_input(frames: int) -> None:
    x = torch.randn(2, 9, 3)
    y = Delay(frames, 3)(x)
    assert torch.equal(y[:, frames:], x[:, : 9 - frames])
    assert not y[:, :frames].any()


@pytest.mark.parametrize("total", [1, 2, 7, 8])
def test_offline_undoes_the_delay_for_any_length(total: int) -> None:
    x = torch.randn(2, total, 3)
    assert torch.equal(offline(Delay(3, 3), x), x)


@pytest.mark.parametrize("total", [1, 5, 8, 9])
def test_offline_keeps_every_started_block(total: int) -> None:
    model = Conv1d(3, 2, 4, stride=2, lookahead=2)
    assert offline(model, torch.zeros(1, total, 3)).shape == (1, -(-total // 2), 2)


def test_a_residual_lines_its_paths_up() -> None:
    centred = Conv1d(1, 1, 3, lookahead=1, bias=False)
    nn.init.constant_(centred.conv.weight, 1.0)
    x = torch.arange(1.0, 7.0).view(1, -1, 1)
    want = x + torch.tensor([3.0, 6.0, 9.0, 12.0, 15.0, 11.0]).view(1, -1, 1)
    torch.testing.assert_close(offline(Residual(centred, 1), x), want)


def test_a_residual_refuses_a_body_of_another_rate_or_width() -> None:
    with pytest.raises(TimingError, match="the body keeps 1/2 of the frames; need 1"):
        Residual(Conv1d(4, 4, 3, stride=2), 4)
    with pytest.raises(ShapeError, match=r"body gives \(1, 2, 6\), skip is \(1, 2, 4\)"):
        Residual(Linear(4, 6), 4)(torch.zeros(1, 2, 4))


def test_a_stack_whose_delay_does_not_divide_says_what_to_insert() -> None:
    with pytest.raises(TimingError, match=r"insert Delay\(1\) before that layer"):
        Sequential(a=Conv1d(4, 4, 3, lookahead=1), b=Conv1d(4, 4, 2, stride=2))
    model = Sequential(
        a=Conv1d(4, 4, 3, lookahead=1), wait=Delay(1, 4), b=Conv1d(4, 4, 2, stride=2)
    )
    assert model.timing.delay == 1
    check_streaming(model)


def test_forward_is_the_step_from_the_initial_state() -> None:
    layer, x = GRU(4, 5), torch.randn(2, 6, 4)
    assert torch.equal(layer(x), layer.step(x, layer.initial_state(2))[0])


def test_zeros_follow_the_type_of_the_weights() -> None:
    assert GRU(4, 5).double().initial_state(2).h.dtype == torch.float64
    assert Streaming().new_zeros(1).dtype == torch.float32


def other_states() -> list[tuple[State, str]]:
    return [
        (LSTM(4, 6).initial_state(2), "has a leaf 'c' too many"),
        (RNN(4, 6).initial_state(2), "is a RNNState; need GRUState"),
        (GRU(4, 5).initial_state(2), r"has h \(2, 5\); need \(batch, 6\)"),
        ({"rnn": GRU(4, 6).initial_state(2)}, "lacks the leaf 'h'; it has rnn.h"),
        (None, "lacks the leaf 'h'; it has none"),
        ([torch.zeros(2, 6)], "is a list"),
    ]


@pytest.mark.parametrize(("state", "wrong"), other_states())
def test_the_state_of_another_unit_is_refused(state: State, wrong: str) -> None:
    with pytest.raises(ShapeError, match=f"^GRU: the state {wrong}; initial_state"):
        GRU(4, 6).step(torch.zeros(2, 3, 4), state)


def test_the_state_of_another_stack_is_refused_with_the_leafs_name() -> None:
    one, other = Sequential(a=GRU(4, 6), b=LSTM(6, 6)), Sequential(a=GRU(4, 6), b=GRU(6, 6))
    with pytest.raises(ShapeError, match=r"^Sequential: the state has a leaf 'b\.c' too many"):
        other.step(torch.zeros(1, 1, 4), one.initial_state(1))


def test_a_unit_that_was_changed_takes_its_new_state_and_no_check_is_captured() -> None:
    unit = GRU(4, 6)
    unit(torch.zeros(1, 2, 4))
    unit.rnn = torch.nn.GRU(4, 3, batch_first=True)
    unit.step(torch.zeros(1, 2, 4), unit.initial_state(1))
    twin = copy.deepcopy(unit)
    twin(torch.zeros(1, 2, 4))
    assert "_forms" not in twin.state_dict()
    program = torch.export.export(Stepped(GRU(4, 6)), (torch.zeros(1, 1, 4), torch.zeros(1, 6)))
    assert not [n for n in program.graph.nodes if "assert" in str(n.target)]


class Stepped(torch.nn.Module):
    """A step of a unit that keeps h."""

    def __init__(self, unit: GRU) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return self.unit.step(x, GRUState(h))[0]
