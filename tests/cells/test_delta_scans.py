"""Cells with thresholds over whole chunks: the numbers and gradients of a loop in plain torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.layers.hold import moved
from edgernn.state import from_leaves, named_leaves
from edgernn.streaming import Streaming

T, B, C, H = 9, 3, 6, 8
CELLS: dict[str, Any] = {
    "gru": lambda block: GRU(C, H, threshold=(0.5, 0.1), block=block),
    "gru_no_bias": lambda block: GRU(C, H, bias=False, threshold=(0.5, 0.1), block=block),
    "lstm": lambda block: LSTM(C, H, threshold=(0.5, 0.05), block=block),
    "lstm_no_bias": lambda block: LSTM(C, H, bias=False, threshold=(0.5, 0.05), block=block),
    "lstm_projected": lambda block: LSTM(C, H, proj_size=5, threshold=(0.5, 0.02), block=block),
    "lstm_held_projection": lambda block: LSTM(
        C, H, proj_size=5, threshold=(0.5, 0.02), proj_threshold=0.05, block=block
    ),
    "rnn": lambda block: RNN(C, H, threshold=(0.5, 0.1), block=block),
    "rnn_relu": lambda block: RNN(
        C, H, nonlinearity="relu", bias=False, threshold=(0.5, 0.1), block=block
    ),
}


def straight(x: Tensor, held: Tensor, threshold: float, block: int) -> Tensor:
    """A hold whose gradient is that of x."""
    passed = torch.where(moved(x, held, threshold, block), x, held).detach()
    return x + (passed - x).detach()


def plain(cell: Any, x: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The definition of each cell, frame by frame, left to autograd."""
    w, u, *rest = cell.rnn.all_weights[0]
    b_w, b_u = rest[:2] if cell.rnn.bias else (0.0, 0.0)
    now, ys = dict(state), []
    limit_x, limit_h = cell.thresholds
    for frame in x.unbind(1):
        now["held_x"] = straight(frame, now["held_x"], limit_x, cell.block)
        now["held_h"] = straight(now["h"], now["held_h"], limit_h, cell.block)
        gates, past = now["held_x"] @ w.T + b_w, now["held_h"] @ u.T + b_u
        if isinstance(cell, GRU):
            (a, b, c), (d, e, f) = gates.chunk(3, 1), past.chunk(3, 1)
            z = (b + e).sigmoid()
            now["h"] = (1 - z) * (c + (a + d).sigmoid() * f).tanh() + z * now["h"]
        elif isinstance(cell, RNN):
            now["h"] = getattr(F, cell.rnn.nonlinearity)(gates + past)
        else:
            i, forget, g, o = (gates + past).chunk(4, 1)
            now["c"] = forget.sigmoid() * now["c"] + i.sigmoid() * g.tanh()
            now["h"] = o.sigmoid() * now["c"].tanh()
            if "held_m" in now:
                now["h"] = now["held_m"] = straight(
                    now["h"], now["held_m"], cell.proj_threshold, cell.block
                )
            if cell.rnn.proj_size:
                now["h"] = now["h"] @ rest[-1].T
        ys.append(now["h"])
    return torch.stack(ys, 1), now


def made(name: str, block: int) -> tuple[Streaming, Tensor, dict[str, Tensor]]:
    """A cell in float64, frames that wander, and a state that some frames have left."""
    torch.manual_seed(3)
    cell: Streaming = CELLS[name](block).double()
    x = torch.randn(B, 2 * T, C, dtype=torch.float64).cumsum(1) / 3
    _, state = plain(cell, x[:, :T], named_leaves(cell.initial_state(B)))
    return cell, x[:, T:].clone(), {leaf: value.detach() for leaf, value in state.items()}


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("name", CELLS)
def test_a_chunk_gives_the_numbers_and_gradients_of_a_plain_loop(name: str, block: int) -> None:
    cell, x, leaves = made(name, block)
    wanted: list[Tensor] = []
    for run in (plain, None):
        inputs = [x.clone().requires_grad_(), *(v.clone() for v in leaves.values())]
        for value, leaf in zip(inputs[1:], leaves, strict=True):
            value.requires_grad_(not leaf.startswith("held"))
        state = dict(zip(leaves, inputs[1:], strict=True))
        if run:
            y, after = run(cell, inputs[0], state)
        else:
            y, last = cell.step(inputs[0], from_leaves(cell.initial_state(B), state))
            after = named_leaves(last)
        weights = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
        carried = sum(after[leaf].square().sum() for leaf in ("h", "c") if leaf in after)
        asked = [i for i in inputs if i.requires_grad] + list(cell.parameters())
        found = torch.autograd.grad((y * weights).sum() + carried, asked)
        values = [y.detach(), *(v.detach() for v in after.values()), *found]
        if wanted:
            for got, want in zip(values, wanted, strict=True):
                torch.testing.assert_close(got, want, atol=1e-12, rtol=1e-9)
        wanted = values


@pytest.mark.parametrize("name", ["gru", "lstm_held_projection", "rnn"])
def test_a_chunk_and_single_frames_give_the_same_holds(name: str) -> None:
    torch.manual_seed(4)
    cell = CELLS[name](1)
    x = torch.randn(B, 60, C).cumsum(1) / 5
    with torch.no_grad():
        whole, last = cell.step(x, cell.initial_state(B))
        state, ys = cell.initial_state(B), []
        for frame in x.split(1, dim=1):
            y, state = cell.step(frame, state)
            ys.append(y)
    torch.testing.assert_close(torch.cat(ys, 1), whole, atol=1e-5, rtol=1e-4)
    for got, want in zip(state, last, strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


def test_a_frozen_recurrence_asks_for_no_gradient() -> None:
    cell = GRU(C, H, threshold=0.1).requires_grad_(False)
    x = torch.randn(B, T, C, requires_grad=True)
    cell(x).sum().backward()
    assert x.grad is not None
    assert cell.rnn.weight_hh_l0.grad is None
