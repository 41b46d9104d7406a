"""Cells with a threshold: the same network where all moves, another where nothing does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.errors import ShapeError, UnsupportedOp
from edgernn.layers.hold import Hold
from edgernn.state import named_leaves
from edgernn.streaming import Streaming

FAR = 1e6
CELLS: dict[str, Callable[..., Streaming]] = {
    "gru": lambda **more: GRU(6, 8, **more),
    "gru_no_bias": lambda **more: GRU(6, 8, bias=False, **more),
    "lstm": lambda **more: LSTM(6, 8, **more),
    "lstm_projected": lambda **more: LSTM(6, 8, proj_size=4, **more),
    "lstm_projected_no_bias": lambda **more: LSTM(6, 8, proj_size=4, bias=False, **more),
    "rnn": lambda **more: RNN(6, 8, **more),
    "rnn_relu": lambda **more: RNN(6, 8, nonlinearity="relu", **more),
}


def pair(cell: str, **more: Any) -> tuple[Streaming, Streaming]:
    """The cell without a threshold and with one, of equal weights."""
    torch.manual_seed(1)
    plain = CELLS[cell]()
    delta = CELLS[cell](**more)
    delta.load_state_dict(plain.state_dict())
    return plain, delta


def frames() -> Tensor:
    return torch.randn(2, 12, 6, generator=torch.Generator().manual_seed(2)).cumsum(dim=1) / 3


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("cell", CELLS)
def test_a_threshold_of_zero_changes_nothing(cell: str, block: int) -> None:
    plain, delta = pair(cell, threshold=0.0, block=block)
    torch.testing.assert_close(delta(frames()), plain(frames()))


@pytest.mark.parametrize("cell", CELLS)
def test_the_first_threshold_holds_the_input(cell: str) -> None:
    plain, delta = pair(cell, threshold=(0.4, 0.0))
    torch.testing.assert_close(delta(frames()), plain(Hold(6, 0.4)(frames())))
    assert not torch.equal(delta(frames()), plain(frames()))


@pytest.mark.parametrize("cell", CELLS)
def test_the_second_threshold_holds_what_the_recurrent_product_reads(cell: str) -> None:
    plain, delta = pair(cell, threshold=(0.0, FAR))
    rnn: Any = plain.rnn
    torch.nn.init.zeros_(rnn.weight_hh_l0)  # nothing of h ever passes
    torch.testing.assert_close(delta(frames()), plain(frames()))


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_held_of_h_is_h_as_it_moved(cell: str) -> None:
    _, delta = pair(cell, threshold=(0.0, 0.05), block=4)
    state = delta.initial_state(2)
    channels = state.h.shape[1]
    hold = Hold(channels, 0.05, 4)
    held, moved = hold.initial_state(2), []
    for frame in frames().split(1, dim=1):
        before = state.h
        _, state = delta.step(frame, state)
        _, new = hold.step(before.unsqueeze(1), held)
        moved.append((new.held != held.held).float().mean())
        held = new
        assert torch.equal(state.held_h, held.held)
    assert 0.1 < torch.stack(moved).mean() < 0.9


def test_state_leaves_have_names() -> None:
    both = {cell: [*named_leaves(CELLS[cell](threshold=0.1).initial_state(1))] for cell in CELLS}
    assert both["gru"] == both["rnn"] == ["h", "held_x", "held_h"]
    assert both["lstm"] == ["h", "c", "held_x", "held_h"]
    assert [*named_leaves(CELLS["gru"]().initial_state(1))] == ["h"]
    assert [*named_leaves(CELLS["lstm"]().initial_state(1))] == ["h", "c"]
    projected = CELLS["lstm_projected"](threshold=0.1).initial_state(3)
    assert projected.held_h.shape == (3, 4)
    assert projected.held_x.shape == (3, 6)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_a_threshold_below_zero_and_an_odd_block_are_refused(cell: str) -> None:
    name = cell.upper()
    with pytest.raises(ShapeError, match=f"{name}: threshold -1 must be finite and at least 0"):
        CELLS[cell](threshold=(0.1, -1))
    with pytest.raises(ShapeError, match=f"{name}: block 2 must be one of 1, 4"):
        CELLS[cell](threshold=0.1, block=2)


def test_a_reset_before_the_product_is_refused_with_a_threshold() -> None:
    with pytest.raises(UnsupportedOp, match="use reset_after=True"):
        GRU(6, 8, reset_after=False, threshold=0.1)


def test_the_projection_reads_what_moved() -> None:
    plain, held = pair("lstm_projected", threshold=0.0, proj_threshold=0.0)
    torch.testing.assert_close(held(frames()), plain(frames()))
    _, still = pair("lstm_projected", threshold=0.0, proj_threshold=FAR)
    assert not still(frames()).any()  # nothing is ever projected


def test_a_projection_is_held_only_where_there_is_one() -> None:
    for more in ({"proj_threshold": 0.1}, {"threshold": 0.1, "proj_threshold": 0.1}):
        with pytest.raises(ShapeError, match="needs a proj_size and a threshold"):
            CELLS["lstm"](**more)
    with pytest.raises(ShapeError, match="at least 0"):
        CELLS["lstm_projected"](threshold=0.1, proj_threshold=-0.1)
