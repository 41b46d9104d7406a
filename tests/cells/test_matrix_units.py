"""Units whose state is a matrix compute what their papers write, and refuse what they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.retnet import RetNet
from edgernn.errors import ContractError, EdgernnError, ShapeError
from edgernn.layers.rotary import Rotary
from edgernn.streaming import Streaming
from edgernn.testing import check_streaming

IN, HEADS, T = 8, 2, 11


def frames(width: int = IN, count: int = T) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, count, width, dtype=torch.float64, generator=random)


def heads(x: Tensor, count: int = HEADS) -> Tensor:
    """(B, T, C) -> (B, heads, T, C / heads)."""
    return x.reshape(*x.shape[:2], count, -1).transpose(1, 2)


def normed(x: Tensor, eps: float = 1e-5) -> Tensor:
    """(B, heads, T, V) -> (B, T, heads V), each head by its own mean and variance."""
    apart = x - x.mean(-1, keepdim=True)
    y = apart / (apart.square().mean(-1, keepdim=True) + eps).sqrt()
    return y.transpose(1, 2).flatten(2)


def agrees(cell: Streaming, want: Tensor, x: Tensor) -> None:
    """Whole sequences, and one frame after the other."""
    torch.testing.assert_close(cell(x), want, atol=1e-9, rtol=1e-9)
    state, ys = cell.initial_state(x.shape[0]), []
    for t in range(x.shape[1]):
        y, state = cell.step(x[:, t : t + 1], state)
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), want, atol=1e-9, rtol=1e-9)


def test_retention_is_the_papers_parallel_attention() -> None:
    """(Q K^T * D) V with absolute positions, complex numbers and the decay as one matrix."""
    torch.manual_seed(0)
    cell, x, width = RetNet(IN, HEADS).double(), frames(), IN // HEADS
    q, k, v, g = cell.input.linear(x).split([IN, IN, 2 * IN, 2 * IN], dim=2)
    theta = torch.atan2(cell.rotary.sin, cell.rotary.cos)
    turn = torch.polar(torch.ones(T, width // 2).double(), torch.arange(T)[:, None] * theta)
    q, k = (torch.complex(*heads(part).chunk(2, dim=3)) * turn for part in (q, k))
    gamma = 1 - 2.0 ** (-5 - torch.arange(HEADS, dtype=torch.float64))
    apart = torch.arange(T)[:, None] - torch.arange(T)
    decay = torch.where(apart >= 0, gamma[:, None, None] ** apart.clamp_min(0), 0.0)
    cell.log_decay.copy_(gamma.log())  # it was rounded to float32
    heard = (q @ k.conj().transpose(2, 3)).real / width**0.5 * decay @ heads(v)
    agrees(cell, cell.output.linear(F.silu(g) * normed(heard)), x)


def test_rotary_products_see_the_distance_alone_however_late() -> None:
    """In float32, after a million frames: a phase counted in float32 would be off by 0.06."""
    rotary = Rotary(1, 6)
    x = torch.randn(1, 1, 6).expand(1, 8, 6)
    first, state = rotary.step(x, rotary.initial_state(1))
    for _ in range(10):
        _, state = rotary.step(x[:, :1].expand(1, 100_000, 6), state)
    late, _ = rotary.step(x, state)
    for y in (first, late):
        products = (y[0, 0] * y[0]).sum(1)
        torch.testing.assert_close(products, (first[0, 0] * first[0]).sum(1), atol=1e-5, rtol=1e-5)


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: RetNet(8, 3), ShapeError, "RetNet: 3 heads must divide 8 channels in even parts"),
    (lambda: Rotary(2, 3), ShapeError, "Rotary: 2 heads of 3; need at least 1 of an even width"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()


ALL: dict[str, Any] = {
    "retnet": lambda: RetNet(8, 2),
}


@pytest.mark.parametrize("name", ALL)
def test_wrong_widths_and_weights_that_are_no_numbers_are_one_line(name: str) -> None:
    unit = ALL[name]()
    with pytest.raises(ShapeError, match=r": x is \(1, 3, 9\); need \(batch, frames, 8\)"):
        unit(torch.zeros(1, 3, 9))
    next(unit.parameters()).data.fill_(float("nan"))
    with pytest.raises(ContractError, match="output frame 0 is not finite"):
        check_streaming(unit, torch.randn(2, 8, 8))
