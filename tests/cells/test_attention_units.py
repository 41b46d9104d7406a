"""Attention kept as a recurrence is the attention that it stands for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.aaren import Aaren
from edgernn.cells.cottention import LEAST, Cottention
from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.streaming import Streaming

C, T = 8, 150  # frames over more than two chunks of a chunkwise form


def frames(count: int = T) -> Tensor:
    return torch.randn(2, count, C, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def heads(layer: Linear, x: Tensor, count: int) -> Tensor:
    """(B, T, C) -> (B, heads, T, C / heads)."""
    return layer.linear(x).unflatten(2, (count, -1)).transpose(1, 2)


def together(output: Linear, y: Tensor) -> Tensor:
    return output.linear(y.transpose(1, 2).flatten(2))


def agrees(unit: Streaming, want: Tensor, x: Tensor) -> None:
    torch.testing.assert_close(unit(x), want, atol=1e-10, rtol=1e-10)
    state, ys = unit.initial_state(len(x)), []
    for t in range(20):
        y, state = unit.step(x[:, t : t + 1], state)
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), want[:, :20], atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("loud", [1.0, 1000.0])
def test_an_aaren_is_softmax_attention_by_its_query(loud: float) -> None:
    torch.manual_seed(0)
    unit, x = Aaren(C).double(), frames()
    unit.query.data *= loud
    scores = (heads(unit.key, x, 2) * unit.query[:, None]).sum(-1) / 2
    scores = scores[:, :, None].expand(-1, -1, T, -1)
    scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), float("-inf"))
    want = together(unit.output, scores.softmax(-1) @ heads(unit.value, x, 2))
    agrees(unit, want, x)


def test_what_an_aaren_remembers_is_the_papers_triple() -> None:
    torch.manual_seed(0)
    unit, x = Aaren(C).double(), frames()
    _, state = unit.step(x, unit.initial_state(2))
    scores = (heads(unit.key, x, 2) * unit.query[:, None]).sum(-1) / 2
    top = scores.max(-1, keepdim=True).values
    shares = torch.exp(scores - top)
    total = shares.sum(-1, keepdim=True)
    weighted = (shares[..., None] * heads(unit.value, x, 2)).sum(2)
    torch.testing.assert_close(state.log_sum, top + total.log())
    torch.testing.assert_close(state.mean, weighted / total)


def test_a_cottention_is_cosine_attention() -> None:
    torch.manual_seed(0)
    unit, x = Cottention(C).double(), frames()
    torch.nn.init.normal_(unit.power)
    q, k, v = (heads(layer, x, 2) for layer in (unit.query, unit.key, unit.value))
    lengths = [(each.square().sum(-1) + LEAST).sqrt() for each in (q, k)]
    cosines = (q @ k.mT / lengths[0][..., None] / lengths[1][..., None, :]).tril()
    true = F.cosine_similarity(q[:, :, :, None], k[:, :, None], dim=-1)
    assert (cosines - true.tril()).abs().max() < 1e-3
    place = torch.arange(1.0, T + 1).double()[:, None] ** unit.power.sigmoid()[:, None, None]
    want = together(unit.output, cosines @ (v / place))
    agrees(unit, want, x)


UNITS: dict[str, Any] = {"aaren": Aaren, "cottention": Cottention}


@pytest.mark.parametrize("name", UNITS)
def test_what_cannot_be_is_one_line(name: str) -> None:
    with pytest.raises(ShapeError, match=r": 3 heads must divide 8 channels"):
        UNITS[name](8, 3)
    with pytest.raises(ShapeError, match=r": x is \(1, 3, 9\); need \(batch, frames, 8\)"):
        UNITS[name](8)(torch.zeros(1, 3, 9))
